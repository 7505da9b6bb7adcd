use std::path::{Path, PathBuf};

use calico_model::budget::Request;
use calico_model::{CalicoConfig, ConfigError, Preset};
use calico_nn::weights::checkpoint::StoredType;
use clap::{Args, Subcommand, ValueEnum};

use super::{
    AdaptersArgs, InspectArgs, ModelEstimateArgs, ModelExportArgs, ModelImportArgs,
    ModelQuantizeArgs, PullArgs,
};

const AFTER_HELP: &str = "\
Examples:
  calico model default --out mini
  calico model init --preset tiny --seed 1 model
  calico model info model
  calico model inspect sam_vit_h_4b8939.pth
  calico model params --preset full
  calico model pull org/name
  calico model quantize model --out small";

/// Make, download and inspect models.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ModelArgs {
    #[command(subcommand)]
    pub(crate) command: ModelCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    Default(DefaultArgs),
    Init(InitArgs),
    Import(Box<ModelImportArgs>),
    Estimate(ModelEstimateArgs),
    Export(ModelExportArgs),
    Info(InfoArgs),
    Inspect(InspectArgs),
    Params(ParamsArgs),
    Pull(PullArgs),
    Quantize(ModelQuantizeArgs),
    Adapters(AdaptersArgs),
    Tokenizer(TokenizerArgs),
}

const DEFAULT_AFTER_HELP: &str = "\
Examples:
  calico model default --out mini
  calico train recipes/finetune.toml --model mini --data my-data --out run

README.md in the folder is the card of the model: how it was trained, how well it answers and what
it cannot do.";

/// Write the built-in model as a folder, to look into it or to train it further.
#[derive(Debug, Args)]
#[command(after_help = DEFAULT_AFTER_HELP)]
pub(crate) struct DefaultArgs {
    /// Folder of the model; must be new or empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

const INIT_AFTER_HELP: &str = "\
Examples:
  calico model init --preset tiny --seed 1 model
  calico model init --config experiment.toml --seed 7 --dtype f32 model

The same preset, seed and type give the same bytes.
The full preset writes 19 GB, 39 GB with --dtype f32.";

/// Make a model folder with untrained weights. It runs like a trained one, but knows nothing.
#[derive(Debug, Args)]
#[command(after_help = INIT_AFTER_HELP)]
pub(crate) struct InitArgs {
    #[command(flatten)]
    pub(crate) size: SizeArgs,

    /// Seed of the weights.
    #[arg(long, value_name = "S", allow_negative_numbers = true, default_value_t = 0)]
    pub(crate) seed: u64,

    /// Type in which the weights are stored.
    #[arg(long, value_name = "TYPE", default_value = "bf16")]
    pub(crate) dtype: TypeChoice,

    /// Folder of the new model; must be new or empty.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

/// Which model; exactly one of the two.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct SizeArgs {
    /// A built-in configuration.
    #[arg(long)]
    preset: Option<PresetChoice>,

    /// A configuration of your own, TOML or JSON.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PresetChoice {
    /// Every module at its smallest size: for trying things out.
    Tiny,
    /// The built-in model: every module, answers in about a second.
    Mini,
    /// The published model: 9.65 billion parameters.
    Full,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TypeChoice {
    /// 32-bit floats.
    F32,
    /// 16 bits with the range of f32.
    Bf16,
    /// 16-bit IEEE floats.
    F16,
}

impl SizeArgs {
    /// The configuration that was chosen.
    pub(crate) fn config(&self) -> Result<CalicoConfig, ConfigError> {
        // One of the two is always there; the argument parser sees to it.
        Self::choose(self.config.as_deref(), self.preset.unwrap_or(PresetChoice::Tiny))
    }

    /// The configuration in a file, or else a preset.
    pub(crate) fn choose(
        file: Option<&Path>,
        preset: PresetChoice,
    ) -> Result<CalicoConfig, ConfigError> {
        match (file, preset) {
            (Some(path), _) => CalicoConfig::open(path),
            (None, PresetChoice::Full) => Preset::Full.config(),
            (None, PresetChoice::Mini) => Preset::Mini.config(),
            (None, PresetChoice::Tiny) => Preset::Tiny.config(),
        }
    }
}

impl From<TypeChoice> for StoredType {
    fn from(choice: TypeChoice) -> Self {
        match choice {
            TypeChoice::F32 => Self::F32,
            TypeChoice::Bf16 => Self::Bf16,
            TypeChoice::F16 => Self::F16,
        }
    }
}

const INFO_AFTER_HELP: &str = "\
Examples:
  calico model info model
  calico model info model --json | jq .parameters

Names and shapes of the weights are compared with config.json; their values are not read.";

/// Say what a model folder holds.
#[derive(Debug, Args)]
#[command(after_help = INFO_AFTER_HELP)]
pub(crate) struct InfoArgs {
    /// Folder of the model.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,

    /// Print JSON, with the whole configuration.
    #[arg(long)]
    pub(crate) json: bool,
}

const PARAMS_AFTER_HELP: &str = "\
Examples:
  calico model params --preset full
  calico model params --config model/config.json --images 3 --json";

/// Say what a model costs: parameters, arithmetic and bytes per module.
#[derive(Debug, Args)]
#[command(after_help = PARAMS_AFTER_HELP)]
pub(crate) struct ParamsArgs {
    #[command(flatten)]
    pub(crate) source: SizeArgs,

    /// Images of the question whose arithmetic is counted.
    #[arg(long, value_name = "N", default_value_t = Request::default().images, value_parser = count)]
    pub(crate) images: usize,

    /// Its text tokens.
    #[arg(long, value_name = "N", default_value_t = Request::default().text_tokens, value_parser = count)]
    pub(crate) text_tokens: usize,

    /// Tokens of its answer.
    #[arg(long, value_name = "N", default_value_t = Request::default().answer_tokens, value_parser = count)]
    pub(crate) answer_tokens: usize,

    /// Masks of its answer.
    #[arg(long, value_name = "N", default_value_t = Request::default().masks, value_parser = count)]
    pub(crate) masks: usize,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A count for which the arithmetic stays below 2^64.
pub(super) fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count <= 100_000 => Ok(count),
        _ => Err("expected a number from 0 to 100000".into()),
    }
}

/// Learn a tokenizer from the questions and answers of a data set, for a model of your own.
#[derive(Debug, Args)]
pub(crate) struct TokenizerArgs {
    /// Folder of the data set; its train split is read.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,

    /// Tokens, the 256 bytes and the ten marks included.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(300..=65_536))]
    pub(crate) size: u32,

    /// The file to write, `tokenizer.json`.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}
