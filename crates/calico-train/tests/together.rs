//! Batches that are computed at once: the same run, to the bit.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod drawn;
mod runs;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use calico_nn::Weights;
use calico_nn::ops::linear;
use calico_nn::weights::{Init, Random};
use calico_train::recipe::{FeaturesConfig, StoredFeatures};
use calico_train::watch::TrainRow;
use calico_train::{Outcome, Recipe, TrainObserver, Trainer};
use candle_core::Device;

use runs::{StopAfter, small, train};

/// Three stages, one per objective, of which the last reads features of frozen encoders, drops out
/// and computes layers again.
fn recipe(place: &Path, together: usize) -> Recipe {
    let mut recipe = small("scratch.toml", place);
    recipe.validation = None;
    recipe.checkpoint.keep = 20;
    for stage in &mut recipe.stages {
        stage.accumulate = 4;
        stage.together = together;
    }
    let answers = recipe.stages.last_mut().unwrap();
    answers.freeze = ["eva", "ln_vision", "dino", "sam.encoder"].map(str::to_owned).to_vec();
    answers.lora_dropout = 0.1;
    answers.recompute = true;
    recipe
}

/// Every file of some folders of a run.
fn files(run: &Path, folders: &[&str]) -> BTreeMap<PathBuf, Vec<u8>> {
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

fn assert_same(a: &Path, b: &Path, folders: &[&str]) {
    let (a, b) = (files(a, folders), files(b, folders));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    assert!(a.len() > 3);
    for (name, bytes) in &a {
        assert!(*bytes == b[name], "{} differs", name.display());
    }
}

/// What does not depend on where a run was stopped.
const END: [&str; 3] = ["checkpoints/step-00000012", "model", "metrics.jsonl"];

#[test]
fn batches_that_are_computed_at_once_give_the_bits_of_one_after_the_other() {
    let place = tempfile::tempdir().unwrap();
    let run = |together: usize| {
        let mut recipe = recipe(place.path(), together);
        let folder = place.path().join(format!("features-{together}"));
        recipe.features = Some(FeaturesConfig { folder, stored: StoredFeatures::Bf16 });
        let run = place.path().join(format!("run-{together}"));
        train(recipe, &run).unwrap();
        run
    };
    let one = run(1);
    for together in [2, 4] {
        let several = run(together);
        assert_same(&one, &several, &["checkpoints", "model", "metrics.jsonl"]);
        let features = |together| files(&place.path().join(format!("features-{together}")), &[""]);
        assert!(features(1) == features(together));
    }
}

#[test]
fn a_run_goes_on_with_another_number_of_batches_at_once() {
    let place = tempfile::tempdir().unwrap();
    let whole = place.path().join("whole");
    train(recipe(place.path(), 1), &whole).unwrap();
    let parts = place.path().join("parts");
    for (together, step) in [(1, 3), (2, 5), (4, 10)] {
        let stop = AtomicBool::new(false);
        let trainer = Trainer::open(recipe(place.path(), together), &parts, &()).unwrap();
        let ended = trainer.run(&mut StopAfter(step, &stop), &stop).unwrap();
        assert_eq!(ended, Outcome::Stopped { step, total: 12 });
    }
    train(recipe(place.path(), 2), &parts).unwrap();
    assert_same(&whole, &parts, &END);
}

/// Writes down what it is told, in order.
#[derive(Default)]
struct Told(Vec<String>);

impl TrainObserver for Told {
    fn stepped(&mut self, row: &TrainRow, _: u64) {
        self.0.push(format!("step {}, epoch {}", row.step, row.epoch));
    }

    fn warns(&mut self, warning: &str) {
        self.0.push(warning.to_owned());
    }
}

/// Damages two pictures to learn from.
fn damage(place: &Path) {
    for name in ["train-3-0.png", "train-5-1.png"] {
        fs::write(place.join("data/pictures").join(name), "no picture").unwrap();
    }
}

#[test]
fn warnings_and_positions_are_those_of_one_batch_after_the_other() {
    let place = tempfile::tempdir().unwrap();
    let run = |together: usize| {
        let recipe = recipe(place.path(), together);
        damage(place.path());
        let run = place.path().join(format!("run-{together}"));
        let mut told = Told::default();
        let trainer = Trainer::open(recipe, &run, &()).unwrap();
        trainer.run(&mut told, &AtomicBool::new(false)).unwrap();
        (run, told.0)
    };
    let (one, told) = run(1);
    for of in ["image drawn/train-3-0", "image drawn/train-5-1", "sample train-0003"] {
        assert!(told.iter().any(|line| line.starts_with(of)), "{told:?}");
    }
    for together in [2, 4] {
        let (several, also) = run(together);
        assert_eq!(told, also);
        assert_same(&one, &several, &["checkpoints"]);
    }
}

/// Asks a run to stop in the middle of a step: when it is told of a bad picture.
struct StopAtWarning<'a>(&'a AtomicBool);

impl TrainObserver for StopAtWarning<'_> {
    fn warns(&mut self, _: &str) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_run_that_is_stopped_between_batches_forgets_the_step() {
    let place = tempfile::tempdir().unwrap();
    let (whole, parts) = (place.path().join("whole"), place.path().join("parts"));
    let recipe = recipe(place.path(), 2);
    damage(place.path());
    train(recipe.clone(), &whole).unwrap();
    let stop = AtomicBool::new(false);
    let trainer = Trainer::open(recipe.clone(), &parts, &()).unwrap();
    let ended = trainer.run(&mut StopAtWarning(&stop), &stop).unwrap();
    assert!(matches!(ended, Outcome::Stopped { step: 0..4, total: 12 }), "{ended:?}");
    train(recipe, &parts).unwrap();
    assert_same(&whole, &parts, &END);
}

/// Takes the pictures away after a step.
struct Thief<'a>(u64, &'a Path, &'a Path);

impl TrainObserver for Thief<'_> {
    fn stepped(&mut self, row: &TrainRow, _: u64) {
        if row.step == self.0 {
            fs::rename(self.1, self.2).unwrap();
        }
    }
}

#[test]
fn pictures_that_vanish_end_the_run_and_it_goes_on_when_they_are_back() {
    let place = tempfile::tempdir().unwrap();
    let (whole, parts) = (place.path().join("whole"), place.path().join("parts"));
    let recipe = recipe(place.path(), 2);
    train(recipe.clone(), &whole).unwrap();
    let (pictures, away) = (place.path().join("data/pictures"), place.path().join("away"));
    // Once in each stage.
    for step in [2, 5, 9] {
        let trainer = Trainer::open(recipe.clone(), &parts, &()).unwrap();
        let mut thief = Thief(step, &pictures, &away);
        let error = trainer.run(&mut thief, &AtomicBool::new(false)).unwrap_err();
        assert!(error.is_bad_input(), "{error}");
        fs::rename(&away, &pictures).unwrap();
    }
    train(recipe, &parts).unwrap();
    assert_same(&whole, &parts, &END);
}

#[test]
fn products_do_not_depend_on_the_threads_of_their_pool() {
    // Small ones are left to one thread anyway; the last is larger than any cache.
    for [rows, inner, columns] in [[7, 33, 5], [130, 257, 90], [301, 512, 777], [640, 1500, 1100]] {
        let drawn = |name: &str, shape: [usize; 2]| {
            let weights = Weights::new(Arc::new(Random::new(1, Device::Cpu)));
            weights.get(&shape, name, Init::std(1.0)).unwrap()
        };
        let (x, weight) = (drawn("x", [rows, inner]), drawn("weight", [columns, inner]));
        let bits = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let products = pool.install(|| {
                [linear(&x, &weight, None).unwrap(), x.matmul(&weight.t().unwrap()).unwrap()]
            });
            products.map(|product| {
                let values = product.flatten_all().unwrap().to_vec1::<f32>().unwrap();
                values.into_iter().map(f32::to_bits).collect::<Vec<_>>()
            })
        };
        let one = bits(1);
        for threads in [2, 3, 8] {
            assert!(one == bits(threads), "{rows} x {inner} x {columns} on {threads} threads");
        }
    }
}
