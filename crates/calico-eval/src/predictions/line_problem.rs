use calico_annotation::SegmentationError;

use super::{MAX_LABEL_BYTES, MAX_LINE_BYTES, MAX_SEGMENTS, SCHEMA_ID};

/// What is wrong with one line of a predictions file.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct LineProblem {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: Fault,
}

/// The faults of a line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It is not JSON, or not of the expected form.
    #[error("found no prediction ({0}); expected an object with `sample_id` and `segments`")]
    Malformed(#[source] serde_json::Error),
    /// It is too long to be read.
    #[error(
        "found more than {MAX_LINE_BYTES} bytes, expected less for one sample; give masks as compressed run lengths"
    )]
    TooLong,
    /// The first line says that the file has another form.
    #[error("found schema {found:?}, expected {SCHEMA_ID:?}; write the file in that form")]
    Schema {
        /// What it says.
        found: String,
    },
    /// The sample is not in the split.
    #[error(
        "sample {sample_id:?} is not in the split; score the file with the data set and split that it was made for"
    )]
    UnknownSample {
        /// The id.
        sample_id: String,
    },
    /// An earlier line is about the same sample.
    #[error("sample {sample_id:?} stands in line {first} already; keep one of the two")]
    RepeatedSample {
        /// The id.
        sample_id: String,
        /// The earlier line.
        first: usize,
    },
    /// A segment names an image that the sample lacks.
    #[error("segment {segment} is in image {found}, expected 1 to {images}; images count from 1")]
    Image {
        /// The segment, from 1.
        segment: usize,
        /// The number of the image.
        found: u32,
        /// The number of images.
        images: usize,
    },
    /// A mask cannot be decoded or is of another size than its image.
    #[error("the mask of segment {segment} cannot be used: {source}")]
    Mask {
        /// The segment, from 1.
        segment: usize,
        /// What is wrong with it.
        source: SegmentationError,
    },
    /// A label is too long to be one.
    #[error(
        "the label of segment {segment} has {found} bytes, expected at most {MAX_LABEL_BYTES}; name the object or part only"
    )]
    Label {
        /// The segment, from 1.
        segment: usize,
        /// Its length in bytes.
        found: usize,
    },
    /// There are too many segments.
    #[error("found {found} segments, expected at most {MAX_SEGMENTS}; keep the best ones")]
    TooManySegments {
        /// How many there are.
        found: usize,
    },
}
