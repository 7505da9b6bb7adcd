use std::io;
use std::path::PathBuf;

use crate::Split;

/// Why a data set cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Two sources have the same name.
    #[error("found two sources named {name}, expected different names: rename one")]
    RepeatedSource {
        /// The name.
        name: String,
    },
    /// The folder of a source's pictures cannot be written down.
    #[error("found a folder of the pictures of {name} whose path is not valid text: rename it")]
    Root {
        /// The source.
        name: String,
    },
    /// A label cannot be put into an answer.
    #[error(
        "found the label {label:?} in {name}, expected words with single blanks and without \
         < > [ ]: change the label"
    )]
    Label {
        /// The source.
        name: String,
        /// The label.
        label: String,
    },
    /// The sources have too many regions for the numbers of the tables.
    #[error("found {found} regions, expected at most {}: build the sources one by one", u32::MAX)]
    TooManyRegions {
        /// Number of regions.
        found: u64,
    },
    /// A strict build met findings of level E.
    #[error(
        "found {errors} errors in the sources, expected none in a strict build: see {}, mend the \
         sources or build without strictness", list.display()
    )]
    Strict {
        /// Number of findings of level E.
        errors: u64,
        /// The file that lists all findings.
        list: PathBuf,
    },
    /// Too much of a source was left out.
    #[error(
        "found {skipped} of {listed} {what} of {name} unusable, expected at most {percent} \
         percent: see {}, mend the source or raise problems.max_skipped_percent", list.display()
    )]
    Skipped {
        /// The source.
        name: String,
        /// Images or annotations.
        what: &'static str,
        /// How many were skipped.
        skipped: u64,
        /// How many the files list.
        listed: u64,
        /// The limit.
        percent: u32,
        /// The file that lists all findings.
        list: PathBuf,
    },
    /// An image of a more important split is left in another one.
    #[error(
        "found {image_id} in the {split} split although {same_as} of another split is the same \
         picture: this is a fault of the program, report it"
    )]
    Leak {
        /// The image.
        image_id: String,
        /// Its split.
        split: Split,
        /// The image that it equals.
        same_as: String,
    },
    /// No sample can be made.
    #[error(
        "found no pair of images that makes a sample: {kept} of {images} images passed the \
         filters; lower the limits, or give more images"
    )]
    NoSamples {
        /// Number of images read.
        images: u64,
        /// Number of images that passed.
        kept: u64,
    },
    /// The embedded templates contradict each other.
    #[error("the templates of questions and answers are wrong: {reason}; mend templates.toml")]
    Templates {
        /// What is wrong.
        reason: String,
    },
    /// The place of the data set holds something else.
    #[error(
        "found {path:?} in use: it holds {found}; expected a new folder, an empty one, or an \
         earlier data set without any other file: name another",
        path = path.display()
    )]
    Taken {
        /// The place.
        path: PathBuf,
        /// What is there.
        found: String,
    },
    /// The finished data set cannot be put in its place, and the earlier one not back.
    #[error(
        "cannot put the data set at {path:?}: {source}; the earlier one is in {aside:?}, move it back",
        path = path.display(),
        aside = aside.display()
    )]
    Aside {
        /// The place.
        path: PathBuf,
        /// Where the earlier data set is.
        aside: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The finished data set cannot be put in its place.
    #[error("cannot put the data set at {path:?}: {source}", path = path.display())]
    Place {
        /// The place.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
