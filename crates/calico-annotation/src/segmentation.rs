//! The three encodings of a mask in COCO's `segmentation`.

use calico_image::{Rle, Size};

use crate::limits::MAX_PIXELS;
use crate::{DecodedMask, SegmentationError};

mod parse;
mod polygons;
mod serialize;

/// The value of `segmentation` in an annotation of COCO, as it stands in the file.
///
/// It deserialises as a stream, without a tree of JSON values and within the limits of
/// [`limits`](crate::limits).
/// A value that breaks them, or that is no mask at all, does not fail the file: it becomes
/// [`Unreadable`](Self::Unreadable), and [`decode`](Self::decode) says what is wrong with it.
/// So a reader can skip one bad annotation among many; only text that is no JSON ends reading.
#[derive(Clone, Debug, PartialEq)]
pub enum Segmentation {
    /// `[[x0, y0, x1, y1, …], …]`: the union of polygons, in pixel corners.
    Polygons(Vec<Vec<f64>>),
    /// `{"size": [height, width], "counts": [runs]}`: pixels down the columns, background first.
    Runs {
        /// Height and width.
        size: Size,
        /// Lengths of alternating background and foreground runs.
        counts: Vec<u32>,
    },
    /// `{"size": [height, width], "counts": "text"}`: the same runs, packed.
    Compressed {
        /// Height and width.
        size: Size,
        /// The packed runs, in ASCII.
        counts: String,
    },
    /// Something else, or too much.
    Unreadable(SegmentationError),
}

impl Segmentation {
    /// The mask in an image of `size`.
    ///
    /// Polygons with less than 6 numbers or an odd count are dropped and counted.
    /// All others are filled as pycocotools fills them, and what lies outside of the image is
    /// cut off.
    /// A mask without a pixel is an error.
    pub fn decode(&self, size: Size) -> Result<DecodedMask, SegmentationError> {
        self.decode_or_empty(size)?.unless_empty()
    }

    /// The mask in an image of `size`, with the box quirk of pycocotools: if the first polygon
    /// has 4 numbers, the whole list is read as boxes of left, top, width and height.
    ///
    /// Everything else is as in [`decode`](Self::decode).
    /// Source: `frPyObjects` in cocoapi's `PythonAPI/pycocotools/_mask.pyx`.
    pub fn decode_as_pycocotools(&self, size: Size) -> Result<DecodedMask, SegmentationError> {
        match self {
            Self::Polygons(list) if list.first().is_some_and(|first| first.len() == 4) => {
                check_pixels(size)?;
                polygons::fill_boxes(list, size)?.unless_empty()
            }
            _ => self.decode(size),
        }
    }

    /// As [`decode`](Self::decode), for files in which a mask may be empty.
    pub(crate) fn decode_or_empty(&self, size: Size) -> Result<DecodedMask, SegmentationError> {
        check_pixels(size)?;
        match self {
            Self::Polygons(list) => polygons::fill(list, size),
            Self::Runs { size: found, counts } => {
                check_size(*found, size)?;
                Ok(Rle::from_counts(size, counts.clone())?.into())
            }
            Self::Compressed { size: found, counts } => {
                check_size(*found, size)?;
                Ok(Rle::from_compressed(size, counts)?.into())
            }
            Self::Unreadable(error) => Err(error.clone()),
        }
    }
}

impl From<&Rle> for Segmentation {
    /// The compressed encoding of a mask.
    fn from(mask: &Rle) -> Self {
        Self::Compressed { size: mask.size(), counts: mask.compressed() }
    }
}

/// Refuses an image whose mask would be too large.
pub(crate) fn check_pixels(size: Size) -> Result<(), SegmentationError> {
    if size.pixels() > MAX_PIXELS {
        return Err(SegmentationError::Limit { what: "an image with pixels", max: MAX_PIXELS });
    }
    Ok(())
}

fn check_size(found: Size, expected: Size) -> Result<(), SegmentationError> {
    if found == expected {
        Ok(())
    } else {
        Err(SegmentationError::SizeMismatch { found, expected })
    }
}
