use std::path::PathBuf;

use calico_model::adapters::BaseCheck;
use clap::{Args, Subcommand};

const AFTER_HELP: &str = "\
Examples:
  calico model adapters export trained --out adapters
  calico model adapters apply model adapters --out trained
  calico model adapters merge trained --out merged

An adapter folder holds adapter_model.safetensors with adapter_config.json (LoRA, as the peft
package lays it out), calico_adapters.safetensors with calico_adapters.json (everything else that
was trained), or both.";

/// Take what was trained out of a model, put it into one, or merge it into the weights.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct AdaptersArgs {
    #[command(subcommand)]
    pub(crate) command: AdaptersCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdaptersCommand {
    Export(AdaptersExportArgs),
    Apply(AdaptersApplyArgs),
    Merge(AdaptersMergeArgs),
}

const EXPORT_AFTER_HELP: &str = "\
Examples:
  calico model adapters export trained --out adapters
  calico model adapters export trained --also f_image --out adapters";

/// Take the adapters of a model out: LoRA, the correspondence modules and the mask decoder.
#[derive(Debug, Args)]
#[command(after_help = EXPORT_AFTER_HELP)]
pub(crate) struct AdaptersExportArgs {
    /// Folder of the model.
    #[arg(value_name = "MODEL")]
    pub(crate) model: PathBuf,

    /// A further module that was trained; may be given several times.
    #[arg(long, value_name = "MODULE")]
    pub(crate) also: Vec<String>,

    /// Folder of the adapters; must be new or empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

const APPLY_AFTER_HELP: &str = "\
Examples:
  calico model adapters apply model adapters --out trained

Rank and alpha of the new model are those of the adapters.
What the adapters do not hold stays as it is in the model.";

/// Make a model folder with other adapters; a folder that peft saved will do.
#[derive(Debug, Args)]
#[command(after_help = APPLY_AFTER_HELP)]
pub(crate) struct AdaptersApplyArgs {
    /// Folder of the model.
    #[arg(value_name = "MODEL")]
    pub(crate) model: PathBuf,

    /// Folder of the adapters.
    #[arg(value_name = "ADAPTERS")]
    pub(crate) adapters: PathBuf,

    /// Folder of the new model; must be new or empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    #[command(flatten)]
    pub(crate) base: BaseArgs,
}

const MERGE_AFTER_HELP: &str = "\
Examples:
  calico model adapters merge trained --out merged
  calico model adapters merge model --adapters adapters --out merged

The sum is made in f32 and stored in the type of each weight: a bf16 model loses small updates to
rounding.";

/// Make a model folder whose LoRA is part of its weights.
#[derive(Debug, Args)]
#[command(after_help = MERGE_AFTER_HELP)]
pub(crate) struct AdaptersMergeArgs {
    /// Folder of the model.
    #[arg(value_name = "MODEL")]
    pub(crate) model: PathBuf,

    /// Adapters to put into the model first.
    #[arg(long, value_name = "DIR")]
    pub(crate) adapters: Option<PathBuf>,

    /// Folder of the new model; must be new or empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    #[command(flatten)]
    pub(crate) base: BaseArgs,
}

/// Which models adapters may be put into.
#[derive(Debug, Args)]
pub(crate) struct BaseArgs {
    /// Accept a model whose frozen weights are not those that the adapters were trained with.
    #[arg(long)]
    any_base: bool,
}

impl BaseArgs {
    /// What is compared.
    pub(crate) fn check(&self) -> BaseCheck {
        if self.any_base { BaseCheck::Config } else { BaseCheck::Weights }
    }
}
