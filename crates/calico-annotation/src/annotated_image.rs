use calico_image::Size;

use crate::Region;

/// One image and what was drawn on it.
#[derive(Clone, Debug, PartialEq)]
pub struct AnnotatedImage {
    /// What the image is called in its data set, unique in its document.
    pub id: String,
    /// Path of the file from the root of the images, with forward slashes.
    pub file_name: String,
    /// Height and width in pixels.
    pub size: Size,
    /// The masks.
    pub regions: Vec<Region>,
    /// Remarks for the reader, for example a question and its answer.
    pub notes: Vec<String>,
}
