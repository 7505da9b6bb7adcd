//! Adapters of the peft package, with tables of tokens saved whole beside the updates.

use std::fs;
use std::ops::ControlFlow;

use calico_import::assembly::Role;
use calico_model::ModelFolder;
use calico_model::adapters::{Adapters, BaseCheck, apply, merge};
use calico_model::provenance::Provenance;
use calico_nn::weights::checkpoint::StoredType::{F16, F32};
use serde_json::Value;
use tempfile::TempDir;

use crate::damaged::{Tensors, read, write};
use crate::desk::{Whole, model};

const TABLES: [&str; 2] = ["llm.model.embed_tokens.weight", "llm.lm_head.weight"];

#[test]
fn tables_that_were_trained_with_the_updates_take_the_place_of_those_of_the_model() {
    let whole = Whole::new();
    let mut wish = whole.wish();
    wish.files.push((Role::Adapters, model("peft")));
    let imported = wish.imported();
    assert_eq!(imported.assert_synthetic("lora.", F16), 24);
    for table in TABLES {
        imported.assert_synthetic(table, F16);
    }
    let lora = imported.config.lora.as_ref().unwrap();
    assert_eq!((lora.rank, lora.alpha), (2, 6.0));
    // Of the language model, nothing else came from there.
    let norm = imported.checkpoint.stored("llm.model.norm.weight").unwrap();
    assert_eq!(norm.stored, F32);
    let provenance = Provenance::of_folder(&imported.path()).unwrap().unwrap();
    let origins = &provenance.modules["llm"].origins;
    assert!(origins.iter().any(|origin| origin.source == "peft"), "{origins:?}");
    let warnings = imported.report.warnings.join("\n");
    assert!(!warnings.contains("alpha"), "{warnings}");
}

#[test]
fn the_tokenizer_beside_the_tables_is_the_one_that_is_taken() {
    // Without the added tokens, the base model's own would number them anew.
    let whole = Whole::new();
    let file = whole.path().join("tokenizer.json");
    let mut json: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    json["added_tokens"].as_array_mut().unwrap().truncate(3);
    fs::write(&file, json.to_string()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(model("peft")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    let text = fs::read_to_string(folder.path().join("tokenizer.json")).unwrap();
    // Two tokens change places.
    let text = text.replace("[SEG]", "[-]").replace("<point>", "[SEG]").replace("[-]", "<point>");
    fs::write(folder.path().join("tokenizer.json"), text).unwrap();
    let mut wish = whole.wish();
    wish.files.push((Role::Adapters, folder.path().into()));
    let imported = wish.imported();
    let tokenizer =
        calico_language::Tokenizer::open(&imported.path().join("tokenizer.json")).unwrap();
    assert_eq!(tokenizer.special().seg, 262);
}

#[test]
fn a_whole_language_model_brings_no_tables_as_adapters() {
    let whole = Whole::new();
    let other = Whole::new().changed(|tensors| {
        for (_, _, bytes) in tensors.values_mut() {
            bytes.iter_mut().skip(1).step_by(4).for_each(|byte| *byte ^= 1);
        }
    });
    let mut wish = whole.wish();
    wish.files.push((Role::Adapters, other.path()));
    let made = read(&wish.imported().path().join("model.safetensors"));
    let [ours, theirs] =
        [&whole, &other].map(|whole| read(&whole.path().join("model.safetensors")));
    for table in TABLES {
        assert!(made[table] == ours[table], "{table}");
    }
    assert!(made["cem.q.weight"] == theirs["cem.q.weight"]);
}

#[test]
fn updates_without_their_configuration_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let from = model("peft").join("adapter_model.safetensors");
    fs::copy(from, folder.path().join("adapter_model.safetensors")).unwrap();
    let whole = Whole::new();
    let mut wish = whole.wish();
    wish.config.lora.as_mut().unwrap().alpha = 4.5;
    wish.files.push((Role::Adapters, folder.path().into()));
    let warnings = wish.imported().report.warnings.join("\n");
    assert!(warnings.contains("lies no adapter_config.json: alpha is 4.5"), "{warnings}");
}

#[test]
fn the_same_adapters_can_be_applied_to_a_finished_model() {
    let whole = Whole::new();
    let opened = ModelFolder::open(&whole.path()).unwrap();
    let adapters = Adapters::open(&model("peft"), &opened, BaseCheck::Weights).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let [applied, merged, imported] =
        ["applied", "merged", "imported"].map(|name| scratch.path().join(name));
    apply(&opened, &adapters, &applied, |_| ControlFlow::Continue(())).unwrap();
    let mut wish = whole.wish();
    wish.files.push((Role::Adapters, model("peft")));
    wish.granted(&imported).unwrap();
    let file = |folder: &std::path::Path| fs::read(folder.join("model.safetensors")).unwrap();
    assert!(file(&applied) == file(&imported));
    merge(&opened, Some(&adapters), &merged, |_| ControlFlow::Continue(())).unwrap();
    let [applied, merged] = [applied, merged].map(|it| read(&it.join("model.safetensors")));
    assert!(TABLES.iter().all(|table| applied[*table] == merged[*table]));
}

/// The adapters with other tensors.
fn changed(change: impl FnOnce(&mut Tensors)) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["adapter_config.json", "adapter_model.safetensors"] {
        fs::copy(model("peft").join(name), folder.path().join(name)).unwrap();
    }
    let file = folder.path().join("adapter_model.safetensors");
    let mut tensors = read(&file);
    change(&mut tensors);
    write(&file, &tensors);
    folder
}

#[test]
fn a_table_that_the_configuration_names_has_to_be_there() {
    let folder = changed(|tensors| {
        tensors.remove("base_model.model.lm_head.weight").unwrap();
    });
    let whole = Whole::new();
    let opened = ModelFolder::open(&whole.path()).unwrap();
    let error = Adapters::open(folder.path(), &opened, BaseCheck::Weights).unwrap_err();
    let told = "lacks llm.lm_head.weight, which modules_to_save of adapter_config.json names";
    assert!(error.to_string().contains(told), "{error}");
    let mut wish = whole.wish();
    wish.files.push((Role::Adapters, folder.path().into()));
    let message = wish.refused();
    assert!(message.contains("modules_to_save = llm.lm_head.weight; expected "), "{message}");
}

#[test]
fn a_table_of_another_size_is_refused_by_both() {
    let folder = changed(|tensors| {
        let (_, shape, bytes) = tensors.get_mut("base_model.model.lm_head.weight").unwrap();
        shape[0] = 200;
        bytes.truncate(200 * 64 * 2);
    });
    let whole = Whole::new();
    let opened = ModelFolder::open(&whole.path()).unwrap();
    let error = Adapters::open(folder.path(), &opened, BaseCheck::Weights).unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("lm_head.weight has the shape [200, 64]; expected [266, 64]"),
        "{message}"
    );
    let mut wish = whole.wish();
    wish.files.push((Role::Adapters, folder.path().into()));
    let message = wish.refused();
    assert!(message.contains("llm.lm_head.weight has the shape [200, 64] in "), "{message}");
    assert!(message.contains("take a language model with this vocabulary"), "{message}");
}
