use std::fs;
use std::path::Path;

use crate::attempts::Watch;
use crate::cache::Cache;
use crate::choice::Choice;
use crate::digest::Digest;
use crate::download::is_whole;
use crate::error::{HubError, MissingFile};
use crate::file_name::FileName;
use crate::listing::{self, ListedFile, ordered};
use crate::pulled::Pulled;
use crate::session::{Local, located, stated, too_large};
use crate::settings::Settings;
use crate::source::Source;
use crate::tree_file;

/// A pull from the cache alone.
pub(crate) fn pull(
    settings: &Settings,
    source: &Source,
    choice: &Choice,
    cache: &Cache,
    watch: &mut Watch<'_>,
) -> Result<Pulled, HubError> {
    let repository = source.repository.name();
    let commit = cache.commit(&source.revision);
    let commit = commit.filter(|commit| cache.snapshot(commit).is_dir());
    let commit = commit.ok_or_else(|| HubError::NotCached {
        repository: repository.to_owned(),
        revision: source.revision.name().to_owned(),
        cache: cache.root().to_owned(),
    })?;
    let snapshot = cache.snapshot(&commit);
    let files = match tree_file::read(&cache.tree(&commit)) {
        Some(files) => files,
        None => ordered(there(&snapshot)?)?,
    };
    let plan = choice.plan(repository, &files, &mut |place| {
        let Some(path) = located(cache, &commit, &files[place]) else { return Ok(None) };
        if fs::metadata(&path).is_ok_and(|there| there.len() > listing::MOST_BYTES) {
            return too_large(&files[place]);
        }
        fs::read(&path).map(Some).map_err(|source| HubError::io("read", &path, source))
    })?;
    for warning in &plan.warnings {
        watch.observer.warns(warning);
    }
    let mut missing = plan.missing;
    let mut pulled = Vec::new();
    for &place in &plan.files {
        match local(settings, cache, &commit, &files[place], watch)? {
            Ok(local) => pulled.push(local.named(&files[place].name)),
            Err(lack) => missing.push(lack),
        }
    }
    if !missing.is_empty() {
        let place = format!(
            "the cache at {}, and this is offline mode: pull it once with a connection, \
             without `--offline` or HF_HUB_OFFLINE",
            snapshot.display()
        );
        return Err(HubError::Missing { repository: repository.to_owned(), place, files: missing });
    }
    Ok(Pulled {
        repository: repository.to_owned(),
        revision: source.revision.name().to_owned(),
        licence: stated(&snapshot),
        commit,
        snapshot,
        left_out: files.len() - pulled.len(),
        files: pulled,
    })
}

/// A file in the snapshot, or what is wrong with it.
fn local(
    settings: &Settings,
    cache: &Cache,
    commit: &str,
    file: &ListedFile,
    watch: &mut Watch<'_>,
) -> Result<Result<Local, MissingFile>, HubError> {
    let lack =
        |reason: String| Ok(Err(MissingFile { name: file.name.as_str().to_owned(), reason }));
    let Some(path) = located(cache, commit, file) else {
        let partial = file.digest.as_ref().map(|digest| cache.partial(digest));
        let arrived = partial.and_then(|path| fs::metadata(path).ok()).map(|there| there.len());
        return lack(match (arrived, file.bytes) {
            (Some(arrived), Some(bytes)) => format!("{arrived} of {bytes} bytes have arrived"),
            (_, Some(bytes)) => format!("{bytes} bytes"),
            _ => "its blob is gone".into(),
        });
    };
    if let (true, Some(digest), Some(bytes)) = (settings.verifies, &file.digest, file.bytes)
        && !is_whole(&path, digest, bytes, true, watch)?
    {
        return lack("it is damaged".into());
    }
    Ok(Ok(Local::new(cache, commit, file, &path, watch)?))
}

/// What is in a snapshot, where nothing lists what should be: another client has made it.
fn there(snapshot: &Path) -> Result<Vec<ListedFile>, HubError> {
    let mut files = Vec::new();
    let mut folders = vec![(snapshot.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        let failed = |source| HubError::io("read", &folder, source);
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            // A link is a file, whatever it leads to: no folder of a snapshot is one.
            if entry.file_type().map_err(failed)?.is_dir() {
                folders.push((entry.path(), name + "/"));
                continue;
            }
            let target = fs::read_link(entry.path()).ok();
            let blob = target.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
            let digest = blob.and_then(Digest::parse);
            let bytes = fs::metadata(entry.path()).ok().map(|there| there.len());
            // What no hub would list is no file of a model.
            let Ok(name) = FileName::new(&name) else { continue };
            files.push(ListedFile { name, bytes, digest, git: None });
        }
    }
    Ok(files)
}
