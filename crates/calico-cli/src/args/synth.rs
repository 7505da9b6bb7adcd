use std::path::PathBuf;

use calico_synth::SynthOptions;
use clap::Args;

use super::data::SplitChoice;

const AFTER_HELP: &str = "\
Examples:
  A test set with its suites:
    calico data synth --out drawn --pairs 900 --seed 7
  A data set to learn from, with a dev split:
    calico data synth --out drawn --split train --pairs 6000 --dev-pairs 300 --seed 1
  Without any colour that tells a part:
    calico data synth --out plain --pairs 900 --seed 7 --cue 0

Files in --out:
  images/ regions/ samples/   the tables, Parquet
  pictures/                   the pictures, JPEG
  suites/                     beside a test split: context, correspondence, unseen, nothing,
                              three; each is a data set of its own (calico eval --suite)
  synth.json                  how it was drawn, and counts
  roots.toml                  where the pictures are
  files.txt                   the names of all these files

Equal options give equal bytes.
Exit codes: 0 done, 1 failed, 2 bad input.";

/// Draw a data set: scenes of drawn objects with exact masks (`SynthParts`).
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct SynthArgs {
    /// Folder of the data set; must be new, empty or an earlier data set, which is replaced.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Groups of pictures, a multiple of 3: a third for each sub-task. A train split gets three
    /// quarters as many cases again: about context, nothing, and three pictures.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) pairs: u64,

    /// Seed of all random decisions; each split draws from streams of its own.
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    pub(crate) seed: u64,

    /// Which split.
    #[arg(long, value_name = "SPLIT", default_value = "test")]
    pub(crate) split: SplitChoice,

    /// Adds a dev split of so many groups.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) dev_pairs: Option<u64>,

    /// The longer side of the pictures, 128 to 512 pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = SynthOptions::DEFAULT_SIZE)]
    pub(crate) size: u32,

    /// Pictures in a group, 2 to 4.
    #[arg(long, value_name = "N", default_value_t = SynthOptions::DEFAULT_GROUP_SIZE)]
    pub(crate) group_size: usize,

    /// Share of parts, 0 to 1, that wear the colour typical of their name.
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true, default_value_t = SynthOptions::DEFAULT_CUE)]
    pub(crate) cue: f32,
}
