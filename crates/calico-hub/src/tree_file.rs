use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::cache::write_whole;
use crate::digest::{Digest, is_lower_hex};
use crate::error::HubError;
use crate::file_name::FileName;
use crate::listing::{ListedFile, ordered};

/// The form that the Python client writes and reads; another one is left to whoever knows it.
const VERSION: u32 = 1;

/// `trees/<commit>.json`: all files of a commit. A commit never changes, so this never gets old.
#[derive(Serialize, Deserialize)]
struct TreeFile {
    format_version: u32,
    files: BTreeMap<String, Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    size: u64,
    blob_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lfs_sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lfs_size: Option<u64>,
}

/// The files of a commit, if they are known and the file can be used: otherwise nothing is lost,
/// and whoever is online asks the hub.
pub(crate) fn read(path: &Path) -> Option<Vec<ListedFile>> {
    let tree: TreeFile = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    if tree.format_version != VERSION {
        return None;
    }
    let file = |(name, entry): (&String, &Entry)| {
        let git = is_lower_hex(&entry.blob_id, 40).then(|| entry.blob_id.clone())?;
        let (bytes, digest) = match (&entry.lfs_sha256, entry.lfs_size) {
            (Some(sha256), size) => (size.unwrap_or(entry.size), Digest::parse(sha256)?),
            (None, _) => (entry.size, Digest::Git(git.clone())),
        };
        let name = FileName::new(name).ok()?;
        Some(ListedFile { name, bytes: Some(bytes), digest: Some(digest), git: Some(git) })
    };
    ordered(tree.files.iter().map(file).collect::<Option<_>>()?).ok()
}

/// Writes what the hub listed, unless it left something open.
pub(crate) fn write(path: &Path, files: &[ListedFile]) -> Result<(), HubError> {
    let entry = |file: &ListedFile| {
        let (size, blob_id) = (file.bytes?, file.git.clone()?);
        let (lfs_sha256, lfs_size) = match file.digest.as_ref()? {
            Digest::Sha256(sha256) => (Some(sha256.clone()), Some(size)),
            Digest::Git(_) => (None, None),
        };
        Some((file.name.as_str().to_owned(), Entry { size, blob_id, lfs_sha256, lfs_size }))
    };
    let Some(entries) = files.iter().map(entry).collect() else { return Ok(()) };
    // What another client has written about this commit may hold more. Unless it is wrong: a mirror
    // that lied must not be believed for ever.
    if read(path).is_some_and(|known| known == files) {
        return Ok(());
    }
    let text = serde_json::to_string_pretty(&TreeFile { format_version: VERSION, files: entries })
        .map_err(|error| HubError::io("write", path, error.into()))?;
    write_whole(path, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, digest: Digest) -> ListedFile {
        let name = FileName::new(name).unwrap();
        ListedFile { name, bytes: Some(3), digest: Some(digest), git: Some("a".repeat(40)) }
    }

    #[test]
    fn what_is_written_is_read() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("trees/commit.json");
        let files =
            [file("a", Digest::Git("a".repeat(40))), file("b/c", Digest::Sha256("b".repeat(64)))];
        write(&path, &files).unwrap();
        assert_eq!(read(&path).unwrap(), files);
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.contains("\"format_version\": 1") && text.contains("\"lfs_size\": 3"),
            "{text}"
        );
    }

    #[test]
    fn what_another_client_wrote_is_read_and_kept() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("commit.json");
        let theirs = format!(
            r#"{{"format_version": 1, "files": {{"w": {{"size": 9, "blob_id": "{}",
            "lfs_sha256": "{}", "lfs_size": 9, "xet_hash": "{}"}}}}}}"#,
            "a".repeat(40),
            "b".repeat(64),
            "c".repeat(64)
        );
        fs::write(&path, &theirs).unwrap();
        let files = read(&path).unwrap();
        assert_eq!(files[0].digest, Digest::parse(&"b".repeat(64)));
        write(&path, &files).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), theirs);
        let right = [file("w", Digest::Sha256("d".repeat(64)))];
        write(&path, &right).unwrap();
        assert_eq!(read(&path).unwrap(), right);
    }

    #[test]
    fn what_cannot_be_used_is_as_good_as_not_there() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("commit.json");
        let good = "a".repeat(40);
        for text in [
            String::new(),
            r#"{"format_version": 2, "files": {}}"#.into(),
            format!(
                r#"{{"format_version": 1, "files": {{"../x": {{"size": 1, "blob_id": "{good}"}}}}}}"#
            ),
            r#"{"format_version": 1, "files": {"x": {"size": 1, "blob_id": "../x"}}}"#.into(),
        ] {
            fs::write(&path, &text).unwrap();
            assert!(read(&path).is_none(), "{text}");
        }
        assert!(read(&scratch.path().join("nothing")).is_none());
    }
}
