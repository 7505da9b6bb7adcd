use proptest::prelude::*;

use super::*;
use crate::matching::greedy;

fn total(matches: &[Match]) -> f64 {
    matches.iter().map(|found| found.iou).sum()
}

/// The best sum by trying all assignments.
fn best(overlaps: &Overlaps, target: usize, used: &mut Vec<usize>) -> f64 {
    if target == overlaps.targets() {
        return 0.0;
    }
    let mut most = best(overlaps, target + 1, used);
    for prediction in 0..overlaps.predictions() {
        if !used.contains(&prediction) {
            used.push(prediction);
            let rest = best(overlaps, target + 1, used);
            most = most.max(overlaps.at(target, prediction) + rest);
            used.pop();
        }
    }
    most
}

#[test]
fn the_best_sum_beats_the_largest_pair() {
    let overlaps = Overlaps::from_rows(&[vec![0.9, 0.8], vec![0.8, 0.1]]);
    let pairs: Vec<_> = hungarian(&overlaps).iter().map(|m| (m.target, m.prediction)).collect();
    assert_eq!(pairs, [(0, 1), (1, 0)]);
    let first = greedy(&overlaps);
    assert!(total(&first) < total(&hungarian(&overlaps)));
}

#[test]
fn nothing_is_assigned_to_nothing() {
    assert_eq!(hungarian(&Overlaps::from_rows(&[])), []);
    assert_eq!(hungarian(&Overlaps::from_rows(&[vec![], vec![]])), []);
    assert_eq!(hungarian(&Overlaps::from_rows(&[vec![0.0, 0.0], vec![0.0, 0.0]])), []);
}

#[test]
fn sums_equal_those_of_scipy() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../goldens/evaluation/assignments.json");
    let cases: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for case in cases.as_array().unwrap() {
        let rows: Vec<Vec<f64>> = serde_json::from_value(case["matrix"].clone()).unwrap();
        let found = total(&hungarian(&Overlaps::from_rows(&rows)));
        let expected = case["sum"].as_f64().unwrap();
        assert!((found - expected).abs() < 1e-9, "{found}, expected {expected} of {rows:?}");
    }
}

/// Matrices of every shape up to 5 by 5, with many ties and zeros.
fn matrices() -> impl Strategy<Value = Vec<Vec<f64>>> {
    (0_usize..=5, 0_usize..=5).prop_flat_map(|(rows, columns)| {
        let value = (0_u8..=8).prop_map(|eighths| f64::from(eighths) / 8.0);
        prop::collection::vec(prop::collection::vec(value, columns), rows)
    })
}

proptest! {
    #[test]
    fn no_assignment_has_a_larger_sum(rows in matrices()) {
        let overlaps = Overlaps::from_rows(&rows);
        let matches = hungarian(&overlaps);
        prop_assert!((total(&matches) - best(&overlaps, 0, &mut Vec::new())).abs() < 1e-9);
        let mut targets: Vec<_> = matches.iter().map(|m| m.target).collect();
        let mut predictions: Vec<_> = matches.iter().map(|m| m.prediction).collect();
        predictions.sort_unstable();
        targets.dedup();
        predictions.dedup();
        prop_assert_eq!((targets.len(), predictions.len()), (matches.len(), matches.len()));
    }

    #[test]
    fn its_sum_is_at_least_that_of_the_greedy_pairs(rows in matrices()) {
        let overlaps = Overlaps::from_rows(&rows);
        prop_assert!(total(&hungarian(&overlaps)) > total(&greedy(&overlaps)) - 1e-9);
    }
}
