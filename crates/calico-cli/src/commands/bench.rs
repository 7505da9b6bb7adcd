use std::time::{Duration, Instant};

use calico_model::CalicoConfig;
use calico_model::bench::Workload;
use calico_model::budget::{Request, language_bytes};
use calico_model::quantize::Quantization;
use calico_nn::process;

mod efficiency;
mod peer;
mod report;

use peer::{Peer, Times};
use report::Report;

use crate::args::BenchArgs;
use crate::failure::Failure;
use crate::progress::spinner;
use crate::{memory, stream};

/// A module that takes longer than this is measured once after its warm-up, or not warmed up.
const LONG: Duration = Duration::from_secs(5);

/// A yardstick is measured at least this long: every share depends on it.
const YARDSTICK: Duration = Duration::from_millis(500);

/// Most runs of one module.
const MOST_RUNS: usize = 1000;

/// Share of the free memory that a module's weights may take, in percent.
const WEIGHTS_PERCENT: u64 = 70;

/// What was measured of one module.
struct Measured {
    workload: Workload,
    /// Median of all runs.
    seconds: f64,
    runs: usize,
    flops: f64,
    weight_bytes: u64,
    /// Layers of the language model that were run, where they are fewer than the model has.
    layers: Option<[usize; 2]>,
    /// What other programs needed, in the order in which they were asked for.
    peers: Vec<Option<Times>>,
}

impl Measured {
    /// How many times longer all layers take than those that were run.
    fn scale(&self) -> f64 {
        self.layers.map_or(1.0, |[ran, all]| all as f64 / ran as f64)
    }

    fn gflops_per_second(&self) -> f64 {
        self.flops / self.seconds / 1e9
    }

    fn gigabytes_per_second(&self) -> f64 {
        self.weight_bytes as f64 / self.seconds / 1e9
    }
}

/// What the machine can do, measured as the modules are: other machines on the same host take
/// their share of its memory from both.
#[derive(Debug, Clone, Copy, Default)]
struct Peaks {
    gflops: f64,
    gflops_of_8_bits: f64,
    gigabytes: f64,
}

impl Peaks {
    fn of(measured: &[Measured]) -> Self {
        let rate_of = |workload, rate: fn(&Measured) -> f64| {
            measured.iter().find(|it| it.workload == workload).map_or(0.0, rate)
        };
        let gflops = Measured::gflops_per_second;
        Self {
            gflops: rate_of(Workload::MatrixPeak, gflops),
            gflops_of_8_bits: rate_of(Workload::MatrixPeakOf8Bits, gflops),
            gigabytes: rate_of(Workload::MemoryPeak, Measured::gigabytes_per_second),
        }
    }

    /// The share of the machine's speed that a module reaches, in percent.
    fn percent(self, module: &Measured, is_quantized: bool) -> f64 {
        let gflops = if is_quantized { self.gflops_of_8_bits } else { self.gflops };
        let arithmetic = module.flops / (gflops * 1e9);
        let memory = module.weight_bytes as f64 / (self.gigabytes * 1e9);
        arithmetic.max(memory) / module.seconds * 100.0
    }
}

/// Measures every module on its own, and what the machine can do beside them.
pub(crate) fn run(args: &BenchArgs) -> Result<(), Failure> {
    let config = args.config()?;
    if args.efficiency {
        let span = Duration::from_secs_f64(args.seconds);
        let costs = efficiency::costs(&config, args.quantization(), span)?;
        let text = if args.json {
            format!("{:#}\n", efficiency::json(&costs))
        } else {
            efficiency::table(&costs)
        };
        return Ok(stream::print(&text)?);
    }
    let spinner = spinner();
    let wanted = |workload: &Workload| {
        workload.is_yardstick()
            || args.modules.is_empty()
            || args.modules.iter().any(|name| name == workload.name())
    };
    let peers = Peer::all(args)?;
    let mut measured = Vec::new();
    for workload in Workload::ALL.into_iter().filter(wanted) {
        spinner.set_message(format!("measuring {}", workload.name()));
        let span = Duration::from_secs_f64(args.seconds);
        let span = if workload.is_yardstick() { span.max(YARDSTICK) } else { span };
        let mut module = measure(workload, &config, args.quantization(), span)?;
        let mut same = config.clone();
        same.llm.depth = module.layers.map_or(same.llm.depth, |[ran, _]| ran);
        for peer in &peers {
            let mut times = None;
            if peer.has(workload, module.layers.is_none()) {
                spinner.set_message(format!("measuring {} in {}", workload.name(), peer.name()));
                match peer.measure(workload, &same)? {
                    Ok(found) => times = Some(found),
                    Err(why) => spinner.suspend(|| stream::tell(&format!("warning: {why}"))),
                }
            }
            module.peers.push(times);
        }
        measured.push(module);
    }
    spinner.finish_and_clear();
    let report = Report::new(&config, args.quantization(), measured, peers);
    let text = if args.json { format!("{:#}\n", report.json()) } else { report.table() };
    Ok(stream::print(&text)?)
}

fn measure(
    workload: Workload,
    config: &CalicoConfig,
    quantization: Quantization,
    span: Duration,
) -> anyhow::Result<Measured> {
    let (config, layers) = cut_to_memory(workload, config, quantization);
    let mut prepared = workload.prepare(&config, Request::default(), quantization)?;
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
    let (flops, weight_bytes) = (prepared.flops, prepared.weight_bytes);
    let typical = seconds.get(seconds.len() / 2).copied().unwrap_or_default();
    let (runs, peers) = (seconds.len(), Vec::new());
    Ok(Measured { workload, seconds: typical, runs, flops, weight_bytes, layers, peers })
}

/// The configuration with as many layers of the language model as the memory holds.
fn cut_to_memory(
    workload: Workload,
    config: &CalicoConfig,
    quantization: Quantization,
) -> (CalicoConfig, Option<[usize; 2]>) {
    let mut cut = config.clone();
    let Some(free) = process::available_bytes().filter(|_| workload.is_language()) else {
        return (cut, None);
    };
    let words = memory::VALUE_BYTES * (config.llm.vocab_size * config.llm.width) as u64;
    let all = config.llm.depth;
    loop {
        let bytes = words + language_bytes(&cut, quantization);
        if bytes <= free / 100 * WEIGHTS_PERCENT || cut.llm.depth == 1 {
            let layers = (cut.llm.depth < all).then_some([cut.llm.depth, all]);
            return (cut, layers);
        }
        cut.llm.depth = cut.llm.depth.div_ceil(2);
        cut.cam.layers.clear();
    }
}
