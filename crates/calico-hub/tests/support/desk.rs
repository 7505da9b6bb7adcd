//! A cache, and pulls into it.

#![allow(dead_code, unreachable_pub, reason = "every test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use calico_hub::{Choice, Hub, HubError, PullObserver, Pulled, Retry, Secret, Settings};
use tempfile::TempDir;

/// An empty cache.
pub struct Desk {
    scratch: TempDir,
}

/// Remembers what it is told.
#[derive(Debug, Default)]
pub struct Witness {
    pub warnings: Vec<String>,
    pub files: Vec<String>,
    pub begun: Option<(usize, u64)>,
    pub arrived: Vec<u64>,
}

impl PullObserver for Witness {
    fn begins(&mut self, files: usize, bytes: u64) {
        self.begun = Some((files, bytes));
    }

    fn file(&mut self, name: &str, _: u64) {
        self.files.push(name.to_owned());
    }

    fn arrived(&mut self, bytes: u64) {
        self.arrived.push(bytes);
    }

    fn warns(&mut self, warning: &str) {
        self.warnings.push(warning.to_owned());
    }
}

impl Desk {
    pub fn new() -> Self {
        Self { scratch: tempfile::tempdir().unwrap() }
    }

    /// Settings that wait for nothing.
    pub fn settings(&self, endpoint: &str) -> Settings {
        let mut settings = Settings::new(self.scratch.path().join("hub"));
        endpoint.clone_into(&mut settings.endpoint);
        settings.token = Some(Secret::new("hf_secret"));
        settings.retry = Retry { tries: 3, pause: Duration::ZERO, longest: Duration::from_secs(5) };
        settings
    }

    pub fn pull(&self, endpoint: &str) -> Result<Pulled, HubError> {
        pull(self.settings(endpoint), "org/name")
    }

    pub fn offline(&self) -> Result<Pulled, HubError> {
        let mut settings = self.settings("http://127.0.0.1:1");
        settings.is_offline = true;
        pull(settings, "org/name")
    }

    /// The folder of the repository in the cache.
    pub fn folder(&self) -> PathBuf {
        self.scratch.path().join("hub/models--org--name")
    }

    /// Everything that lies in the cache and above it, with sizes; links are not followed.
    pub fn files(&self) -> BTreeMap<String, u64> {
        let mut found = BTreeMap::new();
        walk(self.scratch.path(), "", &mut found);
        found
    }

    /// The names of the blobs, partial ones included.
    pub fn blobs(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.folder().join("blobs")) else { return Vec::new() };
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<_> = entries.map(|entry| name(entry).into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn walk(folder: &Path, prefix: &str, found: &mut BTreeMap<String, u64>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            walk(&entry.path(), &format!("{name}/"), found);
        } else {
            found.insert(name, entry.metadata().unwrap().len());
        }
    }
}

pub fn pull(settings: Settings, source: &str) -> Result<Pulled, HubError> {
    pull_seen(settings, source, &Choice::Model, &mut ())
}

pub fn pull_seen(
    settings: Settings,
    source: &str,
    choice: &Choice,
    observer: &mut dyn PullObserver,
) -> Result<Pulled, HubError> {
    static GO_ON: AtomicBool = AtomicBool::new(false);
    Hub::new(settings).pull(&source.parse().unwrap(), choice, observer, &GO_ON)
}

/// The names of what was pulled.
pub fn names(pulled: &Pulled) -> Vec<&str> {
    pulled.files.iter().map(|file| &*file.name).collect()
}
