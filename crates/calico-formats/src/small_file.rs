//! Small files beside weights: configurations, indices, cards.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// The bytes of a file that should be small, at most `most` of them.
///
/// # Errors
/// If the file cannot be read, is larger, or is none that ends: opening a pipe would wait for
/// somebody who writes.
pub fn read_small(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let there = fs::metadata(path)?;
    if !there.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let too_large =
        |bytes: u64| io::Error::other(format!("it has {bytes} bytes; expected at most {most}"));
    if there.len() > most {
        return Err(too_large(there.len()));
    }
    // Some files say that they are empty and are not, such as those of /proc; others grow.
    let mut bytes = Vec::new();
    File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(too_large(bytes.len() as u64)) } else { Ok(bytes) }
}

/// The same as text.
///
/// # Errors
/// As [`read_small`], and if the bytes are not UTF-8.
pub fn read_small_text(path: &Path, most: u64) -> io::Result<String> {
    let text = String::from_utf8(read_small(path, most)?);
    text.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_larger_or_no_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("small");
        fs::write(&path, "hello").unwrap();
        assert_eq!(read_small(&path, 5).unwrap(), b"hello");
        let larger = read_small(&path, 4).unwrap_err().to_string();
        assert_eq!(larger, "it has 5 bytes; expected at most 4");
        let folder = read_small(folder.path(), 4).unwrap_err().to_string();
        assert_eq!(folder, "it is not a regular file");
        let none = read_small(&path.join("none"), 4).unwrap_err();
        assert!(matches!(none.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory));
    }

    #[test]
    fn text_is_utf_8() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        fs::write(&path, "käse").unwrap();
        assert_eq!(read_small_text(&path, 9).unwrap(), "käse");
        fs::write(&path, [0xff]).unwrap();
        assert_eq!(read_small_text(&path, 9).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
