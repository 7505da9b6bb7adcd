//! Pairs whose true answer has no mask.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use calico_eval::report::{NothingRow, Pictures, html, markdown, terminal};
use calico_eval::{
    EvalOptions, Evaluation, PairPrediction, PartObjects, Prediction, Report, Scorer, Truths,
};
use calico_result::Task;
use serde_json::{Value, json};

use support::{columns, identity, perfect, report, sample, three_tasks};

/// The three sub-tasks, and two pairs that share no part.
fn with_nothing() -> Truths {
    let empty = |id| sample(id, Task::CommonParts, [vec![], vec![]]);
    let truths = three_tasks().samples().iter().cloned().chain([empty("d"), empty("e")]).collect();
    Truths::new(truths).unwrap()
}

fn mask(label: &str) -> Prediction {
    Prediction { label: label.to_owned(), mask: columns(0, 2), score: None }
}

/// Right answers, but for one mask where there is nothing.
fn one_false(label: &str) -> Vec<PairPrediction> {
    let mut all: Vec<_> = with_nothing().samples().iter().map(perfect).collect();
    all[4].images[1].push(mask(label));
    all
}

fn counts(
    pairs: usize,
    false_answers: usize,
    unanswered: usize,
    false_answer_rate: f64,
) -> NothingRow {
    NothingRow { pairs, false_answers, unanswered, false_answer_rate }
}

fn scored(predictions: &[PairPrediction]) -> Report {
    report(&with_nothing(), predictions, EvalOptions::default())
}

#[test]
fn to_be_silent_about_nothing_adds_nothing_to_the_means() {
    let truths = three_tasks();
    let perfect: Vec<_> = with_nothing().samples().iter().map(perfect).collect();
    let without = report(&truths, &perfect[..3], EvalOptions::default());
    let with = scored(&perfect);
    let mut row = with.all.tasks[&Task::CommonParts];
    assert_eq!(row.pairs, 3);
    row.pairs = 1;
    assert_eq!(row, without.all.tasks[&Task::CommonParts]);
    assert_eq!(without.answers_about_nothing, None);
    let expected = counts(2, 0, 0, 0.0);
    assert_eq!(with.answers_about_nothing.unwrap().overall, expected);
}

#[test]
fn a_sub_task_that_has_only_silence_is_left_out_of_the_mean() {
    let nothing = sample("d", Task::UniqueParts, [vec![], vec![]]);
    let mut samples = three_tasks().samples()[..2].to_vec();
    samples.push(nothing);
    let truths = Truths::new(samples).unwrap();
    let predictions: Vec<_> = truths.samples().iter().map(perfect).collect();
    let overall = report(&truths, &predictions, EvalOptions::default()).all.overall;
    assert_eq!((overall.pairs, overall.ap50, overall.miou), (3, 100.0, 100.0));
}

#[test]
fn a_mask_where_there_is_nothing_is_false() {
    let report = scored(&one_false("seat"));
    let silent = scored(&one_false("seat")[..4]);
    let (found, right) =
        (report.all.tasks[&Task::CommonParts], silent.all.tasks[&Task::CommonParts]);
    assert_eq!(found.predictions, right.predictions + 1);
    assert!(found.miou < right.miou && (found.recall - right.recall).abs() < 1e-9);
    assert!(found.ap50 <= right.ap50);
    let group = report.answers_about_nothing.unwrap();
    let expected = counts(2, 1, 0, 50.0);
    assert_eq!((group.overall, group.tasks[&Task::CommonParts]), (expected, expected));
    assert_eq!(group.tasks.len(), 1);
}

/// As with exact answers, a model that says nothing at all has not said that there is nothing.
#[test]
fn not_to_answer_is_no_right_answer_about_nothing() {
    let about =
        |predictions: &[PairPrediction]| scored(predictions).answers_about_nothing.unwrap().overall;
    let right: Vec<_> = with_nothing().samples().iter().map(perfect).collect();
    assert_eq!(about(&right), counts(2, 0, 0, 0.0));
    assert_eq!(about(&right[..4]), counts(2, 0, 1, 50.0));
    assert_eq!(about(&[]), counts(2, 0, 2, 100.0));
    let mut failed = one_false("seat");
    failed[3].failure = Some("no words".to_owned());
    assert_eq!(about(&failed), counts(2, 1, 1, 100.0));
    // What a model drew before it failed is no answer either.
    failed[4].failure = Some("no words".to_owned());
    assert_eq!(about(&failed), counts(2, 0, 2, 100.0));
}

#[test]
fn an_object_that_is_set_aside_is_no_false_answer() {
    for (objects, expected) in [(PartObjects::SetAside, 0), (PartObjects::Count, 1)] {
        let options = EvalOptions { objects, ..EvalOptions::default() };
        let report = report(&with_nothing(), &one_false("the chair"), options);
        assert_eq!(report.answers_about_nothing.unwrap().overall.false_answers, expected);
    }
}

#[test]
fn the_quality_of_silence_is_all_or_none() {
    let truths = with_nothing();
    let mut scorer = Scorer::new(EvalOptions::default());
    let (right, wrong) = (&truths.samples()[3], &truths.samples()[4]);
    let predictions = one_false("seat");
    let score = scorer.score(right, Some(&predictions[3])).unwrap();
    assert_eq!((score.quality(), score.false_answer()), (1.0, false));
    let score = scorer.score(wrong, Some(&predictions[4])).unwrap();
    assert_eq!((score.quality(), score.false_answer()), (0.0, true));
    let score = scorer.score(right, None).unwrap();
    assert_eq!((score.quality(), score.false_answer()), (0.0, false));
}

#[test]
fn every_form_of_the_report_shows_the_rate_only_where_there_is_nothing() {
    let shown = |truths: &Truths, predictions: &[PairPrediction]| {
        let mut scorer = Scorer::new(EvalOptions::default());
        let evaluation = Evaluation::of_predictions(predictions, truths, &mut scorer, 1).unwrap();
        let report = Report::new(&evaluation, &scorer, identity(), None);
        let page = html(&report, &evaluation.gallery, &Pictures::none());
        (report.to_json().unwrap(), [terminal(&report), markdown(&report), page])
    };
    let (document, texts) = shown(&with_nothing(), &one_false("seat"));
    let found: Value = serde_json::from_str(&document).unwrap();
    let row = json!({
        "pairs": 2, "false_answers": 1, "unanswered": 0, "false_answer_rate": 50.0
    });
    let expected = json!({ "overall": row, "tasks": { "common_parts": row } });
    assert_eq!(found["answers_about_nothing"], expected);
    for text in texts {
        let section = text.split_once("Answers about nothing").unwrap().1;
        assert!(
            ["Unanswered", "False answer rate", "50.0"].iter().all(|word| section.contains(word)),
            "{text}"
        );
    }
    let (document, texts) = shown(&three_tasks(), &[]);
    assert!(!document.contains("answers_about_nothing"));
    assert!(texts.iter().all(|text| !text.contains("Answers about nothing")));
}
