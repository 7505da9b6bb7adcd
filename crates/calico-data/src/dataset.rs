//! A data set on disk: which files it has, and its rows in memory or one after the other.

mod image_table;
mod region;
mod region_table;
mod roots;
mod rows;
mod split_files;
mod split_tables;
mod text_pool;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use crate::build::BuildRecord;
use crate::sources::check_image_path;
use crate::tables::{Row, TableFile};
use crate::{DataError, ImageRecord, RegionRecord, SampleRecord, Split, TableFormat};

pub use image_table::ImageTable;
pub use region::Region;
pub use region_table::RegionTable;
pub use split_tables::SplitTables;

pub(crate) use rows::Rows;
pub(crate) use split_files::SplitFiles;
pub(crate) use text_pool::TextPool;

use roots::read_roots;

/// The most bytes of a file that is not a table.
const MAX_DOCUMENT: u64 = 1 << 28;

/// A data set in a folder.
///
/// Opening lists the files and reads `build.json` and `roots.toml`; tables are read when they are
/// asked for.
#[derive(Debug, Clone)]
pub struct Dataset {
    folder: PathBuf,
    format: TableFormat,
    splits: BTreeMap<Split, SplitFiles>,
    build: Option<BuildRecord>,
    roots: BTreeMap<String, PathBuf>,
}

impl Dataset {
    /// Opens the data set in a folder. A split has its images, its regions and all parts of its
    /// samples, in one format; `build.json` and `roots.toml` may be absent.
    pub fn open(folder: &Path) -> Result<Self, DataError> {
        let (format, splits) = split_files::list(folder)?;
        let build = match read_document(&folder.join("build.json"))? {
            Some((path, text)) => Some(build_record(path, &text)?),
            None => None,
        };
        let roots = match read_document(&folder.join("roots.toml"))? {
            Some((path, text)) => read_roots(path, &text, folder)?,
            None => BTreeMap::new(),
        };
        Ok(Self { folder: folder.to_owned(), format, splits, build, roots })
    }

    /// Says where the pictures of a source are, instead of `roots.toml`.
    #[must_use]
    pub fn with_root(mut self, source: impl Into<String>, root: impl Into<PathBuf>) -> Self {
        self.roots.insert(source.into(), root.into());
        self
    }

    /// Where the data set is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The format of its tables.
    pub fn format(&self) -> TableFormat {
        self.format
    }

    /// The splits that it has.
    pub fn splits(&self) -> impl Iterator<Item = Split> {
        self.splits.keys().copied()
    }

    /// What its `build.json` says, if it has one.
    pub fn build(&self) -> Option<&BuildRecord> {
        self.build.as_ref()
    }

    /// Where the pictures of each source are, as far as it is known.
    pub fn roots(&self) -> &BTreeMap<String, PathBuf> {
        &self.roots
    }

    /// Where the file of an image is; it may be absent.
    ///
    /// # Errors
    ///
    /// If the root of its source is not known, or its name leads out of the root.
    pub fn picture_path(&self, image: &ImageRecord) -> Result<PathBuf, DataError> {
        let ImageRecord { image_id, source, file_name, .. } = image;
        if let Err(reason) = check_image_path(file_name) {
            let (image_id, file_name) = (image_id.clone(), file_name.clone());
            return Err(DataError::PicturePath { image_id, file_name, reason });
        }
        let unknown = || DataError::NoRoot { source_name: source.clone() };
        Ok(self.roots.get(source).ok_or_else(unknown)?.join(file_name))
    }

    /// Reads the images and the regions of a split into memory.
    ///
    /// # Errors
    ///
    /// Also if an id is repeated: no reference could be trusted.
    pub fn split(&self, split: Split) -> Result<SplitTables, DataError> {
        let images = ImageTable::new(self.images(split)?)?;
        let regions = RegionTable::new(self.regions(split)?)?;
        Ok(SplitTables { images, regions })
    }

    /// The images of a split, one after the other; after an error comes nothing.
    pub fn images(
        &self,
        split: Split,
    ) -> Result<impl Iterator<Item = Result<ImageRecord, DataError>> + Send + use<>, DataError>
    {
        self.rows::<ImageRecord>(split)
    }

    /// The regions of a split, one after the other; after an error comes nothing.
    pub fn regions(
        &self,
        split: Split,
    ) -> Result<impl Iterator<Item = Result<RegionRecord, DataError>> + Send + use<>, DataError>
    {
        self.rows::<RegionRecord>(split)
    }

    /// The samples of a split, one after the other; after an error comes nothing.
    pub fn samples(
        &self,
        split: Split,
    ) -> Result<impl Iterator<Item = Result<SampleRecord, DataError>> + Send + use<>, DataError>
    {
        self.rows::<SampleRecord>(split)
    }

    /// Number of samples of a split.
    pub fn sample_count(&self, split: Split) -> Result<u64, DataError> {
        let files = self.table_files::<SampleRecord>(split)?;
        Ok(files.iter().map(TableFile::rows).sum())
    }

    /// The rows of a table.
    pub(crate) fn rows<R: Row>(&self, split: Split) -> Result<Rows<R>, DataError> {
        Ok(Rows::new(self.table_files::<R>(split)?))
    }

    /// The files of a table, in the order of their rows.
    pub(crate) fn table_files<R: Row>(&self, split: Split) -> Result<Vec<TableFile>, DataError> {
        let files = self.split_files(split)?;
        let paths = files.of(R::TABLE);
        paths.iter().map(|path| TableFile::open::<R>(path, self.format)).collect()
    }

    fn split_files(&self, split: Split) -> Result<&SplitFiles, DataError> {
        let missing = || DataError::NoSplit { folder: self.folder.clone(), split };
        self.splits.get(&split).ok_or_else(missing)
    }
}

/// The text of a small file; `None` if there is no such file.
fn read_document(path: &Path) -> Result<Option<(&Path, String)>, DataError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(DataError::read(path, source)),
    };
    let mut text = String::new();
    let read = file.take(MAX_DOCUMENT + 1).read_to_string(&mut text);
    let read = read.map_err(|source| DataError::read(path, source))?;
    if read as u64 > MAX_DOCUMENT {
        let reason = format!("the file has more than {MAX_DOCUMENT} bytes");
        return Err(DataError::Document { path: path.to_owned(), reason });
    }
    Ok(Some((path, text)))
}

fn build_record(path: &Path, text: &str) -> Result<BuildRecord, DataError> {
    let wrong = |reason: String| DataError::Document { path: path.to_owned(), reason };
    let record: BuildRecord = serde_json::from_str(text).map_err(|e| wrong(e.to_string()))?;
    if record.format != BuildRecord::FORMAT {
        let (found, expected) = (&record.format, BuildRecord::FORMAT);
        return Err(wrong(format!("found form {found:?}, expected {expected:?}")));
    }
    Ok(record)
}

#[cfg(test)]
mod tests;
