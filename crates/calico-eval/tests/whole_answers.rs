//! Exact answers and context accuracy where everybody can count along.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use calico_eval::report::{Pictures, html, markdown, terminal};
use calico_eval::{
    EvalOptions, Evaluation, PairPrediction, PartObjects, Prediction, Report, Scorer, Truths,
};
use calico_result::Task;
use serde_json::Value;

use support::{columns, perfect, report, sample, target, three_tasks};

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-5, "{found}, expected {expected}");
}

/// Two samples of each case: what is common with a partner of the left and of the right object of
/// one image.
fn cases(ids: &[&str]) -> Truths {
    let of = |id: &&str| {
        let (label, place) =
            if id.ends_with('a') { ("chair", columns(0, 4)) } else { ("bench", columns(5, 9)) };
        let targets = || vec![target(label, place.clone(), true)];
        sample(id, Task::CommonObjects, [targets(), targets()])
    };
    Truths::new(ids.iter().map(of).collect()).unwrap()
}

fn answers(truths: &Truths) -> Vec<PairPrediction> {
    truths.samples().iter().map(perfect).collect()
}

#[test]
fn an_answer_is_exact_if_every_image_has_its_labels_wherever_the_masks_are() {
    let truths = three_tasks();
    let mut predictions = answers(&truths);
    let exact = |predictions: &[PairPrediction]| {
        let report = report(&truths, predictions, EvalOptions::default());
        let tasks = report.all.tasks.values().map(|row| row.exact_answers);
        (tasks.collect::<Vec<_>>(), report.all.overall.exact_answers)
    };
    predictions[0].images[0][0].mask = columns(9, 10);
    predictions[0].images[1][0].label = "A CHAIR".to_owned();
    assert_eq!(exact(&predictions).0, [100.0, 100.0, 100.0]);
    // A part in an image too many, and an object that is not named.
    let arm = predictions[2].images[1][0].clone();
    predictions[2].images[0].push(arm);
    let (tasks, mean) = exact(&predictions);
    assert_eq!(tasks, [100.0, 100.0, 0.0]);
    close(mean, 200.0 / 3.0);
    predictions[1].images[0].remove(0);
    close(exact(&predictions).1, 100.0 / 3.0);
}

#[test]
fn objects_that_are_set_aside_make_no_answer_inexact() {
    let truths = three_tasks();
    let mut predictions = answers(&truths);
    predictions[1].images.iter_mut().for_each(|image| drop(image.remove(0)));
    let options = EvalOptions { objects: PartObjects::SetAside, ..EvalOptions::default() };
    close(report(&truths, &predictions, options).all.overall.exact_answers, 100.0);
    close(
        report(&truths, &predictions, EvalOptions::default()).all.overall.exact_answers,
        200.0 / 3.0,
    );
}

#[test]
fn to_name_nothing_is_exact_where_nothing_is_and_not_to_answer_is_not() {
    let truths = Truths::new(vec![sample("s", Task::UniqueParts, [vec![], vec![]])]).unwrap();
    let exact = |predictions: &[PairPrediction]| {
        report(&truths, predictions, EvalOptions::default()).all.overall.exact_answers
    };
    let silent = PairPrediction::empty("s", 2);
    close(exact(std::slice::from_ref(&silent)), 100.0);
    close(exact(&[PairPrediction { failure: Some("no words".into()), ..silent }]), 0.0);
    close(exact(&[]), 0.0);
}

#[test]
fn context_counts_the_cases_of_which_both_samples_are_right() {
    let ids = ["context/1/a", "context/1/b", "context/2/a", "context/2/b", "context/3/a"];
    let truths =
        cases(&[&ids[..], &["context/3/b", "context/4/a", "test/5/a", "test/5/b"]].concat());
    let mut predictions = answers(&truths);
    let accuracy = |predictions: &[PairPrediction]| {
        let report = report(&truths, predictions, EvalOptions::default());
        // Case 4 lacks a half, and 5 is no case of this form.
        assert_eq!(report.context_cases, Some(3));
        report.context_accuracy.unwrap()
    };
    close(accuracy(&predictions), 100.0);
    // Two of four columns are an overlap of one half, which is enough; one is not.
    predictions[0].images[1][0].mask = columns(0, 2);
    close(accuracy(&predictions), 100.0);
    predictions[0].images[1][0].mask = columns(0, 1);
    close(accuracy(&predictions), 200.0 / 3.0);
    // The other object of the same picture is the wrong answer.
    predictions[3].images = predictions[2].images.clone();
    close(accuracy(&predictions), 100.0 / 3.0);
    let more = Prediction { label: "lid".into(), mask: columns(9, 10), score: None };
    predictions[4].images[0].push(more);
    close(accuracy(&predictions), 0.0);
}

#[test]
fn every_form_of_a_report_tells_context_and_exact_answers() {
    let truths = cases(&["context/1/a", "context/1/b"]);
    let mut report = report(&truths, &answers(&truths), EvalOptions::default());
    report.suite = Some("context".to_owned());
    let mut scorer = Scorer::new(EvalOptions::default());
    let evaluation = Evaluation::of_predictions(&[], &truths, &mut scorer, 0).unwrap();
    let page = html(&report, &evaluation.gallery, &Pictures::none());
    for text in [terminal(&report), markdown(&report), page] {
        assert!(text.contains("100.0 % of 1 cases") && text.contains("Exact answers"), "{text}");
        assert!(text.contains("context_accuracy") && text.contains("suite"), "{text}");
    }
    let found: Value = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    assert_eq!((&found["context_accuracy"], &found["suite"]), (&100.0.into(), &"context".into()));
    assert_eq!(found["tasks"]["common_objects"]["exact_answers"], 100.0);
}

#[test]
fn without_cases_there_is_no_context_accuracy() {
    let truths = three_tasks();
    let report: Report = report(&truths, &answers(&truths), EvalOptions::default());
    let found: Value = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    for key in ["context_accuracy", "context_cases", "suite", "baselines"] {
        assert!(found.get(key).is_none(), "{key}");
    }
}
