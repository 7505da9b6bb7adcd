use std::collections::HashMap;
use std::io::{BufReader, Read};
use std::path::Path;

use serde::Deserialize;

use super::image_index::{ImageIndex, Named};
use super::item_limit::ItemLimit;
use crate::{EvalError, Truths};

/// What the numbers in a file of detections stand for: the `images` and `categories` of a COCO
/// file; everything else in it is passed over.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Names {
    /// The name of each category.
    categories: HashMap<i64, String>,
    /// The file name of each image that is in the split.
    images: HashMap<i64, String>,
}

impl Names {
    /// Reads a COCO file and keeps what concerns the images of the truths; `path` names it in
    /// errors.
    pub fn read(path: &Path, from: impl Read, truths: &Truths) -> Result<Self, EvalError> {
        let wrong = |reason: String| EvalError::Detections { path: path.to_owned(), reason };
        let mut json =
            serde_json::Deserializer::from_reader(BufReader::new(ItemLimit::new(from, 2)));
        let file = CocoFile::deserialize(&mut json)
            .and_then(|file| json.end().map(|()| file))
            .map_err(|error| {
                wrong(format!("found no COCO file ({error}); expected `images` and `categories`"))
            })?;
        let index = ImageIndex::new(truths);
        let mut names = Self::default();
        for image in file.images {
            if index.find(&image.file_name) == Named::None {
                continue;
            }
            let before = names.images.insert(image.id, image.file_name);
            if before.is_some() {
                return Err(wrong(format!("image {} is listed twice; keep one", image.id)));
            }
        }
        for category in file.categories {
            let before = names.categories.insert(category.id, category.name);
            if before.is_some() {
                return Err(wrong(format!("category {} is listed twice; keep one", category.id)));
            }
        }
        Ok(names)
    }

    pub(super) fn category(&self, id: i64) -> Option<&str> {
        self.categories.get(&id).map(String::as_str)
    }

    pub(super) fn image(&self, id: i64) -> Option<&str> {
        self.images.get(&id).map(String::as_str)
    }
}

#[derive(Deserialize)]
struct CocoFile {
    #[serde(default)]
    images: Vec<ListedImage>,
    #[serde(default)]
    categories: Vec<ListedCategory>,
}

#[derive(Deserialize)]
struct ListedImage {
    id: i64,
    file_name: String,
}

#[derive(Deserialize)]
struct ListedCategory {
    id: i64,
    name: String,
}
