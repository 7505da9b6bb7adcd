//! Suites: small data sets below another one, `DIR/suites/NAME`, that are scored apart.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::EvalError;

/// The folder of the suites in that of a data set.
const FOLDER: &str = "suites";

/// The folder of a suite.
///
/// # Errors
///
/// If the data set has no suite of that name; the error lists those that it has.
pub fn suite_folder(data: &Path, name: &str) -> Result<PathBuf, EvalError> {
    let known = suite_names(data)?;
    if known.iter().any(|suite| suite == name) {
        return Ok(data.join(FOLDER).join(name));
    }
    Err(EvalError::NoSuite { folder: data.to_owned(), name: name.to_owned(), known })
}

/// The names of the suites of a data set, sorted; none where it has no suites.
pub fn suite_names(data: &Path) -> Result<Vec<String>, EvalError> {
    let folder = data.join(FOLDER);
    let unreadable = |source| EvalError::Read { path: folder.clone(), source };
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        // A name that is no text cannot be asked for on the command line.
        if let Ok(name) = entry.file_name().into_string()
            && entry.path().is_dir()
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_suites_are_suites() {
        let scratch = tempfile::tempdir().unwrap();
        let data = scratch.path();
        assert!(suite_names(data).unwrap().is_empty());
        fs::create_dir_all(data.join("suites/three")).unwrap();
        fs::create_dir_all(data.join("suites/context")).unwrap();
        fs::write(data.join("suites/notes.txt"), "x").unwrap();
        assert_eq!(suite_names(data).unwrap(), ["context", "three"]);
        assert_eq!(suite_folder(data, "three").unwrap(), data.join("suites/three"));
        for name in ["all", "", "..", "notes.txt", "../images"] {
            let error = suite_folder(data, name).unwrap_err().to_string();
            assert!(error.contains("context, three"), "{error}");
        }
    }
}
