//! Data sets from sources to other tools and back, as a user makes them.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{Done, calico_in, files};

/// A file of the miniature sources.
fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../calico-data/tests/data").join(name);
    path.to_str().unwrap().to_owned()
}

/// Builds from one of the trees of miniature sources.
fn build(folder: &Path, tree: &str, more: &[&str]) -> Done {
    let [paco, coco, part_imagenet, ade20k] = ["paco", "coco", "PartImageNet", "ADE20KPart234"]
        .map(|it| fixture(&format!("{tree}/{it}")));
    let config = fixture("miniature.toml");
    let sources = [
        "data",
        "build",
        "--paco",
        &paco,
        "--coco",
        &coco,
        "--part-imagenet",
        &part_imagenet,
        "--ade20k",
        &ade20k,
        "--seed",
        "1",
        "--config",
        &config,
    ];
    calico_in(folder, &[&sources, more].concat())
}

/// A folder with the data set `set` in it.
fn desk() -> tempfile::TempDir {
    let desk = tempfile::tempdir().unwrap();
    build(desk.path(), "sources", &["--out", "set"]).ok();
    desk
}

fn json(path: PathBuf) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn building_twice_gives_the_same_bytes_and_a_balanced_test_split() {
    let desk = desk();
    let shown = build(desk.path(), "sources", &["--out", "again"]).ok();
    assert!(shown.contains("test part_imagenet"), "{shown}");
    assert_eq!(files(&desk.path().join("set")), files(&desk.path().join("again")));
    let record = json(desk.path().join("set/build.json"));
    let cells = record["splits"]["test"]["cells"].as_object().unwrap();
    let counts: Vec<u64> = cells
        .values()
        .flat_map(|cell| cell.as_object().unwrap().values())
        .map(|count| count.as_u64().unwrap())
        .collect();
    assert_eq!(counts.len(), 9);
    assert!(counts.iter().all(|count| *count == counts[0] && *count >= 2), "{counts:?}");
}

#[test]
fn a_strict_build_stops_at_an_error_and_says_where_to_read_of_it() {
    let desk = tempfile::tempdir().unwrap();
    let done = build(desk.path(), "broken", &["--out", "set", "--strict"]);
    assert_eq!(done.code, 1, "{}", done.stderr);
    assert!(done.stderr.contains("set.problems.jsonl"), "{}", done.stderr);
    assert!(!desk.path().join("set").exists());
    let lines = fs::read_to_string(desk.path().join("set.problems.jsonl")).unwrap();
    assert!(lines.contains("\"RLE_LENGTH\""), "{lines}");
    build(desk.path(), "broken", &["--out", "set"]).ok();
    assert!(desk.path().join("set/problems.jsonl").exists());
    assert!(!desk.path().join("set.problems.jsonl").exists());
}

#[test]
fn a_wrong_source_configuration_or_place_is_refused_before_the_work() {
    let desk = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| calico_in(desk.path(), args).refused();
    let build = ["data", "build", "--seed", "1", "--out", "set"];
    assert!(run(&build).contains("--ade20k"));
    let message = run(&[&build[..], &["--ade20k", "nowhere"]].concat());
    assert!(message.contains("ade20k_instance_train.json"), "{message}");
    fs::write(desk.path().join("limits.toml"), "[parts]\nmin_aera = 1\n").unwrap();
    let ade = fixture("sources/ADE20KPart234");
    let wrong = [&build[..], &["--ade20k", &ade, "--config", "limits.toml"]].concat();
    assert!(run(&wrong).contains("min_aera"));
    fs::create_dir(desk.path().join("set")).unwrap();
    fs::write(desk.path().join("set/thesis.txt"), "x").unwrap();
    assert!(run(&[&build[..], &["--ade20k", &ade]].concat()).contains("in use"));
    assert!(run(&[&build[..], &["--own", "tools"]].concat()).contains("NAME=DIR"));
    assert!(run(&[&build[..], &["--own", "paco_lvis=x"]].concat()).contains("another name"));
    assert!(desk.path().join("set/thesis.txt").exists());
}

#[test]
fn a_page_shows_samples_with_links_or_copies() {
    let desk = desk();
    let view = ["data", "view", "set", "--samples", "3", "--out"];
    calico_in(desk.path(), &[&view[..], &["page.html"]].concat()).ok();
    let page = fs::read_to_string(desk.path().join("page.html")).unwrap();
    assert_eq!(page.matches("<section class=\"pair\">").count(), 3);
    assert_eq!(page.matches("href=\"file:///").count(), 6);
    let more = ["deep/copies.html", "--embed", "--task", "unique_parts"];
    let done = calico_in(desk.path(), &[&view[..], &more].concat());
    assert!(done.stderr.contains("do not allow"), "{}", done.stderr);
    let page = fs::read_to_string(desk.path().join("deep/copies.html")).unwrap();
    assert_eq!(page.matches("href=\"data:image/jpeg;base64,").count(), 6);
    let message = calico_in(desk.path(), &[&view[..], &["set/build.json"]].concat()).refused();
    assert!(message.contains("inside of the data set"), "{message}");
    let roots = ["x.html", "--root", "nowhere=/"];
    let message = calico_in(desk.path(), &[&view[..], &roots].concat()).refused();
    assert!(message.contains("paco_lvis"), "{message}");
    let message =
        calico_in(desk.path(), &[&view[..], &["x.html", "--source", "none"]].concat()).refused();
    assert!(message.contains("no such sample"), "{message}");
}

#[test]
fn masks_go_to_annotators_and_come_back_unchanged() {
    let desk = desk();
    let run = |args: &str| calico_in(desk.path(), &args.split(' ').collect::<Vec<_>>()).ok();
    let mut before = files(&desk.path().join("set"));
    before.remove("files.txt").unwrap();
    for (format, file) in
        [("label-studio", "tasks.json"), ("cvat", "annotations.xml"), ("coco", "coco.json")]
    {
        run(&format!("data export set --format {format} --out {format}"));
        let shown = run(&format!(
            "data import {format}/{file} --format {format} --data set --split test --out {format}-set"
        ));
        assert!(shown.starts_with("0 masks changed, 0 regions removed"), "{shown}");
        let mut after = files(&desk.path().join(format!("{format}-set")));
        let list = String::from_utf8(after.remove("files.txt").unwrap()).unwrap();
        let listed = list.lines().filter(|file| *file != "files.txt");
        assert!(listed.eq(after.keys()), "{list}");
        after.remove("corrections.json").unwrap();
        assert!(before == after, "{format}");
    }
    run("data export set --format fiftyone --out fiftyone");
    assert!(json(desk.path().join("fiftyone/labels.json"))["annotations"].is_array());
}

#[test]
fn what_annotators_began_becomes_a_data_set() {
    let desk = desk();
    let run = |args: &str| calico_in(desk.path(), &args.split(' ').collect::<Vec<_>>()).ok();
    run("data export set --format coco --split train --out coco");
    run("data import coco/coco.json --format coco --out mine");
    let config = "[images]\ncheck = \"none\"\n[objects]\nmin_area = 1\n";
    fs::write(desk.path().join("limits.toml"), config).unwrap();
    run("data build --own mine=mine --config limits.toml --seed 3 --out own");
    let record = json(desk.path().join("own/build.json"));
    assert_eq!(record["sources"]["mine"]["annotations_skipped"], 0);
    assert!(record["splits"]["train"]["samples"].as_u64().unwrap() > 20);
}

#[test]
fn a_file_of_another_format_is_refused() {
    let desk = desk();
    fs::write(desk.path().join("a.xml"), "<annotations>").unwrap();
    for format in ["cvat", "label-studio", "coco"] {
        let args = ["data", "import", "a.xml", "--format", format, "--out", "x"];
        calico_in(desk.path(), &args).refused();
    }
    assert!(!desk.path().join("x").exists());
    let args = ["data", "export", "a.xml", "--format", "coco", "--out", "x"];
    calico_in(desk.path(), &args).refused();
}

#[test]
fn a_sound_data_set_passes_and_a_damaged_one_is_listed() {
    let desk = desk();
    let shown = calico_in(desk.path(), &["data", "validate", "set", "--pictures", "decode"]).ok();
    assert!(shown.contains("no rule is broken"), "{shown}");
    let json = calico_in(desk.path(), &["data", "validate", "set", "--json"]).ok();
    let report: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(report["counts"], serde_json::json!({}));

    let test = desk.path().join("set/images/test.parquet");
    fs::copy(desk.path().join("set/images/train.parquet"), test).unwrap();
    let done = calico_in(desk.path(), &["data", "validate", "set"]);
    assert_eq!(done.code, 1, "{}", done.stderr);
    assert!(done.stdout.contains("expected"), "{}", done.stdout);
    calico_in(desk.path(), &["data", "validate", "nowhere"]).refused();
}

#[test]
fn a_data_set_is_counted_as_text_json_and_charts() {
    let desk = desk();
    let shown = calico_in(desk.path(), &["data", "stats", "set", "--out", "charts"]).ok();
    assert!(shown.contains("test") && shown.contains("paco_lvis"), "{shown}");
    let written = files(&desk.path().join("charts"));
    for ending in [".svg", ".png"] {
        assert!(written.keys().filter(|name| name.ends_with(ending)).count() >= 4, "{ending}");
    }
    let json = calico_in(desk.path(), &["data", "stats", "set", "--json"]).ok();
    assert_eq!(json.as_bytes(), written["statistics.json"]);
    let statistics: Value = serde_json::from_str(&json).unwrap();
    assert!(statistics["splits"]["test"].is_object());
}

#[test]
fn released_documents_are_inspected_and_what_is_not_understood_is_told() {
    let desk = tempfile::tempdir().unwrap();
    fs::create_dir(desk.path().join("release")).unwrap();
    let path = desk.path().join("release/mixed_parts_test.json");
    fs::write(path, r#"{"images": [], "riddles": [{"answer": 42}]}"#).unwrap();
    let inspect = ["data", "import-released", "--inspect", "release/mixed_parts_test.json"];
    let shown = calico_in(desk.path(), &inspect).ok();
    assert!(shown.contains("riddles") && shown.contains("42"), "{shown}");
    let import = ["data", "import-released", "release", "--out", "set"];
    let message = calico_in(desk.path(), &import).refused();
    assert!(message.contains("inspect the documents"), "{message}");
    assert!(!desk.path().join("set").exists());
}

#[test]
fn a_cut_annotation_file_stops_a_build() {
    let desk = tempfile::tempdir().unwrap();
    let paco = desk.path().join("paco/annotations");
    fs::create_dir_all(&paco).unwrap();
    for split in ["train", "test"] {
        let name = format!("paco_lvis_v1_{split}.json");
        let bytes = fs::read(fixture(&format!("sources/paco/annotations/{name}"))).unwrap();
        let kept = if split == "train" { bytes.len() / 2 } else { bytes.len() };
        fs::write(paco.join(name), &bytes[..kept]).unwrap();
    }
    fs::write(desk.path().join("limits.toml"), "[images]\nmin_side = 32\n").unwrap();
    let coco = fixture("sources/coco");
    let args = [
        "data",
        "build",
        "--paco",
        "paco",
        "--coco",
        &coco,
        "--seed",
        "1",
        "--out",
        "set",
        "--config",
        "limits.toml",
    ];
    let done = calico_in(desk.path(), &args);
    assert_eq!(done.code, 1, "{}", done.stderr);
    assert!(done.stderr.contains("1 of 2 splits of paco_lvis"), "{}", done.stderr);
}
