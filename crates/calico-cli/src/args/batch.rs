use std::path::PathBuf;

use calico_result::batch::Shard;
use clap::Args;

/// Many questions, one after the other.
#[derive(Debug, Args)]
#[command(next_help_heading = "Many pictures at once")]
pub(crate) struct BatchArgs {
    /// List of what to ask about which images, one JSON object per line, or a folder: every
    /// picture in it for itself, every folder in it with all its pictures. Results go to --out,
    /// and the same command goes on after an interruption.
    #[arg(long, value_name = "LIST", requires = "out", conflicts_with_all = ["json", "timings"])]
    pub(crate) batch: Option<PathBuf>,

    /// Work on one part of the list only, as in 1/4 to 4/4: every N-th item, from the I-th on.
    /// All parts may write into the same --out at once.
    #[arg(long, value_name = "I/N", requires = "batch", conflicts_with = "images")]
    pub(crate) shard: Option<Shard>,

    /// Try the items again that failed before.
    #[arg(long, requires = "batch", conflicts_with = "images")]
    pub(crate) retry_failed: bool,

    /// Draw the masks of every item over its images, too.
    #[arg(long, requires = "batch", conflicts_with = "images")]
    pub(crate) pictures: bool,
}
