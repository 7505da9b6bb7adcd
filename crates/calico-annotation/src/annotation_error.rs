use std::io;

use calico_image::Size;

/// Why a document cannot be written, or a file cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnnotationError {
    /// Two images of a document have one id.
    #[error("found the image id `{id}` twice, expected each once: rename one")]
    ImageTwice {
        /// The id.
        id: String,
    },
    /// Two regions of a document have one id.
    #[error("found the region id {id} twice, expected each once: renumber one")]
    RegionTwice {
        /// The id.
        id: u32,
    },
    /// An image has no id or file, or a region no label.
    #[error("found an {what} without a name, expected a text: name it")]
    NoName {
        /// What lacks the name.
        what: &'static str,
    },
    /// A text has a character that some format cannot hold.
    #[error("found {text:?} as {what}, expected no control character: replace it")]
    Text {
        /// What the text is.
        what: &'static str,
        /// The text.
        text: String,
    },
    /// An image has no pixels, or too many.
    #[error("found the size {size} of image `{id}`, expected 1 to 100000000 pixels: resize it")]
    ImageSize {
        /// Id of the image.
        id: String,
        /// Its height and width.
        size: Size,
    },
    /// A mask is not of the size of its image.
    #[error(
        "found a mask of {found} in region {region}, expected the image's {expected}: resize it"
    )]
    MaskSize {
        /// Id of the region.
        region: u32,
        /// Size of the mask.
        found: Size,
        /// Size of the image.
        expected: Size,
    },
    /// A score is not finite.
    #[error("found a score of region {region} that is not finite, expected a number: leave it out")]
    Score {
        /// Id of the region.
        region: u32,
    },
    /// A parent is no region of the image, or has a parent itself.
    #[error(
        "found region {parent} as the parent of region {region}, expected another region of the \
         same image without a parent: correct or drop the link"
    )]
    Parent {
        /// Id of the part.
        region: u32,
        /// Id of what should be its object.
        parent: u32,
    },
    /// The file ends early, is no JSON, or has a value of the wrong kind.
    #[error("this is not {format} that can be read: {source}")]
    Json {
        /// What was expected.
        format: &'static str,
        /// What the parser says, with line and column.
        source: serde_json::Error,
    },
    /// The file ends early or is no XML.
    #[error("found XML that cannot be read at byte {at} ({reason}): export it again")]
    Xml {
        /// Position in the file, in bytes.
        at: u64,
        /// What the parser says.
        reason: String,
    },
    /// The file is well formed, and of another format.
    #[error("found {found}, expected {expected}: choose the format of the file")]
    Format {
        /// What stands there.
        found: String,
        /// What was expected.
        expected: &'static str,
    },
    /// The file cannot be written.
    #[error("the file cannot be written: check the disk")]
    Write {
        /// What the operating system says.
        source: io::Error,
    },
}
