//! Runs of the tiny model on drawn pictures, for tests of whole trainings.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

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
