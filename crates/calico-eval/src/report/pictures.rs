use std::collections::BTreeMap;

use calico_data::{DataError, Dataset, ImageRecord, Split, view};

use crate::Gallery;

/// Where the pictures of the examples are, by the ids of their images; masks of others stand on
/// grey.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pictures(BTreeMap<String, String>);

impl Pictures {
    /// No pictures.
    pub fn none() -> Self {
        Self::default()
    }

    /// The pictures of the examples of a gallery, linked where they are on this machine, or with
    /// `embed` as copies within the page; and what could not be found, one statement each.
    ///
    /// The images of the sources may not be passed on, so a page with copies stays at home.
    pub fn of(
        dataset: &Dataset,
        split: Split,
        gallery: &Gallery,
        embed: bool,
    ) -> (Self, Vec<String>) {
        let (mut pictures, mut warnings) = (BTreeMap::new(), Vec::new());
        for truth in gallery.examples().map(|example| &example.truth) {
            for image in &truth.images {
                if pictures.contains_key(&image.image_id) {
                    continue;
                }
                let record = ImageRecord {
                    image_id: image.image_id.clone(),
                    source: truth.source.clone(),
                    file_name: image.file_name.clone(),
                    width: image.size.width,
                    height: image.size.height,
                    sha256: None,
                    split,
                    seen: Vec::new(),
                };
                match address(dataset, &record, embed) {
                    Ok(address) => drop(pictures.insert(record.image_id, address)),
                    Err(error) => warnings.push(error.to_string()),
                }
            }
        }
        warnings.sort();
        warnings.dedup();
        (Self(pictures), warnings)
    }

    /// The address of an image's picture.
    pub fn address(&self, image_id: &str) -> Option<&str> {
        self.0.get(image_id).map(String::as_str)
    }
}

impl FromIterator<(String, String)> for Pictures {
    /// From ids of images and addresses: links, or `data:` addresses that hold the picture.
    fn from_iter<T: IntoIterator<Item = (String, String)>>(addresses: T) -> Self {
        Self(addresses.into_iter().collect())
    }
}

fn address(dataset: &Dataset, image: &ImageRecord, embed: bool) -> Result<String, DataError> {
    let path = dataset.picture_path(image)?;
    if embed {
        return view::embedded(&path);
    }
    // A link that leads nowhere would show nothing at all.
    match std::fs::metadata(&path) {
        Ok(_) => Ok(view::linked(&path)),
        Err(source) => Err(DataError::Read { path, source }),
    }
}
