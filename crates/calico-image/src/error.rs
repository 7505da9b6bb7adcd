use std::{io, path::PathBuf};

use crate::{ColorMode, Size};

/// What can be wrong with a picture, a mask or a run-length code.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// There is nothing at the path.
    #[error("`{}` does not exist, expected an image file: check the path", path.display())]
    NotFound {
        /// Where the picture was expected.
        path: PathBuf,
    },
    /// The path leads to a folder, a device or a pipe.
    #[error("`{}` is not a regular file, expected an image file: name one file", path.display())]
    NotAFile {
        /// Where the picture was expected.
        path: PathBuf,
    },
    /// The operating system refused to hand over the bytes.
    #[error("`{}` cannot be read: check its permissions and the disk", path.display())]
    Unreadable {
        /// Where the picture was expected.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file was read, but its content is at fault.
    #[error("`{}`: {error}", path.display())]
    InFile {
        /// The file with the fault.
        path: PathBuf,
        /// The fault.
        error: Box<Self>,
    },
    /// There are no bytes to decode.
    #[error("found no bytes, expected an image: the file may not have been written completely")]
    Empty,
    /// The first bytes belong to no supported format.
    #[error(
        "found no known image signature, expected PNG, JPEG, WebP, BMP, TIFF or GIF: \
         convert the file to one of these"
    )]
    UnknownFormat,
    /// The header announces more pixels than allowed.
    #[error(
        "found {size} pixels in the header, expected at most {max_pixels} in all: \
         shrink the picture, or fetch the file again if it is not that large"
    )]
    TooLarge {
        /// The size in the header.
        size: Size,
        /// The limit of [`DecodeOptions`](crate::DecodeOptions).
        max_pixels: u64,
    },
    /// The header announces a longer side than allowed.
    #[error(
        "found {size} pixels in the header, expected at most {max_side} a side: \
         crop or shrink the picture, or fetch the file again if it is not that large"
    )]
    SideTooLong {
        /// The size in the header.
        size: Size,
        /// The limit of [`DecodeOptions`](crate::DecodeOptions).
        max_side: u32,
    },
    /// Decoding would take more memory than a picture within the pixel limit can need.
    #[error("found a {format} file that needs too much memory to decode: save it again")]
    Memory {
        /// Name of the format.
        format: &'static str,
    },
    /// The file ends before the picture does.
    #[error("found a {format} file that ends too early, expected all of it: fetch it again")]
    Truncated {
        /// Name of the format.
        format: &'static str,
    },
    /// The file breaks the rules of its format.
    #[error("found a damaged {format} file ({reason}): fetch or save it again")]
    Damaged {
        /// Name of the format.
        format: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// The file is sound but uses a feature that is not supported.
    #[error("found a {format} feature that is not supported ({reason}): save it as 8-bit RGB")]
    Unsupported {
        /// Name of the format.
        format: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// A picture without pixels was asked for.
    #[error("found a picture size of {size}, expected at least 1x1")]
    NoPixels {
        /// The size without pixels.
        size: Size,
    },
    /// The bytes of a frame do not fill its size.
    #[error("found {found} bytes for a frame of {size}, expected {expected}")]
    FrameLength {
        /// Size of the frame.
        size: Size,
        /// Number of bytes that size has.
        expected: u64,
        /// Number of bytes given.
        found: usize,
    },
    /// The bits of a mask do not fill its size.
    #[error("found {found} bits for a mask of {size}, expected {}", size.pixels())]
    MaskLength {
        /// Size of the mask.
        size: Size,
        /// Number of bits given.
        found: usize,
    },
    /// The runs of a run-length code do not fill its size.
    #[error("found runs of {found} pixels or more for a mask of {size}, expected {}", size.pixels())]
    RunLength {
        /// Size of the mask.
        size: Size,
        /// Pixels covered when the count was stopped.
        found: u64,
    },
    /// A compressed run-length code breaks off or has a byte or a number out of range.
    #[error("found a bad COCO run-length string at byte {at} ({reason}): copy it again in full")]
    RunString {
        /// Position in the string, in bytes.
        at: usize,
        /// What is wrong there.
        reason: &'static str,
    },
    /// There is not enough memory for a picture or mask of this size.
    #[error("found a size of {size} that does not fit into memory: use a smaller one")]
    OutOfMemory {
        /// The size asked for.
        size: Size,
    },
    /// A run-length code has, or would get, more runs than allowed.
    #[error(
        "found a run-length code of {found} runs, expected at most {most}: use a smoother mask"
    )]
    TooManyRuns {
        /// Number of runs, or of as many as were counted.
        found: u64,
        /// The limit, [`Rle::MAX_RUNS`](crate::Rle::MAX_RUNS).
        most: usize,
    },
    /// Masks of different sizes were to be combined.
    #[error("found a mask of {found} beside one of {expected}: combine masks of one picture")]
    SizesDiffer {
        /// Size of the mask that does not fit.
        found: Size,
        /// Size of the mask, or the picture, before it.
        expected: Size,
    },
    /// A polygon has too few numbers for a triangle, or one without a partner.
    #[error(
        "found {found} numbers in polygon {index} of a list, counted from 0, expected an even \
         number of 6 or more: give x and y of each corner"
    )]
    PolygonLength {
        /// Position of the polygon in its list.
        index: usize,
        /// How many numbers it has.
        found: usize,
    },
    /// A coordinate of a polygon or a box is not finite, or far outside of any picture.
    #[error(
        "found the coordinate {found} at place {at} of polygon {index} of a list, both counted \
         from 0, expected a number between -400000000 and 400000000: remove that polygon"
    )]
    PolygonNumber {
        /// Position of the polygon in its list.
        index: usize,
        /// Position of the number in the polygon; of a box, in the list of its corners.
        at: usize,
        /// The number.
        found: f64,
    },
    /// A list of polygons has more numbers than allowed.
    #[error("found polygons of {found} numbers, expected at most {most} in all: simplify them")]
    PolygonLong {
        /// Number of coordinates.
        found: usize,
        /// The limit, [`Rle::MAX_POLYGON_NUMBERS`](crate::Rle::MAX_POLYGON_NUMBERS).
        most: usize,
    },
    /// A list of polygons goes to and fro over the picture more often than can be drawn.
    #[error(
        "found polygons that cross pixel columns {found} times, expected at most {most}: \
         simplify them"
    )]
    PolygonCrossings {
        /// Number of crossings.
        found: u64,
        /// The limit.
        most: u64,
    },
    /// The values of a label map do not fill its size.
    #[error("found {found} values for a label map of {size}, expected {}", size.pixels())]
    LabelLength {
        /// Size of the map.
        size: Size,
        /// Number of values given.
        found: usize,
    },
    /// A label map has values of a number of bits that no file has.
    #[error("found a label map of {found} bits, expected 1, 2, 4, 8 or 16")]
    LabelDepth {
        /// Number of bits.
        found: u8,
    },
    /// A value of a label map has too many bits.
    #[error("found the label {found} in a label map of {bit_depth} bits: use more bits")]
    LabelRange {
        /// The largest value.
        found: u16,
        /// Bits per value.
        bit_depth: u8,
    },
    /// A file that was to hold labels holds colours.
    #[error(
        "found a PNG file with {mode:?} pixels, expected grey levels or palette indices: \
         a label map holds numbers, not colours, so take the file that holds them"
    )]
    NotLabels {
        /// What a pixel holds.
        mode: ColorMode,
    },
    /// A file that was to hold labels has a format that does not keep them.
    #[error("found a {format} file, expected a PNG file: labels are read from PNG only")]
    NotPng {
        /// Name of the format.
        format: &'static str,
    },
}
