//! A user's own pictures, in the two forms of `docs/own-data.md`.

mod coco;
mod label_maps;
mod labels_file;
mod names;

use std::path::PathBuf;

use super::split_file::SplitFile;
use super::{Reading, Watch};
use crate::{DataError, ImageLimits, Split};

use labels_file::LabelsFile;

/// Pictures of one's own with masks of objects and parts.
///
/// `train.json`, `dev.json` and `test.json` are COCO annotations, in which `parent_id` names the
/// object of a part; without such a file, `objects/` and `parts/` are pictures of labels, which
/// `labels.toml` explains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnData {
    /// What the source is called in the data set.
    pub name: String,
    /// The folder that holds `images/`.
    pub root: PathBuf,
    /// Which pictures are accepted.
    pub images: ImageLimits,
}

impl OwnData {
    const SPLITS: [(Split, &'static str); 3] =
        [(Split::Train, "train"), (Split::Dev, "dev"), (Split::Test, "test")];

    /// Reads all splits that are there.
    ///
    /// # Errors
    /// - [`DataError::NoSource`] if there is neither a COCO file nor a folder of label pictures
    /// - [`DataError::Labels`] if names contradict each other or cannot stand in an answer
    /// - [`DataError::Json`] if a COCO file cannot be read: one's own files can be mended
    /// - [`DataError::Read`] if the system refuses to read a file
    /// - [`DataError::Stopped`] if `watch` says so
    pub fn read(&self, watch: &Watch<'_>) -> Result<Reading, DataError> {
        let labels = LabelsFile::open(&self.root)?;
        let mut files = Vec::new();
        for split in Self::SPLITS {
            files.extend(SplitFile::find(&self.root, split, format!("{}.json", split.1))?);
        }
        if !files.is_empty() {
            return coco::read(self, &labels, &files, watch);
        }
        if self.root.join(label_maps::OBJECTS).is_dir() {
            return label_maps::read(self, &labels, watch);
        }
        Err(DataError::NoSource {
            what: "data of your own",
            path: self.root.clone(),
            expected: "train.json with COCO annotations, or objects/train/ with label pictures",
        })
    }
}
