//! The built-in model: what is asked when no model is named.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::{Desk, Done, example, files};

/// How the notice of the built-in model begins.
const NOTICE: &str = "This model knows drawn objects only";

const SENTENCE: &str = "They share <p> a leg </p> [SEG] (IMAGE1) [SEG] (IMAGE2).";

/// `calico segment` on two photographs; no model is named here.
fn segment(desk: &Desk, more: &[&str]) -> Done {
    let images = [example("cat.jpg"), example("rocket.jpg")];
    desk.run(&[&["segment", &images[0], &images[1]], more].concat())
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Both streams say once what the model is worth: a warning, and not a part of the answer.
#[track_caller]
fn warned_once(done: &Done) {
    assert_eq!(done.stderr.matches(NOTICE).count(), 1, "{}", done.stderr);
    assert!(done.stderr.contains(&format!("warning: {NOTICE}")), "{}", done.stderr);
}

#[test]
fn without_a_model_the_built_in_one_is_asked_and_says_once_what_it_knows() {
    let desk = Desk::new();
    let done = segment(&desk, &["--max-new-tokens", "12", "--out", "out"]);
    warned_once(&done);
    assert!(!done.stdout.contains(NOTICE), "{}", done.stdout);
    done.ok();
    let result = json(&desk.path().join("out/result.json"));
    assert_eq!(
        (&result["model"]["name"], &result["model"]["preset"]),
        (&"mini".into(), &"mini".into())
    );
    assert_eq!(result["answers"].as_array().unwrap().len(), 3);
    let warnings = result["warnings"].as_array().unwrap();
    assert!(warnings.len() == 1 && warnings[0].as_str().unwrap().starts_with(NOTICE), "{result}");
    assert_eq!(result.to_string().matches(NOTICE).count(), 1);
}

#[test]
fn json_holds_the_notice_and_standard_error_tells_it() {
    let desk = Desk::new();
    let done = segment(&desk, &["--answer", SENTENCE, "--json", "--timings"]);
    warned_once(&done);
    for words in ["opening the model", "reading the weights"] {
        assert_eq!(done.stderr.matches(words).count(), 1, "{}", done.stderr);
    }
    let result: Value = serde_json::from_str(&done.ok()).unwrap();
    assert_eq!(result["answers"][0]["segments"].as_array().unwrap().len(), 2);
    assert_eq!(result["warnings"].as_array().unwrap().len(), 1);
}

#[test]
fn a_folder_of_the_built_in_model_answers_with_the_same_bytes() {
    let desk = Desk::new();
    let told = desk.run(&["model", "default", "--out", "new/mini"]).ok();
    assert!(told.contains("new/mini") && told.contains("built-in"), "{told}");
    let names: Vec<String> = files(&desk.path().join("new/mini")).into_keys().collect();
    assert_eq!(
        names,
        ["README.md", "config.json", "model.safetensors", "sources.json", "tokenizer.json"]
    );
    let questions = [["--answer", SENTENCE], ["--max-new-tokens", "12"]];
    for (question, [ours, theirs]) in questions.iter().zip([["a", "b"], ["c", "d"]]) {
        let all = [&question[..], &["--export", "coco,masks,npz,svg", "--out"]].concat();
        let printed = segment(&desk, &[&all[..], &[ours]].concat()).ok();
        let named = [&all[..], &[theirs, "--model", "new/mini"]].concat();
        assert_eq!(segment(&desk, &named).ok(), printed);
        let [ours, theirs] = [ours, theirs].map(|out| files(&desk.path().join(out)));
        assert!(ours.contains_key("result.json") && ours == theirs, "{question:?}");
    }
    let info: Value =
        serde_json::from_str(&desk.run(&["model", "info", "new/mini", "--json"]).ok()).unwrap();
    assert_eq!((&info["name"], &info["parameters"]), (&"mini".into(), &3_957_096.into()));
    let sources = info["sources"].as_object().unwrap();
    assert!(["llm", "sam.decoder"].iter().all(|module| sources.contains_key(*module)));
    for (module, known) in sources {
        assert_eq!(known["origins"][0]["licence"], "MIT OR Apache-2.0", "{module}");
        assert_eq!(known["sha256"].as_str().map(str::len), Some(64), "{module}");
    }
}

#[test]
fn the_built_in_model_is_never_written_over_something() {
    let desk = Desk::new();
    fs::create_dir(desk.path().join("empty")).unwrap();
    fs::create_dir(desk.path().join("taken")).unwrap();
    desk.write("taken/thesis.txt", b"x");
    let before = files(desk.path());
    for (args, words) in [
        (&["--out", "taken"][..], "not empty"),
        (&["--out", "taken/thesis.txt"], "thesis.txt"),
        (&["--out", "taken/thesis.txt/below"], "thesis.txt"),
        (&[], "--out"),
    ] {
        let message = desk.run(&[&["model", "default"], args].concat()).refused();
        assert!(message.contains(words), "{message}");
        assert!(files(desk.path()) == before, "{args:?}");
    }
    desk.run(&["model", "default", "--out", "empty"]).ok();
    assert_eq!(files(&desk.path().join("empty")).len(), 5);
}

#[test]
fn the_built_in_model_is_scored_where_none_is_named() {
    let desk = Desk::new();
    desk.run(&["data", "synth", "--out", "set", "--split", "dev", "--pairs", "3", "--seed", "9"])
        .ok();
    let args = ["eval", "--data", "set", "--split", "dev", "--out", "scores"];
    let done = desk.run(&args);
    warned_once(&done);
    done.ok();
    let scores = json(&desk.path().join("scores/scores.json"));
    assert_eq!(scores["model"], calico_mini::edition());
    let answers = fs::read_to_string(desk.path().join("scores/predictions.jsonl")).unwrap();
    let header: Value = serde_json::from_str(answers.lines().next().unwrap()).unwrap();
    assert_eq!(header["model"], calico_mini::edition());
    // A second run asks nothing; the notice stands beside the JSON, not in it.
    let done = desk.run(&[&args[..], &["--json"]].concat());
    warned_once(&done);
    assert_eq!(serde_json::from_str::<Value>(&done.ok()).unwrap(), scores);
    // Predictions have no model, and so no notice.
    let args = ["eval", "--data", "set", "--split", "dev", "--predictions"];
    let done = desk.run(&[&args[..], &["scores/predictions.jsonl"]].concat());
    assert!(!done.stderr.contains(NOTICE), "{}", done.stderr);
    done.ok();
}

#[test]
fn a_gallery_shows_the_built_in_model_where_none_is_named() {
    let desk = Desk::new();
    let done = desk.run(&["gallery", "--out", "page", "--pairs", "1"]);
    warned_once(&done);
    done.ok();
    let shown = json(&desk.path().join("page/gallery.json"));
    assert_eq!(shown["model"], "mini");
    assert!(shown["notice"].as_str().unwrap().starts_with(NOTICE), "{shown}");
    let page = fs::read_to_string(desk.path().join("page/index.html")).unwrap();
    assert_eq!(page.matches(NOTICE).count(), 1);
}
