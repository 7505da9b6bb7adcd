use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::Deserialize;

use crate::DataError;

/// What `labels.toml` says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    objects: BTreeMap<String, String>,
    parts: BTreeMap<String, String>,
    comparable: Vec<Vec<String>>,
}

/// `labels.toml`: what the values of label pictures mean, and which classes are compared.
#[derive(Debug, Default)]
pub(super) struct LabelsFile {
    pub(super) path: PathBuf,
    /// The label of an object's value.
    pub(super) objects: BTreeMap<u16, String>,
    /// The label of a part's value.
    pub(super) parts: BTreeMap<u16, String>,
    /// Groups of comparable object labels.
    pub(super) comparable: Vec<Vec<String>>,
    /// The text of the file; empty if there is none.
    pub(super) text: String,
}

impl LabelsFile {
    pub(super) const NAME: &'static str = "labels.toml";

    /// No file can reasonably be longer.
    const MAX_BYTES: u64 = 16 << 20;

    /// Reads the file of a folder, if it has one.
    pub(super) fn open(root: &Path) -> Result<Self, DataError> {
        let path = root.join(Self::NAME);
        let text = match path.metadata() {
            Ok(file) if file.len() > Self::MAX_BYTES => {
                let reason =
                    format!("found {} bytes, expected {} or fewer", file.len(), Self::MAX_BYTES);
                return Err(DataError::Labels { path, reason });
            }
            Ok(_) => fs::read_to_string(&path).map_err(|error| DataError::read(&path, error))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(DataError::read(&path, error)),
        };
        let wrong = |reason: String| DataError::Labels { path: path.clone(), reason };
        let written: Written = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let objects = numbered(written.objects, "objects").map_err(&wrong)?;
        let parts = numbered(written.parts, "parts").map_err(&wrong)?;
        Ok(Self { objects, parts, comparable: written.comparable, text, path })
    }
}

/// The keys of a table as numbers of pixels.
fn numbered(table: BTreeMap<String, String>, name: &str) -> Result<BTreeMap<u16, String>, String> {
    let number = |(key, label): (String, String)| match key.parse::<u16>() {
        Ok(value) if value > 0 => Ok((value, label)),
        _ => Err(format!("found the key {key:?} in [{name}], expected a number from 1 to 65535")),
    };
    table.into_iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(text: &str) -> Result<LabelsFile, DataError> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(LabelsFile::NAME), text).unwrap();
        LabelsFile::open(folder.path())
    }

    #[test]
    fn a_folder_without_the_file_has_no_labels() {
        let folder = tempfile::tempdir().unwrap();
        assert!(LabelsFile::open(folder.path()).unwrap().objects.is_empty());
    }

    #[test]
    fn values_are_numbers_of_pixels() {
        let labels = opened("[objects]\n7 = \"axe\"\n").unwrap();
        assert_eq!(labels.objects[&7], "axe");
        for key in ["0", "-1", "65536", "axe"] {
            let message = opened(&format!("[parts]\n{key} = \"axe\"\n")).unwrap_err().to_string();
            assert!(message.contains("[parts]") && message.contains(key), "{message}");
        }
    }

    #[test]
    fn an_unknown_table_is_refused_by_name() {
        let message = opened("[object]\n1 = \"axe\"\n").unwrap_err().to_string();
        assert!(message.contains("object"), "{message}");
    }
}
