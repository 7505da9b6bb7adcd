//! Trainings that take some tensors of a model and draw all others.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod drawn;
mod runs;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use calico_model::Preset;
use calico_model::checkpoint::init;
use calico_model::provenance::{ModuleOrigin, PROVENANCE_FILE, Provenance};
use calico_nn::weights::checkpoint::StoredType;
use calico_train::plan::{Machine, Plan};
use calico_train::{Outcome, Recipe, TrainError, Trainer};

use runs::{StopAfter, assert_same, small, tensors, train};

/// One step of the language model, on an untrained model of which some tensors are taken.
fn recipe(place: &Path, keep: &[&str]) -> (PathBuf, Recipe) {
    let start = place.join("start");
    if !start.exists() {
        init(&start, &Preset::Tiny.config().unwrap(), 5, StoredType::F32, |_| {
            ControlFlow::Continue(())
        })
        .unwrap();
    }
    let mut recipe = small("scratch.toml", place);
    recipe.validation = None;
    recipe.loss.label_prompt = 0.0;
    recipe.stages.drain(..2);
    recipe.stages[0].steps = 1;
    recipe.stages[0].warmup = 0;
    recipe.stages[0].train = vec!["llm".into()];
    recipe.model.preset = None;
    recipe.model.folder = Some(start.clone());
    recipe.model.keep = keep.iter().map(|&pattern| pattern.to_owned()).collect();
    (start, recipe)
}

#[test]
fn what_is_kept_is_that_of_the_folder_and_all_else_is_drawn() {
    let place = tempfile::tempdir().unwrap();
    let (start, mut recipe) = recipe(place.path(), &["eva", "sam"]);
    let mut config = Preset::Tiny.config().unwrap();
    config.cam.layers = vec![1];
    let file = place.path().join("config.json");
    fs::write(&file, config.to_json().unwrap()).unwrap();
    recipe.model.config = Some(file);
    let mut said = Provenance::default();
    for module in ["eva", "dino"] {
        let (source, licence) = (module.to_owned(), "mit".to_owned());
        said.add(module, ModuleOrigin { source, licence, family: None });
    }
    fs::write(start.join(PROVENANCE_FILE), said.to_json()).unwrap();
    let run = place.path().join("run");
    train(recipe, &run).unwrap();
    let says = Provenance::of_folder(&run.join("model")).unwrap().unwrap().modules;
    assert_eq!(says["eva"].origins, said.modules["eva"].origins);
    assert_eq!(says["dino"].origins, [], "drawn anew");
    let (before, after) = (tensors(&start), tensors(&run.join("model")));
    assert!(!after.contains_key("cams.1.adapt.weight"));
    for (name, bytes) in &after {
        let is_kept = name.starts_with("eva.") || name.starts_with("sam.");
        // Norms and biases are drawn as they always are.
        if is_kept || name.starts_with("dino.blocks.0.attn.qkv.w") {
            assert_eq!(before[name] == *bytes, is_kept, "{name}");
        }
    }
}

#[test]
fn a_run_that_is_stopped_goes_on_with_the_same_tensors_kept_and_no_others() {
    let place = tempfile::tempdir().unwrap();
    let (_, mut recipe) = recipe(place.path(), &["eva", "sam"]);
    recipe.stages[0].steps = 3;
    let (whole, parts) = (place.path().join("whole"), place.path().join("parts"));
    train(recipe.clone(), &whole).unwrap();
    let stop = AtomicBool::new(false);
    let trainer = Trainer::open(recipe.clone(), &parts, &()).unwrap();
    let ended = trainer.run(&mut StopAfter(1, &stop), &stop).unwrap();
    assert_eq!(ended, Outcome::Stopped { step: 1, total: 3 });
    for other in [&["eva"][..], &["eva", "sam", "dino"], &[]] {
        let mut changed = recipe.clone();
        changed.model.keep = other.iter().map(|&pattern| pattern.to_owned()).collect();
        let told = train(changed, &parts).unwrap_err().to_string();
        assert!(told.contains("model.keep"), "{told}");
    }
    train(recipe, &parts).unwrap();
    assert_same(&whole, &parts, &["checkpoints/step-00000003", "model", "metrics.jsonl"]);
}

#[test]
fn nothing_is_kept_of_no_folder() {
    let place = tempfile::tempdir().unwrap();
    let (_, mut recipe) = recipe(place.path(), &["eva"]);
    recipe.model.folder = None;
    recipe.model.preset = Some("tiny".into());
    let run = place.path().join("run");
    let machine = Machine { gflops: 10.0, is_cpu: true };
    for error in
        [train(recipe.clone(), &run).unwrap_err(), Plan::of_recipe(&recipe, machine).unwrap_err()]
    {
        assert!(error.to_string().contains("model.keep"), "{error}");
    }
    assert!(!run.exists());
}

#[test]
fn what_cannot_be_kept_is_told_before_the_first_step() {
    let place = tempfile::tempdir().unwrap();
    let (_, mut recipe) = recipe(place.path(), &["eva", "cams", "nothing"]);
    let mut config = Preset::Tiny.config().unwrap();
    config.cam.layers = vec![0, 1, 2];
    let file = place.path().join("config.json");
    fs::write(&file, config.to_json().unwrap()).unwrap();
    recipe.model.config = Some(file);
    let run = place.path().join("run");
    let Err(TrainError::Mismatch { problems }) = train(recipe, &run) else { panic!("it trained") };
    let told = problems.join("\n");
    assert!(told.contains("\"nothing\" fits no tensor"), "{told}");
    assert!(told.contains("cams.2.adapt.weight"), "{told}");
    assert!(told.contains("in the folder none"), "{told}");
    assert!(!run.exists());
}
