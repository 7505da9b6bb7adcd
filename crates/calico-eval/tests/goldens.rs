//! Every number equals that of an independent evaluation in Python (pycocotools, scipy, loops).

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fs::File;
use std::io::BufReader;

use calico_eval::{EvalOptions, Evaluation, LabelTest, Report, Scorer};
use serde_json::Value;

use support::{Trigrams, golden, identity, json, truths};

/// Fractions agree to this.
const CLOSE: f64 = 1e-6;

fn evaluated(case: &str, setting: &Value) -> Report {
    let field = |name: &str| setting[name].clone();
    let options = EvalOptions {
        mode: serde_json::from_value(field("mode")).unwrap(),
        assign: serde_json::from_value(field("assign")).unwrap(),
        objects: serde_json::from_value(field("objects")).unwrap(),
    };
    let mut scorer = Scorer::new(options).with_sentence_encoder(&Trigrams);
    if setting["label_test"] == "bert" {
        scorer = scorer.with_label_encoder(&Trigrams);
    }
    let truths = truths(&format!("{case}.truth.json"));
    let path = golden(&format!("{case}.predictions.jsonl"));
    let from = BufReader::new(File::open(&path).unwrap());
    let evaluation = Evaluation::of_file(&path, from, &truths, &mut scorer, 2).unwrap();
    Report::new(&evaluation, &scorer, identity(), None)
}

/// Compares the rows of a group, and returns how many numbers there were.
fn compare(found: &Value, expected: &Value, place: &str) -> usize {
    let mut compared = 0;
    let tasks = expected["tasks"].as_object().unwrap();
    assert_eq!(tasks.len(), found["tasks"].as_object().unwrap().len(), "{place}");
    let rows = tasks.iter().map(|(task, row)| (task.as_str(), &found["tasks"][task], row));
    for (task, found, row) in rows.chain([("overall", &found["overall"], &expected["overall"])]) {
        for (name, expected) in row.as_object().unwrap() {
            let is_count = ["pairs", "images", "targets", "predictions"].contains(&name.as_str());
            let found = found[name].as_f64().unwrap() / if is_count { 1.0 } else { 100.0 };
            let expected = expected.as_f64().unwrap();
            let place = format!("{place}, {task}, {name}: {found}, expected {expected}");
            assert!((found - expected).abs() < CLOSE, "{place}");
            compared += 1;
        }
    }
    compared
}

fn check(case: &str) -> usize {
    let mut compared = 0;
    for expected in json(&format!("{case}.expected.json")).as_array().unwrap() {
        let setting = &expected["setting"];
        let report = evaluated(case, setting);
        let found: Value = serde_json::from_str(&report.to_json().unwrap()).unwrap();
        assert_eq!(found["label_test"], setting["label_test"]);
        compared += compare(&found, &expected["all"], &format!("{setting} all"));
        for kind in ["sources", "classes", "class_pairs"] {
            let groups = expected[kind].as_object().unwrap();
            assert_eq!(groups.len(), found[kind].as_object().unwrap().len(), "{kind}");
            for (name, group) in groups {
                let place = format!("{setting} {kind} {name}");
                compared += compare(&found[kind][name], group, &place);
            }
        }
    }
    compared
}

#[test]
fn predictions_with_ties_misses_duplicates_and_empty_masks_score_as_in_python() {
    assert!(check("ties") > 2000);
}

#[test]
fn masks_whose_overlaps_are_mostly_equal_are_met_in_the_same_order() {
    assert!(check("strips") > 500);
}

#[test]
fn both_assignments_score_as_in_python() {
    assert!(check("distinct") > 1000);
}

#[test]
fn pairs_without_a_line_and_failures_are_reported() {
    let setting = &json("ties.expected.json")[0]["setting"];
    let report = evaluated("ties", setting);
    assert_eq!((report.missing_pairs.len(), report.failed_pairs.len()), (2, 1));
    assert!(report.missing_pairs.is_sorted());
    assert!(report.warnings.iter().any(|text| text.starts_with("2 of 60 pairs have no")));
    assert_eq!(report.label_test, LabelTest::Exact);
}
