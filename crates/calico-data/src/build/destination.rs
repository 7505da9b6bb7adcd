use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use calico_result::{OutputFolder, create_output_folder};
use tempfile::{Builder, TempDir};

use super::BuildError;
use crate::DataError;
use crate::exchange::BUILT_FROM;
use crate::released::ImportSummary;

/// The file that tells a data set from any other folder.
pub(super) const BUILD_FILE: &str = "build.json";

/// The file that tells a drawn one.
const SYNTH_FILE: &str = "synth.json";

/// The files that do: of a data set that was built, imported, corrected or drawn.
const MARKS: [&str; 4] = [BUILD_FILE, ImportSummary::FILE, "corrections.json", SYNTH_FILE];

/// Everything that a data set consists of.
const OWN_NAMES: [&str; 14] = [
    BUILD_FILE,
    SYNTH_FILE,
    "pictures",
    "suites",
    BUILT_FROM,
    "import.json",
    "corrections.json",
    "problems.jsonl",
    "leak_report.json",
    "README.md",
    "roots.toml",
    "images",
    "regions",
    "samples",
];

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
            return Err(BuildError::Taken { path }.into());
        };
        if path.exists() && !is_replaceable(&path).map_err(failed)? {
            return Err(BuildError::Taken { path }.into());
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
    pub fn scratch(&self) -> Result<(TempDir, OutputFolder), DataError> {
        let mut builder = Builder::new();
        builder.prefix(".calico-").suffix(".tmp");
        #[cfg(unix)]
        {
            // An ordinary new folder, since it stays.
            use std::os::unix::fs::PermissionsExt as _;
            builder.permissions(fs::Permissions::from_mode(0o777));
        }
        let scratch = builder.tempdir_in(&self.parent).map_err(|error| self.failed(error))?;
        let folder = create_output_folder(scratch.path())?;
        Ok((scratch, folder))
    }

    /// Puts a finished folder in its place, and removes what was there.
    pub fn put(&self, scratch: TempDir) -> Result<(), DataError> {
        let failed = |error| self.failed(error);
        let mut earlier = None;
        if self.path.exists() {
            if !is_replaceable(&self.path).map_err(failed)? {
                return Err(BuildError::Taken { path: self.path.clone() }.into());
            }
            let aside = Builder::new().prefix(".calico-").suffix(".old").tempdir_in(&self.parent);
            let aside = aside.map_err(failed)?;
            fs::rename(&self.path, aside.path().join("data")).map_err(failed)?;
            earlier = Some(aside);
        }
        if let Err(error) = fs::rename(scratch.path(), &self.path) {
            if let Some(aside) = earlier
                && fs::rename(aside.path().join("data"), &self.path).is_err()
            {
                // The earlier data set must not vanish with its temporary folder.
                let path = self.path.clone();
                return Err(BuildError::Aside { path, aside: aside.keep(), source: error }.into());
            }
            return Err(self.failed(error).into());
        }
        // It has its name now, and there is nothing left to vanish.
        let _ = scratch.keep();
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

/// Whether a path is an empty folder or a data set.
fn is_replaceable(path: &Path) -> io::Result<bool> {
    if !path.is_dir() {
        return Ok(false);
    }
    let mut is_empty = true;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        is_empty = false;
        // Nobody's own files may go with an earlier data set.
        if !OWN_NAMES.iter().any(|name| entry.file_name() == *name) {
            return Ok(false);
        }
    }
    Ok(is_empty
        || (MARKS.iter().any(|mark| path.join(mark).is_file()) && path.join("samples").is_dir()))
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
        destination.put(scratch)
    }

    #[test]
    fn a_data_set_is_replaced_whole_and_nothing_else_is_left() {
        let root = tempfile::tempdir().unwrap();
        let place = root.path().join("deep/set");
        build_at(&place, "1").unwrap();
        fs::write(place.join("notes.txt"), "x").unwrap();
        assert!(build_at(&place, "2").is_err(), "files of the user are kept");
        fs::remove_file(place.join("notes.txt")).unwrap();
        fs::write(root.path().join("deep/set.problems.jsonl"), "x").unwrap();
        build_at(&place, "2").unwrap();
        assert_eq!(names(&place), ["build.json", "samples"]);
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
