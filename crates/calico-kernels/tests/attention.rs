//! Attention at every level beside sums in `f64`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use calico_kernels::attention::{Bias, HalfRows, Head, Rows, Scratch};
use calico_kernels::{KernelError, Kernels, Level};
use half::f16;
use proptest::prelude::*;

/// The largest error, as a share of the largest value.
const NEAR: f64 = 1e-5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    None,
    Causal,
    Full,
    /// Columns of the grid.
    Grid(usize),
}

/// Operands of one head, each row a few values apart.
#[derive(Debug)]
struct Case {
    queries: usize,
    keys: usize,
    width: usize,
    kind: Kind,
    values: [Vec<f32>; 5],
}

fn noise(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(|_| 2.0 * next()).collect()
}

impl Case {
    fn new([queries, keys, width]: [usize; 3], kind: Kind, seed: u64) -> Self {
        let gap = width + 3;
        let (rows, columns) = match kind {
            Kind::Grid(columns) => (keys / columns, columns),
            _ => (keys, 0),
        };
        let lens = [queries * gap, keys * gap, keys * gap, queries * rows, queries * columns];
        let mut place = 0;
        let values = lens.map(|len| {
            place += 1;
            noise(len, seed + place)
        });
        Self { queries, keys, width, kind, values }
    }

    fn head(&self) -> Head<'_> {
        let &Self { queries, keys, width, kind, .. } = self;
        let [q, k, v, rows, columns] = &self.values;
        let list = |values, len| Rows::new(values, [len, width], width + 3).unwrap();
        let table = |values, side| Rows::new(values, [queries, side], side).unwrap();
        let bias = match kind {
            Kind::None | Kind::Causal => Bias::None,
            Kind::Full => Bias::Full(table(rows, keys)),
            Kind::Grid(side) => Bias::Grid(table(rows, keys / side), table(columns, side)),
        };
        let (scale, causal) = ((width as f32).sqrt().recip(), kind == Kind::Causal);
        Head { q: list(q, queries), k: list(k, keys), v: list(v, keys), scale, causal, bias }
    }

    /// The results and logarithms at a level.
    fn run(&self, level: Level) -> (Vec<f32>, Vec<f32>) {
        let mut out = vec![f32::NAN; self.queries * self.width];
        let mut logs = vec![f32::NAN; self.queries];
        let mut rows: Vec<&mut [f32]> = out.chunks_mut(self.width).collect();
        // What an earlier head left must not matter.
        let mut scratch = Scratch::default();
        let kernels = Kernels::at(level).unwrap();
        for _ in 0..2 {
            kernels.attention(&self.head(), &mut scratch, &mut rows, &mut logs).unwrap();
        }
        (out, logs)
    }

    fn expected(&self) -> (Vec<f64>, Vec<f64>) {
        let head = self.head();
        let (mut out, mut logs) = (Vec::new(), Vec::new());
        for query in 0..self.queries {
            let seen = match self.kind {
                Kind::Causal => query + 1 + self.keys - self.queries,
                _ => self.keys,
            };
            let score = |key: usize| {
                let pairs = head.q.row(query).iter().zip(head.k.row(key));
                let sum: f64 = pairs.map(|(q, k)| f64::from(*q) * f64::from(*k)).sum();
                f64::from(head.scale) * sum
                    + match head.bias {
                        Bias::None => 0.0,
                        Bias::Full(full) => f64::from(full.row(query)[key]),
                        Bias::Grid(rows, columns) => {
                            let side = columns.width();
                            f64::from(rows.row(query)[key / side])
                                + f64::from(columns.row(query)[key % side])
                        }
                    }
            };
            let scores: Vec<f64> = (0..seen).map(score).collect();
            let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = scores.iter().map(|score| (score - most).exp()).sum();
            logs.push(most + sum.ln());
            for i in 0..self.width {
                let mixed = scores.iter().enumerate();
                let mixed =
                    mixed.map(|(key, score)| (score - most).exp() * f64::from(head.v.row(key)[i]));
                out.push(mixed.sum::<f64>() / sum);
            }
        }
        (out, logs)
    }
}

fn check(case: &Case) {
    let (out, logs) = case.expected();
    for level in Level::available() {
        let found = case.run(level);
        for (found, expected) in [(&found.0, &out), (&found.1, &logs)] {
            let most = expected.iter().fold(1.0, |most: f64, value| most.max(value.abs()));
            for (found, expected) in found.iter().zip(expected) {
                let error = (f64::from(*found) - expected).abs() / most;
                assert!(error <= NEAR, "{level} {case:?}: {found} for {expected}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_level_equals_sums_in_f64(
        queries in 1_usize..80,
        keys in 1_usize..600,
        width in 1_usize..100,
        kind in 0..4,
        columns in 1_usize..40,
        seed in 0..1_000_u64,
    ) {
        let (kind, keys) = match kind {
            0 => (Kind::None, keys),
            1 => (Kind::Causal, keys.max(queries)),
            2 => (Kind::Full, keys),
            _ => (Kind::Grid(columns), keys.next_multiple_of(columns)),
        };
        check(&Case::new([queries, keys, width], kind, seed));
    }
}

#[test]
fn true_sizes_equal_sums_in_f64() {
    check(&Case::new([70, 4096, 80], Kind::Grid(64), 1));
    check(&Case::new([196, 196, 80], Kind::Grid(14), 2));
    check(&Case::new([257, 257, 88], Kind::None, 3));
    check(&Case::new([264, 264, 128], Kind::Causal, 4));
    check(&Case::new([1, 330, 128], Kind::Causal, 5));
}

#[test]
fn a_query_gives_the_same_bits_whatever_others_are_asked_with_it() {
    let case = Case::new([77, 300, 40], Kind::None, 9);
    for level in Level::available() {
        let (all, logs) = case.run(level);
        for query in [0, 1, 63, 64, 76] {
            let mut alone = case.head();
            alone.q = Rows::new(alone.q.row(query), [1, 40], 40).unwrap();
            let (mut out, mut log) = ([0.0; 40], [0.0]);
            let mut rows = [out.as_mut_slice()];
            let kernels = Kernels::at(level).unwrap();
            kernels.attention(&alone, &mut Scratch::default(), &mut rows, &mut log).unwrap();
            let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&out), bits(&all[query * 40..][..40]), "{level} {query}");
            assert_eq!(bits(&log), bits(&logs[query..][..1]));
        }
    }
}

#[test]
fn large_scores_do_not_overflow_and_what_is_no_number_is_not_lost() {
    let mut case = Case::new([9, 600, 8], Kind::None, 3);
    case.values[0].iter_mut().for_each(|q| *q *= 1e4);
    check(&case);
    let whole = case.values[1].clone();
    // One key; all of a vector at the end of a block; one key in each lane.
    let lanes: Vec<usize> = (0..16).map(|lane| 17 * lane).collect();
    for keys in [vec![500], (192..208).collect(), (592..600).collect(), lanes] {
        case.values[1].clone_from(&whole);
        for key in &keys {
            case.values[1][key * 11 + 2] = f32::NAN;
        }
        for level in Level::available() {
            assert!(case.run(level).0.iter().all(|value| value.is_nan()), "{level} {keys:?}");
        }
    }
}

#[test]
fn keys_that_are_hidden_by_an_infinite_bias_do_not_count() {
    let mut case = Case::new([3, 600, 8], Kind::Full, 3);
    // Everything in the first block, and something in the others.
    for bias in case.values[3].chunks_mut(600) {
        bias[..400].fill(f32::NEG_INFINITY);
    }
    check(&case);
}

#[test]
fn keys_of_16_bits_give_what_their_numbers_give() {
    for (sizes, seed) in [([1, 330, 128], 1), ([3, 40, 88], 2), ([2, 2, 5], 3), ([1, 1, 16], 4)] {
        let [queries, keys, width] = sizes;
        let mut case = Case::new(sizes, Kind::Causal, seed);
        let mut half = |index: usize| -> Vec<u8> {
            let rows = case.values[index].chunks_mut(width + 3);
            let rows = rows.flat_map(|row| {
                row[..width].iter_mut().flat_map(|value: &mut f32| {
                    let rounded = f16::from_f32(*value);
                    *value = rounded.to_f32();
                    rounded.to_le_bytes()
                })
            });
            rows.collect()
        };
        let (k, v) = (half(1), half(2));
        assert_eq!(k.len(), 2 * keys * width);
        let (expected, _) = case.expected();
        for level in Level::available() {
            let mut out = vec![f32::NAN; queries * width];
            let head = case.head();
            let rows = [&k, &v].map(|bytes| HalfRows::new(bytes, width).unwrap());
            let kernels = Kernels::at(level).unwrap();
            kernels.attention_of_half(head.q, rows, head.scale, &mut out).unwrap();
            for (found, expected) in out.iter().zip(&expected) {
                assert!((f64::from(*found) - expected).abs() < 2.0 * NEAR, "{level} {sizes:?}");
            }
        }
    }
}

#[test]
fn sizes_of_half_rows_that_do_not_fit_are_errors() {
    let (bytes, values) = ([0; 64], [0.0; 16]);
    let rows = |len: usize| HalfRows::new(&bytes[..8 * len], 4).unwrap();
    let q = Rows::new(&values, [2, 4], 4).unwrap();
    let run = |k, v, results: usize| {
        Kernels::detect().attention_of_half(q, [k, v], 1.0, &mut vec![0.0; results])
    };
    assert_eq!(run(rows(2), rows(2), 8), Ok(()));
    let wide = HalfRows::new(&bytes[..16], 8).unwrap();
    for (k, v, results) in
        [(rows(1), rows(1), 8), (rows(2), rows(3), 8), (rows(2), rows(2), 7), (wide, wide, 8)]
    {
        assert!(matches!(run(k, v, results), Err(KernelError::Length { .. })));
    }
    assert!(HalfRows::new(&bytes[..7], 4).is_err() && HalfRows::new(&bytes, 0).is_err());
}

#[test]
fn sizes_that_do_not_fit_are_errors() {
    let values = vec![0.0; 64];
    let rows = |len, width| Rows::new(&values, [len, width], width).unwrap();
    let head = Head {
        q: rows(4, 4),
        k: rows(3, 4),
        v: rows(3, 4),
        scale: 1.0,
        causal: false,
        bias: Bias::None,
    };
    let run = |head: Head<'_>, results: usize, width: usize| {
        let mut out = vec![0.0; results * width];
        let mut rows: Vec<&mut [f32]> = out.chunks_mut(width).collect();
        let kernels = Kernels::detect();
        kernels.attention(&head, &mut Scratch::default(), &mut rows, &mut [0.0; 4])
    };
    assert_eq!(run(head, 4, 4), Ok(()));
    let nothing = Head { q: rows(0, 4), k: rows(0, 4), v: rows(0, 4), ..head };
    let done = Kernels::detect().attention(&nothing, &mut Scratch::default(), &mut [], &mut []);
    assert_eq!(done, Ok(()));
    for wrong in [
        run(Head { causal: true, ..head }, 4, 4),
        run(Head { v: rows(4, 4), ..head }, 4, 4),
        run(Head { v: rows(3, 3), ..head }, 4, 4),
        run(Head { k: rows(3, 5), ..head }, 4, 4),
        run(Head { bias: Bias::Full(rows(4, 4)), ..head }, 4, 4),
        run(Head { bias: Bias::Grid(rows(4, 3), rows(4, 2)), ..head }, 4, 4),
        run(Head { bias: Bias::Grid(rows(4, 0), rows(4, 2)), ..head }, 4, 4),
        run(head, 3, 4),
        run(head, 4, 5),
    ] {
        assert!(matches!(wrong, Err(KernelError::Length { .. })), "{wrong:?}");
    }
    let none = run(Head { k: rows(0, 4), v: rows(0, 4), ..head }, 4, 4);
    assert!(matches!(none, Err(KernelError::Empty { .. })), "{none:?}");
    assert!(Rows::new(&values, [5, 16], 13).is_err() && Rows::new(&values, [0, 99], 1).is_ok());
}
