use std::io;
use std::path::{Path, PathBuf};

use crate::build::BuildError;
use crate::loader::BadReason;
use crate::released::ReleasedError;
use crate::{Split, TableError};

/// Everything that stops work on a data set; what only touches an image is a
/// [`Problem`](crate::Problem).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file or folder cannot be read.
    #[error("cannot read {path:?}: {source}", path = path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A build configuration is wrong.
    #[error("the build configuration is wrong: {reason}")]
    Config {
        /// What is wrong, all of it.
        reason: String,
    },
    /// The sources do not make a data set, or it cannot be put in its place.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// Released documents cannot be imported.
    #[error(transparent)]
    Released(#[from] ReleasedError),
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] calico_result::ResultError),
    /// A file of a table cannot be read or written.
    #[error("in {path:?}: {source}", path = path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: TableError,
    },
    /// A table got another number of rows than announced.
    #[error("found {found} or more rows for the table {table}, expected {expected}")]
    RowCount {
        /// The table.
        table: &'static str,
        /// Number of rows, or of as many as were counted.
        found: u64,
        /// Number of rows that was announced.
        expected: u64,
    },
    /// A file of an earlier data set could not be removed.
    #[error("cannot remove {path:?} of an earlier data set: {source}; remove it", path = path.display())]
    Remove {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Text of a file is no JSON, has another shape than expected, or passes a limit.
    #[error(
        "in {path:?}, byte {offset}: {reason}; fetch or export the file again",
        path = path.display()
    )]
    Json {
        /// The file.
        path: PathBuf,
        /// Position of the fault in the file, in bytes.
        offset: u64,
        /// What was found; names line and column where the parser knows them.
        reason: String,
    },
    /// A folder holds nothing of a source.
    #[error(
        "found no {what} in {path:?}, expected {expected}: name the folder that holds it",
        path = path.display()
    )]
    NoSource {
        /// The source.
        what: &'static str,
        /// The folder.
        path: PathBuf,
        /// What was looked for.
        expected: &'static str,
    },
    /// A folder holds splits of both releases of `PartImageNet`.
    #[error(
        "found {first} and {second} in {path:?}, which belong to different releases of \
         PartImageNet, whose splits contradict each other: remove one of them",
        path = path.display()
    )]
    MixedReleases {
        /// The folder.
        path: PathBuf,
        /// A file of the one release.
        first: String,
        /// A file of the other.
        second: String,
    },
    /// The names of own data are wrong.
    #[error("the names in {path:?}, or in the files beside it, are wrong: {reason}", path = path.display())]
    Labels {
        /// The file that explains names.
        path: PathBuf,
        /// What is wrong, all of it.
        reason: String,
    },
    /// A folder has no table of a data set.
    #[error(
        "found no data set in {folder:?}, expected images/, regions/ and samples/ with tables: \
         name the folder that a build wrote",
        folder = folder.display()
    )]
    NoDataset {
        /// The folder.
        folder: PathBuf,
    },
    /// Tables are in two formats.
    #[error(
        "found tables in two formats, {first:?} and {second:?}: remove those of one",
        first = first.display(), second = second.display()
    )]
    MixedFormats {
        /// A table in the one format.
        first: PathBuf,
        /// A table in the other.
        second: PathBuf,
    },
    /// The files of a table are of different writings.
    #[error(
        "found files of different numbers of parts, {first:?} and {second:?}: remove the older",
        first = first.display(), second = second.display()
    )]
    MixedParts {
        /// A file of the one number.
        first: PathBuf,
        /// A file of another.
        second: PathBuf,
    },
    /// A file of a table is missing.
    #[error("found no {path:?}, a table of the data set: copy or build it again", path = path.display())]
    MissingTable {
        /// The file.
        path: PathBuf,
    },
    /// The data set lacks a split.
    #[error("the data set in {folder:?} has no split {split}: choose another one", folder = folder.display())]
    NoSplit {
        /// The data set.
        folder: PathBuf,
        /// The split asked for.
        split: Split,
    },
    /// A file beside the tables cannot be understood.
    #[error("in {path:?}: {reason}; correct the file, or write the data set again", path = path.display())]
    Document {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A picture cannot be shown.
    #[error("cannot show {path:?}: {reason}", path = path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The mask of a region cannot be decoded.
    #[error("the mask of region {region_id} cannot be decoded: {reason}; validate the data set")]
    Mask {
        /// The region.
        region_id: u32,
        /// What is wrong with the mask.
        reason: String,
    },
    /// A region lies in no image of its split.
    #[error(
        "region {region_id} is in {image_id:?}, which is no image of the split; validate the data set"
    )]
    RegionImage {
        /// The region.
        region_id: u32,
        /// The image that it names.
        image_id: String,
    },
    /// A corrected document is about other images.
    #[error(
        "found no image of the split {split} in the corrected file, expected some: name the split \
         and the data set that were exported"
    )]
    NothingCorrected {
        /// The split.
        split: Split,
    },
    /// A sample contradicts itself or the other tables.
    #[error("in sample {sample_id:?}: {reason}; validate the data set, and build it again")]
    Sample {
        /// The sample.
        sample_id: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Two rows of a table have the same id.
    #[error("found the id {id} twice in the table {table}, expected it once: build it again")]
    RepeatedId {
        /// The table.
        table: &'static str,
        /// The id.
        id: String,
    },
    /// The file name of an image could lead out of the folder of its source.
    #[error("image {image_id} has the file name {file_name:?}: {reason}; correct the table")]
    PicturePath {
        /// The image.
        image_id: String,
        /// Its file name.
        file_name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Nobody said where the pictures of a source are.
    #[error("found no root for the pictures of {source_name}: name it in roots.toml, or give it")]
    NoRoot {
        /// The source.
        source_name: String,
    },
    /// There is no such share of the samples.
    #[error("found shard {index} of {count}, expected 0 to one less than their number")]
    Shard {
        /// The shard, from 0.
        index: u64,
        /// Number of shards.
        count: u64,
    },
    /// Too many samples cannot be used.
    #[error(
        "found {bad} bad samples among the first {taken}, the last of them {sample_id}: {reason}; \
         validate the data set, or raise the limit"
    )]
    TooManyBad {
        /// Number of samples that were skipped.
        bad: u64,
        /// Number of samples that were looked at.
        taken: u64,
        /// The last one.
        sample_id: String,
        /// What is wrong with it.
        reason: Box<BadReason>,
    },
    /// Somebody asked to stop.
    #[error("stopped before the end, as asked")]
    Stopped,
}

impl DataError {
    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    pub(crate) fn table(path: &Path, source: TableError) -> Self {
        Self::Table { path: path.to_owned(), source }
    }
}
