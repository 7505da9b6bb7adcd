use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::DataError;

/// The most bytes of a picture that is copied into a page.
const MAX_EMBEDDED: u64 = 64 << 20;

/// The address of a picture on this machine.
pub fn linked(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut link = String::from("file://");
    for byte in absolute.to_string_lossy().replace('\\', "/").bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"/-._~:".contains(&byte);
        if is_plain {
            link.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(link, "%{byte:02X}");
        }
    }
    link
}

/// A picture as text: a `data:` address with all its bytes.
///
/// # Errors
///
/// If it cannot be read, is too large, or is of a format that browsers do not show.
pub fn embedded(path: &Path) -> Result<String, DataError> {
    let unusable = |reason: String| DataError::Picture { path: path.to_owned(), reason };
    let read = |source| DataError::read(path, source);
    let length = fs::metadata(path).map_err(read)?.len();
    if length > MAX_EMBEDDED {
        return Err(unusable(format!("found {length} bytes, expected {MAX_EMBEDDED} or fewer")));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_EMBEDDED).read_to_end(&mut bytes))
        .map_err(read)?;
    let kind = kind(&bytes).ok_or_else(|| {
        unusable("found a format that browsers do not show, expected JPEG, PNG, WebP or GIF".into())
    })?;
    Ok(format!("data:image/{kind};base64,{}", STANDARD.encode(bytes)))
}

/// The format of a picture, as browsers name it.
fn kind(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => Some("jpeg"),
        [0x89, b'P', b'N', b'G', ..] => Some("png"),
        [b'G', b'I', b'F', b'8', ..] => Some("gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("webp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_escapes_what_an_address_cannot_hold() {
        assert_eq!(linked(Path::new("/a b/é#?.jpg")), "file:///a%20b/%C3%A9%23%3F.jpg");
    }

    #[test]
    fn only_pictures_are_embedded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        fs::write(&path, b"\x89PNG....").unwrap();
        assert_eq!(embedded(&path).unwrap(), "data:image/png;base64,iVBORy4uLi4=");
        fs::write(&path, b"<svg onload='x'>").unwrap();
        assert!(matches!(embedded(&path), Err(DataError::Picture { .. })));
        assert!(matches!(embedded(&folder.path().join("none")), Err(DataError::Read { .. })));
    }
}
