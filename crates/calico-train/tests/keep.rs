//! Trainings that take some tensors of a model and draw all others.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(dead_code, reason = "a helper of other tests, too")]

mod drawn;
mod runs;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use calico_model::checkpoint::init;
use calico_model::{ModelFolder, Preset};
use calico_nn::weights::checkpoint::StoredType;
use calico_train::{Recipe, TrainError};

use runs::{small, train};

/// The bytes of every tensor of a model folder.
fn tensors(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let model = ModelFolder::open(folder).unwrap();
    let bytes = |name: &str| model.checkpoint.bytes(name).unwrap().to_vec();
    model.checkpoint.names().map(|name| (name.to_owned(), bytes(name))).collect()
}

/// One step of the language model, on an untrained model of which some tensors are taken.
fn recipe(place: &Path, keep: &[&str]) -> (PathBuf, Recipe) {
    let start = place.join("start");
    if !start.exists() {
        init(&start, &Preset::Tiny.config().unwrap(), 5, StoredType::F32, |_| {}).unwrap();
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
    let run = place.path().join("run");
    train(recipe, &run).unwrap();
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
