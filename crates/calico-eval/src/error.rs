use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use calico_data::DataError;
use calico_image::ImageError;
use calico_result::ResultError;

use crate::EncoderError;
use crate::predictions::LineProblem;

/// Everything that stops an evaluation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// A file cannot be read.
    #[error("cannot read {path:?}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A file cannot be written.
    #[error("cannot write {path:?}: {source}; check the free space and the rights", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A predictions file is wrong; every fault is listed, up to a limit.
    #[error("{path:?} cannot be scored: {}", listed(problems, *more), path = path.display())]
    Predictions {
        /// The file.
        path: PathBuf,
        /// The first faults, in the order of the file.
        problems: Vec<LineProblem>,
        /// How many follow.
        more: usize,
    },

    /// The masks of a prediction do not belong to the images of their sample.
    #[error(
        "image {image} of sample {sample_id:?} cannot be scored: {source}; give masks of the size of the image"
    )]
    Masks {
        /// The sample.
        sample_id: String,
        /// The image, from 1.
        image: usize,
        /// What is wrong with the masks.
        source: ImageError,
    },

    /// The text encoder failed.
    #[error("the text encoder failed: {0}; check its files")]
    Encoder(#[source] EncoderError),

    /// The text encoder's answer is of no use.
    #[error(
        "the text encoder gave {vectors} vectors for {texts} labels, expected one each, of equal length and finite; check its files"
    )]
    Embeddings {
        /// Labels asked for.
        texts: usize,
        /// Vectors given.
        vectors: usize,
    },

    /// Two samples have the same id.
    #[error(
        "found sample {sample_id:?} twice, expected ids used only once; build the data set again"
    )]
    RepeatedSample {
        /// The id.
        sample_id: String,
    },

    /// A sample names an image or region that the data set lacks, or a mask that does not fit.
    #[error("sample {sample_id:?} cannot be scored: {reason}; validate the data set")]
    Sample {
        /// The sample.
        sample_id: String,
        /// What is wrong with it.
        reason: String,
    },

    /// A picture that the model should see cannot be opened.
    #[error(
        "the picture of {image_id:?} cannot be shown: {reason}; mend it and run again to go on"
    )]
    Picture {
        /// The image.
        image_id: String,
        /// What is wrong with its file.
        reason: String,
    },

    /// A data set has no suite of a name.
    #[error(
        "found no suite {name:?} in {folder:?}, expected {}",
        expected_suites(known),
        folder = folder.display()
    )]
    NoSuite {
        /// The data set.
        folder: PathBuf,
        /// The name that was asked for.
        name: String,
        /// The names that it has.
        known: Vec<String>,
    },

    /// A folder for a showcase holds something else.
    #[error(
        "found {found:?} in {folder:?}, expected a new or empty folder, or an earlier gallery; choose another folder",
        folder = folder.display()
    )]
    NoPlace {
        /// The folder.
        folder: PathBuf,
        /// What is in it.
        found: String,
    },

    /// No sample has a picture that could stand in for a partner.
    #[error(
        "found no picture of another class to show instead of the second one of sample {sample_id:?}; score a data set of several classes"
    )]
    NoOtherPartner {
        /// The sample.
        sample_id: String,
    },

    /// There is nothing to score.
    #[error("found no sample to score, expected at least one; choose another split")]
    NoSamples,

    /// A result does not answer the sample that it is said to answer.
    #[error("the result cannot be scored as sample {sample_id:?}: {reason}")]
    ForeignResult {
        /// The sample.
        sample_id: String,
        /// What differs, and what to do.
        reason: String,
    },

    /// A predictions file was begun by another run.
    #[error(
        "{path:?} holds predictions of {found}, expected {expected}; choose another file or remove it",
        path = path.display()
    )]
    OtherRun {
        /// The file.
        path: PathBuf,
        /// What its first line says.
        found: String,
        /// What this run would write.
        expected: String,
    },

    /// The model failed too often for its numbers to mean anything.
    #[error(
        "the model failed on {failures} pairs (at most {most}), last on {sample_id:?}: {reason}; mend the cause, remove the lines with `failure`, and run again to resume"
    )]
    TooManyFailures {
        /// How often it failed.
        failures: usize,
        /// How many failures are allowed.
        most: usize,
        /// The last sample.
        sample_id: String,
        /// What the model said.
        reason: String,
    },

    /// A file of detections cannot be composed into predictions.
    #[error("the detections in {path:?} cannot be used: {reason}", path = path.display())]
    Detections {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },

    /// The data set cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),

    /// A result cannot be read, or a report not be written.
    #[error(transparent)]
    Result(#[from] ResultError),
}

/// The suites that there are, in words.
fn expected_suites(known: &[String]) -> String {
    if known.is_empty() {
        "a data set with suites; leave --suite out to score the data set itself".to_owned()
    } else {
        format!("one of {}", known.join(", "))
    }
}

/// One fault per line.
fn listed(problems: &[LineProblem], more: usize) -> String {
    let mut text = String::new();
    for problem in problems {
        let _ = write!(text, "\n  {problem}");
    }
    if more > 0 {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  and {more} more");
    }
    text
}
