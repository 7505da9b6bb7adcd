//! The files that a commit would hold, in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

/// Folders that never belong to the project.
const FOREIGN: &[&str] = &[".git", "target", "out", "__pycache__"];

/// One file. Text that is not UTF-8 is read with replacement characters, so that the metadata of
/// binary files is searched as well.
#[derive(Debug, Default)]
pub(crate) struct File {
    pub(crate) bytes: u64,
    pub(crate) text: String,
}

/// Every file by its path from the root, with `/` between the parts.
#[derive(Debug, Default)]
pub(crate) struct Tree(pub(crate) BTreeMap<String, File>);

impl Tree {
    /// Reads what git tracks and what it does not ignore; without git, whatever lies there.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut paths = git_files(root);
        // An unpacked archive may lie inside someone else's repository.
        if !paths.contains("Cargo.toml") {
            paths.clear();
            walk(root, "", &mut paths)?;
        }
        let mut files = BTreeMap::new();
        for path in paths {
            let file = root.join(&path);
            if !file.is_file() {
                continue; // deleted, but still in the index
            }
            let content = fs::read(&file).with_context(|| format!("reading {path}"))?;
            let (bytes, text) = (content.len() as u64, String::from_utf8_lossy(&content));
            let text = text.into_owned();
            files.insert(path, File { bytes, text });
        }
        Ok(Self(files))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &File)> {
        self.0.iter().map(|(path, file)| (path.as_str(), file))
    }

    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(|file| file.text.as_str())
    }

    /// Whether `path` is a file or a folder that holds one; the root is the empty path.
    pub(crate) fn has(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        path.is_empty() || self.0.keys().any(|at| at == path || at.starts_with(&folder))
    }
}

fn git_files(root: &Path) -> BTreeSet<String> {
    let listing = Command::new("git")
        // In a container the checkout often belongs to another user.
        .args(["-c", "safe.directory=*", "ls-files", "-z"])
        .args(["--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .map_or_else(|_| Vec::new(), |output| output.stdout);
    let listing = String::from_utf8_lossy(&listing);
    listing.split_terminator('\0').map(str::to_owned).collect()
}

fn walk(root: &Path, folder: &str, paths: &mut BTreeSet<String>) -> Result<()> {
    let entries = fs::read_dir(root.join(folder)).with_context(|| format!("listing {folder}"))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{folder}{name}");
        if !entry.file_type()?.is_dir() {
            paths.insert(path);
        } else if !FOREIGN.contains(&name.as_str()) {
            walk(root, &format!("{path}/"), paths)?;
        }
    }
    Ok(())
}

#[cfg(test)]
impl Tree {
    /// A tree of text files, for the tests of the rules.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| {
            let (bytes, text) = (text.len() as u64, (*text).to_owned());
            ((*path).to_owned(), File { bytes, text })
        };
        Self(files.iter().map(file).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_and_a_walk_both_find_this_file() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut walked = BTreeSet::new();
        walk(&root, "xtask/", &mut walked).unwrap();
        assert!(walked.contains("xtask/src/tree.rs"));
        assert!(Tree::read(&root).unwrap().has("xtask/src/tree.rs"));
    }

    #[test]
    fn folders_exist_through_their_files() {
        let tree = Tree::of(&[("a/b.md", "")]);
        assert!(tree.has("a") && tree.has("a/b.md") && !tree.has("a/b"));
    }
}
