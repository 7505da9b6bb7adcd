//! What can be typed.

mod adapters;
mod batch;
mod bench;
mod data;
mod eval;
mod gallery;
mod inspect;
mod model;
mod model_estimate;
mod model_export;
mod model_import;
mod model_quantize;
mod pull;
mod segment;
mod serve;
mod synth;
mod train;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use adapters::{
    AdaptersApplyArgs, AdaptersArgs, AdaptersCommand, AdaptersExportArgs, AdaptersMergeArgs,
};
pub(crate) use batch::BatchArgs;
pub(crate) use bench::{BenchArgs, TorchType};
pub(crate) use data::{
    BuildArgs, DataArgs, DataCommand, ExchangeChoice, ExportArgs, ImportArgs, ImportChoice,
    ImportReleasedArgs, PictureCheckChoice, SourceArgs, StatsArgs, ValidateArgs, ViewArgs,
};
pub(crate) use eval::{
    AssignChoice, ComposeArgs, EvalArgs, EvalCommand, ModeChoice, ObjectsChoice, ScoreArgs,
};
pub(crate) use gallery::GalleryArgs;
pub(crate) use inspect::InspectArgs;
pub(crate) use model::{
    DefaultArgs, InfoArgs, InitArgs, ModelArgs, ModelCommand, ParamsArgs, TokenizerArgs,
};
pub(crate) use model_estimate::ModelEstimateArgs;
pub(crate) use model_export::{ExportFormat, ModelExportArgs};
pub(crate) use model_import::{Brought, ModelImportArgs};
pub(crate) use model_quantize::ModelQuantizeArgs;
pub(crate) use pull::PullArgs;
pub(crate) use segment::SegmentArgs;
pub(crate) use serve::{LimitArgs, LogFormat, LogLevel, ServeArgs};
pub(crate) use synth::SynthArgs;
pub(crate) use train::TrainArgs;

const AFTER_HELP: &str = "\
Examples:
  Ask the built-in model, which knows drawn objects only:
    calico segment a.png b.png --out out
  Ask a model of photographs what two of them share and what sets them apart:
    calico segment --model DIR cat.jpg rocket.jpg --out out
  Open a web page that asks, and an HTTP API:
    calico serve

Exit codes:
  0  done
  1  failed
  2  bad input: the message says what to correct; nothing was written";

/// Compare the parts of objects in several images: ask a question, get an answer in words with a
/// mask for every grounded phrase in every image.
#[derive(Debug, Parser)]
#[command(name = "calico", version, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Segment(SegmentArgs),
    Model(ModelArgs),
    Data(DataArgs),
    Train(TrainArgs),
    Eval(EvalArgs),
    Gallery(GalleryArgs),
    Bench(BenchArgs),
    Serve(Box<ServeArgs>),
    Completions(CompletionsArgs),
}

const COMPLETIONS_AFTER_HELP: &str = "\
Examples:
  calico completions bash > ~/.local/share/bash-completion/completions/calico
  calico completions fish > ~/.config/fish/completions/calico.fish";

/// Print a script that teaches a shell to complete calico's commands.
#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS_AFTER_HELP)]
pub(crate) struct CompletionsArgs {
    /// The shell to complete for.
    pub(crate) shell: Shell,
}
