use std::path::PathBuf;

use calico_model::budget::Request;
use calico_model::quantize::Quantization;
use calico_model::{CalicoConfig, ConfigError};
use clap::Args;

use super::model::{PresetChoice, SizeArgs, count};
use super::model_quantize::{LlmFormat, VisionFormat, quantization};

const AFTER_HELP: &str = "\
Examples:
  calico model estimate model
  calico model estimate model --llm q4k --vision q8
  calico model estimate --preset full --llm q4k --vision q8 --images 3
  calico model estimate small --answer-tokens 64 --json | jq .peak_bytes

Nothing is loaded. The speed of this machine is measured in a second; the times are shares of it
that were measured on two x86-64 cores, right within about a third.";

/// Say how much memory and time an answer takes on this machine.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ModelEstimateArgs {
    /// Folder of the model.
    #[arg(value_name = "DIR", required_unless_present_any = ["preset", "config"])]
    pub(crate) model: Option<PathBuf>,

    /// A built-in configuration instead.
    #[arg(long, conflicts_with = "model")]
    preset: Option<PresetChoice>,

    /// A configuration of your own instead, TOML or JSON.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["model", "preset"])]
    config: Option<PathBuf>,

    /// Format of its language model, as `calico model quantize` would give it; `none` leaves it as
    /// it is.
    #[arg(long, value_name = "FORMAT", default_value = "none")]
    llm: LlmFormat,

    /// Format of its towers.
    #[arg(long, value_name = "FORMAT", default_value = "none")]
    vision: VisionFormat,

    /// Images of the question.
    #[arg(long, value_name = "N", default_value_t = Request::default().images, value_parser = count)]
    images: usize,

    /// Its text tokens.
    #[arg(long, value_name = "N", default_value_t = Request::default().text_tokens, value_parser = count)]
    text_tokens: usize,

    /// Tokens of its answer.
    #[arg(long, value_name = "N", default_value_t = Request::default().answer_tokens, value_parser = count)]
    answer_tokens: usize,

    /// Masks of its answer.
    #[arg(long, value_name = "N", default_value_t = Request::default().masks, value_parser = count)]
    masks: usize,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl ModelEstimateArgs {
    /// The configuration that was chosen in place of a folder.
    pub(crate) fn config(&self) -> Result<CalicoConfig, ConfigError> {
        // The argument parser sees to it that there is one of the two.
        SizeArgs::choose(self.config.as_deref(), self.preset.unwrap_or(PresetChoice::Tiny))
    }

    /// Its formats.
    pub(crate) fn quantization(&self) -> Quantization {
        quantization(self.llm, self.vision)
    }

    /// The question.
    pub(crate) fn request(&self) -> Request {
        Request {
            images: self.images,
            text_tokens: self.text_tokens,
            answer_tokens: self.answer_tokens,
            masks: self.masks,
        }
    }
}
