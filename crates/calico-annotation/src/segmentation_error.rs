use calico_image::{ImageError, Size};

/// Why a `segmentation` value gives no mask.
///
/// Except for [`Form`](Self::Form), [`Limit`](Self::Limit) and [`Memory`](Self::Memory), each
/// variant is one kind of fault in the data, so a reader can report it under its own code.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentationError {
    /// The value is none of the three encodings.
    #[error(
        "found {found}, expected polygons, or run lengths with `size` and `counts`: \
         export the masks again"
    )]
    Form {
        /// What stands there.
        found: &'static str,
    },
    /// No pixel belongs to the mask.
    #[error("found a mask without a pixel, expected at least one: leave the annotation out")]
    Empty,
    /// The runs do not add up to the pixels of the image.
    #[error(
        "found runs of {found} pixels for a mask of {size}, expected {}: export the mask again",
        size.pixels()
    )]
    RunTotal {
        /// Height and width that the runs should cover.
        size: Size,
        /// Pixels covered when the count was stopped.
        found: u64,
    },
    /// The `size` of the runs is not that of the image.
    #[error("found runs for {found}, expected the size of the image, {expected}: make them agree")]
    SizeMismatch {
        /// The size beside the runs.
        found: Size,
        /// The size of the image.
        expected: Size,
    },
    /// A compressed mask has a character outside of the code, ends early or has a run below 0.
    #[error("found a bad run-length string at byte {at} ({reason}): export the mask again")]
    RunString {
        /// Position in the string, in bytes.
        at: usize,
        /// What is wrong there.
        reason: &'static str,
    },
    /// A run is not a whole number of pixels.
    #[error("found {found} as run {index}, expected a whole number from 0 to 4294967295")]
    RunNumber {
        /// Position in the list of runs, from 0.
        index: usize,
        /// What stands there.
        found: String,
    },
    /// No polygon has three corners.
    #[error(
        "found {dropped} polygons with less than 6 numbers or an odd count and no other, expected \
         x and y of at least 3 corners: leave the annotation out or draw it again"
    )]
    PolygonsShort {
        /// How many there are.
        dropped: usize,
    },
    /// A coordinate is too far away to be meant.
    #[error("found the coordinate {found}, expected one within 400000000 pixels: draw it again")]
    Coordinate {
        /// The number.
        found: f64,
    },
    /// The list is read as boxes, and one of its entries is none.
    #[error("found {numbers} numbers in entry {index} of a list of boxes, expected 4")]
    BoxLength {
        /// Position in the list, from 0.
        index: usize,
        /// How many numbers it has.
        numbers: usize,
    },
    /// The value asks for more than is allowed.
    #[error("found {what} beyond the limit of {max}: split or simplify the mask")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much is allowed.
        max: u64,
    },
    /// There is not enough memory for the mask.
    #[error("found a mask of {size} that does not fit into memory")]
    Memory {
        /// Height and width of the mask.
        size: Size,
    },
}

impl From<ImageError> for SegmentationError {
    fn from(error: ImageError) -> Self {
        let limit = |what, max| Self::Limit { what, max };
        match error {
            ImageError::RunLength { size, found } => Self::RunTotal { size, found },
            ImageError::RunString { at, reason } => Self::RunString { at, reason },
            ImageError::TooManyRuns { most, .. } => limit("runs", most as u64),
            ImageError::PolygonNumber { found, .. } => Self::Coordinate { found },
            ImageError::PolygonLong { most, .. } => limit("numbers in polygons", most as u64),
            ImageError::PolygonCrossings { most, .. } => limit("crossings of pixel columns", most),
            ImageError::OutOfMemory { size } => Self::Memory { size },
            _ => Self::Form { found: "a mask that cannot be decoded" },
        }
    }
}
