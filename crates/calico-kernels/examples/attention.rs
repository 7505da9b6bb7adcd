//! How fast attention is, at every level of this machine.
//!
//! ```text
//! cargo run --release -p calico-kernels --example attention
//! ```
//!
//! Prints billions of operations per second of one thread (a multiplication and an addition are
//! two).

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::error::Error;
use std::time::{Duration, Instant};

use calico_kernels::attention::{Bias, Head, Rows, Scratch};
use calico_kernels::{Kernels, Level};

/// Name, queries, keys, width of a head, and columns of the grid or none.
const SHAPES: [(&str, [usize; 3], usize); 5] = [
    ("SAM, whole map", [4096, 4096, 80], 64),
    ("SAM, window", [196, 196, 80], 14),
    ("EVA-CLIP", [257, 257, 88], 0),
    ("DINOv2 518", [1374, 1374, 64], 0),
    ("LLaMA", [264, 264, 128], 0),
];
/// Something is repeated until so much time is over, and the fastest run counts.
const ROUND: Duration = Duration::from_millis(300);

fn main() -> Result<(), Box<dyn Error>> {
    for (name, [queries, keys, width], side) in SHAPES {
        for level in Level::available() {
            let kernels = Kernels::at(level)?;
            let values: Vec<f32> =
                (0..queries.max(keys) * width).map(|i| (i as f32 * 0.37).sin()).collect();
            let list = |len| Rows::new(&values, [len, width], width);
            let bias = match side {
                0 => Bias::None,
                side => {
                    let rows = Rows::new(&values, [queries, keys / side], keys / side)?;
                    Bias::Grid(rows, Rows::new(&values, [queries, side], side)?)
                }
            };
            let (q, k) = (list(queries)?, list(keys)?);
            let head = Head { q, k, v: k, scale: 0.1, causal: false, bias };
            let mut scratch = Scratch::default();
            let (mut out, mut logs) = (vec![0.0; queries * width], vec![0.0; queries]);
            let mut rows: Vec<&mut [f32]> = out.chunks_mut(width).collect();
            let (began, mut best) = (Instant::now(), Duration::MAX);
            while began.elapsed() < ROUND {
                let start = Instant::now();
                kernels.attention(&head, &mut scratch, &mut rows, &mut logs)?;
                best = best.min(start.elapsed());
            }
            let operations = 4.0 * (queries * keys * width) as f64;
            println!("{name:16} {level:9} {:7.1}", operations / best.as_secs_f64() / 1e9);
        }
    }
    Ok(())
}
