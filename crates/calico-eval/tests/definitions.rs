//! What the numbers are where everybody can count along.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use calico_eval::{
    Assign, EvalOptions, Mode, PairPrediction, PartObjects, Prediction, Report, Row, Truths,
};
use calico_image::Rle;
use calico_result::Task;

use support::{SIZE, columns, perfect, report, sample, target, three_tasks};

fn all_options() -> Vec<EvalOptions> {
    let mut all = Vec::new();
    for mode in [Mode::Glamm, Mode::Strict] {
        for assign in [Assign::Greedy, Assign::Hungarian] {
            for objects in [PartObjects::SetAside, PartObjects::Count] {
                all.push(EvalOptions { mode, assign, objects });
            }
        }
    }
    all
}

fn metrics(row: &Row) -> [f64; 9] {
    [
        row.ap50,
        row.miou,
        row.recall,
        row.ss.unwrap(),
        row.s_iou,
        row.miou_strict,
        row.recall_strict,
        row.ss_mask_matched.unwrap(),
        row.s_iou_mask_matched,
    ]
}

fn assert_metrics(row: &Row, expected: [f64; 9]) {
    let found = metrics(row);
    let close = found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-5);
    assert!(close, "{found:?}, expected {expected:?}");
}

fn predicted(label: &str, mask: Rle) -> Prediction {
    Prediction { label: label.to_owned(), mask, score: None }
}

/// One sub-task with one sample and its prediction.
fn alone(
    subtask: Task,
    targets: [Vec<(&str, Rle)>; 2],
    found: [Vec<(&str, Rle)>; 2],
    options: EvalOptions,
) -> Report {
    let is_object = subtask == Task::CommonObjects;
    let targets = targets
        .map(|list| list.into_iter().map(|(label, mask)| target(label, mask, is_object)).collect());
    let truths = Truths::new(vec![sample("s", subtask, targets)]).unwrap();
    let images =
        found.map(|list| list.into_iter().map(|(label, mask)| predicted(label, mask)).collect());
    let prediction = PairPrediction {
        sample_id: "s".to_owned(),
        images: images.into(),
        ..PairPrediction::default()
    };
    report(&truths, &[prediction], options)
}

#[test]
fn perfect_predictions_score_100_everywhere() {
    let truths = three_tasks();
    let predictions: Vec<_> = truths.samples().iter().map(perfect).collect();
    for options in all_options() {
        let report = report(&truths, &predictions, options);
        let groups = report.sources.values().chain(report.classes.values());
        for group in groups.chain(report.class_pairs.values()).chain([&report.all]) {
            for row in group.tasks.values().chain([&group.overall]) {
                assert_metrics(row, [100.0; 9]);
            }
        }
    }
}

#[test]
fn no_predictions_score_0_everywhere() {
    let truths = three_tasks();
    for options in all_options() {
        let report = report(&truths, &[], options);
        assert_metrics(&report.all.overall, [0.0; 9]);
        assert_eq!(report.missing_pairs, ["a", "b", "c"]);
    }
}

#[test]
fn empty_answers_score_0_and_are_not_missing() {
    let truths = three_tasks();
    let empty: Vec<_> =
        truths.samples().iter().map(|truth| PairPrediction::empty(&truth.sample_id, 2)).collect();
    let report = report(&truths, &empty, EvalOptions::default());
    assert_metrics(&report.all.overall, [0.0; 9]);
    assert!(report.missing_pairs.is_empty());
}

#[test]
fn predictions_of_the_wrong_image_keep_their_labels_and_lose_their_masks() {
    let targets = [vec![("seat", columns(0, 3))], vec![("seat", columns(5, 8))]];
    let found = [vec![("seat", columns(5, 8))], vec![("seat", columns(0, 3))]];
    let report = alone(Task::CommonParts, targets, found, EvalOptions::default());
    let expected = [0.0, 0.0, 0.0, 100.0, 100.0, 0.0, 0.0, 0.0, 0.0];
    assert_metrics(&report.all.overall, expected);
}

#[test]
fn swapped_labels_keep_their_masks_and_lose_recall() {
    let targets =
        || [vec![("seat", columns(0, 3)), ("leg", columns(5, 8))], vec![("back", columns(0, 2))]];
    let found =
        [vec![("leg", columns(0, 3)), ("seat", columns(5, 8))], vec![("back", columns(0, 2))]];
    let report = alone(Task::CommonParts, targets(), found, EvalOptions::default());
    // The second image is right: half of the images, a third of the targets.
    let row = report.all.overall;
    assert!((row.ap50 - 100.0).abs() < 1e-5 && (row.miou - 100.0).abs() < 1e-5);
    assert!((row.recall - 100.0 / 3.0).abs() < 1e-5);
    assert!((row.recall_strict - 100.0 / 3.0).abs() < 1e-5);
    assert!((row.s_iou - 100.0).abs() < 1e-5 && (row.s_iou_mask_matched - 50.0).abs() < 1e-5);
}

#[test]
fn one_bad_label_hides_later_pairs_in_glamm_and_not_in_strict() {
    // IoUs 1 and 2/3: the wrong label comes first.
    let targets = || [vec![("seat", columns(0, 3)), ("leg", columns(5, 8))], vec![]];
    let found = || [vec![("lid", columns(0, 3)), ("leg", columns(5, 7))], vec![]];
    let report = |mode| {
        let options = EvalOptions { mode, ..EvalOptions::default() };
        alone(Task::UniqueParts, targets(), found(), options).all.overall
    };
    assert!(report(Mode::Glamm).recall == 0.0);
    assert!((report(Mode::Glamm).recall_strict - 50.0).abs() < 1e-5);
    assert!((report(Mode::Strict).recall - 50.0).abs() < 1e-5);
}

#[test]
fn a_missed_target_costs_strict_miou_only() {
    let targets = [vec![("seat", columns(0, 4)), ("leg", columns(5, 8))], vec![]];
    let found = [vec![("seat", columns(0, 2))], vec![]];
    let row = alone(Task::UniqueParts, targets, found, EvalOptions::default()).all.overall;
    assert!((row.miou - 50.0).abs() < 1e-5 && (row.miou_strict - 25.0).abs() < 1e-5);
}

#[test]
fn an_image_without_targets_counts_once_something_is_predicted_there() {
    let targets = || [vec![], vec![("arm", columns(2, 4))]];
    let right = || vec![("arm", columns(2, 4))];
    let quiet = alone(Task::UniqueParts, targets(), [vec![], right()], EvalOptions::default());
    assert_eq!(quiet.all.overall.images, 1);
    assert_metrics(&quiet.all.overall, [100.0; 9]);
    let found = [vec![("lid", columns(0, 1))], right()];
    let loud = alone(Task::UniqueParts, targets(), found, EvalOptions::default()).all.overall;
    assert_eq!(loud.images, 2);
    // The false prediction comes first: precision is 1/2 at every recall.
    let expected = [50.0, 50.0, 100.0, 100.0, 100.0, 50.0, 100.0, 100.0, 100.0];
    assert_metrics(&loud, expected);
}

#[test]
fn an_empty_mask_is_a_false_prediction_and_overlaps_nothing() {
    let targets = [vec![("arm", columns(2, 4))], vec![]];
    let found = [vec![("arm", Rle::empty(SIZE)), ("arm", columns(2, 4))], vec![]];
    let row = alone(Task::UniqueParts, targets, found, EvalOptions::default()).all.overall;
    assert_eq!(row.predictions, 2);
    assert!((row.ap50 - 50.0).abs() < 1e-5 && (row.miou - 100.0).abs() < 1e-5);
    let targets = [vec![("arm", Rle::empty(SIZE))], vec![]];
    let found = [vec![("arm", Rle::empty(SIZE))], vec![]];
    let row = alone(Task::UniqueParts, targets, found, EvalOptions::default()).all.overall;
    assert!(row.miou == 0.0 && row.recall_strict == 0.0 && row.ap50 == 0.0);
}

#[test]
fn objects_named_in_an_answer_about_parts_can_be_set_aside() {
    let truths = three_tasks();
    let mut predictions: Vec<_> = truths.samples().iter().map(perfect).collect();
    let of_parts = |report: &Report| report.all.tasks[&Task::CommonParts];
    // The answer about common parts without the objects that the truth names, and the one about
    // unique parts with objects that it does not.
    for image in &mut predictions[1].images {
        image.retain(|found| !["the chair", "the bench"].contains(&found.label.as_str()));
    }
    predictions[2].images[0].push(predicted("A chair", columns(0, 9)));
    predictions[2].images[1].push(predicted("a bench", columns(0, 9)));
    let options = EvalOptions { objects: PartObjects::SetAside, ..EvalOptions::default() };
    let aside = report(&truths, &predictions, options);
    assert_metrics(&aside.all.overall, [100.0; 9]);
    assert_eq!(of_parts(&aside).targets, 4);
    let counted = report(&truths, &predictions, EvalOptions::default());
    assert_eq!(of_parts(&counted).targets, 6);
    assert!((of_parts(&counted).recall - 100.0 * 4.0 / 6.0).abs() < 1e-5);
    assert!(counted.all.tasks[&Task::UniqueParts].ap50 < 100.0);
}

#[test]
fn a_part_that_bears_the_name_of_an_object_is_a_part() {
    let truths = || {
        [vec![target("chair", columns(0, 9), true)], vec![target("bench", columns(2, 4), false)]]
    };
    let truths = Truths::new(vec![sample("s", Task::UniqueParts, truths())]).unwrap();
    let prediction = PairPrediction {
        sample_id: "s".to_owned(),
        images: vec![vec![], vec![predicted("bench", columns(2, 4))]],
        ..PairPrediction::default()
    };
    let options = EvalOptions { objects: PartObjects::SetAside, ..EvalOptions::default() };
    let report = report(&truths, &[prediction], options);
    assert_metrics(&report.all.overall, [100.0; 9]);
}

#[test]
fn scores_order_predictions_in_strict_mode_only() {
    let truths = Truths::new(vec![sample(
        "s",
        Task::UniqueParts,
        [vec![target("arm", columns(2, 4), false)], vec![]],
    )])
    .unwrap();
    let scored =
        |label: &str, mask, score| Prediction { score: Some(score), ..predicted(label, mask) };
    let found = vec![scored("arm", columns(6, 8), 0.1), scored("arm", columns(2, 4), 0.9)];
    let prediction = PairPrediction {
        sample_id: "s".to_owned(),
        images: vec![found, vec![]],
        ..PairPrediction::default()
    };
    let ap50 = |mode| {
        let options = EvalOptions { mode, ..EvalOptions::default() };
        report(&truths, std::slice::from_ref(&prediction), options).all.overall.ap50
    };
    assert!((ap50(Mode::Glamm) - 50.0).abs() < 1e-5);
    assert!((ap50(Mode::Strict) - 100.0).abs() < 1e-5);
}

#[test]
fn the_number_of_a_model_is_the_unweighted_mean_of_its_sub_tasks() {
    let objects = |id| {
        let chair = || vec![target("chair", columns(0, 9), true)];
        sample(id, Task::CommonObjects, [chair(), chair()])
    };
    let part = sample("d", Task::UniqueParts, [vec![target("arm", columns(0, 1), false)], vec![]]);
    let truths = Truths::new(vec![objects("a"), objects("b"), objects("c"), part]).unwrap();
    let predictions: Vec<_> = truths.samples()[..3].iter().map(perfect).collect();
    let report = report(&truths, &predictions, EvalOptions::default());
    assert_metrics(&report.all.overall, [50.0; 9]);
    assert_eq!(report.all.overall.pairs, 4);
    assert!(report.warnings.iter().any(|text| text.contains("no pairs of common_parts")));
}
