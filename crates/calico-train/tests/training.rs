//! Whole trainings of the tiny model on drawn pictures.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod drawn;
mod runs;

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use calico_model::adapters::{Adapters, BaseCheck, apply};
use calico_model::checkpoint::init;
use calico_model::{ModelFolder, Preset};
use calico_nn::weights::checkpoint::StoredType;
use calico_train::recipe::{Compute, FeaturesConfig, HiddenMatrices, OutputKind, StoredFeatures};
use calico_train::watch::{MetricsRow, TrainRow, read_metrics};
use calico_train::{Outcome, Recipe, TrainError, Trainer};

use runs::{StopAfter, files, small, tensors, train};

/// A tiny model that is not trained yet.
fn start(place: &Path) -> PathBuf {
    let folder = place.join("start");
    init(&folder, &Preset::Tiny.config().unwrap(), 5, StoredType::F32, |_| {
        ControlFlow::Continue(())
    })
    .unwrap();
    folder
}

/// Every file of a run whose bytes must not depend on clocks and interruptions.
fn lasting(run: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = files(run, &[""]);
    found.retain(|path, _| {
        // A stop makes a checkpoint of its own; the last one is that of the end.
        let is_earlier =
            path.starts_with("checkpoints") && !path.starts_with("checkpoints/step-00000012");
        !is_earlier && !path.starts_with("events") && path != Path::new("timings.jsonl")
    });
    found
}

fn assert_same_run(a: &Path, b: &Path) {
    let (a, b) = (lasting(a), lasting(b));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (name, bytes) in &a {
        assert!(*bytes == b[name], "{} differs", name.display());
    }
}

fn learns_by_default(name: &str) -> bool {
    ["lora.", "cem.", "cams.", "sam.decoder."].iter().any(|prefix| name.starts_with(prefix))
}

/// Tensors without any influence on what is learnt from answers: only the first of the four masks
/// of a prompt is used, so those that draw the others get no gradient, as upstream; nor does the
/// head that predicts overlaps, unless the recipe gives it a loss.
fn is_idle(name: &str, learns_overlap: bool) -> bool {
    let others = (1..4).any(|k| name.contains(&format!("output_hypernetworks_mlps.{k}.")));
    others || !learns_overlap && name.contains("iou_prediction_head")
}

#[test]
fn in_the_papers_training_the_adapters_move_and_nothing_else_does() {
    for recipe in ["adapters.toml", "finetune.toml"] {
        let place = tempfile::tempdir().unwrap();
        let start = start(place.path());
        let mut recipe = small(recipe, place.path());
        recipe.model.folder = Some(start.clone());
        let run = place.path().join("run");
        train(recipe, &run).unwrap();
        let (before, after) = (tensors(&start), tensors(&run.join("model")));
        for (name, bytes) in &before {
            let moved = *bytes != after[name];
            let learns = learns_by_default(name) && !is_idle(name, false);
            assert_eq!(moved, learns, "{name}");
        }
    }
}

#[test]
fn from_scratch_everything_moves_that_can() {
    let place = tempfile::tempdir().unwrap();
    let recipe = small("scratch.toml", place.path());
    let (run, seed) = (place.path().join("run"), recipe.seed);
    train(recipe, &run).unwrap();
    let drawn = place.path().join("drawn");
    init(&drawn, &Preset::Tiny.config().unwrap(), seed, StoredType::F32, |_| {
        ControlFlow::Continue(())
    })
    .unwrap();
    let (before, after) = (tensors(&drawn), tensors(&run.join("model")));
    let still: Vec<&str> = before
        .iter()
        .filter(|(name, bytes)| **bytes == after[*name] && !is_idle(name, true))
        .map(|(name, _)| name.as_str())
        .collect();
    // What only points, boxes and mask prompts need; a token that only pre-training uses; and a
    // table that was drawn once for all.
    let unused = |name: &&str| {
        name.starts_with("sam.prompt.") && !name.contains("no_mask_embed")
            || *name == "dino.mask_token"
    };
    let others: Vec<&&str> = still.iter().filter(|name| !unused(name)).collect();
    assert!(others.is_empty(), "{others:?}");
    assert!(still.contains(&"dino.mask_token"));
    // What helped in training is no part of the model.
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
}

#[test]
fn a_run_that_is_stopped_anywhere_goes_on_as_if_it_had_not_been() {
    let place = tempfile::tempdir().unwrap();
    let recipe = small("scratch.toml", place.path());
    let whole = place.path().join("whole");
    train(recipe.clone(), &whole).unwrap();
    let parts = place.path().join("parts");
    for step in 1..12 {
        let stop = AtomicBool::new(false);
        let trainer = Trainer::open(recipe.clone(), &parts, &()).unwrap();
        let ended = trainer.run(&mut StopAfter(step, &stop), &stop).unwrap();
        assert_eq!(ended, Outcome::Stopped { step, total: 12 });
    }
    let early = Trainer::open(recipe.clone(), &parts, &()).unwrap().finish_early(&mut ()).unwrap();
    assert!(matches!(early, Outcome::Finished { step: 11, .. }));
    ModelFolder::open(&parts.join("model")).unwrap();
    assert!(matches!(train(recipe, &parts).unwrap(), Outcome::Finished { step: 12, .. }));
    assert_same_run(&whole, &parts);
}

#[test]
fn muon_moves_matrices_and_a_run_with_it_goes_on_as_if_it_had_not_been_stopped() {
    let place = tempfile::tempdir().unwrap();
    let mut recipe = small("scratch.toml", place.path());
    recipe.optimizer.hidden_matrices = HiddenMatrices::Muon;
    let (whole, parts) = (place.path().join("whole"), place.path().join("parts"));
    train(recipe.clone(), &whole).unwrap();
    for step in [2, 6, 11] {
        let stop = AtomicBool::new(false);
        let trainer = Trainer::open(recipe.clone(), &parts, &()).unwrap();
        let ended = trainer.run(&mut StopAfter(step, &stop), &stop).unwrap();
        assert_eq!(ended, Outcome::Stopped { step, total: 12 });
    }
    train(recipe.clone(), &parts).unwrap();
    assert_same_run(&whole, &parts);

    // One step from the same values has the same gradients: AdamW differs in the matrices alone.
    recipe.validation = None;
    recipe.loss.label_prompt = 0.0;
    recipe.stages.drain(..2);
    (recipe.stages[0].steps, recipe.stages[0].warmup) = (1, 0);
    let one_step = |hidden: HiddenMatrices, name: &str| {
        let run = place.path().join(name);
        let mut recipe = recipe.clone();
        recipe.optimizer.hidden_matrices = hidden;
        train(recipe, &run).unwrap();
        tensors(&run.join("model"))
    };
    let muon = one_step(HiddenMatrices::Muon, "muon");
    let adamw = one_step(HiddenMatrices::Adamw, "adamw");
    let drawn = place.path().join("drawn");
    init(&drawn, &Preset::Tiny.config().unwrap(), recipe.seed, StoredType::F32, |_| {
        ControlFlow::Continue(())
    })
    .unwrap();
    let before = tensors(&drawn);
    for (name, is_matrix) in [
        ("llm.model.layers.0.self_attn.q_proj.weight", true),
        ("sam.decoder.iou_prediction_head.layers.0.weight", true),
        ("llm.model.embed_tokens.weight", false),
        ("llm.model.norm.weight", false),
        ("llm.lm_head.weight", false),
    ] {
        assert!(muon[name] != before[name] && adamw[name] != before[name], "{name}");
        assert_eq!(muon[name] != adamw[name], is_matrix, "{name}");
    }
}

#[test]
fn a_finished_run_that_is_started_again_changes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let recipe = small("scratch.toml", place.path());
    let run = place.path().join("run");
    train(recipe.clone(), &run).unwrap();
    let before = lasting(&run);
    train(recipe, &run).unwrap();
    assert!(before == lasting(&run));
}

#[test]
fn the_loss_falls() {
    let place = tempfile::tempdir().unwrap();
    let mut recipe = small("scratch.toml", place.path());
    recipe.validation = None;
    let joint = recipe.stages.last_mut().unwrap();
    joint.steps = 30;
    joint.learning_rate = 3e-3;
    let run = place.path().join("run");
    train(recipe, &run).unwrap();
    let rows = read_metrics(&run.join("metrics.jsonl")).unwrap();
    let of_joint = |loss: fn(&TrainRow) -> f64| -> Vec<f64> {
        let found = rows.iter().filter_map(|row| match row {
            MetricsRow::Train(row) if row.stage == "joint" => Some(loss(row)),
            _ => None,
        });
        found.collect()
    };
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let falls_to = |losses: &[f64], share: f64| {
        let (first, last) = (mean(&losses[..3]), mean(&losses[27..]));
        assert!(last < share * first, "{first} to {last}");
    };
    falls_to(&of_joint(|row| row.loss), 0.6);
    // Prompts are drawn to those of labels.
    falls_to(&of_joint(|row| row.label_prompt_loss.unwrap()), 0.75);
}

#[test]
fn what_labels_ask_for_is_kept_from_its_stage_to_the_end() {
    let place = tempfile::tempdir().unwrap();
    let mut recipe = small("scratch.toml", place.path());
    recipe.checkpoint.keep = 20;
    let run = place.path().join("run");
    train(recipe, &run).unwrap();
    let table = |step: u64| {
        let path = run.join(format!("checkpoints/step-{step:08}/parameters.safetensors"));
        let bytes = fs::read(path).ok()?;
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        file.tensor("label_prompts.weight").ok().map(|table| table.data().to_vec())
    };
    // Stages of four steps: it moves in the second, and never again.
    assert_eq!(table(4), None);
    let (first, end) = (table(6).unwrap(), table(8).unwrap());
    assert_ne!(first, end);
    assert!([10, 12].into_iter().all(|step| table(step).unwrap() == end));
    let rows = read_metrics(&run.join("metrics.jsonl")).unwrap();
    let scores = rows.iter().find_map(|row| match row {
        MetricsRow::Validation(row) if row.stage == "masks" => Some(row.scores.clone()),
        _ => None,
    });
    let names = ["iou", "objects_iou", "parts_iou"].map(|name| format!("label_masks/{name}"));
    assert_eq!(scores.unwrap().into_keys().collect::<Vec<_>>(), names);
}

#[test]
fn a_loss_that_is_no_number_ends_the_run_and_leaves_the_last_checkpoint() {
    let place = tempfile::tempdir().unwrap();
    let mut recipe = small("scratch.toml", place.path());
    recipe.validation = None;
    recipe.stages.drain(..2);
    recipe.loss.label_prompt = 0.0;
    recipe.stages[0].steps = 40;
    recipe.stages[0].learning_rate = 1e30;
    recipe.optimizer.clip_norm = 0.0;
    recipe.guard.patience = 0;
    recipe.checkpoint.every = 1;
    let run = place.path().join("run");
    let error = train(recipe, &run).unwrap_err();
    assert!(matches!(error, TrainError::NotFinite { .. }), "{error}");
    let told = error.to_string();
    assert!(told.contains("step-0000000"), "{told}");
    assert!(run.join("checkpoints").read_dir().unwrap().count() > 0);
    assert!(run.join("stopped.json").is_file() && run.join("report.html").is_file());
}

#[test]
fn everything_that_does_not_fit_is_told_before_anything_is_written() {
    let place = tempfile::tempdir().unwrap();
    let mut recipe = small("scratch.toml", place.path());
    recipe.stages[0].train.push("eva.nothing".into());
    recipe.stages[1].train.push("qformer".into());
    recipe.stages[2].freeze = vec!["lorra".into()];
    let run = place.path().join("run");
    let told = train(recipe, &run).unwrap_err().to_string();
    let parts = ["eva.nothing", "lorra", "\"qformer\""];
    assert!(parts.iter().all(|part| told.contains(part)), "{told}");
    assert!(!run.exists());

    let mut recipe = small("adapters.toml", place.path());
    recipe.model.folder = None;
    let told = train(recipe, &run).unwrap_err().to_string();
    assert!(told.contains("--model DIR"), "{told}");
    let mut recipe = small("scratch.toml", place.path());
    recipe.data.folder = None;
    let told = train(recipe, &run).unwrap_err().to_string();
    assert!(told.contains("--data DIR"), "{told}");
    assert!(!run.exists());
}

/// The losses of a run, step by step.
fn losses(run: &Path) -> Vec<f64> {
    let rows = read_metrics(&run.join("metrics.jsonl")).unwrap();
    let loss = |row: &MetricsRow| match row {
        MetricsRow::Train(row) => Some(row.loss),
        MetricsRow::Validation(_) => None,
    };
    rows.iter().filter_map(loss).collect()
}

/// The paper's training of a drawn model, with changes.
fn variant(place: &Path, name: &str, change: impl FnOnce(&mut Recipe)) -> PathBuf {
    let mut recipe = small("adapters.toml", place);
    recipe.model.folder = Some(place.join("start"));
    recipe.validation = None;
    change(&mut recipe);
    let run = place.join(name);
    train(recipe, &run).unwrap();
    run
}

#[test]
fn recomputing_layers_and_keeping_features_change_no_bit() {
    let place = tempfile::tempdir().unwrap();
    start(place.path());
    let plain = variant(place.path(), "plain", |recipe| recipe.stages[0].recompute = false);
    let recomputed = variant(place.path(), "recomputed", |_| {});
    let kept = |recipe: &mut Recipe| {
        let folder = place.path().join("features");
        recipe.features = Some(FeaturesConfig { folder, stored: StoredFeatures::F32 });
    };
    let first = variant(place.path(), "first", kept);
    let pictures = fs::read_dir(place.path().join("features")).unwrap().count();
    assert!(pictures > 0);
    let again = variant(place.path(), "again", kept);
    let model = |run: &Path| tensors(&run.join("model"));
    for other in [&recomputed, &first, &again] {
        assert!(model(&plain) == model(other), "{}", other.display());
    }
}

#[test]
fn arithmetic_in_bf16_learns_the_same_within_its_precision() {
    let place = tempfile::tempdir().unwrap();
    start(place.path());
    let exact = variant(place.path(), "f32", |_| {});
    let rough = variant(place.path(), "bf16", |recipe| recipe.model.compute = Compute::Bf16);
    for (a, b) in losses(&exact).into_iter().zip(losses(&rough)) {
        assert!((a - b).abs() < 0.02 * a, "{a} and {b}");
    }
    let (before, after) = (tensors(&place.path().join("start")), tensors(&rough.join("model")));
    for (name, bytes) in &before {
        let learns = learns_by_default(name) && !is_idle(name, false);
        assert_eq!(*bytes != after[name], learns, "{name}");
    }
}

#[test]
fn adapters_of_a_training_give_its_model_when_they_are_applied() {
    let place = tempfile::tempdir().unwrap();
    let start = start(place.path());
    let whole = variant(place.path(), "whole", |_| {});
    let run = variant(place.path(), "adapters", |recipe| {
        recipe.output.kind = OutputKind::Adapters;
    });
    let applied = place.path().join("applied");
    let base = ModelFolder::open(&start).unwrap();
    let adapters = Adapters::open(&run.join("adapters"), &base, BaseCheck::Weights).unwrap();
    apply(&base, &adapters, &applied, |_| ControlFlow::Continue(())).unwrap();
    assert!(tensors(&applied) == tensors(&whole.join("model")));
}

#[test]
fn a_value_that_is_no_number_is_never_saved() {
    let place = tempfile::tempdir().unwrap();
    let mut recipe = small("scratch.toml", place.path());
    recipe.validation = None;
    recipe.stages.drain(..2);
    recipe.loss.label_prompt = 0.0;
    recipe.stages[0].steps = 1;
    recipe.stages[0].warmup = 0;
    recipe.stages[0].learning_rate = 1e39;
    let run = place.path().join("run");
    let error = train(recipe, &run).unwrap_err();
    assert!(matches!(error, TrainError::NotFinite { step: 1, .. }), "{error}");
    assert!(error.to_string().contains("the beginning"), "{error}");
    assert!(!run.join("model").exists());
    assert_eq!(run.join("checkpoints").read_dir().unwrap().count(), 0);
}

#[test]
fn a_missing_dev_picture_is_told_before_the_first_step() {
    let place = tempfile::tempdir().unwrap();
    let recipe = small("scratch.toml", place.path());
    for entry in fs::read_dir(place.path().join("data/pictures")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with("dev-") {
            fs::remove_file(path).unwrap();
        }
    }
    let run = place.path().join("run");
    let told = train(recipe, &run).unwrap_err().to_string();
    assert!(told.contains("drawn/dev-"), "{told}");
    assert!(!run.exists());
}
