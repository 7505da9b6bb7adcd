use std::path::PathBuf;

use clap::Args;

use super::data::named_folder;

const AFTER_HELP: &str = "\
Examples:
  What would it take? Memory, arithmetic and time, before anything is loaded:
    calico train recipes/adapters.toml --plan
  The paper's training of a model folder:
    calico train recipes/adapters.toml --model DIR --data mixedparts --out run
  A small model from nothing:
    calico train recipes/scratch.toml --data my-data --out run
  Go on after an interruption: the same command again.
  Take what the run has reached so far: the same command with --finish.

Files in --out:
  model/ or adapters/                  the result, from the best validation
  report.html  curves/                 the course of the training
  metrics.jsonl  events/  samples/     losses and scores, the same for TensorBoard, pictures
  checkpoints/  best/                  what survives an interruption

Exit codes: 0 done, 1 failed or stopped (run the same command again to go on), 2 bad input.";

/// Train or fine-tune a model as a recipe says.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct TrainArgs {
    /// The recipe, a TOML file; recipes/ has some.
    pub(crate) recipe: PathBuf,

    /// Folder of the model to start from, instead of the recipe's.
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,

    /// Folder of the data set, instead of the recipe's.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// Where the pictures of a source are, instead of what the data set says; may be repeated.
    #[arg(long, value_name = "SOURCE=DIR", value_parser = named_folder)]
    pub(crate) root: Vec<(String, PathBuf)>,

    /// Folder in which features of frozen encoders are kept, instead of the recipe's.
    #[arg(long, value_name = "DIR")]
    pub(crate) features: Option<PathBuf>,

    /// Seed of every random decision, instead of the recipe's.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// Folder of the run. If it holds this run already, the run goes on.
    #[arg(long, value_name = "DIR", required_unless_present = "plan")]
    pub(crate) out: Option<PathBuf>,

    /// Train no further: write the result of the run in --out as it is now, from its best
    /// validation or its last checkpoint.
    #[arg(long, requires = "out")]
    pub(crate) finish: bool,

    /// Print what the training needs, and train nothing.
    #[arg(long, conflicts_with = "out")]
    pub(crate) plan: bool,

    /// Print the plan as JSON.
    #[arg(long, requires = "plan", conflicts_with = "out")]
    pub(crate) json: bool,
}
