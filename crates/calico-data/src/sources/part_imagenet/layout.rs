use std::path::{Path, PathBuf};

use crate::sources::split_file::SplitFile;
use crate::{DataError, Split};

/// Which of the two releases of `PartImageNet` a folder holds. Their splits contradict each other,
/// so they are never mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartImageNetRelease {
    /// All splits share the classes; `annotations/train/train.json`.
    Seg,
    /// The first release, whose splits have different classes; `annotations/train.json`.
    Ood,
}

/// Where the files of a release are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) root: PathBuf,
    pub(super) release: PartImageNetRelease,
    pub(super) files: Vec<SplitFile>,
}

impl Layout {
    const SPLITS: [(Split, &'static str); 3] =
        [(Split::Train, "train"), (Split::Dev, "val"), (Split::Test, "test")];

    /// The folders that may hold a release, below the one that was named, the better ones first.
    const FOLDERS: [&'static str; 4] = ["", "PartImageNet", "PartImageNet_Seg", "PartImageNet_OOD"];

    /// Finds the release in a folder.
    pub(super) fn find(folder: &Path) -> Result<Self, DataError> {
        for below in Self::FOLDERS {
            if let Some(layout) = Self::find_in(&folder.join(below))? {
                return Ok(layout);
            }
        }
        Err(DataError::NoSource {
            what: "PartImageNet",
            path: folder.to_owned(),
            expected: "annotations/train/train.json, val/val.json or test/test.json",
        })
    }

    fn find_in(root: &Path) -> Result<Option<Self>, DataError> {
        let mut found: Vec<Self> = Vec::new();
        for (release, pattern) in [
            (PartImageNetRelease::Seg, "annotations/{}/{}.json"),
            (PartImageNetRelease::Ood, "annotations/{}.json"),
            (PartImageNetRelease::Ood, "{}.json"),
        ] {
            let mut files = Vec::new();
            for split in Self::SPLITS {
                files.extend(SplitFile::find(root, split, pattern.replace("{}", split.1))?);
            }
            if !files.is_empty() {
                found.push(Self { root: root.to_owned(), release, files });
            }
        }
        let mut found = found.into_iter();
        let Some(first) = found.next() else { return Ok(None) };
        // Files that repeat a split of the first place are copies; another split is not.
        let is_copy = |file: &SplitFile| first.files.iter().any(|it| it.split == file.split);
        if let Some(other) = found.flat_map(|other| other.files).find(|file| !is_copy(file)) {
            let (first, second) = (first.files[0].shown.clone(), other.shown);
            return Err(DataError::MixedReleases { path: root.to_owned(), first, second });
        }
        Ok(Some(first))
    }

    /// Where a picture is, below the root. Pictures may be in a folder per synset or not.
    pub(super) fn picture(&self, split: &str, name: &str) -> String {
        let base = if self.root.join("images").is_dir() { "images/" } else { "" };
        let flat = format!("{base}{split}/{name}");
        let Some((synset, _)) = name.split_once('_').filter(|_| !name.contains('/')) else {
            return flat;
        };
        let nested = format!("{base}{split}/{synset}/{name}");
        let (first, second) = match self.release {
            PartImageNetRelease::Seg => (flat, nested),
            PartImageNetRelease::Ood => (nested, flat),
        };
        let is_there = |path: &str| self.root.join(path).is_file();
        if !is_there(&first) && is_there(&second) { second } else { first }
    }
}
