//! `calico model adapters …`: what it writes answers as before, and what cannot be used is refused.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{Desk, files};

fn peft_fixture() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/peft/adapter");
    path.to_str().unwrap().to_owned()
}

/// A desk with the model `fresh`, and `trained`: the same with LoRA that peft wrote.
fn desk() -> Desk {
    let desk = Desk::new();
    fs::rename(desk.model_copy(), desk.path().join("fresh")).unwrap();
    desk.run(&["model", "adapters", "apply", "fresh", &peft_fixture(), "--out", "trained"]).ok();
    desk
}

/// The files of a model but for the one that says where they come from.
fn weights(desk: &Desk, model: &str) -> BTreeMap<String, Vec<u8>> {
    let mut files = files(&desk.path().join(model));
    assert!(files.remove("sources.json").is_some(), "{model} does not say where it comes from");
    files
}

#[test]
fn exported_and_applied_adapters_give_the_same_files_and_answers() {
    let desk = desk();
    let text = desk.run(&["model", "adapters", "export", "trained", "--out", "adapters"]).ok();
    assert!(text.starts_with("made adapters: 72,320 parameters in "), "{text}");
    desk.run(&["model", "adapters", "apply", "fresh", "adapters", "--out", "again"]).ok();
    let [trained, again] = ["trained", "again"].map(|name| weights(&desk, name));
    assert!(trained == again);
    assert_eq!(desk.answer("again"), desk.answer("trained"));
}

#[test]
fn a_merged_model_has_no_updates_and_can_be_used() {
    let desk = desk();
    let adapters = peft_fixture();
    let merge = ["model", "adapters", "merge"];
    desk.run(&[&merge[..], &["trained", "--out", "a"]].concat()).ok();
    desk.run(&[&merge[..], &["fresh", "--adapters", &adapters, "--out", "b"]].concat()).ok();
    let [a, b] = ["a", "b"].map(|name| weights(&desk, name));
    assert!(a == b);
    let info: Value =
        serde_json::from_str(&desk.run(&["model", "info", "a", "--json"]).ok()).unwrap();
    assert_eq!((&info["config"]["lora"], &info["parameters"]), (&Value::Null, &893_032.into()));
    desk.answer("a");
}

#[test]
fn adapters_of_another_base_need_a_word_of_consent() {
    let desk = desk();
    desk.run(&["model", "adapters", "export", "trained", "--out", "adapters"]).ok();
    desk.run(&["model", "init", "--preset", "tiny", "--seed", "2", "--dtype", "f32", "other"]).ok();
    let apply = ["model", "adapters", "apply", "other", "adapters", "--out", "out"];
    let message = desk.run(&apply).refused();
    assert!(message.contains("trained with other frozen weights"), "{message}");
    assert!(!desk.path().join("out").exists());
    desk.run(&[&apply[..], &["--any-base"]].concat()).ok();
}

#[test]
fn what_cannot_be_done_is_bad_input_and_writes_nothing() {
    let desk = desk();
    let bad: PathBuf = desk.path().join("bad");
    fs::create_dir(&bad).unwrap();
    for (name, bytes) in files(Path::new(&peft_fixture())) {
        fs::write(bad.join(name), bytes).unwrap();
    }
    let path = bad.join("adapter_config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    config["use_dora"] = true.into();
    config["r"] = 4.into();
    fs::write(&path, config.to_string()).unwrap();
    desk.run(&["model", "adapters", "merge", "trained", "--out", "merged"]).ok();
    let before = files(desk.path());
    for (args, words) in [
        (["apply", "fresh", "bad", "new"].as_slice(), ["use_dora", "[4, 64]"].as_slice()),
        (&["apply", "fresh", "fresh", "new"], &["holds neither"]),
        (&["apply", "fresh", "nothing", "new"], &["not a folder"]),
        (&["apply", "bad", "fresh", "new"], &["holds adapters"]),
        (&["apply", "fresh", "bad", "fresh"], &["use_dora"]),
        (&["export", "trained", "bad"], &["not empty"]),
        (&["export", "trained", "--also", "sam", "new"], &["sam.encoder"]),
        (&["merge", "merged", "new"], &["nothing to merge"]),
        (&["merge", "trained", "trained"], &["not empty"]),
        (&["merge", "trained", "trained/config.json"], &["config.json"]),
    ] {
        let (out, args) = args.split_last().unwrap();
        let args = [&["model", "adapters"], args, &["--out", out]].concat();
        let message = desk.run(&args).refused();
        for word in words {
            assert!(message.contains(word), "{word:?} is missing: {message}");
        }
    }
    assert!(files(desk.path()) == before);
}
