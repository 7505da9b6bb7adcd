use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::data::SplitChoice;

const AFTER_HELP: &str = "\
Examples:
  The built-in model, which knows drawn objects only, on scenes that it has never seen:
    calico data synth --out drawn --pairs 900 --seed 7
    calico eval --data drawn --out scores
  Another model:
    calico eval --data mixedparts --model DIR --out scores
  Any other system, from a file of its predictions (docs/predictions.md):
    calico eval --data mixedparts --predictions predictions.jsonl
  With the text metrics of the paper, given the encoders' files:
    calico eval --data mixedparts --predictions predictions.jsonl \\
      --sentence-encoder all-MiniLM-L6-v2 --bert bert-base-uncased
  One number in a script:
    calico eval --data mixedparts --predictions predictions.jsonl --json | jq .overall.miou
  A suite of a data set, and how much needs no understanding:
    calico eval --data drawn --suite context --out scores-context
    calico eval --data drawn --out scores --baselines

Files in --out:
  scores.json  scores.md  index.html   the tables; the page also draws the best and worst pairs
  predictions.jsonl                    what the model answered; an interrupted run goes on from it
  partner_replaced.jsonl               with --baselines, what it answered to replaced partners

Exit codes: 0 done, 1 failed, 2 bad input.";

/// Score a model, or the predictions of any other, on a data set.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct EvalArgs {
    #[command(subcommand)]
    pub(crate) command: Option<EvalCommand>,

    #[command(flatten)]
    pub(crate) score: ScoreArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EvalCommand {
    Compose(ComposeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ScoreArgs {
    /// Folder of the data set.
    #[arg(long, value_name = "DIR", required = true)]
    pub(crate) data: Option<PathBuf>,

    /// Score the suite DIR/suites/NAME of the data set instead.
    #[arg(long, value_name = "NAME")]
    pub(crate) suite: Option<String>,

    /// Score baselines beside the model: a text-only guesser, the model with another partner
    /// picture, and a labeller by colour that is given the true masks.
    #[arg(long)]
    pub(crate) baselines: bool,

    /// Folder of the model to ask, or `untrained:tiny` [default: the built-in model, which knows
    /// drawn objects only].
    #[arg(long, value_name = "DIR", conflicts_with = "predictions")]
    pub(crate) model: Option<PathBuf>,

    /// Predictions to score instead of asking a model, one JSON object per line.
    #[arg(long, value_name = "FILE")]
    pub(crate) predictions: Option<PathBuf>,

    /// Which split.
    #[arg(long, value_name = "SPLIT", default_value = "test")]
    pub(crate) split: SplitChoice,

    /// Folder for the scores and, where a model is asked, its predictions; always needed without
    /// --predictions.
    #[arg(long, value_name = "DIR", required_unless_present = "predictions")]
    pub(crate) out: Option<PathBuf>,

    /// Folder of a sentence encoder (all-MiniLM-L6-v2) for the label similarity SS.
    #[arg(long, value_name = "DIR")]
    pub(crate) sentence_encoder: Option<PathBuf>,

    /// Folder of bert-base-uncased for the label test of Recall; without it, labels must be equal.
    #[arg(long, value_name = "DIR")]
    pub(crate) bert: Option<PathBuf>,

    /// What AP50, mIoU and Recall mean.
    #[arg(long, value_name = "MODE", default_value = "glamm")]
    pub(crate) mode: ModeChoice,

    /// How predicted masks meet true ones.
    #[arg(long, value_name = "HOW", default_value = "greedy")]
    pub(crate) assign: AssignChoice,

    /// What becomes of whole objects where parts are asked for.
    #[arg(long, value_name = "HOW", default_value = "count")]
    pub(crate) objects: ObjectsChoice,

    /// Where the pictures of a source are, as SOURCE=DIR; may be given several times.
    #[arg(long, value_name = "SOURCE=DIR", value_parser = super::data::named_folder)]
    pub(crate) root: Vec<(String, PathBuf)>,

    /// Copy the pictures of the drawn examples into the page.
    #[arg(long, requires = "out")]
    pub(crate) embed: bool,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeChoice {
    /// As GLaMM's evaluation: scores are ignored, Recall stops at the first pair that fails.
    Glamm,
    /// AP50 orders by score, and a missed target counts in mIoU and Recall.
    Strict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AssignChoice {
    /// The best pair first, as GLaMM does.
    Greedy,
    /// The pairs whose overlap is largest in sum.
    Hungarian,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ObjectsChoice {
    /// Every region of the true answer is a target.
    Count,
    /// Objects are no targets, and predictions that bear their names count neither way.
    SetAside,
}

const COMPOSE_AFTER_HELP: &str = "\
Examples:
  calico eval compose --data mixedparts --detections results.json --out predictions.jsonl
  calico eval --data mixedparts --predictions predictions.jsonl

This is our reading of how the paper makes its rows Multi-Image PartGLEE and Multi-Image VLPart from
detectors of single images; the paper does not say it in full.";

/// Make predictions for pairs from what a detector found in single images.
#[derive(Debug, Args)]
#[command(after_help = COMPOSE_AFTER_HELP)]
pub(crate) struct ComposeArgs {
    /// Folder of the data set.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,

    /// Detections in COCO's results format, with labels.
    #[arg(long, value_name = "FILE")]
    pub(crate) detections: PathBuf,

    /// COCO file that names the images and categories of the detections.
    #[arg(long, value_name = "FILE")]
    pub(crate) categories: Option<PathBuf>,

    /// The predictions file to write.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,

    /// Which split.
    #[arg(long, value_name = "SPLIT", default_value = "test")]
    pub(crate) split: SplitChoice,

    /// Least score of an object.
    #[arg(long, value_name = "S", default_value_t = 0.5)]
    pub(crate) object_score: f64,

    /// Least score of a part.
    #[arg(long, value_name = "S", default_value_t = 0.5)]
    pub(crate) part_score: f64,
}
