//! `PartImageNet` on disk.

mod layout;
mod rules;

use std::path::PathBuf;

use super::{Reading, Watch, read};
use crate::{DataError, ImageLimits, PartImageNetMasks};

use layout::Layout;
pub use layout::PartImageNetRelease;
use rules::Rules;

/// `PartImageNet` on disk.
///
/// Each image shows one object, whose class is the noun for the synset in the name of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartImageNet {
    /// The folder `PartImageNet` (or, where there is no other, `PartImageNet_OOD`), or the one
    /// that holds it.
    pub root: PathBuf,
    /// Which pictures are accepted.
    pub images: ImageLimits,
    /// Which masks are read.
    pub masks: PartImageNetMasks,
}

impl PartImageNet {
    /// Which release [`read`](Self::read) would read.
    ///
    /// # Errors
    /// - [`DataError::NoSource`] if there is no split
    /// - [`DataError::MixedReleases`] if splits of both releases are there
    pub fn release(&self) -> Result<PartImageNetRelease, DataError> {
        Layout::find(&self.root).map(|layout| layout.release)
    }

    /// Reads all splits that are there.
    ///
    /// # Errors
    /// - [`DataError::NoSource`] if there is no split
    /// - [`DataError::MixedReleases`] if splits of both releases are there
    /// - [`DataError::Read`] if the system refuses to read a file
    /// - [`DataError::Stopped`] if `watch` says so
    pub fn read(&self, watch: &Watch<'_>) -> Result<Reading, DataError> {
        let rules = Rules::new(Layout::find(&self.root)?, self.images.clone(), &self.masks);
        read::read(&rules, &rules.layout.files, watch)
    }
}
