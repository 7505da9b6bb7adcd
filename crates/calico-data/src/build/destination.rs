use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use calico_result::{OutputFolder, Scratch, create_output_folder};

use super::BuildError;
use crate::DataError;

/// The file of a data set that was built.
pub(super) const BUILD_FILE: &str = "build.json";

/// The names of all files of a data set, a line each: what else is in its folder is somebody's.
const FILES: &str = "files.txt";
/// A longer list is none of ours, in bytes.
const LONGEST_LIST: u64 = 1 << 30;

/// Where a data set is to be.
///
/// It is written into a folder beside this place and moved there when it is complete, so that a
/// build that fails or is ended leaves nothing half-made and keeps an earlier data set.
#[derive(Debug)]
pub struct Destination {
    path: PathBuf,
    parent: PathBuf,
}

impl Destination {
    /// Checks the place: call this before sources are read. It may be free, an empty folder, or a
    /// data set, which is replaced in the end; the folders above it are made.
    pub fn new(path: &Path) -> Result<Self, DataError> {
        let failed = |source| BuildError::Place { path: path.to_owned(), source };
        // A link is followed, so that the data set is replaced and not the link.
        let path = if path.exists() { path.canonicalize() } else { std::path::absolute(path) };
        let path = path.map_err(failed)?;
        let (Some(parent), Some(_)) = (path.parent(), path.file_name()) else {
            let found = "a whole disk".to_owned();
            return Err(BuildError::Taken { path, found }.into());
        };
        if let Some(found) = in_the_way(&path).map_err(failed)? {
            return Err(BuildError::Taken { path, found }.into());
        }
        create_output_folder(parent)?;
        Ok(Self { parent: parent.to_owned(), path })
    }

    /// Where the data set will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file for the findings of a build that gives up: `mixedparts.problems.jsonl` beside
    /// `mixedparts`.
    pub fn problems(&self) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".problems.jsonl");
        self.parent.join(name)
    }

    /// Writes the findings of a build that gives up, and returns where.
    pub(super) fn write_problems(&self, lines: &[u8]) -> Result<PathBuf, DataError> {
        let path = self.problems();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(create_output_folder(&self.parent)?.write(&name, lines)?)
    }

    /// A folder to build in; it vanishes unless it is put in its place.
    pub fn scratch(&self) -> Result<(Scratch, OutputFolder), DataError> {
        let scratch = Scratch::beside(&self.path).map_err(|error| self.failed(error))?;
        let folder = create_output_folder(&scratch.new_path())?;
        Ok((scratch, folder))
    }

    /// Puts a finished folder in its place, and removes what was there.
    pub fn put(&self, scratch: &Scratch) -> Result<(), DataError> {
        let failed = |error| self.failed(error);
        let made = scratch.new_path();
        let mut list = files_below(&made).map_err(failed)?.into_iter().collect::<Vec<_>>();
        list.push(FILES.to_owned());
        list.sort_unstable();
        create_output_folder(&made)?.write(FILES, (list.join("\n") + "\n").as_bytes())?;
        let mut earlier = None;
        if self.path.exists() {
            if let Some(found) = in_the_way(&self.path).map_err(failed)? {
                return Err(BuildError::Taken { path: self.path.clone(), found }.into());
            }
            let aside = Scratch::beside(&self.path).map_err(failed)?;
            fs::rename(&self.path, aside.new_path()).map_err(failed)?;
            earlier = Some(aside);
        }
        if let Err(error) = fs::rename(made, &self.path) {
            if let Some(aside) = earlier
                && fs::rename(aside.new_path(), &self.path).is_err()
            {
                // The earlier data set must not vanish with its temporary folder.
                let path = self.path.clone();
                return Err(BuildError::Aside { path, aside: aside.keep(), source: error }.into());
            }
            return Err(self.failed(error).into());
        }
        let problems = self.problems();
        if problems.is_file() {
            // The data set is in its place, whatever becomes of the earlier list.
            let _ = fs::remove_file(&problems);
        }
        Ok(())
    }

    fn failed(&self, source: io::Error) -> BuildError {
        BuildError::Place { path: self.path.clone(), source }
    }
}

/// What is in the way of a data set at a path; nothing where the path is free, or holds an empty
/// folder or an earlier data set and no file besides.
fn in_the_way(path: &Path) -> io::Result<Option<String>> {
    if !path.exists() {
        return Ok(None);
    }
    if !path.is_dir() {
        return Ok(Some("a file".to_owned()));
    }
    let listed = match File::open(path.join(FILES)) {
        Ok(list) => {
            let mut text = String::new();
            list.take(LONGEST_LIST).read_to_string(&mut text)?;
            text.lines().map(str::to_owned).collect()
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeSet::new(),
        Err(error) => return Err(error),
    };
    let foreign = files_below(path)?.into_iter().find(|file| !listed.contains(file));
    Ok(foreign.map(|file| {
        let unlisted = if listed.is_empty() { "" } else { ", which is no part of the data set" };
        format!("{file}{unlisted}")
    }))
}

/// All files of a folder, with `/` between the parts of their paths. A link is a file.
fn files_below(folder: &Path) -> io::Result<BTreeSet<String>> {
    let mut files = BTreeSet::new();
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((folder, before)) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = format!("{before}{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                folders.push((entry.path(), name + "/"));
            } else {
                files.insert(name);
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn build_at(path: &Path, content: &str) -> Result<(), DataError> {
        let destination = Destination::new(path)?;
        let (scratch, folder) = destination.scratch()?;
        folder.write(BUILD_FILE, content.as_bytes())?;
        folder.subfolder("samples")?;
        destination.put(&scratch)
    }

    #[test]
    fn a_data_set_is_replaced_whole_and_nothing_else_is_left() {
        let root = tempfile::tempdir().unwrap();
        let place = root.path().join("deep/set");
        build_at(&place, "1").unwrap();
        // Also where a data set could have a file of that name.
        for name in ["notes.txt", "README.md", "samples/mine.parquet"] {
            fs::write(place.join(name), "x").unwrap();
            let message = build_at(&place, "2").unwrap_err().to_string();
            assert!(message.contains(name), "{message}");
            fs::remove_file(place.join(name)).unwrap();
        }
        fs::write(root.path().join("deep/set.problems.jsonl"), "x").unwrap();
        build_at(&place, "2").unwrap();
        assert_eq!(names(&place), ["build.json", "files.txt", "samples"]);
        assert_eq!(fs::read_to_string(place.join(BUILD_FILE)).unwrap(), "2");
        assert_eq!(names(&root.path().join("deep")), ["set"]);
    }

    #[test]
    fn an_empty_folder_is_taken_and_a_full_one_refused() {
        let root = tempfile::tempdir().unwrap();
        build_at(root.path(), "1").unwrap();
        let other = tempfile::tempdir().unwrap();
        fs::write(other.path().join("thesis.txt"), "x").unwrap();
        let error = Destination::new(other.path()).unwrap_err();
        assert!(matches!(error, DataError::Build(BuildError::Taken { .. })), "{error}");
        let file = other.path().join("thesis.txt");
        assert!(matches!(Destination::new(&file), Err(DataError::Build(BuildError::Taken { .. }))));
        assert_eq!(names(other.path()), ["thesis.txt"]);
    }

    #[test]
    fn a_build_that_gives_up_leaves_the_earlier_data_set() {
        let root = tempfile::tempdir().unwrap();
        let place = root.path().join("set");
        build_at(&place, "1").unwrap();
        let destination = Destination::new(&place).unwrap();
        let (scratch, folder) = destination.scratch().unwrap();
        folder.write(BUILD_FILE, b"2").unwrap();
        drop(scratch);
        assert_eq!(names(root.path()), ["set"]);
        assert_eq!(fs::read_to_string(place.join(BUILD_FILE)).unwrap(), "1");
    }

    #[cfg(unix)]
    #[test]
    fn a_data_set_has_the_rights_of_an_ordinary_folder() {
        use std::os::unix::fs::PermissionsExt as _;
        let root = tempfile::tempdir().unwrap();
        build_at(&root.path().join("set"), "1").unwrap();
        fs::create_dir(root.path().join("ordinary")).unwrap();
        let mode = |name| fs::metadata(root.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode("set"), mode("ordinary"));
    }
}
