use std::fmt::Write as _;

use calico_model::bench::Workload;
use calico_model::budget::Request;
use calico_model::quantize::Quantization;
use calico_nn::quantized::MatrixFormat;
use serde_json::{Map, Value, json};

use super::peer::{Kind, Peer, Times};
use super::{Measured, PAIR, Peaks};
use crate::memory;

/// Everything that was measured.
pub(super) struct Report<'a> {
    pub(super) measured: Vec<Measured>,
    pub(super) peaks: Peaks,
    pub(super) quantization: Quantization,
    pub(super) preset: Option<&'a str>,
    /// The programs beside which it was measured.
    pub(super) peers: Vec<Peer<'a>>,
    /// The stages of a question about two images, and how often each is run.
    pub(super) pair: Vec<(Workload, usize)>,
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

    /// What the question about two images takes, by the seconds of each module; `None` if one was
    /// not measured. No peer has the extraction module, so theirs are without it.
    fn of_pair(&self, seconds: impl Fn(&Measured) -> Option<f64>) -> Option<f64> {
        let all = self.pair.iter().map(|&(workload, times)| {
            let module = self.measured.iter().find(|module| module.workload == workload)?;
            Some(times as f64 * module.scale() * seconds(module)?)
        });
        all.sum()
    }

    /// As [`Self::of_pair`], of a peer.
    fn of_pair_in_peer(&self, place: usize) -> Option<f64> {
        self.of_pair(|module| match module.workload {
            Workload::Extraction => Some(0.0),
            _ => Some(module.peers.get(place)?.as_ref()?.seconds),
        })
    }

    /// The speed of a peer's product of large matrices, if it has one.
    fn peak_of(&self, place: usize) -> Option<f64> {
        let peak = self.measured.iter().find(|it| it.workload == Workload::MatrixPeak)?;
        let times = peak.peers.get(place)?.as_ref()?;
        Some(peak.flops / times.seconds / 1e9)
    }

    pub(super) fn table(&self) -> String {
        let mut text = format!(
            "{:18}{:>12}{:>7}{:>12}{:>10}{:>8}{:>9}",
            "module", "seconds", "runs", "GFLOP", "GFLOP/s", "GB/s", "% limit"
        );
        for peer in &self.peers {
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
             Limits of the machine in the same run: products of 1024 x 1024 matrices {gflops:.0} \
             GFLOP/s in f32\nand {gflops_of_8_bits:.0} in 8 bits, memory {gigabytes:.1} GB/s.",
            form(self.quantization.llm),
            form(self.quantization.vision),
        );
        self.tell_of_pair(&mut text);
        self.tell_of_peers(&mut text);
        if let Some(bytes) = memory::peak() {
            let _ = writeln!(text, "Most memory held: {:.2} GB.", bytes as f64 / 1e9);
        }
        text
    }

    fn tell_of_pair(&self, text: &mut String) {
        if let Some(ours) = self.of_pair(|module| Some(module.seconds)) {
            let Request { images, answer_tokens, masks, .. } = PAIR;
            let _ = write!(
                text,
                "These add up to {ours:.1} s for {images} images, {answer_tokens} tokens and \
                 {masks} masks",
            );
            for (place, peer) in self.peers.iter().enumerate() {
                if let Some(theirs) = self.of_pair_in_peer(place) {
                    let (name, ratio) = (peer.name(), theirs / ours);
                    let _ = write!(text, ", in {name} without CEM {theirs:.1} s, {ratio:.2}x");
                }
            }
            text.push_str(".\n");
        }
    }

    fn tell_of_peers(&self, text: &mut String) {
        for (place, peer) in self.peers.iter().enumerate() {
            let mut all = self.measured.iter().filter_map(|module| module.peers[place].as_ref());
            let Some(Times { program, .. }) = all.next() else { continue };
            let _ = match peer.kind {
                Kind::Torch(dtype) => {
                    write!(text, "{program} in {}", dtype.name())
                }
                Kind::LlamaCpp(file) => write!(text, "{program} with {}", file.display()),
            };
            if let Some(gflops) = self.peak_of(place) {
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
            for (peer, times) in self.peers.iter().zip(&module.peers) {
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
        let peer = |(place, peer): (usize, &Peer<'_>)| {
            let mut all = self.measured.iter().filter_map(|module| module.peers[place].as_ref());
            let about = json!({
                "program": all.next().map(|times| &times.program),
                "dtype": match peer.kind {
                    Kind::Torch(dtype) => Some(dtype.name()),
                    Kind::LlamaCpp(_) => None,
                },
                "peak_gflops_per_second": self.peak_of(place),
                "pair_seconds": self.of_pair_in_peer(place),
            });
            (peer.key().to_owned(), about)
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
            "pair_seconds": self.of_pair(|module| Some(module.seconds)),
            "peers": self.peers.iter().enumerate().map(peer).collect::<Map<_, _>>(),
            "modules": self.modules().map(row).collect::<Vec<_>>(),
        })
    }
}
