use calico_image::{ImageError, Size};

use crate::DataError;

/// A sample that was skipped.
#[derive(Debug)]
pub struct BadSample {
    /// Its id.
    pub sample_id: String,
    /// What is wrong with it.
    pub reason: BadReason,
}

/// Why a sample cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadReason {
    /// An image is not in the table.
    #[error("image {image_id} is not in the table of its split")]
    NoImage {
        /// The image.
        image_id: String,
    },
    /// A region is not in the table.
    #[error("region {region_id} is not in the table of its split")]
    NoRegion {
        /// The region.
        region_id: u32,
    },
    /// The lists of regions and of their images differ in length.
    #[error("found {regions} regions and {indices} image indices, expected equally many")]
    Lengths {
        /// Number of regions.
        regions: usize,
        /// Number of image indices.
        indices: usize,
    },
    /// An image index points at no image.
    #[error("found the image index {found}, expected 1 to {images}")]
    ImageIndex {
        /// The index.
        found: u8,
        /// Number of images.
        images: usize,
    },
    /// A region lies in another image than the sample says.
    #[error("region {region_id} lies in image {found}, expected {expected}")]
    OtherImage {
        /// The region.
        region_id: u32,
        /// Its image.
        found: String,
        /// The image in the sample.
        expected: String,
    },
    /// A mask cannot be decoded.
    #[error("the mask of region {region_id} cannot be decoded: {source}")]
    Mask {
        /// The region.
        region_id: u32,
        /// What the decoder said.
        source: ImageError,
    },
    /// A mask, or a picture, has another size than its image.
    #[error("found {found} pixels for {what}, expected {expected}")]
    Size {
        /// The region or the picture.
        what: String,
        /// Its size.
        found: Size,
        /// The size in the table of images.
        expected: Size,
    },
    /// It is not known where a picture is.
    #[error("{0}")]
    Place(Box<DataError>),
    /// A picture is not there or cannot be decoded.
    #[error(transparent)]
    Picture(#[from] ImageError),
    /// The caller found something else.
    #[error("{0}")]
    Other(String),
}
