use std::str::FromStr;

use crate::digest::is_lower_hex;
use crate::error::HubError;

/// A model on the hub, `org/name`, or `name` as the hub's oldest ones are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repository(String);

/// A branch, a tag or a commit of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Revision(String);

/// What to pull: made of the text `ORG/NAME`, or `ORG/NAME@REVISION` for a branch, a tag or a commit
/// other than the branch `main`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub(crate) repository: Repository,
    pub(crate) revision: Revision,
}

/// Bytes of a name; those of the hub are shorter.
const MOST: usize = 200;

impl Repository {
    /// Its name, as the hub writes it.
    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    /// Its folder in the cache.
    pub(crate) fn folder(&self) -> String {
        format!("models--{}", self.0.replace('/', "--"))
    }
}

impl Revision {
    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    /// The commit, if it is named by its full hash.
    pub(crate) fn commit(&self) -> Option<&str> {
        is_lower_hex(&self.0, 40).then_some(&*self.0)
    }
}

impl Default for Revision {
    fn default() -> Self {
        Self("main".into())
    }
}

impl FromStr for Repository {
    type Err = HubError;

    fn from_str(text: &str) -> Result<Self, HubError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let reason = if text.contains("://") {
            "leave out the address of the hub, which HF_ENDPOINT names"
        } else if text.is_empty() || text.len() > MOST {
            "it has 1 to 200 letters"
        } else if text.split('/').count() > 2 {
            "there is at most one slash"
        } else if !text.split('/').all(|part| !part.is_empty() && part.chars().all(plain)) {
            "it consists of letters, digits, `-`, `_` and `.`"
        } else if text
            .split('/')
            .any(|part| part.starts_with(['.', '-']) || part.ends_with(['.', '-']))
        {
            "`.` and `-` are neither first nor last"
        } else if text.contains("--") || text.contains("..") {
            "`--` and `..` are reserved"
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(HubError::Repository { found: text.to_owned(), reason })
    }
}

impl FromStr for Revision {
    type Err = HubError;

    fn from_str(text: &str) -> Result<Self, HubError> {
        // What git allows in the name of a branch, and what a folder can hold.
        let forbidden = |c: char| c.is_control() || " \\~^:?*[<>|\"".contains(c);
        let reason = if text.is_empty() || text.len() > MOST {
            "it has 1 to 200 letters"
        } else if text.contains(forbidden) {
            "it holds a character that git forbids"
        } else if text.split('/').any(|part| part.is_empty() || part.starts_with('.')) {
            "a part of it is empty or begins with a dot"
        } else if text.contains("..") || text.contains("@{") || text.ends_with(['.', '/']) {
            "git forbids `..`, `@{` and a last dot or slash"
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(HubError::Revision { found: text.to_owned(), reason })
    }
}

impl FromStr for Source {
    type Err = HubError;

    fn from_str(text: &str) -> Result<Self, HubError> {
        let (repository, revision) = match text.split_once('@') {
            Some((repository, revision)) => (repository, revision.parse()?),
            None => (text, Revision::default()),
        };
        Ok(Self { repository: repository.parse()?, revision })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_and_a_revision_are_told_apart() {
        let source: Source = "org/name@refs/pr/1".parse().unwrap();
        assert_eq!((source.repository.name(), source.revision.name()), ("org/name", "refs/pr/1"));
        assert_eq!(source.repository.folder(), "models--org--name");
        let source: Source = "gpt2".parse().unwrap();
        assert_eq!(
            (source.repository.folder(), source.revision.name()),
            ("models--gpt2".into(), "main")
        );
    }

    #[test]
    fn names_that_leave_their_folder_are_refused() {
        for bad in [
            "",
            "/",
            "a/",
            "/a",
            "a/b/c",
            "../a",
            "a/..",
            "a--b/c",
            "a/b\\c",
            "a/b\0",
            "-a/b",
            "a/b.",
            "https://hub/a/b",
        ] {
            assert!(bad.parse::<Repository>().is_err(), "{bad:?}");
        }
        for bad in ["", "..", "a/../b", "/a", "a/", "a//b", ".a", "a\\b", "a\0", "a b", "a@{1"] {
            assert!(bad.parse::<Revision>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_a_full_hash_is_a_commit() {
        let is_commit = |text: &str| text.parse::<Revision>().unwrap().commit().is_some();
        assert!(is_commit(&"0a".repeat(20)));
        assert!(!is_commit(&"0A".repeat(20)) && !is_commit("0a0a0a0") && !is_commit("main"));
    }
}
