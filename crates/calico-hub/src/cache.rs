use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::digest::{Digest, is_lower_hex};
use crate::error::HubError;
use crate::file_name::FileName;
use crate::source::{Repository, Revision};

/// The places of one repository in the hub's cache.
#[derive(Debug)]
pub(crate) struct Cache {
    root: PathBuf,
    folder: PathBuf,
    locks: PathBuf,
    links: bool,
}

impl Cache {
    /// With `links`, snapshots are made of links where the disk knows them.
    pub(crate) fn new(root: &Path, repository: &Repository, links: bool) -> Self {
        let name = repository.folder();
        let locks = root.join(".locks").join(&name);
        Self { folder: root.join(name), root: root.to_owned(), locks, links }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn blob(&self, digest: &Digest) -> PathBuf {
        self.folder.join("blobs").join(digest.as_str())
    }

    /// What has arrived of a blob.
    pub(crate) fn partial(&self, digest: &Digest) -> PathBuf {
        self.folder.join("blobs").join(format!("{}.incomplete", digest.as_str()))
    }

    pub(crate) fn lock(&self, digest: &Digest) -> PathBuf {
        self.locks.join(format!("{}.lock", digest.as_str()))
    }

    pub(crate) fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    pub(crate) fn tree(&self, commit: &str) -> PathBuf {
        self.folder.join("trees").join(format!("{commit}.json"))
    }

    fn reference(&self, revision: &Revision) -> PathBuf {
        let parts = revision.name().split('/');
        parts.fold(self.folder.join("refs"), |path, part| path.join(part))
    }

    /// The commit that a revision stood for when it was last pulled.
    pub(crate) fn commit(&self, revision: &Revision) -> Option<String> {
        if let Some(commit) = revision.commit() {
            return Some(commit.to_owned());
        }
        let text = fs::read_to_string(self.reference(revision)).ok()?;
        let commit = text.trim();
        is_lower_hex(commit, 40).then(|| commit.to_owned())
    }

    /// Notes what a branch or tag stands for now.
    pub(crate) fn note(&self, revision: &Revision, commit: &str) -> Result<(), HubError> {
        if revision.commit().is_some() || self.commit(revision).as_deref() == Some(commit) {
            return Ok(());
        }
        write_whole(&self.reference(revision), commit.as_bytes())
    }

    /// Puts a blob into a snapshot under its name. What is there already and is this blob stays.
    pub(crate) fn point(
        &self,
        commit: &str,
        name: &FileName,
        digest: &Digest,
    ) -> Result<PathBuf, HubError> {
        let path = name.below(&self.snapshot(commit));
        let target =
            PathBuf::from("../".repeat(name.depth() + 2)).join("blobs").join(digest.as_str());
        let blob = self.blob(digest);
        if fs::read_link(&path).is_ok_and(|link| link == target) {
            return Ok(path);
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|source| HubError::io("write", &path, source))?;
        }
        let new = beside(&path);
        let is_linked = self.links && link(&target, &new).is_ok();
        // A second name needs no room, if it is not one of a link; a copy can be made everywhere.
        let is_there = is_linked || (!blob.is_symlink() && fs::hard_link(&blob, &new).is_ok());
        let made = if is_there { Ok(()) } else { copy(&blob, &new) };
        let moved = made.and_then(|()| fs::rename(&new, &path));
        // It is still there if that failed, or if both are names of one file already.
        let _ = fs::remove_file(&new);
        moved.map_err(|source| HubError::io("write", &path, source))?;
        Ok(path)
    }
}

/// Copies a file, down to the disk.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut copy = File::create(to)?;
    io::copy(&mut File::open(from)?, &mut copy)?;
    copy.sync_all()
}

#[cfg(unix)]
fn link(target: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

#[cfg(windows)]
fn link(target: &Path, path: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, path)
}

#[cfg(not(any(unix, windows)))]
fn link(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A name beside a file that no other process and no other thread uses.
fn beside(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.{number}.tmp", process::id()));
    path.with_file_name(name)
}

/// Writes a small file so that nobody ever sees half of it.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), HubError> {
    let new = beside(path);
    let write = || {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut file = File::create(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().map_err(|source| {
        let _ = fs::remove_file(&new);
        HubError::io("write", path, source)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(root: &Path, links: bool) -> Cache {
        let cache = Cache::new(root, &"org/name".parse().unwrap(), links);
        let digest = digest();
        fs::create_dir_all(cache.blob(&digest).parent().unwrap()).unwrap();
        fs::write(cache.blob(&digest), "blob").unwrap();
        cache
    }

    fn digest() -> Digest {
        Digest::parse(&"a".repeat(64)).unwrap()
    }

    #[test]
    fn every_place_is_that_of_the_python_client() {
        let cache = Cache::new(Path::new("hub"), &"org/name".parse().unwrap(), true);
        let (digest, etag) = (digest(), "a".repeat(64));
        let folder = Path::new("hub/models--org--name");
        assert_eq!(cache.blob(&digest), folder.join("blobs").join(&etag));
        assert_eq!(cache.partial(&digest), folder.join(format!("blobs/{etag}.incomplete")));
        let lock = format!("hub/.locks/models--org--name/{etag}.lock");
        assert_eq!(cache.lock(&digest), Path::new(&lock));
        assert_eq!(cache.snapshot("c"), folder.join("snapshots/c"));
        assert_eq!(cache.tree("c"), folder.join("trees/c.json"));
        let revision: Revision = "refs/pr/1".parse().unwrap();
        assert_eq!(cache.reference(&revision), folder.join("refs/refs/pr/1"));
    }

    #[test]
    fn a_reference_is_the_bare_commit() {
        let scratch = tempfile::tempdir().unwrap();
        let cache = cache(scratch.path(), true);
        let (revision, commit) = (Revision::default(), "b".repeat(40));
        assert_eq!(cache.commit(&revision), None);
        cache.note(&revision, &commit).unwrap();
        assert_eq!(fs::read_to_string(cache.reference(&revision)).unwrap(), commit);
        assert_eq!(cache.commit(&revision), Some(commit));
        fs::write(cache.reference(&revision), "../../elsewhere").unwrap();
        assert_eq!(cache.commit(&revision), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_snapshot_is_made_of_relative_links() {
        let scratch = tempfile::tempdir().unwrap();
        let cache = cache(scratch.path(), true);
        for (name, up) in [("a", "../../"), ("b/c/d", "../../../../")] {
            let path = cache.point("c", &FileName::new(name).unwrap(), &digest()).unwrap();
            let target = format!("{up}blobs/{}", "a".repeat(64));
            assert_eq!(fs::read_link(&path).unwrap(), Path::new(&target));
            assert_eq!(fs::read(&path).unwrap(), b"blob");
        }
    }

    #[test]
    fn where_links_are_not_wanted_a_snapshot_is_made_of_names_or_copies() {
        let scratch = tempfile::tempdir().unwrap();
        let cache = cache(scratch.path(), false);
        let name = FileName::new("b/c").unwrap();
        let path = cache.point("c", &name, &digest()).unwrap();
        assert!(fs::read_link(&path).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"blob");
        assert_eq!(cache.point("c", &name, &digest()).unwrap(), path);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        let copied = scratch.path().join("copy");
        copy(&path, &copied).unwrap();
        assert_eq!(fs::read(copied).unwrap(), b"blob");
    }

    #[test]
    fn an_entry_of_something_else_is_replaced() {
        let scratch = tempfile::tempdir().unwrap();
        let cache = cache(scratch.path(), true);
        let path = cache.snapshot("c").join("a");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "old").unwrap();
        let name = FileName::new("a").unwrap();
        cache.point("c", &name, &digest()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"blob");
        // A folder is not taken away, and nothing is left beside it.
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(cache.point("c", &name, &digest()).is_err());
        assert_eq!(fs::read_dir(cache.snapshot("c")).unwrap().count(), 1);
    }
}
