use std::path::PathBuf;

use calico_model::bench::Workload;
use calico_model::quantize::Quantization;
use calico_model::{CalicoConfig, ConfigError};
use clap::{Args, ValueEnum};

use super::model::{PresetChoice, SizeArgs};
use super::model_quantize::{LlmFormat, VisionFormat, quantization};

const AFTER_HELP: &str = "\
Examples:
  calico bench
  calico bench --preset full --module sam_encoder --module llm_decode_step
  calico bench --preset full --quant q4k --json > bench.json
  calico bench --preset full --quant q4k --torch venv/bin/python
  calico bench --config model/config.json --quant q4k --llama-cpp venv/bin/python --gguf llm.gguf
  calico bench --preset full --quant q4k --efficiency

A module is bound by its arithmetic at the speed of a product of large matrices, or by its weights
at the speed of memory, whichever takes longer: `% limit` is the share of that speed. Both speeds
are medians as everything here, so a module may pass 100.

Modules: eva_clip, qformer, dinov2, extraction, sam_encoder, llm_prefill, llm_decode_step,
mask_decoder. Each is built alone, measured and dropped; of a language model that does not fit
into memory as many layers are run as do. The full preset takes minutes and 6 GB, or 2 GB with
--quant, beside the language model.";

/// Measure the speed of every module on this machine, and the share of its peak.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct BenchArgs {
    /// A built-in configuration.
    #[arg(long, default_value = "tiny")]
    preset: PresetChoice,

    /// A configuration of your own, TOML or JSON.
    #[arg(long, value_name = "FILE", conflicts_with = "preset")]
    config: Option<PathBuf>,

    /// Measure this module only; may be repeated [default: all].
    #[arg(long = "module", value_name = "NAME", value_parser = module_name)]
    pub(crate) modules: Vec<String>,

    /// Format of the language model's matrices, as of `calico model quantize`; those of the towers
    /// then have 8 bits.
    #[arg(long, value_name = "FORMAT", default_value = "none")]
    quant: LlmFormat,

    /// Compare ways to bring images into the language model: Calico at three sizes of DINOv2's
    /// input, and all tokens of the encoder, as GLaMM and LISA do. Minutes at full size.
    #[arg(long, conflicts_with_all = ["modules", "torch", "llama_cpp"])]
    pub(crate) efficiency: bool,

    /// Also run each module in PyTorch: the Python of an environment that has torch and
    /// transformers.
    #[arg(long, value_name = "PYTHON")]
    pub(crate) torch: Option<PathBuf>,

    /// The type in which PyTorch computes.
    #[arg(long, value_name = "TYPE", default_value = "bf16", requires = "torch")]
    pub(crate) torch_dtype: TorchType,

    /// Also run the language model in llama.cpp: the Python of an environment that has
    /// llama-cpp-python.
    #[arg(long, value_name = "PYTHON", requires = "gguf")]
    pub(crate) llama_cpp: Option<PathBuf>,

    /// The file that llama.cpp reads: `calico model export --to gguf` writes it.
    #[arg(long, value_name = "FILE", requires = "llama_cpp")]
    pub(crate) gguf: Option<PathBuf>,

    /// How long to repeat each module.
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds)]
    pub(crate) seconds: f64,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TorchType {
    /// 16 bits with the range of f32.
    Bf16,
    /// 32-bit floats.
    F32,
}

impl TorchType {
    /// The name that the program of the other side knows.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bf16 => "bf16",
            Self::F32 => "f32",
        }
    }
}

impl BenchArgs {
    /// The configuration that was chosen.
    pub(crate) fn config(&self) -> Result<CalicoConfig, ConfigError> {
        SizeArgs::choose(self.config.as_deref(), self.preset)
    }

    /// The formats that were chosen.
    pub(crate) fn quantization(&self) -> Quantization {
        let is_plain = self.quant == LlmFormat::None;
        quantization(self.quant, if is_plain { VisionFormat::None } else { VisionFormat::Q8 })
    }
}

fn module_name(text: &str) -> Result<String, String> {
    let parts = Workload::ALL.into_iter().filter(|workload| !workload.is_yardstick());
    let names: Vec<&str> = parts.map(Workload::name).collect();
    if names.contains(&text) {
        Ok(text.to_owned())
    } else {
        Err(format!("expected one of {}", names.join(", ")))
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.0..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("expected a number of seconds from 0 to 3600".into()),
    }
}
