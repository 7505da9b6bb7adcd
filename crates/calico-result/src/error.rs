use std::io;
use std::path::PathBuf;

use calico_image::ImageError;

/// Everything that can go wrong between a finished segmentation and its files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResultError {
    /// The result file could not be opened or read.
    #[error("cannot read {path:?}: {source}; expected a result.json written by calico", path = path.display())]
    Read {
        /// The file asked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The text is not JSON, or not JSON of the expected shape.
    #[error(
        "found JSON that is not a calico result ({source}); expected a file of schema {}",
        crate::SCHEMA_ID
    )]
    Malformed {
        /// Where and why reading stopped.
        #[from]
        source: serde_json::Error,
    },

    /// The file was written in another version of the format.
    #[error(
        "found schema {found:?}, expected {expected:?}; read it with the version that wrote it",
        expected = crate::SCHEMA_ID
    )]
    Schema {
        /// The identifier in the file.
        found: String,
    },

    /// The fields contradict each other.
    #[error("{place} is {found}, expected {expected}; write the result again")]
    Inconsistent {
        /// Path of the field, for example `answers[0].segments[2].image`.
        place: String,
        /// The value found there.
        found: String,
        /// What would have been right.
        expected: String,
    },

    /// A mask of the result cannot be decoded.
    #[error("the mask of segment {segment} cannot be decoded: {source}; write the result again")]
    Mask {
        /// Identifier of the segment.
        segment: u32,
        /// What the decoder found.
        source: ImageError,
    },

    /// A photograph could not be brought to its drawing size.
    #[error("cannot prepare a photograph for drawing: {0}")]
    Photograph(#[from] ImageError),

    /// As many photographs as images in the result are needed to draw.
    #[error("found {found} photographs for {expected} images; give one for each, in order")]
    PhotographCount {
        /// Number of photographs given.
        found: usize,
        /// Number of images in the result.
        expected: usize,
    },

    /// A photograph is not the one that the result was made from.
    #[error(
        "photograph {image} has {found:?} pixels (height, width), expected {expected:?}; give the file that was segmented"
    )]
    PhotographSize {
        /// One-based index of the image.
        image: u32,
        /// Height and width of the photograph.
        found: [u32; 2],
        /// Height and width in the result.
        expected: [u32; 2],
    },

    /// The drawing area cannot be allocated.
    #[error(
        "found a drawing of {width} x {height} pixels, expected 1 to 32767 a side; draw fewer images at once"
    )]
    Canvas {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },

    /// A picture could not be turned into a file's bytes.
    #[error("cannot encode a picture: {0}; draw it smaller")]
    Encode(#[source] io::Error),

    /// The embedded typeface cannot be parsed.
    #[error("the embedded typeface is damaged ({0}); build the program again")]
    Typeface(#[from] ab_glyph::InvalidFont),

    /// A label map holds at most two bytes per pixel.
    #[error(
        "image {image} has {found} segments, expected at most 65535 for a label map; export npz or coco instead"
    )]
    TooManySegments {
        /// One-based index of the image.
        image: u32,
        /// Number of segments in the image.
        found: usize,
    },

    /// The output folder is an existing file.
    #[error("the output folder {path:?} is a file, expected a folder; choose another name", path = path.display())]
    FolderIsFile {
        /// The path asked for.
        path: PathBuf,
    },

    /// A result would replace a file that no run wrote.
    #[error(
        "{path:?} is in the output folder and is no earlier result; expected a folder where nothing \
         is lost: name another, or move that file",
        path = path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },

    /// The output folder cannot be created or written to.
    #[error(
        "cannot write in the output folder {path:?}: {source}; choose a folder that you may write to",
        path = path.display()
    )]
    FolderNotWritable {
        /// The path asked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A file could not be written completely; nothing was left under its name.
    #[error("cannot write {path:?}: {source}; check the free space and the rights", path = path.display())]
    Write {
        /// The file being written.
        path: PathBuf,
        /// What the system or the encoder said.
        source: io::Error,
    },

    /// A file of an earlier result could not be removed.
    #[error(
        "cannot remove {path:?} of an earlier result: {source}; remove it or choose another folder",
        path = path.display()
    )]
    Remove {
        /// The file, or the folder that could not be looked through.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
