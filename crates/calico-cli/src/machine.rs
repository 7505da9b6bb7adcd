//! How fast this machine is.

use std::time::{Duration, Instant};

use calico_model::Preset;
use calico_model::bench::{Prepared, Workload};
use calico_model::budget::{Machine, Request};
use calico_model::quantize::Quantization;

/// How long a yardstick is repeated.
const SPAN: Duration = Duration::from_millis(300);

/// Measures all yardsticks; takes a second.
pub(crate) fn machine() -> anyhow::Result<Machine> {
    let (product, product_seconds) = measured(Workload::MatrixPeak)?;
    let (small, small_seconds) = measured(Workload::MatrixPeakOf8Bits)?;
    let (memory, memory_seconds) = measured(Workload::MemoryPeak)?;
    Ok(Machine {
        flops: product.flops / product_seconds,
        flops_of_8_bits: small.flops / small_seconds,
        bytes_per_second: memory.weight_bytes as f64 / memory_seconds,
    })
}

/// Billions of operations per second that a matrix product in f32 makes here.
pub(crate) fn gflops() -> anyhow::Result<f64> {
    let (product, seconds) = measured(Workload::MatrixPeak)?;
    Ok(product.flops / seconds / 1e9)
}

/// A yardstick, and its median in seconds.
fn measured(yardstick: Workload) -> anyhow::Result<(Prepared, f64)> {
    let config = Preset::Tiny.config()?;
    let mut prepared = yardstick.prepare(&config, Request::default(), Quantization::default())?;
    let (began, mut times) = (Instant::now(), Vec::new());
    while times.is_empty() || began.elapsed() < SPAN {
        let start = Instant::now();
        prepared.run()?;
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    Ok((prepared, median))
}
