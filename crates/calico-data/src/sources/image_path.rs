//! Paths that a file names, which nobody vouches for.

/// The most bytes of a path.
const MAX_BYTES: usize = 1024;

/// Refuses a path that could lead out of the folder that it is joined to, on any system.
///
/// What is accepted has parts of a name or more, joined by `/`.
pub(crate) fn check(path: &str) -> Result<(), &'static str> {
    let bytes = path.as_bytes();
    if bytes.len() > MAX_BYTES {
        Err("it is longer than 1024 bytes")
    } else if bytes.starts_with(b"/") {
        Err("it is absolute")
    } else if bytes.contains(&b'\\') {
        Err("it holds a backslash")
    } else if bytes.get(1) == Some(&b':') {
        Err("it names a drive")
    } else if path.chars().any(char::is_control) {
        Err("it holds a control character")
    } else if path.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
        Err("it has an empty part, `.` or `..`")
    } else {
        Ok(())
    }
}

/// The name of the file in a path.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The name of the file in a path, without its extension.
pub(crate) fn stem(path: &str) -> &str {
    let name = file_name(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| if stem.is_empty() { name } else { stem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_below_the_root_is_accepted() {
        for path in ["a.jpg", "train2017/000000391895.jpg", "a..b/c...jpg", "é/ü.png"] {
            assert_eq!(check(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn a_path_that_could_leave_the_root_is_refused() {
        let paths = [
            "",
            "/etc/passwd",
            "../a.jpg",
            "a/../../b.jpg",
            "a/..",
            "./a.jpg",
            "a//b.jpg",
            "a/",
            "..\\a.jpg",
            "a\\b.jpg",
            "C:/a.jpg",
            "c:a.jpg",
            "a\0.jpg",
            "a\n.jpg",
        ];
        for path in paths {
            assert!(check(path).is_err(), "{path:?}");
        }
        assert!(check(&"a".repeat(2000)).is_err());
    }

    #[test]
    fn a_stem_is_the_name_without_folder_and_extension() {
        assert_eq!(stem("train2017/000000391895.jpg"), "000000391895");
        assert_eq!(stem("a.b/c"), "c");
        assert_eq!(stem("a/.hidden"), ".hidden");
    }
}
