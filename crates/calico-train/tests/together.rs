//! Batches that are computed at once: the same run, to the bit.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod drawn;
mod runs;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use calico_nn::Weights;
use calico_nn::ops::linear;
use calico_nn::weights::{Init, Random};
use calico_train::recipe::{FeaturesConfig, StoredFeatures};
use calico_train::watch::TrainRow;
use calico_train::{Outcome, Recipe, TrainObserver, Trainer};
use candle_core::Device;

use runs::{StopAfter, assert_same, files, small, train};

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

/// Asks a run to stop in the middle of a step: when it is told of a bad picture, and has made a
/// step.
struct StopAtWarning<'a> {
    stop: &'a AtomicBool,
    made: u64,
    /// Steps that were made when it asked first.
    asked_at: Option<u64>,
}

impl TrainObserver for StopAtWarning<'_> {
    fn stepped(&mut self, row: &TrainRow, _: u64) {
        self.made = row.step;
    }

    fn warns(&mut self, _: &str) {
        if self.made > 0 {
            self.stop.store(true, Ordering::Relaxed);
            self.asked_at.get_or_insert(self.made);
        }
    }
}

#[test]
fn a_run_that_is_stopped_between_batches_forgets_the_step() {
    let place = tempfile::tempdir().unwrap();
    let (whole, parts) = (place.path().join("whole"), place.path().join("parts"));
    let mut recipe = recipe(place.path(), 2);
    // Four groups of batches: the first bad picture of a step is not in the last one.
    recipe.stages[0].accumulate = 8;
    damage(place.path());
    train(recipe.clone(), &whole).unwrap();
    let stop = AtomicBool::new(false);
    let trainer = Trainer::open(recipe.clone(), &parts, &()).unwrap();
    let mut observer = StopAtWarning { stop: &stop, made: 0, asked_at: None };
    let ended = trainer.run(&mut observer, &stop).unwrap();
    // The step in which it asked is not made: more batches of it were to come.
    assert_eq!(ended, Outcome::Stopped { step: observer.asked_at.unwrap(), total: 12 });
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
