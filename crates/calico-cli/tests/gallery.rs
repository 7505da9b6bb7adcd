//! The page of what a model answers to pairs drawn at random.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use support::{Desk, files};

const TASKS: [&str; 3] = ["common_objects", "common_parts", "unique_parts"];

fn gallery(desk: &Desk, more: &[&str]) -> Value {
    let args = ["gallery", "--model", "untrained:tiny", "--json"];
    serde_json::from_str(&desk.run(&[&args, more].concat()).ok()).unwrap()
}

/// What was asked, in the order of the page.
fn asked(gallery: &Value) -> Vec<String> {
    let pairs = gallery["pairs"].as_array().unwrap().iter();
    pairs.map(|pair| format!("{} {}", pair["sample_id"], pair["true_answer"])).collect()
}

#[test]
fn scenes_are_drawn_shown_and_counted() {
    let desk = Desk::new();
    let found = gallery(&desk, &["--out", "a", "--pairs", "2"]);
    let written = files(&desk.path().join("a"));
    assert_eq!(found, serde_json::from_slice::<Value>(&written["gallery.json"]).unwrap());
    assert_eq!((&found["model"], &found["data"]), (&"untrained:tiny".into(), &Value::Null));
    let page = String::from_utf8(written["index.html"].clone()).unwrap();
    let pairs = found["pairs"].as_array().unwrap();
    for task in TASKS {
        let of_task: Vec<&Value> = pairs.iter().filter(|pair| pair["subtask"] == task).collect();
        assert_eq!((of_task.len(), &found["counts"][task]["shown"]), (2, &2.into()));
        for verdict in ["exactly_right", "masks_off", "wrong_labels", "no_answer"] {
            let own = of_task.iter().filter(|pair| pair["verdict"] == verdict).count();
            assert_eq!(found["counts"][task][verdict], own, "{task} {verdict}");
        }
    }
    let cases = found["cases"].as_array().unwrap();
    let right = cases.iter().filter(|case| case["both_right"] == true).count();
    assert_eq!((&found["context"]["cases"], cases.len()), (&2.into(), 2));
    assert_eq!(found["context"]["both_right"], right);
    for case in cases {
        let first = |at: usize| &case["pairs"][at]["images"][0]["image_id"];
        assert_eq!(first(0), first(1), "one picture has two partners");
    }
    let of_cases = cases.iter().flat_map(|case| case["pairs"].as_array().unwrap());
    for pair in pairs.iter().chain(of_cases) {
        let id = pair["sample_id"].as_str().unwrap();
        assert_eq!(page.matches(&format!("<span>{id}</span>")).count(), 1, "{id}");
    }
    assert!(!page.contains("<script") && !page.contains("file://"));
    desk.run(&["data", "validate", "a/data"]).ok();

    // Again into the same folder, and into another one: the same bytes.
    let again = gallery(&desk, &["--out", "a", "--pairs", "2"]);
    assert_eq!((again, files(&desk.path().join("a"))), (found.clone(), written.clone()));
    // Scenes of another seed; the earlier ones are replaced.
    let other = gallery(&desk, &["--out", "a", "--pairs", "2", "--seed", "2"]);
    let shown = |gallery: &Value| asked(gallery).into_iter().collect::<BTreeSet<_>>();
    assert_ne!(shown(&other), shown(&found));
    assert_ne!(files(&desk.path().join("a"))["data/synth.json"], written["data/synth.json"]);
}

#[test]
fn pairs_of_a_data_set_are_drawn_by_the_seed() {
    let desk = Desk::new();
    desk.run(&["data", "synth", "--out", "set", "--pairs", "18", "--seed", "9"]).ok();
    let made = |out: &str, seed: &str| {
        gallery(&desk, &["--out", out, "--data", "set", "--pairs", "2", "--seed", seed])
    };
    let found = made("a", "1");
    assert_eq!((&found["data"], &found["context"]["cases"]), (&"set".into(), &2.into()));
    assert_eq!(asked(&made("b", "1")), asked(&found));
    assert_ne!(asked(&made("c", "2")), asked(&found));
    assert_eq!(files(&desk.path().join("a")), files(&desk.path().join("b")));
    assert!(!desk.path().join("a/data").exists());
    // Without a suite there is no second figure.
    fs::remove_dir_all(desk.path().join("set/suites")).unwrap();
    let plain = made("a", "1");
    assert!(plain.get("context").is_none() && asked(&plain) == asked(&found), "{plain}");
}

#[test]
fn scenes_of_an_earlier_page_are_removed_once_another_page_is_made() {
    let desk = Desk::new();
    desk.run(&["data", "synth", "--out", "set", "--pairs", "3", "--seed", "9"]).ok();
    let names = |folder: &str| {
        let names = fs::read_dir(desk.path().join(folder)).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect::<BTreeSet<_>>()
    };
    let made = |args: &[&str]| gallery(&desk, &[&["--pairs", "1"], args].concat());
    let page = ["gallery.json", "index.html"].map(str::to_owned);
    let with_data = ["data", "gallery.json", "index.html"].map(str::to_owned);
    made(&["--out", "a"]);
    assert_eq!(names("a"), with_data.clone().into());
    // A page about the scenes themselves keeps them, and so does one that is not made.
    made(&["--out", "a", "--data", "a/data"]);
    assert_eq!(names("a"), with_data.clone().into());
    desk.run(&["gallery", "--out", "a", "--data", "none"]).refused();
    assert_eq!(names("a"), with_data.clone().into());
    made(&["--out", "a", "--data", "set"]);
    assert_eq!(names("a"), page.into());
    // Scenes that no page has drawn are somebody's own.
    desk.run(&["data", "synth", "--out", "b/data", "--pairs", "3", "--seed", "9"]).ok();
    made(&["--out", "b", "--data", "set"]);
    assert_eq!(names("b"), with_data.into());
}

#[test]
fn bad_input_is_refused_and_leaves_nothing() {
    let desk = Desk::new();
    desk.run(&["data", "synth", "--out", "set", "--split", "dev", "--pairs", "3", "--seed", "9"])
        .ok();
    fs::create_dir_all(desk.path().join("mine/data")).unwrap();
    desk.write("mine/thesis.txt", b"x");
    fs::create_dir_all(desk.path().join("taken/data")).unwrap();
    desk.write("taken/data/notes.txt", b"x");
    let before = files(desk.path());
    let refused = |args: &[&str], words: &str| {
        let message = desk.run(&[&["gallery", "--model", "untrained:tiny"], args].concat());
        let message = message.refused();
        assert!(message.contains(words), "{message}");
        assert_eq!(files(desk.path()), before, "{args:?}");
    };
    refused(&["--out", "new", "--pairs", "0"], "1..=100");
    refused(&["--out", "mine"], "found \"thesis.txt\"");
    refused(&["--out", "mine/thesis.txt"], "thesis.txt");
    refused(&["--out", "taken"], "taken/data");
    refused(&["--out", "new", "--data", "set"], "no split test");
    refused(&["--out", "new", "--data", "mine"], "found no data set");
    let message = desk.run(&["gallery", "--out", "new", "--model", "mine"]).refused();
    assert!(message.contains("config.json"), "{message}");
    assert!(!desk.path().join("new").exists());
}
