use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use crate::{Problem, Vocabulary};

use super::SourceImage;

/// All that was read of one source.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Classes and parts, which the ids of the images point into.
    pub vocabulary: Arc<Vocabulary>,
    /// The folder that the file names of the images are below.
    pub picture_root: PathBuf,
    /// The images of all splits, sorted by id.
    pub images: Vec<SourceImage>,
    /// What was found wrong, in the order of the files.
    pub problems: Vec<Problem>,
    /// Number of image records in the files, also of those skipped.
    pub images_listed: u64,
    /// Number of annotations in the files, also of those dropped.
    pub annotations_listed: u64,
    /// Number of images skipped.
    pub images_skipped: u64,
    /// Number of annotations dropped because of a problem.
    pub annotations_skipped: u64,
    /// SHA-256 of every annotation file read, by its path below the source, sorted.
    pub files: Vec<(String, [u8; 32])>,
}

impl Reading {
    /// Number of splits that have images.
    pub(crate) fn splits_read(&self) -> u64 {
        let splits: BTreeSet<_> = self.images.iter().map(|image| image.split).collect();
        splits.len() as u64
    }
}
