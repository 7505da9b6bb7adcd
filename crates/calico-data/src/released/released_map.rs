//! Which names the released documents use, as data (`docs/released.md`).

use std::collections::{BTreeMap, BTreeSet};

use calico_result::Task;
use serde::{Deserialize, Serialize};

use super::{KeyPath, ReleasedError};
use crate::Split;

/// What the released documents look like; everything that it does not name is listed, not guessed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasedMap {
    /// The documents, in the order of reading.
    pub documents: Vec<DocumentMap>,
    /// Their forms, by name.
    pub shapes: BTreeMap<String, Shape>,
    /// The sources, by the name that the data set uses.
    pub sources: BTreeMap<String, SourceMap>,
    /// The spellings of each sub-task, besides its own name.
    #[serde(default)]
    pub subtasks: BTreeMap<Task, Vec<String>>,
    /// What turns a category into a label.
    #[serde(default)]
    pub labels: LabelMap,
}

/// A document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentMap {
    /// Where it may be, below the folder of the release; the first that exists is read.
    pub paths: Vec<String>,
    /// The split of its samples, and of those that refer to its images.
    pub split: Split,
    /// Other splits whose samples may refer to its images.
    #[serde(default)]
    pub also_for: Vec<Split>,
    /// The name of its shape.
    pub shape: String,
    /// The source of its images, where their records do not say it.
    pub source: Option<String>,
}

/// The form of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Outermost keys that are known and not needed.
    #[serde(default)]
    pub ignore: Vec<KeyPath>,
    /// Where the categories are.
    pub categories: Option<CategoryList>,
    /// Where the images are.
    pub images: Option<ImageList>,
    /// Where the annotations are.
    pub annotations: Option<AnnotationList>,
    /// Where the samples are; a list may be read in several ways, one for each sub-task.
    #[serde(default)]
    pub samples: Vec<SampleList>,
}

/// The records of categories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CategoryList {
    /// The outermost key of the list.
    pub list: String,
    /// Key of the id.
    pub id: KeyPath,
    /// Key of the name: of an object, or of a part.
    pub name: KeyPath,
    /// Key of the object that a part belongs to; absent, or equal to the name, for an object.
    pub object: Option<KeyPath>,
    /// What stands in a name between object and part: `:` in `chair:leg`.
    pub separator: Option<String>,
    /// Keys that are known and not needed.
    #[serde(default)]
    pub ignore: Vec<KeyPath>,
}

/// The records of images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageList {
    /// The outermost key of the list; empty for a document that is the list itself.
    pub list: String,
    /// Key of the id.
    pub id: KeyPath,
    /// Key of the path of the picture.
    pub file_name: KeyPath,
    /// Key of the number of columns.
    pub width: KeyPath,
    /// Key of the number of rows.
    pub height: KeyPath,
    /// Key of the source.
    pub source: Option<KeyPath>,
    /// Keys that are known and not needed.
    #[serde(default)]
    pub ignore: Vec<KeyPath>,
}

/// What a mask shows: a category, or an object and possibly a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LabelKeys {
    /// Key of the category's id.
    pub category: Option<KeyPath>,
    /// Key of the object's name.
    pub object: Option<KeyPath>,
    /// Key of the part's name.
    pub part: Option<KeyPath>,
}

/// The records of annotations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnnotationList {
    /// The outermost key of the list; empty for a document that is the list itself.
    pub list: String,
    /// Key of the id.
    pub id: KeyPath,
    /// Key of the image's id.
    pub image: KeyPath,
    /// Key of the mask, in any encoding of COCO.
    pub segmentation: KeyPath,
    /// What it shows.
    pub label: LabelKeys,
    /// Keys that are known and not needed.
    #[serde(default)]
    pub ignore: Vec<KeyPath>,
}

/// The records of samples: pairs of images with a question and an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleList {
    /// The outermost key of the list; empty for a document that is the list itself.
    pub list: String,
    /// Key of an id, which becomes part of the sample's id.
    pub id: Option<KeyPath>,
    /// What says which sub-task it is.
    pub subtask: Said,
    /// Key of the source, where ids of images are unique within a source only.
    pub source: Option<KeyPath>,
    /// The images, in order.
    pub images: Vec<ImageKeys>,
    /// Keys of the objects' labels, as many as images; otherwise the masks say them.
    #[serde(default)]
    pub classes: Vec<KeyPath>,
    /// The question.
    pub question: Option<TextMap>,
    /// The answer.
    pub answer: Option<TextMap>,
    /// What becomes of a sample without question or answer.
    #[serde(default)]
    pub texts: Texts,
    /// The masks, in the order of the `[SEG]` of the answer.
    pub masks: Vec<MaskList>,
    /// Keys that are known and not needed.
    #[serde(default)]
    pub ignore: Vec<KeyPath>,
}

/// A value that stands at a key, or is always the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Said {
    /// It stands at a key.
    Key {
        /// The key.
        key: KeyPath,
    },
    /// It is always this.
    Always {
        /// The value.
        always: String,
    },
}

/// An image of a sample: by id or by path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageKeys {
    /// Key of the id.
    pub id: Option<KeyPath>,
    /// Key of the path.
    pub file_name: Option<KeyPath>,
}

/// A question or an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextMap {
    /// Its key.
    pub key: KeyPath,
    /// Pieces that are replaced, in order, each by what follows it.
    #[serde(default)]
    pub replace: Vec<(String, String)>,
    /// What is put before it.
    #[serde(default)]
    pub before: String,
    /// Of an answer: each `[SEG]` gets the `(IMAGE1)` of its mask.
    #[serde(default)]
    pub number_segments: bool,
}

/// What becomes of a sample without question or answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Texts {
    /// It is refused.
    #[default]
    Released,
    /// It gets texts from our own templates.
    Render,
}

/// A list of masks in a sample. Each is an annotation, or several that are joined, or stands there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskList {
    /// Key of the list.
    pub list: KeyPath,
    /// Key, in an element, of the annotation's id or of a list of ids; empty for the element.
    pub id: Option<KeyPath>,
    /// Key, in an element, of the mask itself.
    pub segmentation: Option<KeyPath>,
    /// The number of the image that all of them are in, from 1.
    pub image: Option<u8>,
    /// Key, in an element, of the number of its image.
    pub image_number: Option<KeyPath>,
    /// The number of the first image at `image_number`.
    #[serde(default = "one")]
    pub first_number: u8,
    /// Keys, in an element, of what a mask shows that stands there.
    #[serde(default)]
    pub label: LabelKeys,
    /// Keys of an element that are known and not needed.
    #[serde(default)]
    pub ignore: Vec<KeyPath>,
}

fn one() -> u8 {
    1
}

/// A source.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SourceMap {
    /// Its spellings, besides its own name.
    pub spellings: Vec<String>,
    /// Starts of paths that are taken away; the first that fits.
    pub strip_prefixes: Vec<String>,
    /// What is then put before a path.
    pub add_prefix: String,
}

/// What turns a name into a label.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LabelMap {
    /// Pieces that are replaced, in order, each by what follows it.
    pub replace: Vec<(String, String)>,
    /// Whether capitals become small letters.
    pub lower_case: bool,
}

impl ReleasedMap {
    /// The text of the map that is part of the program. It is a guess: whoever wrote it never saw
    /// the released files.
    pub const BUILT_IN: &str = include_str!("../../released_map.toml");

    /// Reads a map, and checks that it does not contradict itself.
    pub fn from_toml(text: &str) -> Result<Self, ReleasedError> {
        let map: Self = toml::from_str(text)
            .map_err(|error| ReleasedError::Map { reason: error.to_string() })?;
        let wrong = map.faults();
        if wrong.is_empty() {
            Ok(map)
        } else {
            Err(ReleasedError::Map { reason: wrong.join("; ") })
        }
    }

    fn faults(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.documents.len() > 1000 {
            wrong.push(format!("found {} documents, expected 1000 or fewer", self.documents.len()));
        }
        for document in &self.documents {
            let DocumentMap { paths, shape, source, .. } = document;
            if !self.shapes.contains_key(shape) {
                wrong.push(format!("{paths:?} has the shape {shape}, which is not there"));
            }
            if let Some(source) = source.as_ref().filter(|name| !self.sources.contains_key(*name)) {
                wrong.push(format!("{paths:?} has the source {source}, which is not there"));
            }
        }
        for name in self.sources.keys().filter(|name| name.is_empty() || name.contains('/')) {
            wrong.push(format!("found the source {name:?}, expected a name without a slash"));
        }
        for (name, shape) in &self.shapes {
            wrong.extend(shape.faults().map(|fault| format!("shapes.{name}: {fault}")));
        }
        wrong
    }
}

impl Shape {
    /// The outermost keys of all lists.
    pub(super) fn lists(&self) -> BTreeSet<&str> {
        self.named_lists().into_iter().map(|(_, list)| list).collect()
    }

    /// The key of the map that names a list, and the list.
    pub(super) fn named_lists(&self) -> Vec<(&'static str, &str)> {
        let Self { categories, images, annotations, samples, .. } = self;
        let mut lists = Vec::new();
        lists.extend(categories.iter().map(|it| ("categories.list", it.list.as_str())));
        lists.extend(images.iter().map(|it| ("images.list", it.list.as_str())));
        lists.extend(annotations.iter().map(|it| ("annotations.list", it.list.as_str())));
        lists.extend(samples.iter().map(|it| ("samples.list", it.list.as_str())));
        lists
    }

    fn faults(&self) -> impl Iterator<Item = String> {
        let mut wrong = Vec::new();
        let lists = self.lists();
        if lists.is_empty() || (lists.contains("") && lists.len() > 1) {
            wrong.push(format!("found the lists {lists:?}, expected names, or \"\" alone"));
        }
        for sample in &self.samples {
            wrong.extend(sample.faults().into_iter().map(str::to_owned));
        }
        wrong.into_iter()
    }
}

impl SampleList {
    fn faults(&self) -> Vec<&'static str> {
        let has_name = |image: &ImageKeys| image.id.is_some() != image.file_name.is_some();
        let mask_is_there = |it: &MaskList| it.id.is_some() != it.segmentation.is_some();
        let has_image =
            |it: &MaskList| it.id.is_some() || it.image.is_some() != it.image_number.is_some();
        let checks = [
            (self.images.len() >= 2 && self.images.len() <= 16, "samples.images: name 2 to 16"),
            (self.images.iter().all(has_name), "samples.images: name an id or a file_name of each"),
            (
                self.classes.is_empty() || self.classes.len() == self.images.len(),
                "samples.classes: name as many as images",
            ),
            (
                self.texts == Texts::Render || (self.question.is_some() && self.answer.is_some()),
                "samples: name question and answer, or set texts = \"render\"",
            ),
            (
                self.texts == Texts::Released || self.images.len() == 2,
                "samples: texts = \"render\" needs two images",
            ),
            (!self.masks.is_empty(), "samples.masks: name a list"),
            (self.masks.iter().all(mask_is_there), "samples.masks: name id or segmentation"),
            (self.masks.iter().all(has_image), "samples.masks: name image or image_number"),
        ];
        checks.into_iter().filter(|(holds, _)| !holds).map(|(_, fault)| fault).collect()
    }
}
