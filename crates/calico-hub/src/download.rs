use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use ureq::http::StatusCode;

use crate::attempts::{Attempts, Watch};
use crate::cache::Cache;
use crate::client::{Answer, Asked, Client, header};
use crate::digest::{Digest, Hasher};
use crate::error::HubError;
use crate::fault::Fault;
use crate::file_lock::FileLock;
use crate::file_name::FileName;
use crate::pace::Pace;
use crate::settings::Settings;

/// Bytes that are read at once.
const BLOCK: usize = 1 << 16;

/// So many new bytes are progress: whoever sends fewer, and ends, does not do so for ever.
const PROGRESS: u64 = 1 << 14;

/// The way of one file into the blobs of the cache.
#[derive(Debug)]
pub(crate) struct Download<'a> {
    pub(crate) client: &'a Client,
    pub(crate) settings: &'a Settings,
    pub(crate) cache: &'a Cache,
    pub(crate) repository: &'a str,
    pub(crate) commit: &'a str,
    pub(crate) name: &'a FileName,
    pub(crate) bytes: u64,
    pub(crate) digest: &'a Digest,
    /// Bytes of other files that have arrived before.
    pub(crate) before: u64,
}

impl Download<'_> {
    /// Fetches the blob, and gives its SHA-256; nothing if another process was faster.
    pub(crate) fn run(&self, watch: &mut Watch<'_>) -> Result<Option<String>, HubError> {
        let name = self.name.as_str();
        let _lock = FileLock::take(&self.cache.lock(self.digest), name, watch)?;
        let blob = self.cache.blob(self.digest);
        if is_whole(&blob, self.digest, self.bytes, self.settings.verifies, watch)? {
            return Ok(None);
        }
        watch.observer.file(name, self.bytes);
        let mut partial = Partial::open(self, watch)?;
        watch.observer.arrived(self.before + partial.len);
        let sha256 = self.fill(&mut partial, watch)?;
        partial.finish(&blob)?;
        Ok(Some(sha256))
    }

    /// Tries until the partial file is whole and right.
    fn fill(&self, partial: &mut Partial, watch: &mut Watch<'_>) -> Result<String, HubError> {
        let mut attempts = Attempts::new(self.settings.retry);
        let (mut most, mut is_again) = (partial.len, false);
        loop {
            let received = if partial.len < self.bytes {
                self.receive(partial, watch)
            } else {
                Ok(String::new())
            };
            // Only what is new counts as progress, and only until it has begun anew often: a server
            // must not be asked for ever.
            let may_restart = partial.restarts < self.settings.retry.tries;
            if may_restart && partial.len >= most.saturating_add(PROGRESS) {
                most = partial.len;
                attempts.succeeded();
            }
            let host = match received {
                Ok(host) => host,
                Err(Fault::NoSuchRange(_)) if may_restart => {
                    partial.clear()?;
                    continue;
                }
                Err(fault) => {
                    attempts.after(fault, watch)?;
                    continue;
                }
            };
            let (sha256, found) = partial.hasher.clone().finish();
            if found == *self.digest {
                return Ok(sha256);
            }
            if !partial.is_resumed || is_again {
                partial.remove();
                return Err(HubError::Digest {
                    name: self.name.as_str().to_owned(),
                    host,
                    expected: self.digest.as_str().to_owned(),
                    found: found.as_str().to_owned(),
                });
            }
            // What was there before may be damaged, or of another answer than the rest.
            watch.observer.warns(&format!(
                "what had arrived of {} is damaged: it is fetched anew",
                self.name.as_str()
            ));
            partial.clear()?;
            (most, is_again) = (0, true);
        }
    }

    /// Appends what one answer brings, and gives the name of who sent it.
    fn receive(&self, partial: &mut Partial, watch: &mut Watch<'_>) -> Result<String, Fault> {
        let (repository, commit, name) = (self.repository, self.commit, self.name);
        watch.check()?;
        let asked = Asked::File { repository, commit, name, from: partial.len };
        let Answer { response, host } = self.client.ask(asked)?;
        self.place(&response, partial, &host)?;
        let mut left = self.bytes - partial.len;
        let size = |found: String| HubError::Size {
            name: name.as_str().to_owned(),
            host: host.clone(),
            expected: self.bytes,
            found,
        };
        if let Some(announced) = response.body().content_length()
            && announced != left
        {
            return Err(size(partial.len.saturating_add(announced).to_string()).into());
        }
        let cut = |reason: String| Fault::cut(host.clone(), asked.what(), reason);
        let mut reader = response.into_body().into_reader();
        let (mut pace, mut block) = (Pace::new(self.settings.silence), vec![0; BLOCK]);
        loop {
            watch.check()?;
            let read = match pace.read(&mut reader, &mut block) {
                Ok(read) => read,
                Err(error) => return Err(cut(error.to_string())),
            };
            if read as u64 > left {
                partial.remove();
                return Err(size(format!("more than {}", self.bytes)).into());
            }
            if read == 0 {
                break;
            }
            partial.append(&block[..read])?;
            left -= read as u64;
            watch.observer.arrived(self.before + partial.len);
        }
        if left > 0 {
            return Err(cut(format!("{left} bytes are missing")));
        }
        Ok(host)
    }

    /// Sees to it that the answer begins where the partial file ends.
    fn place(
        &self,
        response: &ureq::http::Response<ureq::Body>,
        partial: &mut Partial,
        host: &str,
    ) -> Result<(), Fault> {
        let answer = |reason: String| HubError::Answer {
            host: host.to_owned(),
            what: format!("`{}`", self.name.as_str()),
            reason,
        };
        let encoding = header(response.headers(), "content-encoding");
        if let Some(encoding) = encoding.filter(|encoding| encoding != "identity") {
            return Err(
                answer(format!("bytes in the encoding {encoding:?}, expected them bare")).into()
            );
        }
        if response.status() != StatusCode::PARTIAL_CONTENT {
            // The server knows no ranges and begins at the beginning.
            return if partial.len > 0 { Ok(partial.clear()?) } else { Ok(()) };
        }
        let range = header(response.headers(), "content-range").unwrap_or_default();
        let first = range.trim().strip_prefix("bytes ").and_then(|rest| rest.split('-').next());
        match first.and_then(|first| first.parse::<u64>().ok()) {
            Some(first) if first == partial.len => {
                partial.is_resumed |= first > 0;
                Ok(())
            }
            _ => {
                let expected = format!("the range {range:?}, expected one from {}", partial.len);
                Err(answer(expected).into())
            }
        }
    }
}

/// Whether a file of the cache is there with its size and, if it `verifies`, its digest. What is
/// damaged does not count.
pub(crate) fn is_whole(
    path: &Path,
    digest: &Digest,
    bytes: u64,
    verifies: bool,
    watch: &mut Watch<'_>,
) -> Result<bool, HubError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() && metadata.len() == bytes => {}
        _ => return Ok(false),
    }
    if !verifies {
        return Ok(true);
    }
    let (_, found) = hashed(path, digest, bytes, watch)?;
    if found != *digest {
        let name = path.display();
        watch.observer.warns(&format!("{name} is damaged: its digest is {}", found.as_str()));
    }
    Ok(found == *digest)
}

/// SHA-256 of a file, and its digest in the form of `digest`.
pub(crate) fn hashed(
    path: &Path,
    digest: &Digest,
    bytes: u64,
    watch: &Watch<'_>,
) -> Result<(String, Digest), HubError> {
    let mut hasher = Hasher::new(digest, bytes);
    let mut file = File::open(path).map_err(|source| HubError::io("read", path, source))?;
    hash(&mut file, path, &mut hasher, watch)?;
    Ok(hasher.finish())
}

/// Hashes from where the file stands, and gives the number of bytes.
fn hash(
    file: &mut File,
    path: &Path,
    hasher: &mut Hasher,
    watch: &Watch<'_>,
) -> Result<u64, HubError> {
    let mut block = vec![0; BLOCK];
    let mut len = 0;
    loop {
        watch.check()?;
        match file.read(&mut block).map_err(|source| HubError::io("read", path, source))? {
            0 => return Ok(len),
            read => {
                hasher.update(&block[..read]);
                len += read as u64;
            }
        }
    }
}

/// What has arrived of a blob, with the digest so far.
#[derive(Debug)]
struct Partial {
    file: File,
    path: PathBuf,
    len: u64,
    hasher: Hasher,
    /// The digest of nothing.
    start: Hasher,
    /// Whether it is of more than one answer.
    is_resumed: bool,
    /// How often it has begun anew.
    restarts: u32,
}

impl Partial {
    fn open(download: &Download<'_>, watch: &Watch<'_>) -> Result<Self, HubError> {
        let path = download.cache.partial(download.digest);
        let failed = |source| HubError::io("write", &path, source);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(&path).map_err(failed)?;
        let mut there = file.metadata().map_err(failed)?.len();
        if there > download.bytes {
            file.set_len(0).map_err(failed)?;
            there = 0;
        }
        let start = Hasher::new(download.digest, download.bytes);
        let (hasher, is_resumed) = (start.clone(), there > 0);
        let mut partial = Self { file, len: 0, hasher, start, is_resumed, restarts: 0, path };
        partial.len = hash(&mut partial.file, &partial.path, &mut partial.hasher, watch)?;
        Ok(partial)
    }

    /// Writes behind what is there. Where that is, this side alone decides: what another process
    /// writes in spite of the lock is not appended to, nor does it move the end.
    fn append(&mut self, bytes: &[u8]) -> Result<(), HubError> {
        self.file.write_all(bytes).map_err(|source| HubError::io("write", &self.path, source))?;
        self.hasher.update(bytes);
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Begins anew.
    fn clear(&mut self) -> Result<(), HubError> {
        self.check()?;
        let cleared = self.file.set_len(0).and_then(|()| self.file.rewind());
        cleared.map_err(|source| HubError::io("write", &self.path, source))?;
        (self.len, self.is_resumed) = (0, false);
        self.restarts += 1;
        self.hasher = self.start.clone();
        Ok(())
    }

    /// Takes it away; if that fails, the next pull finds that it is wrong.
    fn remove(&self) {
        let _ = fs::remove_file(&self.path);
    }

    /// An error if another process has the file, too, where the disk knows no locks: it may have
    /// become a blob already.
    fn check(&self) -> Result<(), HubError> {
        if fs::metadata(&self.path).is_ok_and(|there| there.len() == self.len) {
            return Ok(());
        }
        let reason = "another process writes it, too: wait for it, and pull again";
        Err(HubError::io("write", &self.path, io::Error::other(reason)))
    }

    /// Gives it its name, once its bytes are on the disk.
    fn finish(self, blob: &Path) -> Result<(), HubError> {
        self.check()?;
        let done = self.file.sync_all().and_then(|()| fs::rename(&self.path, blob));
        done.map_err(|source| HubError::io("write", blob, source))
    }
}
