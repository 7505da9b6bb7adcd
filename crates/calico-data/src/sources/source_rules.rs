use std::path::Path;
use std::sync::Arc;

use calico_image::Size;

use super::joined_objects::JoinedObjects;
use super::listing::{CocoAnnotation, CocoImage, CocoListing};
use super::notes::Notes;
use super::skip::Skip;
use super::split_file::SplitFile;
use crate::{ImageLimits, Vocabulary};

/// What one source does differently from the others.
pub(super) trait SourceRules: Sync {
    /// What is known after a file was read, and needed for its images.
    type Context: Sync;

    fn vocabulary(&self) -> &Arc<Vocabulary>;

    fn limits(&self) -> &ImageLimits;

    /// The folder that [`Place::file_name`] is below.
    fn picture_root(&self) -> &Path;

    fn context(&self, file: &SplitFile, listing: &CocoListing) -> Self::Context;

    /// The name of an image in its record.
    fn name(&self, image: &CocoImage) -> Option<String> {
        image.file_name.clone()
    }

    /// Where an image is, by a name that was found harmless.
    fn place(&self, file: &SplitFile, name: &str) -> Result<Place, Skip>;

    /// What an image shows. The annotations are all those of the image, in the order of the file.
    fn objects(
        &self,
        context: &Self::Context,
        image: &ListedImage<'_>,
        annotations: Vec<CocoAnnotation>,
        notes: &mut Notes,
    ) -> Result<JoinedObjects, Skip>;
}

/// Where an image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The id in the data set, without the source: `000000391895`.
    pub(super) stem: String,
    /// The path below [`SourceRules::picture_root`].
    pub(super) file_name: String,
}

/// An image whose record is sound.
#[derive(Debug, Clone, Copy)]
pub(super) struct ListedImage<'a> {
    pub(super) file: &'a SplitFile,
    pub(super) record: &'a CocoImage,
    pub(super) place: &'a Place,
    pub(super) size: Size,
}
