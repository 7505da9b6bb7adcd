use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
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
use crate::settings::Settings;

/// Bytes that are read at once.
const BLOCK: usize = 1 << 16;

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
        let mut most = partial.len;
        loop {
            let received = if partial.len < self.bytes {
                self.receive(partial, watch)
            } else {
                Ok(String::new())
            };
            // Only what is new counts as progress: a server that always begins anew and never
            // ends must not be asked for ever.
            if partial.len > most {
                most = partial.len;
                attempts.succeeded();
            }
            let host = match received {
                Ok(host) => host,
                Err(Fault::NoSuchRange) => {
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
            if !partial.is_resumed {
                partial.remove();
                return Err(HubError::Digest {
                    name: self.name.as_str().to_owned(),
                    host,
                    expected: self.digest.as_str().to_owned(),
                    found: found.as_str().to_owned(),
                });
            }
            // What was there before may have been the damaged part.
            watch.observer.warns(&format!(
                "what an earlier pull left of {} is damaged: it is fetched anew",
                self.name.as_str()
            ));
            partial.clear()?;
            most = 0;
        }
    }

    /// Appends what one answer brings, and gives the name of who sent it.
    fn receive(&self, partial: &mut Partial, watch: &mut Watch<'_>) -> Result<String, Fault> {
        let (repository, commit, name) = (self.repository, self.commit, self.name);
        watch.check()?;
        let asked = Asked::File { repository, commit, name, from: partial.len };
        let Answer { response, host } = self.client.ask(asked).map_err(|fault| match fault {
            Fault::NoSuchRange if partial.len == 0 => {
                let (what, message) = (asked.what(), String::new());
                Fault::Final(HubError::Status { host: String::new(), status: 416, what, message })
            }
            fault => fault,
        })?;
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
        let cut = |reason: String| Fault::Passing {
            reason: format!("{host} was cut off: {reason}"),
            error: HubError::Cut { host: host.clone(), what: asked.what(), reason },
            pause: None,
        };
        let mut reader = response.into_body().into_reader();
        let mut block = vec![0; BLOCK];
        loop {
            watch.check()?;
            let read = match reader.read(&mut block) {
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
            Some(first) if first == partial.len => Ok(()),
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
    /// Whether a part of it is from an earlier pull.
    is_resumed: bool,
}

impl Partial {
    fn open(download: &Download<'_>, watch: &Watch<'_>) -> Result<Self, HubError> {
        let path = download.cache.partial(download.digest);
        let failed = |source| HubError::io("write", &path, source);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(&path).map_err(failed)?;
        let there = file.metadata().map_err(failed)?.len();
        let start = Hasher::new(download.digest, download.bytes);
        let mut partial =
            Self { file, len: 0, hasher: start.clone(), start, is_resumed: there > 0, path };
        if there > download.bytes {
            partial.clear()?;
        } else if there > 0 {
            partial.len = hash(&mut partial.file, &partial.path, &mut partial.hasher, watch)?;
        }
        Ok(partial)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), HubError> {
        self.file.write_all(bytes).map_err(|source| HubError::io("write", &self.path, source))?;
        self.hasher.update(bytes);
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Begins anew.
    fn clear(&mut self) -> Result<(), HubError> {
        self.file.set_len(0).map_err(|source| HubError::io("write", &self.path, source))?;
        (self.len, self.is_resumed) = (0, false);
        self.hasher = self.start.clone();
        Ok(())
    }

    /// Takes it away; if that fails, the next pull finds that it is wrong.
    fn remove(&self) {
        let _ = fs::remove_file(&self.path);
    }

    /// Gives it its name, once its bytes are on the disk.
    fn finish(self, blob: &Path) -> Result<(), HubError> {
        let done = self.file.sync_all().and_then(|()| fs::rename(&self.path, blob));
        done.map_err(|source| HubError::io("write", blob, source))
    }
}
