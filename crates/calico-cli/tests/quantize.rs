//! `calico model quantize` and `calico model estimate`, and what is kept of images.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use support::{Desk, calico_in, example};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A desk with the built-in model as a folder, and one of fewer bits made of it.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.run(&["model", "default", "--out", "mini"]).ok();
    let text = desk.run(&["model", "quantize", "mini", "--out", "small"]).ok();
    assert!(text.contains("Q4_K") && !text.contains("another form"), "{text}");
    desk
}

#[test]
fn a_model_of_fewer_bits_answers_as_the_whole_one_and_says_what_it_is() {
    let desk = desk();
    let [a, b] = ["lanterns-1.jpg", "lanterns-2.jpg"].map(|name| example(&format!("drawn/{name}")));
    // The same things in the same pictures; the words around them may be others.
    let found = |model: &str| -> BTreeSet<String> {
        let args = ["segment", "--model", model, &a, &b, "--json"];
        let result = json(&desk.run(&args).ok());
        let answers = result["answers"].as_array().unwrap().iter();
        let segments = answers.flat_map(|answer| answer["segments"].as_array().unwrap());
        segments.map(|it| format!("{} {} {}", it["role"], it["label"], it["image"])).collect()
    };
    assert_eq!(found("mini"), found("small"));
    let info = json(&desk.run(&["model", "info", "small", "--json"]).ok());
    assert!(info["stored_values"]["Q4_K"].as_u64() > Some(0));
    assert!(info["stored_values"]["Q8"].as_u64() > Some(0));
    let text = desk.run(&["model", "info", "small"]).ok();
    assert!(text.contains("values in Q4_K"), "{text}");
}

#[test]
fn a_report_in_json_lists_what_fell_back() {
    let desk = Desk::new();
    let model = desk.model();
    let model = model.to_str().unwrap();
    let args = ["model", "quantize", model, "--llm", "q6k", "--out", "small", "--json"];
    let report = json(&desk.run(&args).ok());
    let fallbacks = report["fallbacks"].as_array().unwrap();
    assert!(!fallbacks.is_empty());
    assert_eq!((&fallbacks[0]["wanted"], &fallbacks[0]["stored"]), (&"Q6_K".into(), &"Q8".into()));
    assert!(report["bytes"].as_u64() < report["bytes_before"].as_u64());
    let text = desk.run(&["model", "quantize", model, "--out", "other"]).ok();
    assert!(text.contains("matrices have another form") && text.contains("Q8 instead of Q4_K"));
}

#[test]
fn what_needs_the_weights_themselves_is_refused() {
    let desk = desk();
    let drawn = ["data", "synth", "--out", "drawn", "--split", "train", "--pairs", "3"];
    desk.run(&[&drawn[..], &["--dev-pairs", "3", "--size", "128", "--seed", "1"]].concat()).ok();
    let recipe = concat!(env!("CARGO_MANIFEST_DIR"), "/../../recipes/finetune.toml");
    desk.write("recipe.toml", &fs::read(recipe).unwrap());
    for args in [
        &["model", "quantize", "small", "--out", "out"][..],
        &["model", "export", "small", "--to", "safetensors", "--out", "out"],
        &["model", "adapters", "merge", "small", "--out", "out"],
        &["train", "recipe.toml", "--model", "small", "--data", "drawn", "--out", "out"],
    ] {
        let message = desk.run(args).refused();
        assert!(message.contains("the model that it was made from"), "{args:?}: {message}");
    }
    let message = desk.run(&["model", "quantize", "mini", "--out", "small"]).refused();
    assert!(message.contains("not empty"), "{message}");
    desk.run(&["model", "quantize", "mini", "--llm", "q2k", "--out", "out"]).refused();
    assert!(!desk.path().join("out").exists());
}

#[test]
fn memory_and_time_are_estimated_without_loading_anything() {
    let desk = desk();
    let small = json(&desk.run(&["model", "estimate", "small", "--json"]).ok());
    let whole = json(&desk.run(&["model", "estimate", "mini", "--json"]).ok());
    assert!(small["weight_bytes"].as_u64() < whole["weight_bytes"].as_u64());
    let here = Path::new(".");
    let full = ["model", "estimate", "--preset", "full", "--llm", "q4k", "--vision", "q8"];
    let text = calico_in(here, &full).ok();
    for words in ["weights", "SAM encoder", "in all", "This machine: "] {
        assert!(text.contains(words), "{words} is missing: {text}");
    }
    let full = json(&calico_in(here, &[&full[..], &["--json"]].concat()).ok());
    let peak = full["peak_bytes"].as_u64().unwrap();
    assert!((7_000_000_000..9_000_000_000).contains(&peak), "{peak}");
    calico_in(here, &["model", "estimate"]).refused();
    let wanted = ["--llm", "q4k", "--vision", "q8", "--json"];
    let asked = json(&desk.run(&[&["model", "estimate", "mini"], &wanted[..]].concat()).ok());
    assert_eq!(asked["weight_bytes"], small["weight_bytes"]);
    desk.run(&["model", "estimate", "small", "--llm", "q4k"]).refused();
    desk.run(&["model", "estimate", "nothing"]).refused();
}

#[test]
fn a_wrong_set_of_instructions_is_refused_and_few_of_them_give_the_same_answer() {
    let desk = desk();
    let image = example("drawn/bicycles-1.jpg");
    let answer = "It has <p> a wheel </p> [SEG] (IMAGE1).";
    let run = |level: &str| {
        let args = ["segment", "--model", "small", &image, "--answer", answer, "--json"];
        desk.run_with(&args, &[("CALICO_SIMD", level)])
    };
    let message = run("avx").refused();
    assert!(message.contains("portable, neon, avx2 or avx512"), "{message}");
    let area = |level| json(&run(level).ok())["answers"][0]["segments"][0]["area"].clone();
    let (few, all) = (area("portable").as_f64().unwrap(), area("").as_f64().unwrap());
    assert!(few > 0.0 && (few / all - 1.0).abs() < 0.02, "{few} {all}");
}

#[test]
fn a_second_run_finds_what_the_first_one_kept_of_its_images() {
    let desk = desk();
    let image = example("drawn/bicycles-1.jpg");
    let ask = |out: &str| {
        let answer = "It has <p> a wheel </p> [SEG] (IMAGE1).";
        let args = ["segment", &image, "--answer", answer, "--cache", "cache", "--out", out];
        desk.run(&[&args[..], &["--timings"]].concat()).ok();
        let read = |name| json(&fs::read_to_string(desk.path().join(out).join(name)).unwrap());
        (read("result.json"), read("timings.json").to_string())
    };
    let ((first, looked), (second, found)) = (ask("first"), ask("second"));
    assert_eq!(first, second);
    assert!(looked.contains("sam") && !found.contains("sam"), "{looked} {found}");
}
