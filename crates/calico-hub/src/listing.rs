use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use crate::card::{self, Licence};
use crate::digest::{Digest, is_lower_hex};
use crate::error::HubError;
use crate::file_name::FileName;

/// The files of one commit.
#[derive(Debug)]
pub(crate) struct Listing {
    /// 40 hexadecimal letters.
    pub(crate) commit: String,
    /// In the order of their names, each once.
    pub(crate) files: Vec<ListedFile>,
    /// What the hub says about the terms.
    pub(crate) licence: Option<Licence>,
}

/// A file of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedFile {
    pub(crate) name: FileName,
    /// Size in bytes, where it is known.
    pub(crate) bytes: Option<u64>,
    /// What its bytes are, where it is known.
    pub(crate) digest: Option<Digest>,
    /// Git's name of what it stores: of the file, or of the pointer to a large one.
    pub(crate) git: Option<String>,
}

/// Bytes of an answer that lists files; the largest repositories of the hub need a tenth.
pub(crate) const MOST_BYTES: u64 = 64 << 20;

#[derive(Deserialize)]
struct Info {
    sha: String,
    #[serde(default)]
    siblings: Vec<Sibling>,
    #[serde(default, rename = "cardData")]
    card: Value,
    #[serde(default)]
    tags: Value,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    #[serde(rename = "blobId")]
    blob_id: Option<String>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    sha256: String,
    size: u64,
}

impl Listing {
    /// Reads the hub's answer about a revision.
    pub(crate) fn parse(bytes: &[u8], host: &str, what: &str) -> Result<Self, HubError> {
        let wrong =
            |reason: String| HubError::Answer { host: host.into(), what: what.into(), reason };
        let info: Info = serde_json::from_slice(bytes)
            .map_err(|error| wrong(format!("what is no list of files ({error})")))?;
        if !is_lower_hex(&info.sha, 40) {
            return Err(wrong(format!("{:?} as a commit, which has 40 letters", info.sha)));
        }
        let licence = card::of_answer(&info.card, &info.tags);
        let files = info.siblings.iter().map(|sibling| sibling.file(&wrong));
        let files = ordered(files.collect::<Result<_, HubError>>()?)?;
        Ok(Self { commit: info.sha, files, licence })
    }
}

impl Sibling {
    /// The file; `wrong` makes an error of what is wrong with its digests.
    fn file(&self, wrong: &dyn Fn(String) -> HubError) -> Result<ListedFile, HubError> {
        let name = FileName::new(&self.rfilename)?;
        let digest = |text: &str, len: usize| {
            let digest = Digest::parse(text).filter(|_| text.len() == len);
            digest.ok_or_else(|| wrong(format!("{text:?} as a digest of {len} letters")))
        };
        let git = self.blob_id.as_deref().map(|text| digest(text, 40)).transpose()?;
        let (bytes, digest) = match &self.lfs {
            Some(lfs) => (Some(lfs.size), Some(digest(&lfs.sha256, 64)?)),
            None => (self.size, git.clone()),
        };
        Ok(ListedFile { name, bytes, digest, git: git.map(|git| git.as_str().to_owned()) })
    }
}

/// Files in the order of their names; a name that comes twice is refused.
pub(crate) fn ordered(mut files: Vec<ListedFile>) -> Result<Vec<ListedFile>, HubError> {
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let mut seen = BTreeSet::new();
    match files.iter().find(|file| !seen.insert(&file.name)) {
        Some(file) => Err(HubError::UnsafeName {
            name: file.name.as_str().to_owned(),
            reason: "is listed twice",
        }),
        None => Ok(files),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(value: &Value) -> Result<Listing, HubError> {
        Listing::parse(value.to_string().as_bytes(), "hub", "files")
    }

    #[test]
    fn sizes_and_digests_are_those_of_the_files_not_of_their_pointers() {
        let listing = parse(&json!({
            "sha": "a".repeat(40),
            "cardData": { "license": "mit" },
            "siblings": [
                { "rfilename": "w.bin", "size": 9, "blobId": "b".repeat(40),
                  "lfs": { "sha256": "c".repeat(64), "size": 9, "pointerSize": 3 } },
                { "rfilename": "a/c.json", "size": 2, "blobId": "d".repeat(40), "lfs": null },
                { "rfilename": "bare" },
            ],
        }))
        .unwrap();
        let names: Vec<_> = listing.files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["a/c.json", "bare", "w.bin"]);
        assert_eq!(listing.files[0].digest, Digest::parse(&"d".repeat(40)));
        assert_eq!((listing.files[1].bytes, &listing.files[1].digest), (None, &None));
        assert_eq!(listing.files[2].digest, Digest::parse(&"c".repeat(64)));
        assert_eq!(listing.licence.unwrap().id, "mit");
    }

    #[test]
    fn an_answer_that_lies_about_names_is_refused() {
        let sha = "a".repeat(40);
        for value in [
            json!({ "sha": "../../x", "siblings": [] }),
            json!({ "sha": sha, "siblings": [{ "rfilename": "../x" }] }),
            json!({ "sha": sha, "siblings": [{ "rfilename": "x" }, { "rfilename": "x" }] }),
            json!({ "sha": sha, "siblings": [{ "rfilename": "x", "blobId": "../../x" }] }),
            json!({ "sha": sha, "siblings": [{ "rfilename": "x", "size": 1,
                    "lfs": { "size": 1, "sha256": "/etc/passwd" } }] }),
            json!({ "sha": sha, "siblings": [{ "rfilename": "x", "size": -1 }] }),
            json!(["a"]),
        ] {
            assert!(parse(&value).is_err(), "{value}");
        }
    }
}
