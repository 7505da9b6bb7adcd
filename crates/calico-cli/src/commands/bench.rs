use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use calico_model::CalicoConfig;
use calico_model::bench::Workload;
use calico_model::budget::{Request, modules};
use serde_json::{Value, json};

use crate::args::BenchArgs;
use crate::failure::Failure;
use crate::progress::spinner;
use crate::{memory, stream};

/// A module that takes longer than this is measured once after its warm-up, or not warmed up.
const LONG: Duration = Duration::from_secs(5);

/// The yardstick is measured at least this long: every share depends on it.
const YARDSTICK: Duration = Duration::from_millis(500);

/// Most runs of one module.
const MOST_RUNS: usize = 1000;

/// Share of the free memory that a module's weights may take, in percent.
const WEIGHTS_PERCENT: u64 = 70;

/// What was measured of one module.
struct Measured {
    workload: Workload,
    /// Median of all runs; of the yardstick, the best.
    seconds: f64,
    runs: usize,
    flops: f64,
    /// Layers of the language model that were run, where they are fewer than the model has.
    layers: Option<[usize; 2]>,
}

impl Measured {
    fn gflops_per_second(&self) -> f64 {
        self.flops / self.seconds / 1e9
    }
}

/// Measures every module on its own, and the machine's matrix product beside them.
pub(crate) fn run(args: &BenchArgs) -> Result<(), Failure> {
    let config = args.config()?;
    let spinner = spinner();
    let wanted = |workload: &Workload| {
        *workload == Workload::MatrixPeak
            || args.modules.is_empty()
            || args.modules.iter().any(|name| name == workload.name())
    };
    let mut measured = Vec::new();
    for workload in Workload::ALL.into_iter().filter(wanted) {
        spinner.set_message(format!("measuring {}", workload.name()));
        let span = Duration::from_secs_f64(args.seconds);
        let span = if workload == Workload::MatrixPeak { span.max(YARDSTICK) } else { span };
        measured.push(measure(workload, &config, span)?);
    }
    spinner.finish_and_clear();
    let peak = measured.first().context("nothing was measured")?.gflops_per_second();
    let text = if args.json {
        format!("{:#}\n", json(&measured, peak, &config))
    } else {
        table(&measured, peak)
    };
    Ok(stream::print(&text)?)
}

fn measure(workload: Workload, config: &CalicoConfig, span: Duration) -> anyhow::Result<Measured> {
    let (config, layers) = cut_to_memory(workload, config)?;
    let mut prepared = workload.prepare(&config, Request::default())?;
    let mut seconds = Vec::new();
    let started = Instant::now();
    prepared.run()?;
    let first = started.elapsed();
    // The first run fills caches and starts threads; it counts only where it is all there is.
    if first > LONG {
        seconds.push(first.as_secs_f64());
    }
    let started = Instant::now();
    while seconds.is_empty()
        || first <= LONG && started.elapsed() < span && seconds.len() < MOST_RUNS
    {
        let run = Instant::now();
        prepared.run()?;
        seconds.push(run.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    // The yardstick is what the machine can do at its best, the rest what one may expect.
    let middle = if workload == Workload::MatrixPeak { 0 } else { seconds.len() / 2 };
    let typical = seconds.get(middle).copied().unwrap_or_default();
    Ok(Measured { workload, seconds: typical, runs: seconds.len(), flops: prepared.flops, layers })
}

/// The configuration with as many layers of the language model as the memory holds.
fn cut_to_memory(
    workload: Workload,
    config: &CalicoConfig,
) -> anyhow::Result<(CalicoConfig, Option<[usize; 2]>)> {
    let mut cut = config.clone();
    let Some(free) = memory::available().filter(|_| workload.is_language()) else {
        return Ok((cut, None));
    };
    let all = config.llm.depth;
    loop {
        let modules = modules(&cut, Request::default())?;
        let llm = modules.iter().find(|module| module.prefix == "llm.");
        let bytes = memory::VALUE_BYTES * llm.map_or(0, |llm| llm.parameters);
        if bytes <= free / 100 * WEIGHTS_PERCENT || cut.llm.depth == 1 {
            let layers = (cut.llm.depth < all).then_some([cut.llm.depth, all]);
            return Ok((cut, layers));
        }
        cut.llm.depth = cut.llm.depth.div_ceil(2);
        cut.cam.layers.clear();
    }
}

fn table(measured: &[Measured], peak: f64) -> String {
    let mut text = format!(
        "{:18}{:>12}{:>7}{:>13}{:>11}{:>9}\n",
        "module", "seconds", "runs", "GFLOP", "GFLOP/s", "% peak"
    );
    for module in measured {
        let _ = writeln!(
            text,
            "{:18}{:>12.6}{:>7}{:>13.3}{:>11.1}{:>9.1}",
            module.workload.name(),
            module.seconds,
            module.runs,
            module.flops / 1e9,
            module.gflops_per_second(),
            module.gflops_per_second() / peak * 100.0
        );
        if let Some([ran, all]) = module.layers {
            let _ = writeln!(text, "{:18}{ran} of {all} layers, as many as fit into memory", "");
        }
    }
    let _ = writeln!(
        text,
        "\nOne image per encoder, a prompt of two images, untrained weights in f32; medians.\n\
         Peak: the best product of two 1024 x 1024 matrices in the same run."
    );
    if let Some(bytes) = memory::peak() {
        let _ = writeln!(text, "Most memory held: {:.2} GB.", bytes as f64 / 1e9);
    }
    text
}

fn json(measured: &[Measured], peak: f64, config: &CalicoConfig) -> Value {
    let rows: Vec<Value> = measured
        .iter()
        .map(|module| {
            json!({
                "module": module.workload.name(),
                "median_seconds": module.seconds,
                "runs": module.runs,
                "flops": module.flops as u64,
                "gflops_per_second": module.gflops_per_second(),
                "percent_of_peak": module.gflops_per_second() / peak * 100.0,
                "layers_run": module.layers.map(|[ran, _]| ran),
            })
        })
        .collect();
    json!({
        "preset": config.preset,
        "peak_gflops_per_second": peak,
        "peak_memory_bytes": memory::peak(),
        "threads": std::thread::available_parallelism().map_or(1, usize::from),
        "modules": rows,
    })
}
