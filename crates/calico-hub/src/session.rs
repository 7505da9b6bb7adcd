use std::collections::BTreeSet;
use std::error::Error as _;
use std::fs;
use std::path::{Path, PathBuf};

use calico_formats::Licence;

use crate::attempts::{Attempts, Watch};
use crate::cache::Cache;
use crate::choice::Choice;
use crate::client::{Answer, Asked, Client, header};
use crate::digest::Digest;
use crate::download::{Download, hashed, is_whole};
use crate::error::HubError;
use crate::fault::Fault;
use crate::file_name::FileName;
use crate::listing::{self, ListedFile, Listing};
use crate::pace::Pace;
use crate::place::free_bytes;
use crate::pulled::{Pulled, PulledFile};
use crate::settings::Settings;
use crate::source::Source;
use crate::tree_file;

/// A pull with a connection.
pub(crate) struct Session<'a, 'w> {
    pub(crate) settings: &'a Settings,
    pub(crate) source: &'a Source,
    pub(crate) cache: &'a Cache,
    pub(crate) client: Client,
    pub(crate) watch: &'a mut Watch<'w>,
}

/// A file that is in a snapshot.
#[derive(Debug)]
pub(crate) struct Local {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    pub(crate) is_new: bool,
}

impl Session<'_, '_> {
    pub(crate) fn pull(mut self, choice: &Choice) -> Result<Pulled, HubError> {
        let mut listing = self.listing()?;
        // Where only others may write, what is there can still be used.
        if let Err(error) = tree_file::write(&self.cache.tree(&listing.commit), &listing.files) {
            self.warn("the list of files is not kept for offline mode", &error);
        }
        let repository = self.source.repository.name();
        let names = listing.files.clone();
        let plan = choice.plan(repository, &names, &mut |place| {
            self.complete(&mut listing, place)?;
            let file = &listing.files[place];
            if file.bytes.is_some_and(|bytes| bytes > listing::MOST_BYTES) {
                return too_large(file);
            }
            let local = self.fetch(&mut listing, place, 0)?;
            fs::read(&local.path)
                .map(Some)
                .map_err(|source| HubError::io("read", &local.path, source))
        })?;
        for warning in &plan.warnings {
            self.watch.observer.warns(warning);
        }
        if !plan.missing.is_empty() {
            let place = format!("the repository at {}", listing.commit);
            return Err(HubError::Missing {
                repository: repository.into(),
                place,
                files: plan.missing,
            });
        }
        for &place in &plan.files {
            self.complete(&mut listing, place)?;
        }
        let locals = self.fetch_all(&mut listing, &plan.files)?;
        if let Err(error) = self.cache.note(&self.source.revision, &listing.commit) {
            let name = self.source.revision.name();
            self.warn(&format!("offline, `{name}` will not be found"), &error);
        }
        let chosen = plan.files.iter().map(|&place| &listing.files[place].name);
        let files = chosen.zip(locals).map(|(name, local)| local.named(name)).collect();
        let snapshot = self.cache.snapshot(&listing.commit);
        Ok(Pulled {
            repository: repository.to_owned(),
            revision: self.source.revision.name().to_owned(),
            licence: stated(&snapshot).or(listing.licence),
            commit: listing.commit,
            snapshot,
            files,
            left_out: listing.files.len() - plan.files.len(),
        })
    }

    /// Tells what failed and was not needed.
    fn warn(&mut self, what: &str, error: &HubError) {
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        self.watch.observer.warns(&format!("{what}: {error}{cause}"));
    }

    /// Asks until somebody answers, or that is no use.
    fn ask<T>(
        &mut self,
        asked: Asked<'_>,
        mut take: impl FnMut(Answer, &Watch<'_>) -> Result<T, Fault>,
    ) -> Result<T, HubError> {
        let mut attempts = Attempts::new(self.settings.retry);
        loop {
            self.watch.check()?;
            match self.client.ask(asked).and_then(|answer| take(answer, self.watch)) {
                Ok(taken) => return Ok(taken),
                Err(fault) => attempts.after(fault, self.watch)?,
            }
        }
    }

    fn listing(&mut self) -> Result<Listing, HubError> {
        let source = self.source;
        let asked = Asked::Listing {
            repository: source.repository.name(),
            revision: source.revision.name(),
        };
        let silence = self.settings.silence;
        let asking = self.ask(asked, |Answer { response, host }, watch| {
            let mut reader = response.into_body().into_reader();
            let (mut pace, mut block) = (Pace::new(silence), vec![0; 1 << 16]);
            let mut bytes = Vec::new();
            loop {
                watch.check()?;
                match pace.read(&mut reader, &mut block) {
                    Ok(0) => return Ok(Listing::parse(&bytes, &host, &asked.what())?),
                    Ok(read) => bytes.extend_from_slice(&block[..read]),
                    Err(error) => return Err(Fault::cut(host, asked.what(), error.to_string())),
                }
                if bytes.len() as u64 > listing::MOST_BYTES {
                    let reason = format!("more than {} bytes", listing::MOST_BYTES);
                    return Err(HubError::Answer { host, what: asked.what(), reason }.into());
                }
            }
        });
        let listing = asking.map_err(|error| match error {
            HubError::Unreachable { host, reason, advice } => {
                let advice = advice + &self.offline_advice();
                HubError::Unreachable { host, reason, advice }
            }
            error => error,
        })?;
        match source.revision.commit() {
            Some(commit) if commit != listing.commit => {
                let (host, what) = (self.client.endpoint().to_owned(), asked.what());
                let reason = format!("those of commit {}, expected {commit}", listing.commit);
                Err(HubError::Answer { host, what, reason })
            }
            _ => Ok(listing),
        }
    }

    /// What the cache could give instead.
    fn offline_advice(&self) -> String {
        let commit = self.cache.commit(&self.source.revision);
        match commit.filter(|commit| self.cache.snapshot(commit).is_dir()) {
            Some(commit) => {
                format!("; offline mode (HF_HUB_OFFLINE=1) takes commit {commit} from the cache")
            }
            None => String::new(),
        }
    }

    /// Asks for the size and the digest of a file, where the listing lacks them, as those of some
    /// mirrors do.
    fn complete(&mut self, listing: &mut Listing, place: usize) -> Result<(), HubError> {
        let file = &mut listing.files[place];
        if file.bytes.is_some() && file.digest.is_some() {
            return Ok(());
        }
        let (repository, commit) = (self.source.repository.name(), &*listing.commit);
        let asked = Asked::Metadata { repository, commit, name: &file.name };
        let (bytes, digest) = self.ask(asked, |Answer { response, host }, _| {
            let headers = response.headers();
            let etag = header(headers, "x-linked-etag").or_else(|| header(headers, "etag"));
            let etag = etag.unwrap_or_default();
            let digest = Digest::parse(etag.trim_start_matches("W/").trim_matches('"'));
            let bytes = header(headers, "x-linked-size").or_else(|| {
                let is_whole = response.status().is_success();
                header(headers, "content-length").filter(|_| is_whole)
            });
            let bytes = bytes.and_then(|bytes| bytes.parse::<u64>().ok());
            bytes.zip(digest).ok_or_else(|| {
                let reason = format!("neither size nor digest (etag {etag:?})");
                HubError::Answer { host, what: asked.what(), reason }.into()
            })
        })?;
        (file.bytes, file.digest) = (Some(bytes), Some(digest));
        Ok(())
    }

    /// Fetches files, the small ones first, and gives them in the order of `places`.
    fn fetch_all(
        &mut self,
        listing: &mut Listing,
        places: &[usize],
    ) -> Result<Vec<Local>, HubError> {
        let (mut total, mut to_come, mut count) = (0_u64, 0_u64, 0);
        let mut blobs = BTreeSet::new();
        for &place in places {
            let file = &listing.files[place];
            let (Some(bytes), Some(digest)) = (file.bytes, &file.digest) else { continue };
            // Files with the same bytes are one blob.
            if located(self.cache, &listing.commit, file).is_none() && blobs.insert(digest.as_str())
            {
                let there = fs::metadata(self.cache.partial(digest)).map_or(0, |there| there.len());
                total = total.saturating_add(bytes);
                to_come = to_come.saturating_add(bytes.saturating_sub(there));
                count += 1;
            }
        }
        if let Some(free) = free_bytes(self.cache.root()).filter(|&free| free < to_come) {
            let path = self.cache.root().to_owned();
            return Err(HubError::DiskFull { path, needed: Some(to_come), free: Some(free) });
        }
        self.watch.observer.begins(count, total);
        let mut order: Vec<usize> = (0..places.len()).collect();
        order.sort_by_key(|&at| listing.files[places[at]].bytes);
        let mut fetched: Vec<(usize, Local)> = Vec::new();
        let mut before = 0;
        for at in order {
            let is_here =
                located(self.cache, &listing.commit, &listing.files[places[at]]).is_some();
            let local = self.fetch(listing, places[at], before)?;
            before += if is_here { 0 } else { local.bytes };
            fetched.push((at, local));
        }
        fetched.sort_by_key(|(at, _)| *at);
        Ok(fetched.into_iter().map(|(_, local)| local).collect())
    }

    /// Sees to it that a file is in the snapshot. `before` bytes of others have arrived.
    fn fetch(
        &mut self,
        listing: &mut Listing,
        place: usize,
        before: u64,
    ) -> Result<Local, HubError> {
        self.complete(listing, place)?;
        let (commit, file) = (&*listing.commit, &listing.files[place]);
        let (Some(bytes), Some(digest)) = (file.bytes, &file.digest) else {
            let (host, what) = (self.client.endpoint().to_owned(), file.name.as_str().to_owned());
            return Err(HubError::Answer { host, what, reason: "neither size nor digest".into() });
        };
        if let Some(path) = located(self.cache, commit, file)
            && is_whole(&path, digest, bytes, self.settings.verifies, self.watch)?
        {
            return Local::new(self.cache, commit, file, &path, self.watch);
        }
        let download = Download {
            client: &self.client,
            settings: self.settings,
            cache: self.cache,
            repository: self.source.repository.name(),
            commit,
            name: &file.name,
            bytes,
            digest,
            before,
        };
        let sha256 = download.run(self.watch)?;
        let path = self.cache.point(commit, &file.name, digest)?;
        match sha256 {
            Some(sha256) => Ok(Local { path, bytes, sha256, is_new: true }),
            None => Local::new(self.cache, commit, file, &path, self.watch),
        }
    }
}

impl Local {
    /// A file that is in the cache at `path`, and from now on in the snapshot.
    pub(crate) fn new(
        cache: &Cache,
        commit: &str,
        file: &ListedFile,
        path: &Path,
        watch: &Watch<'_>,
    ) -> Result<Self, HubError> {
        let length = fs::metadata(path).map_err(|source| HubError::io("read", path, source))?;
        let bytes = length.len();
        let entry = file.name.below(&cache.snapshot(commit));
        let path = match &file.digest {
            Some(digest) if entry != path => cache.point(commit, &file.name, digest)?,
            _ => entry,
        };
        let sha256 = match &file.digest {
            Some(Digest::Sha256(sha256)) => sha256.clone(),
            // Any digest will do: it is the other one that is wanted.
            _ => hashed(&path, &Digest::Sha256(String::new()), bytes, watch)?.0,
        };
        Ok(Self { path, bytes, sha256, is_new: false })
    }

    pub(crate) fn named(self, name: &FileName) -> PulledFile {
        PulledFile {
            name: name.as_str().to_owned(),
            path: self.path,
            bytes: self.bytes,
            sha256: self.sha256,
            is_new: self.is_new,
        }
    }
}

/// Where the cache has a file, with the right size: in the snapshot, as a link to the right blob or
/// a copy, or else among the blobs.
pub(crate) fn located(cache: &Cache, commit: &str, file: &ListedFile) -> Option<PathBuf> {
    let entry = file.name.below(&cache.snapshot(commit));
    let is_right = |path: &Path| {
        let is_sized = |there: fs::Metadata| {
            there.is_file() && file.bytes.is_none_or(|bytes| bytes == there.len())
        };
        fs::metadata(path).is_ok_and(is_sized)
    };
    let leads_elsewhere = fs::read_link(&entry).is_ok_and(|target| {
        let blob = target.file_name().and_then(|name| name.to_str());
        file.digest.as_ref().is_some_and(|digest| blob != Some(digest.as_str()))
    });
    if !leads_elsewhere && is_right(&entry) {
        return Some(entry);
    }
    file.digest.as_ref().map(|digest| cache.blob(digest)).filter(|blob| is_right(blob))
}

/// Refuses to read an index that is none.
pub(crate) fn too_large<T>(file: &ListedFile) -> Result<T, HubError> {
    let expected = format!("it has more than {} bytes", listing::MOST_BYTES);
    Err(HubError::Index { name: file.name.as_str().to_owned(), reason: expected })
}

/// What the card in a snapshot says about the terms, if it is there. Nothing hangs on it: one that
/// cannot be read states nothing.
pub(crate) fn stated(snapshot: &Path) -> Option<Licence> {
    Licence::in_folder(snapshot).ok().flatten()
}
