use std::collections::BTreeSet;
use std::fmt;

use calico_formats::Licence;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::card;
use crate::digest::{Digest, is_lower_hex};
use crate::error::{HubError, short};
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

/// Files of a commit; the hub advises to keep half of it.
const MOST_FILES: usize = 200_000;

/// Bytes of an answer in which the terms are looked for: in memory, what is around them may need
/// sixteen times as much. The card says them, too.
const MOST_FOR_TERMS: usize = 8 << 20;

#[derive(Deserialize)]
struct Info {
    sha: String,
    #[serde(default)]
    siblings: Siblings,
}

#[derive(Deserialize)]
struct Terms {
    #[serde(default, rename = "cardData")]
    card: Value,
    #[serde(default)]
    tags: Value,
}

/// No more than [`MOST_FILES`].
#[derive(Default)]
struct Siblings(Vec<Sibling>);

impl<'de> Deserialize<'de> for Siblings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bounded;

        impl<'de> Visitor<'de> for Bounded {
            type Value = Siblings;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "at most {MOST_FILES} files")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Siblings, A::Error> {
                let mut files = Vec::new();
                while let Some(file) = list.next_element()? {
                    if files.len() == MOST_FILES {
                        return Err(A::Error::invalid_length(MOST_FILES + 1, &self));
                    }
                    files.push(file);
                }
                Ok(Siblings(files))
            }
        }

        deserializer.deserialize_seq(Bounded)
    }
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
        let wrong = |reason: String| {
            let reason = short(&reason);
            HubError::Answer { host: host.into(), what: what.into(), reason }
        };
        let info: Info = serde_json::from_slice(bytes)
            .map_err(|error| wrong(format!("what is no list of files ({error})")))?;
        if !is_lower_hex(&info.sha, 40) {
            return Err(wrong(format!("{:?} as a commit, which has 40 letters", info.sha)));
        }
        let terms = if bytes.len() > MOST_FOR_TERMS { b"{}" } else { bytes };
        let terms = serde_json::from_slice(terms).ok();
        let licence = terms.and_then(|Terms { card, tags }| card::of_answer(&card, &tags));
        let files = info.siblings.0.iter().map(|sibling| sibling.file(&wrong));
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

/// Files in the order of their names; a name that comes twice is refused, and one that is a file
/// and a folder.
pub(crate) fn ordered(mut files: Vec<ListedFile>) -> Result<Vec<ListedFile>, HubError> {
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let mut seen = BTreeSet::new();
    let refused = files.iter().find_map(|file| {
        let name = file.name.as_str();
        let mut folders = name.match_indices('/').map(|(end, _)| &name[..end]);
        // A folder comes before what is in it.
        let reason = if folders.any(|folder| seen.contains(folder)) {
            "lies in a folder that is a file"
        } else if seen.insert(name) {
            return None;
        } else {
            "is listed twice"
        };
        Some(HubError::UnsafeName { name: short(name), reason })
    });
    refused.map_or(Ok(files), Err)
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
            json!({ "sha": sha, "siblings": [{ "rfilename": "x/y/z" }, { "rfilename": "x/y" }] }),
            json!({ "sha": sha, "siblings": [{ "rfilename": "x", "blobId": "../../x" }] }),
            json!({ "sha": sha, "siblings": [{ "rfilename": "x", "size": 1,
                    "lfs": { "size": 1, "sha256": "/etc/passwd" } }] }),
            json!({ "sha": sha, "siblings": [{ "rfilename": "x", "size": -1 }] }),
            json!(["a"]),
        ] {
            assert!(parse(&value).is_err(), "{value}");
        }
        let folders =
            json!([{ "rfilename": "x/y" }, { "rfilename": "x.y" }, { "rfilename": "x-y/z" }]);
        assert_eq!(parse(&json!({ "sha": sha, "siblings": folders })).unwrap().files.len(), 3);
    }

    #[test]
    fn an_answer_without_end_is_refused_in_few_words() {
        let sha = "a".repeat(40);
        let file = |at: usize| format!("{{\"rfilename\":\"{at}\"}}");
        let many: Vec<String> = (0..=MOST_FILES).map(file).collect();
        let many = format!("{{\"sha\":\"{sha}\",\"siblings\":[{}]}}", many.join(","));
        let message = Listing::parse(many.as_bytes(), "", "").unwrap_err().to_string();
        assert!(message.contains("at most 200000 files"), "{message}");
        let long = "x".repeat(100_000);
        for value in [
            json!({ "sha": long, "siblings": [] }),
            json!({ "sha": sha, "siblings": long }),
            json!({ "sha": sha, "siblings": [{ "rfilename": long }] }),
        ] {
            assert!(parse(&value).unwrap_err().to_string().len() < 1000);
        }
        // What is around the terms is not unfolded in memory.
        let large =
            format!("{{\"sha\":\"{sha}\",\"cardData\":[{}0]}}", "0,".repeat(MOST_FOR_TERMS / 2));
        assert_eq!(Listing::parse(large.as_bytes(), "", "").unwrap().licence, None);
    }
}
