use std::fmt::Write as _;
use std::time::{Duration, Instant};

use calico_model::CalicoConfig;
use calico_model::bench::Workload;
use calico_model::budget::{Request, language_bytes};
use calico_model::quantize::Quantization;
use calico_nn::quantized::MatrixFormat;
use serde_json::{Value, json};

mod efficiency;
mod torch;

use torch::{Peer, Torch};

use crate::args::{BenchArgs, TorchType};
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
    /// Median of all runs; of a yardstick, the best.
    seconds: f64,
    runs: usize,
    flops: f64,
    weight_bytes: u64,
    /// Layers of the language model that were run, where they are fewer than the model has.
    layers: Option<[usize; 2]>,
    /// What PyTorch needed, where it was asked.
    peer: Option<Peer>,
}

impl Measured {
    fn gflops_per_second(&self) -> f64 {
        self.flops / self.seconds / 1e9
    }

    fn gigabytes_per_second(&self) -> f64 {
        self.weight_bytes as f64 / self.seconds / 1e9
    }
}

/// What the machine can do at most.
#[derive(Debug, Clone, Copy, Default)]
struct Peaks {
    gflops: f64,
    gflops_of_8_bits: f64,
    gigabytes: f64,
}

impl Peaks {
    fn of(measured: &[Measured]) -> Self {
        let best = |workload, rate: fn(&Measured) -> f64| {
            measured.iter().find(|it| it.workload == workload).map_or(0.0, rate)
        };
        let gflops = Measured::gflops_per_second;
        Self {
            gflops: best(Workload::MatrixPeak, gflops),
            gflops_of_8_bits: best(Workload::MatrixPeakOf8Bits, gflops),
            gigabytes: best(Workload::MemoryPeak, Measured::gigabytes_per_second),
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
    let torch = args.torch.as_deref().map(|python| {
        let (dtype, seconds) = (args.torch_dtype, args.seconds);
        Torch { python, dtype, seconds }
    });
    let mut measured = Vec::new();
    for workload in Workload::ALL.into_iter().filter(wanted) {
        spinner.set_message(format!("measuring {}", workload.name()));
        let span = Duration::from_secs_f64(args.seconds);
        let span = if workload.is_yardstick() { span.max(YARDSTICK) } else { span };
        let mut module = measure(workload, &config, args.quantization(), span)?;
        let is_stage = workload != Workload::Extraction && !workload.is_yardstick();
        if let Some(torch) = torch.filter(|_| is_stage) {
            spinner.set_message(format!("measuring {} in PyTorch", workload.name()));
            let mut same = config.clone();
            same.llm.depth = module.layers.map_or(same.llm.depth, |[ran, _]| ran);
            match torch.measure(workload, &same)? {
                Ok(peer) => module.peer = Some(peer),
                Err(why) => spinner.suspend(|| stream::tell(&format!("warning: {why}"))),
            }
        }
        measured.push(module);
    }
    spinner.finish_and_clear();
    let report = Report {
        peaks: Peaks::of(&measured),
        measured,
        quantization: args.quantization(),
        preset: config.preset.as_deref(),
        dtype: args.torch.is_some().then_some(args.torch_dtype),
    };
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
    // A yardstick is what the machine can do at its best, the rest what one may expect.
    let middle = if workload.is_yardstick() { 0 } else { seconds.len() / 2 };
    let (flops, weight_bytes) = (prepared.flops, prepared.weight_bytes);
    let typical = seconds.get(middle).copied().unwrap_or_default();
    let (runs, peer) = (seconds.len(), None);
    Ok(Measured { workload, seconds: typical, runs, flops, weight_bytes, layers, peer })
}

/// The configuration with as many layers of the language model as the memory holds.
fn cut_to_memory(
    workload: Workload,
    config: &CalicoConfig,
    quantization: Quantization,
) -> (CalicoConfig, Option<[usize; 2]>) {
    let mut cut = config.clone();
    let Some(free) = memory::available().filter(|_| workload.is_language()) else {
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

/// Everything that was measured.
struct Report<'a> {
    measured: Vec<Measured>,
    peaks: Peaks,
    quantization: Quantization,
    preset: Option<&'a str>,
    /// The type in which PyTorch computed, if it did.
    dtype: Option<TorchType>,
}

impl Report<'_> {
    fn modules(&self) -> impl Iterator<Item = &Measured> {
        self.measured.iter().filter(|it| !it.workload.is_yardstick())
    }

    /// The share of the machine's speed that a module reaches, in percent.
    fn percent(&self, module: &Measured) -> f64 {
        let is_quantized = match module.workload {
            Workload::Extraction | Workload::MaskDecoder => false,
            workload if workload.is_language() => self.quantization.llm.is_some(),
            _ => self.quantization.vision.is_some(),
        };
        self.peaks.percent(module, is_quantized)
    }

    fn table(&self) -> String {
        let mut text = format!(
            "{:18}{:>12}{:>7}{:>12}{:>10}{:>8}{:>9}",
            "module", "seconds", "runs", "GFLOP", "GFLOP/s", "GB/s", "% limit"
        );
        if self.dtype.is_some() {
            let _ = write!(text, "{:>12}{:>8}", "PyTorch", "ratio");
        }
        text.push('\n');
        for module in self.modules() {
            let _ = write!(
                text,
                "{:18}{:>12.6}{:>7}{:>12.3}{:>10.1}{:>8.1}{:>9.1}",
                module.workload.name(),
                module.seconds,
                module.runs,
                module.flops / 1e9,
                module.gflops_per_second(),
                module.gigabytes_per_second(),
                self.percent(module)
            );
            if let Some(peer) = &module.peer {
                let ratio = peer.seconds / module.seconds;
                let _ = write!(text, "{:>12.6}{:>8}", peer.seconds, format!("{ratio:.2}x"));
            }
            text.push('\n');
            if let Some([ran, all]) = module.layers {
                let _ =
                    writeln!(text, "{:18}{ran} of {all} layers, as many as fit into memory", "");
            }
        }
        let Peaks { gflops, gflops_of_8_bits, gigabytes } = self.peaks;
        let form = |format: Option<MatrixFormat>| match format {
            Some(MatrixFormat::Q8) | None => format.map_or("f32", MatrixFormat::name).to_owned(),
            Some(format) => format!("{format} (Q8 where a matrix does not fit)"),
        };
        let _ = writeln!(
            text,
            "\nOne image per encoder, a prompt of two images; medians. GB/s: weights.\n\
             Untrained weights: {} in the language model, {} in the towers.\n\
             Limits of the machine in the same run: products of 1024 x 1024 matrices {gflops:.0} \
             GFLOP/s in f32\nand {gflops_of_8_bits:.0} in 8 bits, memory {gigabytes:.1} GB/s.",
            form(self.quantization.llm),
            form(self.quantization.vision),
        );
        let peer = self.modules().find_map(|module| module.peer.as_ref());
        if let (Some(dtype), Some(peer)) = (self.dtype, peer) {
            let Peer { torch, transformers, .. } = peer;
            let _ = writeln!(
                text,
                "PyTorch {torch} in {}, the modules of transformers {transformers}; above 1x we \
                 are faster.",
                dtype.name()
            );
        }
        if let Some(bytes) = memory::peak() {
            let _ = writeln!(text, "Most memory held: {:.2} GB.", bytes as f64 / 1e9);
        }
        text
    }

    fn json(&self) -> Value {
        let row = |module: &Measured| {
            json!({
                "module": module.workload.name(),
                "median_seconds": module.seconds,
                "runs": module.runs,
                "flops": module.flops as u64,
                "weight_bytes": module.weight_bytes,
                "gflops_per_second": module.gflops_per_second(),
                "gigabytes_per_second": module.gigabytes_per_second(),
                "percent_of_limit": self.percent(module),
                "layers_run": module.layers.map(|[ran, _]| ran),
                "torch_median_seconds": module.peer.as_ref().map(|peer| peer.seconds),
                "torch_runs": module.peer.as_ref().map(|peer| peer.runs),
                "torch_ratio": module.peer.as_ref().map(|peer| peer.seconds / module.seconds),
            })
        };
        json!({
            "preset": self.preset,
            "llm": self.quantization.llm.map(MatrixFormat::name),
            "vision": self.quantization.vision.map(MatrixFormat::name),
            "peak_gflops_per_second": self.peaks.gflops,
            "peak_gflops_per_second_of_8_bits": self.peaks.gflops_of_8_bits,
            "peak_gigabytes_per_second": self.peaks.gigabytes,
            "peak_memory_bytes": memory::peak(),
            "threads": std::thread::available_parallelism().map_or(1, usize::from),
            "torch_dtype": self.dtype.map(TorchType::name),
            "modules": self.modules().map(row).collect::<Vec<_>>(),
        })
    }
}
