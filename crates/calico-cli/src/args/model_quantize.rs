use std::path::PathBuf;

use calico_model::quantize::Quantization;
use calico_nn::quantized::MatrixFormat;
use clap::{Args, ValueEnum};

const AFTER_HELP: &str = "\
Examples:
  calico model quantize model --out small
  calico model quantize model --llm q5k --vision none --out small

q4k, q5k, q6k  4, 5 and 6 bits, the block formats of GGUF
q8             8 bits; of the language model GGUF's Q8_0, of the towers scales per output and input

Norms, biases, tables and the modules that learn stay as they are. A matrix that does not fit its
format gets 8 bits with scales per output and input, and the report says so.
The folder is a model like any other: `calico segment --model small`. What needs the weights
themselves (training, applying and merging adapters, exporting as safetensors) needs the model that
it was made from.";

/// Make a model with fewer bits per weight: smaller, and faster on a CPU.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ModelQuantizeArgs {
    /// Folder of the model.
    #[arg(value_name = "DIR")]
    pub(crate) model: PathBuf,

    /// Format of the language model.
    #[arg(long, value_name = "FORMAT", default_value = "q4k")]
    llm: LlmFormat,

    /// Format of the towers that look at images, and of the Q-Former.
    #[arg(long, value_name = "FORMAT", default_value = "q8")]
    vision: VisionFormat,

    /// Folder of the new model; must be new or empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Print the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LlmFormat {
    /// 4 bits.
    Q4k,
    /// 5 bits.
    Q5k,
    /// 6 bits.
    Q6k,
    /// 8 bits.
    Q8,
    /// As it is.
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum VisionFormat {
    /// 8 bits.
    Q8,
    /// As it is.
    None,
}

impl ModelQuantizeArgs {
    /// The formats that were chosen.
    pub(crate) fn wanted(&self) -> Quantization {
        quantization(self.llm, self.vision)
    }
}

/// The formats that two choices stand for.
pub(crate) fn quantization(llm: LlmFormat, vision: VisionFormat) -> Quantization {
    Quantization {
        llm: match llm {
            LlmFormat::Q4k => Some(MatrixFormat::Q4K),
            LlmFormat::Q5k => Some(MatrixFormat::Q5K),
            LlmFormat::Q6k => Some(MatrixFormat::Q6K),
            LlmFormat::Q8 => Some(MatrixFormat::Q8Blocks),
            LlmFormat::None => None,
        },
        vision: match vision {
            VisionFormat::Q8 => Some(MatrixFormat::Q8),
            VisionFormat::None => None,
        },
    }
}
