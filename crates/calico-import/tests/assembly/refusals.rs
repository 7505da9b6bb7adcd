//! What is refused, with everything that is wrong.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use calico_import::assembly::{Role, Unused};
use calico_nn::weights::checkpoint::StoredType;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::damaged::Tensors;
use crate::desk::{Whole, assert_says, model};

fn refused(change: impl FnOnce(&mut Tensors)) -> String {
    Whole::new().changed(change).wish().refused()
}

#[test]
fn a_model_of_ours_comes_back_to_the_bit() {
    let whole = Whole::new();
    let imported = whole.wish().imported();
    let (before, after) = (whole.path(), imported.path());
    let file = |folder: &Path| fs::read(folder.join("model.safetensors")).unwrap();
    assert!(file(&before) == file(&after));
    let tokenizer = |folder: &Path| -> Value {
        serde_json::from_slice(&fs::read(folder.join("tokenizer.json")).unwrap()).unwrap()
    };
    assert_eq!(tokenizer(&before), tokenizer(&after));
}

#[test]
fn everything_that_is_missing_is_listed_with_what_brings_it() {
    let message = refused(|tensors| {
        tensors.retain(|name, _| !name.starts_with("cem.") && !name.starts_with("f_image."));
        tensors.remove("sam.prompt.pe_layer.positional_encoding_gaussian_matrix");
    });
    assert_says(
        &message,
        &[
            "cem: missing\n    cem.out.weight\n    cem.out.bias\n    cem.q.weight\n",
            "`--fresh cem`",
            "f_image: missing f_image.weight, f_image.bias",
            "--f-image",
            "sam.prompt: missing sam.prompt.pe_layer",
        ],
    );
}

#[test]
fn what_a_file_brings_does_not_start_untrained() {
    let whole = Whole::new();
    let mut wish = whole.wish();
    wish.fresh = vec!["cem".into()];
    assert_says(&wish.refused(), &["--fresh cem: ", "brings it whole"]);
}

#[test]
fn the_positions_of_sam_are_never_drawn_anew() {
    let whole = Whole::new().changed(|tensors| {
        tensors.remove("sam.prompt.pe_layer.positional_encoding_gaussian_matrix");
    });
    let mut wish = whole.wish();
    wish.fresh = vec!["sam.prompt".into()];
    let message = wish.refused();
    assert_says(&message, &["sam.prompt: missing", "bring a file that holds it in with MODEL"]);
    assert!(!message.contains("--fresh"), "{message}");
}

#[test]
fn nan_infinity_and_values_that_do_not_fit_are_told_by_name() {
    let put = |tensors: &mut Tensors, name: &str, value: f32| {
        tensors.get_mut(name).unwrap().2[..4].copy_from_slice(&value.to_le_bytes());
    };
    let message = refused(|tensors| {
        put(tensors, "cem.q.weight", f32::NAN);
        put(tensors, "eva.cls_token", f32::INFINITY);
    });
    assert_says(&message, &["cem.q.weight", "eva.cls_token", "NaN or infinity"]);
    let whole = Whole::new().changed(|tensors| put(tensors, "cem.q.weight", 1e6));
    let mut wish = whole.wish();
    wish.stored = Some(StoredType::F16);
    assert_says(&wish.refused(), &["cem.q.weight", "range of f16"]);
}

#[test]
fn shapes_names_and_types_that_do_not_fit_are_listed_together() {
    let message = refused(|tensors| tensors.get_mut("cem.k.bias").unwrap().0 = "I32".into());
    assert_says(&message, &["cem.k.bias", "i32", "expected floats"]);
    let message = refused(|tensors| {
        tensors.get_mut("cem.q.bias").unwrap().1 = vec![8, 8];
        let extra = tensors["llm.model.norm.weight"].clone();
        tensors.insert("llm.model.layers.6.input_layernorm.weight".into(), extra.clone());
        tensors.insert("somebody.else".into(), extra);
    });
    assert_says(
        &message,
        &[
            "cem.q.bias has the shape [8, 8]",
            "expected [64]",
            "llm.model.layers.6",
            "somebody.else",
        ],
    );
}

#[test]
fn what_is_left_over_may_be_left_out() {
    let whole = Whole::new().changed(|tensors| {
        let extra = tensors["llm.model.norm.weight"].clone();
        tensors.insert("somebody.else".into(), extra);
    });
    let mut wish = whole.wish();
    assert_says(&wish.refused(), &["somebody.else", "--lenient"]);
    wish.unused = Unused::LeftOut;
    assert_eq!(wish.imported().report.brought[0].left, 1);
}

#[test]
fn two_files_that_disagree_are_refused_and_equal_ones_are_not() {
    let whole = Whole::new();
    let mut wish = whole.wish();
    wish.files.push((Role::Sam, model("transformers/sam")));
    assert_says(&wish.refused(), &["disagree on sam.", "leave one of the files out"]);
    let mut wish = whole.wish();
    wish.files.push((Role::Sam, whole.path()));
    wish.imported();
}

#[test]
fn adapters_take_the_place_of_what_others_hold() {
    let whole = Whole::new();
    let mut wish = whole.wish();
    wish.files.push((Role::Adapters, model("original/correspondence")));
    let imported = wish.imported();
    imported.assert_synthetic("cem.", StoredType::F16);
}

#[test]
fn a_file_that_holds_nothing_of_what_is_asked_is_refused() {
    let mut wish = Whole::new().wish();
    wish.files = vec![(Role::Sam, model("transformers/dinov2"))];
    let message = wish.refused();
    assert_says(&message, &["holds nothing that --sam asks for; it holds dino"]);
}

#[test]
fn a_module_that_is_not_there_cannot_be_untrained() {
    let whole = Whole::new();
    let mut wish = whole.wish();
    wish.fresh = vec!["cma".into()];
    assert_says(&wish.refused(), &["--fresh cma: the model has no such module", "cams, cem"]);
}

/// A copy of the language model of transformers, with its configuration changed.
fn with_config(change: impl FnOnce(&mut Value)) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(model("transformers/llama")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    let path = folder.path().join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut config);
    fs::write(&path, config.to_string()).unwrap();
    folder
}

#[test]
fn a_language_model_that_is_computed_otherwise_is_refused() {
    let folder = with_config(|config| {
        config["rope_scaling"] = json!({ "rope_type": "linear", "factor": 2.0 });
        config["rope_parameters"]["partial_rotary_factor"] = json!(0.5);
        config["num_attention_heads"] = json!(8);
    });
    let mut wish = Whole::new().wish();
    wish.files = vec![(Role::Language, folder.path().to_path_buf())];
    let message = wish.refused();
    let expected = [
        "num_attention_heads = 8; expected 4",
        "no scaling of the rotation",
        "rope_parameters.partial_rotary_factor = 0.5; expected 1",
    ];
    assert_says(&message, &expected);
    // What else is wrong is told in the same breath.
    assert_says(&message, &["cem: missing"]);
}

#[test]
fn what_the_configuration_of_a_language_model_says_is_taken_over() {
    let folder = with_config(|config| {
        config["rms_norm_eps"] = json!(1e-6);
        config["max_position_embeddings"] = json!(1024);
        config["rope_scaling"] = json!({ "type": null, "factor": null });
    });
    let whole = Whole::new().changed(|tensors| tensors.retain(|name, _| !name.starts_with("llm.")));
    let mut wish = whole.wish();
    wish.files.push((Role::Language, folder.path().to_path_buf()));
    let config = wish.imported().config;
    assert_eq!((config.llm.rms_eps, config.llm.max_positions), (1e-6, 1024));
}

#[test]
fn a_tokenizer_of_another_vocabulary_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    fs::write(&path, calico_language::byte_level_json(400).to_string()).unwrap();
    let whole = Whole::new();
    let mut wish = whole.wish();
    wish.tokenizer = Some(path);
    assert_says(&wish.refused(), &["407 tokens", "266 rows"]);
}

#[test]
fn adapters_of_this_program_are_sent_to_the_command_that_compares_them() {
    let folder = tempfile::tempdir().unwrap();
    let whole = Whole::new();
    let opened = calico_model::ModelFolder::open(&whole.path()).unwrap();
    let out = folder.path().join("adapters");
    calico_model::adapters::export(&opened, &[], &out, |_| ControlFlow::Continue(())).unwrap();
    let mut wish = whole.wish();
    wish.files.push((Role::Adapters, out.join("calico_adapters.safetensors")));
    assert_says(&wish.refused(), &["calico model adapters apply"]);
}

#[test]
fn a_second_file_of_another_shape_is_told_before_anything_is_written() {
    let (whole, other) = (Whole::new(), Whole::new());
    let narrower = other.changed(|tensors| {
        let (_, shape, bytes) = tensors.get_mut("sam.decoder.iou_token.weight").unwrap();
        shape[1] -= 1;
        bytes.truncate(shape.iter().product::<usize>() * bytes.len() / (shape[1] + 1));
    });
    let mut wish = whole.wish();
    wish.files.push((Role::Sam, narrower.path()));
    let error = wish.planned().unwrap_err().to_string();
    assert_says(&error, &["sam.decoder.iou_token.weight", "expected [1, "]);
}
