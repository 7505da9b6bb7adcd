use std::fmt::Write as _;

use calico_model::CalicoConfig;
use calico_model::bench::Workload;
use calico_model::budget::Request;
use calico_model::quantize::Quantization;
use calico_nn::process;
use calico_nn::quantized::MatrixFormat;
use serde_json::{Map, Value, json};

use super::efficiency::stages;
use super::peer::{Kind, Peer, Times};
use super::{Measured, Peaks};

/// Tokens of the answer to the question that stages are added up to: that of a pair with a few
/// parts.
const ANSWER_TOKENS: usize = 64;

/// Everything that was measured.
pub(super) struct Report<'a> {
    measured: Vec<Measured>,
    peaks: Peaks,
    quantization: Quantization,
    preset: Option<&'a str>,
    /// The question that stages are added up to.
    question: Request,
    /// What it takes, if all stages were measured.
    question_seconds: Option<f64>,
    /// The programs beside which it was measured.
    peers: Vec<PeerReport<'a>>,
}

/// What a peer did in all.
struct PeerReport<'a> {
    peer: Peer<'a>,
    /// What ran, with its version; `None` if nothing did.
    program: Option<String>,
    /// Billions of operations per second of its product of large matrices.
    peak: Option<f64>,
    /// What the question takes there, without the extraction module, which no peer has.
    question_seconds: Option<f64>,
    /// How many times longer that is than here, without that module as well.
    question_ratio: Option<f64>,
}

impl<'a> Report<'a> {
    /// Of modules whose peers are in the order of `peers`.
    pub(super) fn new(
        config: &'a CalicoConfig,
        quantization: Quantization,
        measured: Vec<Measured>,
        peers: Vec<Peer<'a>>,
    ) -> Self {
        let question = Request { answer_tokens: ANSWER_TOKENS, ..Request::default() };
        let stages = stages(config, question);
        let sum = |seconds: &dyn Fn(&Measured) -> Option<f64>| -> Option<f64> {
            let seconds = stages.iter().map(|&(workload, times)| {
                let module = measured.iter().find(|module| module.workload == workload)?;
                Some(times as f64 * module.scale() * seconds(module)?)
            });
            seconds.sum()
        };
        let without_extraction = |module: &Measured, seconds: Option<f64>| {
            if module.workload == Workload::Extraction { Some(0.0) } else { seconds }
        };
        let shared = sum(&|module| without_extraction(module, Some(module.seconds)));
        let peers = peers.into_iter().enumerate().map(|(place, peer)| {
            let times = |module: &Measured| module.peers.get(place).cloned().flatten();
            let peak = measured.iter().find(|it| it.workload == Workload::MatrixPeak);
            let peak = peak.and_then(|peak| Some(peak.flops / times(peak)?.seconds / 1e9));
            let theirs = sum(&|module| without_extraction(module, Some(times(module)?.seconds)));
            let program = measured.iter().find_map(|module| Some(times(module)?.program));
            let question_ratio = theirs.zip(shared).map(|(theirs, ours)| theirs / ours);
            PeerReport { peer, program, peak, question_seconds: theirs, question_ratio }
        });
        Self {
            peers: peers.collect(),
            question_seconds: sum(&|module| Some(module.seconds)),
            peaks: Peaks::of(&measured),
            quantization,
            preset: config.preset.as_deref(),
            question,
            measured,
        }
    }

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

    pub(super) fn table(&self) -> String {
        let mut text = format!(
            "{:18}{:>12}{:>7}{:>12}{:>10}{:>8}{:>9}",
            "module", "seconds", "runs", "GFLOP", "GFLOP/s", "GB/s", "% limit"
        );
        for PeerReport { peer, .. } in &self.peers {
            let _ = write!(text, "{:>12}{:>8}", peer.name(), "ratio");
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
            for times in &module.peers {
                let _ = match times {
                    Some(Times { seconds, .. }) => {
                        let ratio = format!("{:.2}x", seconds / module.seconds);
                        write!(text, "{seconds:>12.6}{ratio:>8}")
                    }
                    None => write!(text, "{:>20}", ""),
                };
            }
            text.truncate(text.trim_end().len());
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
             The machine in the same run: products of 1024 x 1024 matrices {gflops:.0} GFLOP/s in \
             f32\nand {gflops_of_8_bits:.0} in 8 bits, memory {gigabytes:.1} GB/s.",
            form(self.quantization.llm),
            form(self.quantization.vision),
        );
        self.tell_of_question(&mut text);
        self.tell_of_peers(&mut text);
        if let Some(bytes) = process::peak_bytes() {
            let _ = writeln!(text, "Most memory held: {:.2} GB.", bytes as f64 / 1e9);
        }
        text
    }

    fn tell_of_question(&self, text: &mut String) {
        let Some(ours) = self.question_seconds else { return };
        let Request { images, answer_tokens, masks, .. } = self.question;
        let _ = write!(
            text,
            "A question about {images} images ({answer_tokens} tokens, {masks} masks) takes \
             {ours:.1} s by these medians"
        );
        for PeerReport { peer, question_seconds, question_ratio, .. } in &self.peers {
            if let (Some(theirs), Some(ratio)) = (question_seconds, question_ratio) {
                let name = peer.name();
                let _ = write!(text, ";\nin {name} {theirs:.1} s, {ratio:.2}x, both without CEM");
            }
        }
        text.push_str(".\n");
    }

    fn tell_of_peers(&self, text: &mut String) {
        for PeerReport { peer, program, peak, .. } in &self.peers {
            let Some(program) = program else { continue };
            let _ = match peer.kind {
                Kind::Torch(dtype) => write!(text, "{program} in {}", dtype.name()),
                Kind::LlamaCpp(file) => write!(text, "{program} with {file}"),
            };
            if let Some(gflops) = peak {
                let _ = write!(text, ", its product of such matrices {gflops:.0} GFLOP/s");
            }
            text.push_str("; above 1x we are faster.\n");
        }
    }

    pub(super) fn json(&self) -> Value {
        let row = |module: &Measured| {
            let mut row = json!({
                "module": module.workload.name(),
                "median_seconds": module.seconds,
                "runs": module.runs,
                "flops": module.flops as u64,
                "weight_bytes": module.weight_bytes,
                "gflops_per_second": module.gflops_per_second(),
                "gigabytes_per_second": module.gigabytes_per_second(),
                "percent_of_limit": self.percent(module),
                "layers_run": module.layers.map(|[ran, _]| ran),
            });
            for (PeerReport { peer, .. }, times) in self.peers.iter().zip(&module.peers) {
                row[peer.key()] = times.as_ref().map_or(Value::Null, |times| {
                    json!({
                        "median_seconds": times.seconds,
                        "runs": times.runs,
                        "ratio": times.seconds / module.seconds,
                    })
                });
            }
            row
        };
        let peer = |report: &PeerReport<'_>| {
            let about = json!({
                "program": report.program,
                "dtype": match report.peer.kind {
                    Kind::Torch(dtype) => Some(dtype.name()),
                    Kind::LlamaCpp(_) => None,
                },
                "peak_gflops_per_second": report.peak,
                "question_seconds": report.question_seconds,
                "question_ratio": report.question_ratio,
            });
            (report.peer.key().to_owned(), about)
        };
        json!({
            "preset": self.preset,
            "llm": self.quantization.llm.map(MatrixFormat::name),
            "vision": self.quantization.vision.map(MatrixFormat::name),
            "peak_gflops_per_second": self.peaks.gflops,
            "peak_gflops_per_second_of_8_bits": self.peaks.gflops_of_8_bits,
            "peak_gigabytes_per_second": self.peaks.gigabytes,
            "peak_memory_bytes": process::peak_bytes(),
            "threads": std::thread::available_parallelism().map_or(1, usize::from),
            "question_seconds": self.question_seconds,
            "peers": self.peers.iter().map(peer).collect::<Map<_, _>>(),
            "modules": self.modules().map(row).collect::<Vec<_>>(),
        })
    }
}
