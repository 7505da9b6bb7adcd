use std::path::PathBuf;

use clap::Args;

const AFTER_HELP: &str = "\
Examples:
  What the built-in model answers to scenes that it has never seen:
    calico gallery --out gallery
  Others of them:
    calico gallery --out gallery --seed 2 --pairs 12
  Another model, on your data set:
    calico gallery --out gallery --model DIR --data mixedparts

Without --data, scenes are drawn for the page, as by calico data synth --seed S. They are of the
test split, which draws from streams of its own: the built-in model never saw the test split of any
seed. With --data, pairs are drawn from its test split, and cases from its suite `context` if it has
one. What is shown is drawn at random, and not by how well it is answered.

Files in --out:
  index.html     the page, with its pictures; with --data, mind the terms of their sources
  gallery.json   the same answers, verdicts and counts
  data/          the scenes that were drawn, a data set

Equal options give equal bytes.
Exit codes: 0 done (whatever the answers are worth), 1 failed, 2 bad input.";

/// Show what a model answers to pairs drawn at random, right or wrong, as a page.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct GalleryArgs {
    /// Folder of the page; must be new, empty or an earlier gallery, which is replaced.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Folder of the model, or `untrained:tiny` [default: the built-in model, which knows drawn
    /// objects only].
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,

    /// Folder of a data set to draw pairs from [default: scenes are drawn].
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// Seed of the draw.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,

    /// Pairs per sub-task, and pictures with two partners; 1 to 100.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 6,
        value_parser = clap::value_parser!(u64).range(1..=100)
    )]
    pub(crate) pairs: u64,

    /// Print gallery.json instead of the counts in words.
    #[arg(long)]
    pub(crate) json: bool,
}
