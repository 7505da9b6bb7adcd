//! What holds for all predictions.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use calico_eval::{Assign, EvalOptions, Mode, PairPrediction, Prediction, Row, Target, Truths};
use calico_image::Rle;
use calico_result::Task;
use proptest::prelude::*;

use support::{columns, report, sample, target};

fn masks() -> impl Strategy<Value = Rle> {
    (0_u32..10, 0_u32..=10).prop_map(|(a, b)| columns(a.min(b), a.max(b)))
}

fn labels() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["leg", "left leg", "seat", "chair", "a back.", "bench", ""])
        .prop_map(str::to_owned)
}

fn targets() -> impl Strategy<Value = Vec<Target>> {
    let one = (labels(), masks(), any::<bool>());
    prop::collection::vec(one.prop_map(|(label, mask, object)| target(&label, mask, object)), 0..4)
}

fn predictions() -> impl Strategy<Value = Vec<Prediction>> {
    let one = (labels(), masks(), prop::option::of(-1.0..2.0_f64));
    let one = one.prop_map(|(label, mask, score)| Prediction { label, mask, score });
    prop::collection::vec(one, 0..5)
}

/// A sample of any sub-task with its prediction.
type Pair = (usize, [Vec<Target>; 2], [Vec<Prediction>; 2]);

fn pairs() -> impl Strategy<Value = Vec<Pair>> {
    let pair = (0_usize..3, [targets(), targets()], [predictions(), predictions()]);
    prop::collection::vec(pair, 1..7)
}

fn options() -> impl Strategy<Value = EvalOptions> {
    let modes = prop::sample::select(vec![Mode::Glamm, Mode::Strict]);
    let assigns = prop::sample::select(vec![Assign::Greedy, Assign::Hungarian]);
    (modes, assigns).prop_map(|(mode, assign)| EvalOptions {
        mode,
        assign,
        ..EvalOptions::default()
    })
}

fn built(pairs: &[Pair]) -> (Truths, Vec<PairPrediction>) {
    let id = |number: usize| format!("{number:03}");
    let truths = pairs
        .iter()
        .enumerate()
        .map(|(number, (task, targets, _))| sample(&id(number), Task::ALL[*task], targets.clone()));
    let predictions = pairs.iter().enumerate().map(|(number, (_, _, images))| PairPrediction {
        sample_id: id(number),
        images: images.clone().into(),
        ..PairPrediction::default()
    });
    (Truths::new(truths.collect()).unwrap(), predictions.collect())
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

proptest! {
    #[test]
    fn every_metric_lies_between_0_and_100(pairs in pairs(), options in options()) {
        let (truths, predictions) = built(&pairs);
        let report = report(&truths, &predictions, options);
        for row in report.all.tasks.values().chain([&report.all.overall]) {
            prop_assert!(metrics(row).iter().all(|value| (0.0..=100.0).contains(value)), "{row:?}");
        }
    }

    #[test]
    fn the_order_of_samples_and_lines_changes_nothing(
        pairs in pairs(),
        options in options(),
        turn in 0_usize..7,
    ) {
        let (truths, mut predictions) = built(&pairs);
        let mut samples = truths.samples().to_vec();
        samples.reverse();
        let length = predictions.len();
        predictions.rotate_left(turn % length);
        let again = Truths::new(samples).unwrap();
        let json = |truths, predictions: &[_]| report(truths, predictions, options).to_json().unwrap();
        prop_assert_eq!(json(&again, &predictions), json(&truths, &built(&pairs).1));
    }

    #[test]
    fn strict_miou_never_exceeds_that_of_matched_pairs_and_strict_recall_is_never_less(
        pairs in pairs(),
    ) {
        let (truths, predictions) = built(&pairs);
        let report = report(&truths, &predictions, EvalOptions::default());
        for row in report.all.tasks.values() {
            prop_assert!(row.miou_strict <= row.miou + 1e-5, "{row:?}");
            prop_assert!(row.recall_strict >= row.recall - 1e-5, "{row:?}");
        }
    }

    #[test]
    fn the_best_label_is_never_worse_than_the_matched_one(pairs in pairs(), options in options()) {
        let (truths, predictions) = built(&pairs);
        let row = report(&truths, &predictions, options).all.overall;
        prop_assert!(row.s_iou >= row.s_iou_mask_matched - 1e-5);
        prop_assert!(row.ss.unwrap() >= row.ss_mask_matched.unwrap() - 1e-5);
    }

    #[test]
    fn the_hungarian_assignment_has_the_larger_strict_miou(pairs in pairs()) {
        let (truths, predictions) = built(&pairs);
        let strict = |assign| {
            let options = EvalOptions { assign, ..EvalOptions::default() };
            report(&truths, &predictions, options).all.overall.miou_strict
        };
        prop_assert!(strict(Assign::Hungarian) >= strict(Assign::Greedy) - 1e-5);
    }
}

/// The golden predictions, with some bytes changed, added or cut.
fn mangled() -> impl Strategy<Value = Vec<u8>> {
    let bytes = std::fs::read(support::golden("ties.predictions.jsonl")).unwrap();
    let text: Vec<u8> =
        bytes.split_inclusive(|byte| *byte == b'\n').take(4).flatten().copied().collect();
    let change = (0..text.len(), any::<u8>(), 0_usize..3);
    prop::collection::vec(change, 1..6).prop_map(move |changes| {
        let mut text = text.clone();
        for (at, byte, kind) in changes {
            let at = at.min(text.len() - 1);
            match kind {
                0 => text[at] = byte,
                1 => text.insert(at, byte),
                _ => text.truncate(at.max(1)),
            }
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_a_file_holds_it_is_scored_or_refused_by_line(text in mangled()) {
        let truths = support::truths("ties.truth.json");
        let mut scorer = calico_eval::Scorer::new(EvalOptions::default());
        let path = std::path::Path::new("predictions.jsonl");
        let result =
            calico_eval::Evaluation::of_file(path, text.as_slice(), &truths, &mut scorer, 0);
        let is_typed = matches!(result, Ok(_) | Err(calico_eval::EvalError::Predictions { .. }));
        prop_assert!(is_typed, "{result:?}");
    }
}
