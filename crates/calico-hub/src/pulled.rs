use std::path::PathBuf;

use calico_formats::Licence;

/// What a pull has brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// Name of the repository.
    pub repository: String,
    /// The branch, tag or commit that was asked for.
    pub revision: String,
    /// The commit that it stands for, 40 hexadecimal letters.
    pub commit: String,
    /// Folder of this commit in the cache; its files are links to blobs, second names of
    /// them, or copies.
    pub snapshot: PathBuf,
    /// The files that were chosen, in the order of their names. All of them are in the snapshot.
    pub files: Vec<PulledFile>,
    /// Under which terms the model may be used, as its card says.
    pub licence: Option<Licence>,
    /// How many files of the repository were not chosen.
    pub left_out: usize,
}

/// A file that was pulled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PulledFile {
    /// Its path in the repository, with `/` between the parts.
    pub name: String,
    /// Where it is now.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes, 64 hexadecimal letters in lower case. Of a large file that was in the
    /// cache before, it is what the hub lists, and is computed again only where the settings verify.
    pub sha256: String,
    /// Whether it came from the server just now, and not from the cache.
    pub is_new: bool,
}
