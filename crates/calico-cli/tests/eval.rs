//! Scores, as a user asks for them.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use support::{Desk, calico_in, files};

/// A folder with a small data set in it, as JSON Lines.
fn desk() -> Desk {
    let desk = Desk::new();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../calico-data/tests/data");
    let config = fs::read_to_string(data.join("miniature.toml")).unwrap();
    assert!(config.contains("[tables]"), "the format is appended to this table");
    let config = config.replace("[tables]", "[tables]\nformat = \"json_lines\"");
    desk.write("limits.toml", config.as_bytes());
    let [part_imagenet, ade20k] = ["PartImageNet", "ADE20KPart234"]
        .map(|name| data.join("sources").join(name).to_str().unwrap().to_owned());
    let sources = ["--part-imagenet", &part_imagenet, "--ade20k", &ade20k];
    let build = ["data", "build", "--config", "limits.toml", "--seed", "5", "--out", "set"];
    desk.run(&[&build[..], &sources].concat()).ok();
    desk
}

fn rows(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The true answers of the test split, each changed as asked.
fn answers(desk: &Desk, change: impl Fn(&Value, &mut Vec<Value>)) -> String {
    let set = desk.path().join("set");
    let regions = rows(&set.join("regions/test.jsonl"));
    let mut text = String::new();
    for sample in rows(&set.join("samples/test-00000-of-00001.jsonl")) {
        let ids = sample["region_ids"].as_array().unwrap();
        let images = sample["image_index"].as_array().unwrap();
        let segment = |(id, image): (&Value, &Value)| {
            let region = regions.iter().find(|region| region["region_id"] == *id).unwrap();
            let part = &region["part_label"];
            let label = if part.is_null() { &region["object_label"] } else { part };
            json!({"image": image, "label": label, "mask": region["rle"]})
        };
        let mut segments: Vec<Value> = ids.iter().zip(images).map(segment).collect();
        change(&sample, &mut segments);
        let line = json!({"sample_id": sample["sample_id"], "segments": segments});
        text.push_str(&(line.to_string() + "\n"));
    }
    text
}

/// The scores of a predictions file.
fn scores(desk: &Desk, predictions: &str) -> Value {
    desk.write("predictions.jsonl", predictions.as_bytes());
    let args = ["eval", "--data", "set", "--predictions", "predictions.jsonl", "--json"];
    serde_json::from_str(&desk.run(&args).ok()).unwrap()
}

const COLUMNS: [&str; 6] = ["ap50", "miou", "recall", "s_iou", "miou_strict", "recall_strict"];

#[test]
fn perfect_predictions_score_a_hundred_everywhere() {
    let desk = desk();
    let scores = scores(&desk, &answers(&desk, |_, _| ()));
    let tasks = ["common_objects", "common_parts", "unique_parts"];
    let groups = tasks.map(|task| &scores["tasks"][task]);
    for group in groups.into_iter().chain([&scores["overall"]]) {
        for column in COLUMNS {
            assert_eq!(group[column], 100.0, "{column} of {group}");
        }
        assert!(group["pairs"].as_u64().unwrap() > 0);
        assert!(group.get("ss").is_none_or(Value::is_null));
    }
    assert_eq!(scores["label_test"], "exact");
    assert!(scores["sources"]["part_imagenet"].is_object() && scores["classes"].is_object());
}

#[test]
fn empty_answers_score_nothing_and_wrong_labels_keep_their_masks() {
    let desk = desk();
    let empty = scores(&desk, &answers(&desk, |_, segments| segments.clear()));
    let wrong = scores(
        &desk,
        &answers(&desk, |_, segments| {
            for segment in segments {
                segment["label"] = "nonsense".into();
            }
        }),
    );
    for column in COLUMNS {
        assert_eq!(empty["overall"][column], 0.0, "{column}");
    }
    for (column, expected) in [("ap50", 100.0), ("miou", 100.0), ("recall", 0.0), ("s_iou", 0.0)] {
        assert_eq!(wrong["overall"][column], expected, "{column}");
    }
}

#[test]
fn masks_in_the_wrong_image_are_refused_by_line_and_size() {
    let desk = desk();
    let text = answers(&desk, |_, segments| {
        for segment in segments {
            segment["image"] = (3 - segment["image"].as_u64().unwrap()).into();
        }
    });
    desk.write("predictions.jsonl", text.as_bytes());
    let args = ["eval", "--data", "set", "--predictions", "predictions.jsonl"];
    let message = desk.run(&args).refused();
    assert!(message.contains("line 1"), "{message}");
}

#[test]
fn a_missing_pair_counts_as_empty_and_is_told() {
    let desk = desk();
    let text = answers(&desk, |_, _| ());
    let (first, rest) = text.split_once('\n').unwrap();
    let scores = scores(&desk, rest);
    let first: Value = serde_json::from_str(first).unwrap();
    assert_eq!(scores["missing_pairs"], json!([first["sample_id"]]));
    assert!(scores["overall"]["recall"].as_f64().unwrap() < 100.0);
}

#[test]
fn a_model_is_scored_and_an_interrupted_run_goes_on() {
    let desk = desk();
    let model = desk.model();
    let args = ["eval", "--data", "set", "--model", model.to_str().unwrap(), "--out", "scores"];
    desk.run(&args).ok();
    let out = desk.path().join("scores");
    let whole = files(&out);
    let names: Vec<&str> = whole.keys().map(String::as_str).collect();
    assert_eq!(names, ["index.html", "predictions.jsonl", "scores.json", "scores.md"]);

    let bytes = &whole["predictions.jsonl"];
    let half = &bytes[..bytes.len() / 2];
    fs::write(out.join("predictions.jsonl"), half).unwrap();
    let done = desk.run(&args);
    assert!(done.stderr.contains("answered by an earlier run"), "{}", done.stderr);
    done.ok();
    assert_eq!(files(&out), whole);
}

#[test]
fn the_page_stands_alone() {
    let desk = desk();
    desk.write("predictions.jsonl", answers(&desk, |_, _| ()).as_bytes());
    let args = [
        "eval",
        "--data",
        "set",
        "--predictions",
        "predictions.jsonl",
        "--out",
        "scores",
        "--embed",
    ];
    desk.run(&args).ok();
    let page = fs::read_to_string(desk.path().join("scores/index.html")).unwrap();
    assert!(page.contains("data:image/jpeg;base64,") && !page.contains("<script"));
    assert!(page.contains("69.2"), "the published row of the common objects");
}

#[test]
fn detections_of_single_images_become_predictions() {
    let desk = desk();
    let set = desk.path().join("set");
    let detection = |region: &Value| {
        let part = region["part_label"].as_str();
        let object = region["object_label"].as_str().unwrap();
        let label = part.map_or(object.to_owned(), |part| format!("{object}:{part}"));
        let (image, rle) = (&region["image_id"], &region["rle"]);
        json!({"image_id": image, "label": label, "score": 0.9, "segmentation": rle})
    };
    let found: Vec<Value> = rows(&set.join("regions/test.jsonl")).iter().map(detection).collect();
    desk.write("results.json", json!(found).to_string().as_bytes());
    let compose =
        ["eval", "compose", "--data", "set", "--detections", "results.json", "--out", "p.jsonl"];
    let done = desk.run(&compose);
    assert!(done.stderr.contains("our reading"), "{}", done.stderr);
    done.ok();
    let args = ["eval", "--data", "set", "--predictions", "p.jsonl", "--json"];
    let scores: Value = serde_json::from_str(&desk.run(&args).ok()).unwrap();
    assert_eq!(scores["tasks"]["common_objects"]["recall"], 100.0);
    assert_eq!(scores["composed"]["object_threshold"], 0.5);
}

#[test]
fn bad_input_is_refused_before_the_work() {
    let desk = desk();
    desk.write("p.jsonl", b"{\"sample_id\": \"x\", \"segments\": []}\n");
    let run = |args: &[&str]| calico_in(desk.path(), &[&["eval"], args].concat()).refused();
    assert!(run(&[]).contains("--data"));
    assert!(run(&["--data", "set"]).contains("--out"));
    assert!(run(&["--data", "none", "--predictions", "p.jsonl"]).contains("none"));
    assert!(run(&["--data", "set", "--predictions", "p.jsonl"]).contains("line 1"));
    let more = ["--bert", "none"];
    assert!(
        run(&[&["--data", "set", "--predictions", "p.jsonl"][..], &more].concat()).contains("none")
    );
}
