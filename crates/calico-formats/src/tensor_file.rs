use std::collections::BTreeMap;
use std::path::Path;

use crate::contents::Contents;
use crate::source::Source;
use crate::{FormatError, List, StoredTensor, gguf, safetensors, stand_in, torch};

/// The format of a file of tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// safetensors.
    Safetensors,
    /// A zip file of PyTorch: a pickle and storages.
    PyTorch,
    /// GGUF of llama.cpp.
    Gguf,
}

/// Bytes by which a format is told.
const HEAD: u64 = 64;

/// An open file of tensors, of whichever format.
#[derive(Debug)]
pub struct TensorFile {
    source: Source,
    format: FileFormat,
    contents: Contents,
}

impl TensorFile {
    /// Opens a file and reads its header; the format is told by its first bytes, not by its name.
    ///
    /// # Errors
    /// If the file is of no known format, is broken, or asks for what is never done.
    pub fn open(path: &Path) -> Result<Self, FormatError> {
        Self::of(Source::open(path)?)
    }

    /// Reads the header of a file that is in memory already; `path` names it in errors.
    ///
    /// # Errors
    /// As [`TensorFile::open`].
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Self, FormatError> {
        Self::of(Source::in_memory(path, bytes))
    }

    fn of(source: Source) -> Result<Self, FormatError> {
        let head = source.read(0, source.len().min(HEAD))?;
        let (format, contents) = if gguf::begins(&head) {
            (FileFormat::Gguf, gguf::read(&source)?)
        } else if torch::begins(&head) {
            (FileFormat::PyTorch, torch::read(&source)?)
        } else if safetensors::begins(&head) {
            (FileFormat::Safetensors, safetensors::read(&source)?)
        } else {
            return Err(unknown(source.path(), &head));
        };
        Ok(Self { source, format, contents })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.source.path()
    }

    /// Its format.
    pub fn format(&self) -> FileFormat {
        self.format
    }

    /// What it holds, by name.
    pub fn tensors(&self) -> &BTreeMap<String, StoredTensor> {
        &self.contents.tensors
    }

    /// Names that it gives to more than one tensor.
    pub fn doubled(&self) -> &[String] {
        &self.contents.doubled
    }

    /// What else its header says: the metadata of safetensors, the entries of GGUF that are no
    /// lists, the keys of PyTorch's file that lie beside the tensors.
    pub fn notes(&self) -> &BTreeMap<String, String> {
        &self.contents.notes
    }

    /// Of what else its header says, that which is a list: the tokenizer of GGUF.
    pub fn lists(&self) -> &BTreeMap<String, List> {
        &self.contents.lists
    }

    /// Bytes that its header takes, where the format has one.
    pub(crate) fn header_bytes(&self) -> u64 {
        self.contents.header_bytes
    }

    /// The bytes of a tensor, row-major without gaps, little-endian.
    ///
    /// # Errors
    /// If there is no such tensor, or the file cannot be read any more.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, FormatError> {
        let Some(tensor) = self.contents.tensors.get(name) else {
            let path = self.path().to_path_buf();
            return Err(FormatError::NoTensor { path, name: name.to_owned() });
        };
        tensor.read(&self.source)
    }
}

/// Says what a file of no known format is.
fn unknown(path: &Path, head: &[u8]) -> FormatError {
    let (found, expected) = stand_in::of(head).unwrap_or_else(|| {
        (stand_in::beginning(head), "a file of safetensors, PyTorch (zip) or GGUF")
    });
    let expected = expected.to_owned();
    FormatError::NotThis { path: path.to_path_buf(), found, expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> String {
        let error = TensorFile::from_bytes(Path::new("model.bin"), bytes.to_vec()).unwrap_err();
        assert!(matches!(error, FormatError::NotThis { .. }), "{error:?}");
        error.to_string()
    }

    #[test]
    fn what_downloads_leave_in_place_of_a_model_is_told() {
        let pointer = refused(b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\n");
        assert!(pointer.contains("is a pointer of Git LFS; expected"), "{pointer}");
        assert!(pointer.contains("git lfs pull"), "{pointer}");
        for page in ["<!DOCTYPE html>\n<html>", "\n  <html lang=\"en\">", "<!doctype HTML>"] {
            let page = refused(page.as_bytes());
            assert!(page.contains("is a page of the web") && page.contains("log in"), "{page}");
        }
    }

    #[test]
    fn what_is_no_model_is_shown_as_text_or_as_bytes() {
        assert!(refused(b"").contains("is empty"));
        let text = refused(b"{\"model_type\": \"llama\"}");
        assert!(text.contains("begins with `{\\\"model_type"), "{text}");
        let bytes = refused(&[0x0a, 0x0e, 0x0a, 0xff]);
        assert!(bytes.contains("begins with the bytes 0a 0e 0a ff"), "{bytes}");
    }
}
