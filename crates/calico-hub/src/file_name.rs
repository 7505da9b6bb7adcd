use std::path::{Path, PathBuf};

use crate::error::{HubError, short};

/// Path of a file in a repository: parts with `/` between them, none of which leads elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileName(String);

/// Bytes of a path, and of a part of it; no file system takes more.
const MOST: usize = 1024;
const MOST_OF_A_PART: usize = 255;

impl FileName {
    /// Takes a name that a server sent.
    pub(crate) fn new(name: &str) -> Result<Self, HubError> {
        match Self::fault(name) {
            Some(reason) => Err(HubError::UnsafeName { name: short(name), reason }),
            None => Ok(Self(name.to_owned())),
        }
    }

    fn fault(name: &str) -> Option<&'static str> {
        if name.is_empty() || name.len() > MOST {
            return Some("has no letters, or too many");
        }
        if name.chars().any(char::is_control) {
            return Some("holds a control character");
        }
        if name.contains('\\') {
            return Some("holds a backslash");
        }
        if name.starts_with('/') {
            return Some("begins at the root");
        }
        // On Windows a colon names a drive or a hidden stream.
        if cfg!(windows) && name.contains(':') {
            return Some("holds a colon");
        }
        let mut parts = name.split('/');
        parts.find_map(|part| match part {
            "" => Some("has an empty part"),
            "." | ".." => Some("leads out of its folder"),
            _ if cfg!(windows) && means_something_else(part) => Some("is another one on Windows"),
            _ => (part.len() > MOST_OF_A_PART).then_some("has a part of too many letters"),
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it lies in no folder.
    pub(crate) fn is_at_root(&self) -> bool {
        !self.0.contains('/')
    }

    /// How many folders it lies in.
    pub(crate) fn depth(&self) -> usize {
        self.0.matches('/').count()
    }

    /// Where it lies below a folder.
    pub(crate) fn below(&self, folder: &Path) -> PathBuf {
        self.0.split('/').fold(folder.to_owned(), |path, part| path.join(part))
    }
}

/// Whether Windows takes a part of a path for something else: it drops dots and blanks at the end,
/// and opens a device by its name, whatever folder it is in.
fn means_something_else(part: &str) -> bool {
    const DEVICES: [&str; 4] = ["CON", "PRN", "AUX", "NUL"];
    let stem = part.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let port = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    let is_port = port.is_some_and(|number| number.chars().count() == 1);
    part.ends_with(['.', ' ']) || DEVICES.contains(&&*stem) || is_port
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let long = "a".repeat(300);
        for bad in [
            "",
            "..",
            "../a",
            "a/../../b",
            "a/..",
            "./a",
            "/a",
            "//a",
            "a//b",
            "a/",
            "a\\b",
            "..\\a",
            "C:\\a",
            "a\0b",
            "a\nb",
            &long,
        ] {
            assert!(FileName::new(bad).is_err(), "{bad:?}");
        }
        for good in ["a", ".gitattributes", "a/b.c", "..a/b..", "ä b/模型.json"] {
            assert!(FileName::new(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn names_of_devices_and_ends_that_windows_drops_are_known() {
        for bad in [".. ", "a.", "a ", "nul", "NUL.json", "com1", "Lpt9.txt", "aux .x"] {
            assert!(means_something_else(bad), "{bad:?}");
        }
        for good in ["a.json", "com", "com10", "console.txt", "nully", ".a"] {
            assert!(!means_something_else(good), "{good:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_stays_below_its_folder(name in "[a./\\\\\u{0}\u{7}:ä]{0,12}") {
            if let Ok(accepted) = FileName::new(&name) {
                let path = accepted.below(Path::new("folder"));
                let inside = path.strip_prefix("folder").unwrap();
                let normal = |part| matches!(part, std::path::Component::Normal(_));
                prop_assert!(inside.components().all(normal), "{name:?}");
                prop_assert_eq!(inside.components().count(), accepted.depth() + 1);
            }
        }
    }
}
