//! Suites and baselines, as a user asks for them.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../../calico-train/tests/drawn/mod.rs"]
mod drawn;
mod support;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use support::{Desk, files};

/// A data set of two test samples, and below it a suite with the two samples of one case.
fn desk() -> Desk {
    let desk = Desk::new();
    let set = desk.path().join("set");
    drawn::write(&set, 8);
    let suite = set.join("suites/context");
    drawn::write(&suite, 8);
    let path = suite.join(SAMPLES);
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace("test-0000\"", "context/0/a\"").replace("test-0001\"", "context/0/b\"");
    fs::write(&path, text).unwrap();
    for table in ["images", "regions", "samples"] {
        for split in ["train", "dev"] {
            let part = if table == "samples" { "-00000-of-00001" } else { "" };
            fs::remove_file(suite.join(format!("{table}/{split}{part}.jsonl"))).unwrap();
        }
    }
    fs::create_dir(set.join("suites/three")).unwrap();
    desk
}

const SAMPLES: &str = "samples/test-00000-of-00001.jsonl";

fn rows(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The true answers of a test split.
fn answers(set: &Path) -> Vec<Value> {
    let regions = rows(&set.join("regions/test.jsonl"));
    let answer = |sample: Value| {
        let ids = sample["region_ids"].as_array().unwrap();
        let images = sample["image_index"].as_array().unwrap();
        let segment = |(id, image): (&Value, &Value)| {
            let region = regions.iter().find(|region| region["region_id"] == *id).unwrap();
            json!({"image": image, "label": region["part_label"], "mask": region["rle"]})
        };
        let segments: Vec<Value> = ids.iter().zip(images).map(segment).collect();
        json!({"sample_id": sample["sample_id"], "segments": segments})
    };
    rows(&set.join(SAMPLES)).into_iter().map(answer).collect()
}

fn write(desk: &Desk, answers: &[Value]) {
    let lines: Vec<String> = answers.iter().map(|answer| format!("{answer}\n")).collect();
    let text = lines.concat();
    desk.write("p.jsonl", text.as_bytes());
}

fn eval(desk: &Desk, more: &[&str]) -> Value {
    let args = ["eval", "--data", "set", "--predictions", "p.jsonl", "--json"];
    serde_json::from_str(&desk.run(&[&args[..], more].concat()).ok()).unwrap()
}

#[test]
fn a_suite_is_scored_instead_of_the_data_set_that_holds_it() {
    let desk = desk();
    let set = desk.path().join("set");
    write(&desk, &answers(&set));
    let whole = eval(&desk, &[]);
    assert!(whole.get("suite").is_none() && whole.get("context_accuracy").is_none());
    assert_eq!(whole["overall"]["exact_answers"], 100.0);

    let mut cases = answers(&set.join("suites/context"));
    write(&desk, &cases);
    let suite = eval(&desk, &["--suite", "context"]);
    assert_eq!((&suite["suite"], &suite["context_accuracy"]), (&json!("context"), &json!(100.0)));
    cases[1]["segments"][0]["label"] = "lid".into();
    write(&desk, &cases);
    let suite = eval(&desk, &["--suite", "context"]);
    assert_eq!((&suite["context_accuracy"], &suite["context_cases"]), (&json!(0.0), &json!(1)));
    // Both ask about common parts.
    assert_eq!(suite["overall"]["exact_answers"], 50.0);
}

#[test]
fn an_unknown_suite_is_refused_with_those_that_exist() {
    let desk = desk();
    write(&desk, &[]);
    let args = ["eval", "--predictions", "p.jsonl", "--data"];
    let message = desk.run(&[&args[..], &["set", "--suite", "all"]].concat()).refused();
    assert!(message.contains("\"all\"") && message.contains("context, three"), "{message}");
    let inner = ["set/suites/context", "--suite", "context"];
    let message = desk.run(&[&args[..], &inner].concat()).refused();
    assert!(message.contains("a data set with suites"), "{message}");
}

#[test]
fn baselines_stand_beside_predictions_and_say_what_they_need() {
    let desk = desk();
    write(&desk, &answers(&desk.path().join("set")));
    let found = eval(&desk, &["--baselines"]);
    let baselines = &found["baselines"];
    let names: Vec<&Value> =
        baselines["rows"].as_array().unwrap().iter().map(|row| &row["name"]).collect();
    assert_eq!(names, ["text_only", "nearest_colour"]);
    // Bodies and seats are red, handles and legs blue: two of four names are right at best.
    let most = |metric: &str| {
        let rows = baselines["rows"].as_array().unwrap().iter();
        rows.map(|row| row["overall"][metric].as_f64().unwrap()).fold(0.0, f64::max)
    };
    for (metric, margin) in [("s_iou", "s_iou_margin"), ("recall_strict", "recall_strict_margin")] {
        let points = baselines[margin]["points"].as_f64().unwrap();
        assert!((points - (100.0 - most(metric))).abs() < 1e-5, "{baselines}");
    }
    assert!(baselines["rows"][0]["reading"].as_str().unwrap().contains("split train"));
    let warnings = found["warnings"].to_string();
    assert!(warnings.contains("needs a model to ask"), "{warnings}");
}

#[test]
fn a_model_is_asked_again_with_other_partners() {
    let desk = desk();
    let model = desk.model();
    let args = ["eval", "--data", "set", "--model", model.to_str().unwrap(), "--out", "scores"];
    let args = [&args[..], &["--baselines"]].concat();
    desk.run(&args).ok();
    let whole = files(&desk.path().join("scores"));
    let scores: Value = serde_json::from_slice(&whole["scores.json"]).unwrap();
    assert_eq!(scores["baselines"]["rows"][1]["name"], "partner_replaced");
    let text = String::from_utf8(whole["partner_replaced.jsonl"].clone()).unwrap();
    assert_eq!(text.lines().count(), 3);
    assert!(text.starts_with('{') && text.contains("partner replaced with seed 0"), "{text}");
    // A second run asks nothing and says the same.
    desk.run(&args).ok();
    assert_eq!(files(&desk.path().join("scores")), whole);
}
