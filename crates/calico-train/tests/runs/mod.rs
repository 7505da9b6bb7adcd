//! Runs of the tiny model on drawn pictures, for tests of whole trainings.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]
#![allow(dead_code, reason = "not every test needs all of them")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use calico_model::ModelFolder;
use calico_train::recipe::{OutputKind, Overrides};
use calico_train::watch::TrainRow;
use calico_train::{Outcome, Recipe, TrainError, TrainObserver, Trainer};

/// A recipe of the repository, made small enough for a test.
pub(crate) fn small(name: &str, place: &Path) -> Recipe {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes").join(name);
    let mut recipe = Recipe::open(&path, &Overrides::default()).unwrap();
    recipe.data.folder = Some(data(place));
    recipe.model.preset = Some("tiny".into());
    recipe.output.kind = OutputKind::Model;
    if let Some(validation) = &mut recipe.validation {
        validation.every = 3;
        validation.pairs = 2;
        validation.max_new_tokens = 6;
        validation.pictures = 1;
    }
    recipe.checkpoint.every = 2;
    for stage in &mut recipe.stages {
        stage.steps = 4;
        stage.warmup = 1;
        stage.batch = 2;
        stage.accumulate = 2;
    }
    recipe
}

fn data(place: &Path) -> PathBuf {
    let folder = place.join("data");
    if !folder.exists() {
        crate::drawn::write(&folder, 8);
    }
    folder
}

pub(crate) fn train(recipe: Recipe, run: &Path) -> Result<Outcome, TrainError> {
    Trainer::open(recipe, run, &())?.run(&mut (), &AtomicBool::new(false))
}

/// Stops a run after a number of steps.
pub(crate) struct StopAfter<'a>(pub(crate) u64, pub(crate) &'a AtomicBool);

impl TrainObserver for StopAfter<'_> {
    fn stepped(&mut self, row: &TrainRow, _total: u64) {
        if row.step >= self.0 {
            self.1.store(true, Ordering::Relaxed);
        }
    }
}

/// The bytes of every tensor of a model folder.
pub(crate) fn tensors(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let model = ModelFolder::open(folder).unwrap();
    let bytes = |name: &str| model.checkpoint.bytes(name).unwrap().to_vec();
    model.checkpoint.names().map(|name| (name.to_owned(), bytes(name))).collect()
}

/// Every file of some folders of a run, or some of its files.
pub(crate) fn files(run: &Path, folders: &[&str]) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left: Vec<PathBuf> = folders.iter().map(|name| run.join(name)).collect();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            found.insert(path.strip_prefix(run).unwrap().to_owned(), fs::read(&path).unwrap());
        }
    }
    found
}

/// Asserts that two folders hold the same, as [`files`] finds it.
pub(crate) fn assert_same(a: &Path, b: &Path, folders: &[&str]) {
    let (a, b) = (files(a, folders), files(b, folders));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    assert!(a.len() > 3);
    for (name, bytes) in &a {
        assert!(*bytes == b[name], "{} differs", name.display());
    }
}
