use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use crate::{DecodeOptions, ImageError, format::Format};

/// An opened file with the signature of a picture, of which no more than that was read.
pub(crate) struct PictureFile<'a> {
    path: &'a Path,
    file: File,
    bytes: Vec<u8>,
    format: Format,
}

/// What is read of a file to recognise it: no signature is longer.
const SIGNATURE: u64 = 64;

impl<'a> PictureFile<'a> {
    /// Opens a file whose size is within the options.
    pub(crate) fn open(path: &'a Path, options: &DecodeOptions) -> Result<Self, ImageError> {
        let unreadable = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => ImageError::NotFound { path: path.into() },
            _ => unreadable(path, source),
        };
        let metadata = path.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(ImageError::NotAFile { path: path.into() });
        }
        // The signature first, so that a film of many gigabytes is not read to be refused.
        let mut file = File::open(path).map_err(unreadable)?;
        let mut bytes = Vec::new();
        file.by_ref().take(SIGNATURE).read_to_end(&mut bytes).map_err(unreadable)?;
        let format = Format::recognise(&bytes).map_err(|error| in_file(path, error))?;
        if metadata.len() > options.max_bytes() {
            return Err(in_file(path, ImageError::Memory { format: format.name }));
        }
        Ok(Self { path, file, bytes, format })
    }

    pub(crate) const fn format(&self) -> Format {
        self.format
    }

    /// What has been read so far, from the beginning.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads on, at most this many bytes. Returns how many there were.
    pub(crate) fn read_on(&mut self, most: u64) -> Result<usize, ImageError> {
        let read = self.file.by_ref().take(most).read_to_end(&mut self.bytes);
        read.map_err(|source| unreadable(self.path, source))
    }

    /// The file itself, wherever it stands.
    pub(crate) const fn file(&self) -> &File {
        &self.file
    }

    /// Adds the path to an error.
    pub(crate) fn error(&self, error: ImageError) -> ImageError {
        in_file(self.path, error)
    }
}

fn unreadable(path: &Path, source: io::Error) -> ImageError {
    ImageError::Unreadable { path: path.into(), source }
}

fn in_file(path: &Path, error: ImageError) -> ImageError {
    ImageError::InFile { path: path.into(), error: Box::new(error) }
}
