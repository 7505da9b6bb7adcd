//! How fast products are, at every level of this machine, beside products of `f32`.
//!
//! ```text
//! cargo run --release -p calico-kernels --example products
//! ```
//!
//! Prints billions of operations per second (a multiplication and an addition are two), the
//! gigabytes of weights read per second, and how many times faster than the crate `gemm` that is.
//! The line `reading f32` tells how fast memory is.
//! Other work on the machine disturbs all of them alike: believe the ratios of one run.
//! Words after the command choose formats (`q8`, `Q4_K`, …) and levels (`avx2`, …), and numbers
//! choose counts of rows.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use calico_kernels::blocks::{self, BlockFormat, BlockWeights};
use calico_kernels::{Kernels, Level};
use rayon::prelude::*;

/// Outputs and inner widths: LLaMA's, EVA-CLIP's and SAM's.
const SHAPES: [[usize; 2]; 4] = [[4096, 4096], [11008, 4096], [6144, 1408], [5120, 1280]];
const ROWS: [usize; 3] = [1, 16, 256];
/// Rounds in which everything is measured once; the fastest counts.
const ROUNDS: usize = 5;
/// In each round something is repeated until so much time is over.
const ROUND: Duration = Duration::from_millis(60);

/// Something whose speed is measured.
struct Racer<'a> {
    name: String,
    weight_bytes: usize,
    run: Box<dyn FnMut() -> Result<(), Box<dyn Error>> + 'a>,
    best: Duration,
}

impl<'a> Racer<'a> {
    fn new(
        name: String,
        weight_bytes: usize,
        run: impl FnMut() -> Result<(), Box<dyn Error>> + 'a,
    ) -> Self {
        Self { name, weight_bytes, run: Box::new(run), best: Duration::MAX }
    }
}

/// What is to be measured.
struct Choice {
    formats: Vec<String>,
    levels: Vec<Level>,
    rows: Vec<usize>,
}

impl Choice {
    fn has(&self, format: &str) -> bool {
        self.formats.is_empty() || self.formats.iter().any(|chosen| chosen == format)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (numbers, words): (Vec<_>, Vec<_>) =
        std::env::args().skip(1).partition(|word| word.parse::<usize>().is_ok());
    let (levels, formats): (Vec<_>, Vec<_>) =
        words.into_iter().partition(|word| word.parse::<Level>().is_ok());
    let mut levels: Vec<Level> = levels.iter().filter_map(|word| word.parse().ok()).collect();
    if levels.is_empty() {
        levels = Level::available();
    }
    let mut rows: Vec<usize> = numbers.iter().filter_map(|word| word.parse().ok()).collect();
    if rows.is_empty() {
        rows.extend(ROWS);
    }
    let choice = Choice { formats, levels, rows };
    println!("{} threads, highest level {}", rayon::current_num_threads(), Level::detect());
    for shape in SHAPES {
        measure(shape, &choice)?;
    }
    Ok(())
}

/// Measures one shape of weights with all counts of rows.
fn measure([outputs, inner]: [usize; 2], choice: &Choice) -> Result<(), Box<dyn Error>> {
    let weights = noise(outputs * inner);
    let eight = Kernels::detect().q8_quantize(&weights, outputs, inner)?;
    let mut packed = Vec::new();
    for format in BlockFormat::ALL {
        if choice.has(format.name()) && inner.is_multiple_of(format.block_values()) {
            let gguf = Kernels::detect().quantize(format, &weights)?;
            packed.push((format, blocks::repack(format, outputs, inner, &gguf)?));
        }
    }
    for &rows in &choice.rows {
        println!("\n[{outputs} x {inner}], {rows} rows");
        let x = noise(rows * inner);
        // One channel in 97 is a hundred times as large.
        let mut spiked = x.clone();
        for row in spiked.chunks_mut(inner) {
            row.iter_mut().step_by(97).for_each(|x| *x *= 100.0);
        }
        let mut racers = vec![Racer::new("f32 gemm".to_owned(), 4 * weights.len(), || {
            let mut y = vec![0.0; rows * outputs];
            product_of_f32(&weights, &x, inner, &mut y);
            Ok(())
        })];
        racers.push(Racer::new("reading f32".to_owned(), 4 * weights.len(), || {
            black_box(all_bits(&weights));
            Ok(())
        }));
        for kernels in choice.levels.iter().filter_map(|&level| Kernels::at(level).ok()) {
            if choice.has("q8") {
                for (what, x) in [("q8", &x), ("q8, outliers", &spiked)] {
                    let name = format!("{what} {}", kernels.level());
                    let view = eight.view();
                    racers.push(Racer::new(name, view.codes().len(), move || {
                        let mut y = vec![0.0; rows * outputs];
                        kernels.q8_product(&view, &kernels.q8_rows(x, inner)?, None, &mut y)?;
                        Ok(())
                    }));
                }
            }
            for (format, bytes) in &packed {
                let name = format!("{format} {}", kernels.level());
                let view = BlockWeights::new(*format, outputs, inner, bytes)?;
                let x = &x;
                racers.push(Racer::new(name, bytes.len(), move || {
                    let mut y = vec![0.0; rows * outputs];
                    kernels.block_product(&view, &kernels.block_rows(x, inner)?, None, &mut y)?;
                    Ok(())
                }));
            }
        }
        race(&mut racers)?;
        report(&racers, 2.0 * (rows * outputs * inner) as f64);
    }
    Ok(())
}

/// Lets all run in turns, so that what disturbs the machine disturbs all of them.
fn race(racers: &mut [Racer<'_>]) -> Result<(), Box<dyn Error>> {
    for _ in 0..ROUNDS {
        for racer in &mut *racers {
            let round = Instant::now();
            while round.elapsed() < ROUND {
                let start = Instant::now();
                (racer.run)()?;
                racer.best = racer.best.min(start.elapsed());
            }
        }
    }
    Ok(())
}

fn report(racers: &[Racer<'_>], operations: f64) {
    let Some(first) = racers.first().map(|racer| racer.best.as_secs_f64()) else { return };
    for racer in racers {
        let secs = racer.best.as_secs_f64();
        let (giga_ops, giga_bytes) =
            (operations / secs / 1e9, racer.weight_bytes as f64 / secs / 1e9);
        let (name, ratio) = (&racer.name, first / secs);
        println!("{name:20} {giga_ops:8.1} GOP/s {giga_bytes:7.2} GB/s {ratio:7.2} x");
    }
}

/// Values between -1 and 1.
fn noise(len: usize) -> Vec<f32> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

/// Reads all values on all threads, as fast as memory gives them.
fn all_bits(values: &[f32]) -> u32 {
    let part = |values: &[f32]| values.iter().fold(0, |bits, value| bits ^ value.to_bits());
    values.par_chunks(1 << 16).map(part).reduce(|| 0, |a, b| a ^ b)
}

/// `y = x · weightsᵀ` by the crate `gemm`.
#[expect(unsafe_code, reason = "the crate takes pointers")]
fn product_of_f32(weights: &[f32], x: &[f32], inner: usize, y: &mut [f32]) {
    let (rows, outputs) = (x.len() / inner, weights.len() / inner);
    assert_eq!((x.len(), weights.len(), y.len()), (rows * inner, outputs * inner, rows * outputs));
    // SAFETY: with these strides every element of the three matrices lies in its slice, as the
    // assertion has checked, and `y` is borrowed alone.
    unsafe {
        gemm::gemm(
            rows,
            outputs,
            inner,
            y.as_mut_ptr(),
            1,
            outputs as isize,
            false,
            x.as_ptr(),
            1,
            inner as isize,
            weights.as_ptr(),
            inner as isize,
            1,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::Rayon(0),
        );
    }
}
