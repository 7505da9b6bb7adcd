use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::segment::TaskName;
use super::synth::SynthArgs;

const AFTER_HELP: &str = "\
Examples:
  calico data build --paco paco --coco coco --part-imagenet PartImageNet \\
    --ade20k ADE20KPart234 --seed 1 --out mixedparts
  calico data validate mixedparts
  calico data stats mixedparts --out charts
  calico data view mixedparts --split test --out test.html";

/// Build data sets, check them, look at them, and exchange them with other tools.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct DataArgs {
    #[command(subcommand)]
    pub(crate) command: DataCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    Build(BuildArgs),
    Synth(SynthArgs),
    Validate(ValidateArgs),
    Stats(StatsArgs),
    View(ViewArgs),
    Export(ExportArgs),
    Import(ImportArgs),
    ImportReleased(ImportReleasedArgs),
}

const BUILD_AFTER_HELP: &str = "\
Examples:
  All three sources:
    calico data build --paco paco --coco coco --part-imagenet PartImageNet \\
      --ade20k ADE20KPart234 --seed 1 --out mixedparts
  One of them, with limits of your own:
    calico data build --ade20k ADE20KPart234 --config limits.toml --seed 1 --out ade
  Your own pictures (docs/own-data.md):
    calico data build --own tools=my_tools --seed 1 --out tools

Files in --out:
  images/ regions/ samples/   the tables, Parquet or JSON Lines
  build.json                  seed, configuration, digests of the inputs, counts
  problems.jsonl              what was wrong with the sources, and what became of it
  leak_report.json            images taken out of training because they are in the test split
  README.md                   the card of the data set, with the terms of its sources
  roots.toml                  where the pictures are on this machine
  files.txt                   the names of all these files

Equal inputs, configuration and seed give equal bytes.
Exit codes: 0 done, 1 failed or (with --strict) a source has errors, 2 bad input.";

/// Build MixedParts, or a data set of your own pictures.
#[derive(Debug, Args)]
#[command(after_help = BUILD_AFTER_HELP)]
pub(crate) struct BuildArgs {
    #[command(flatten)]
    pub(crate) sources: SourceArgs,

    /// Seed of every draw.
    #[arg(long, value_name = "S")]
    pub(crate) seed: u64,

    /// Folder of the new data set; an earlier data set there is replaced when the new one is
    /// complete.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Limits and amounts, a TOML file; what it does not name keeps its default.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Stop when a source has any error.
    #[arg(long)]
    pub(crate) strict: bool,
}

/// Where the sources are; at least one.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct SourceArgs {
    /// PACO-LVIS: the folder that holds `annotations/paco_lvis_v1_train.json`.
    #[arg(long, value_name = "DIR", requires = "coco")]
    pub(crate) paco: Option<PathBuf>,

    /// COCO, whose pictures PACO annotates: the folder that holds train2017/ and val2017/.
    #[arg(long, value_name = "DIR", requires = "paco")]
    pub(crate) coco: Option<PathBuf>,

    /// PartImageNet: the folder that holds images/ and annotations/.
    #[arg(long, value_name = "DIR")]
    pub(crate) part_imagenet: Option<PathBuf>,

    /// ADE20K-Part-234: the folder that holds `ade20k_instance_train.json`.
    #[arg(long, value_name = "DIR")]
    pub(crate) ade20k: Option<PathBuf>,

    /// Pictures of your own under a name for them, as NAME=DIR; may be given several times.
    #[arg(long, value_name = "NAME=DIR", value_parser = named_folder)]
    pub(crate) own: Vec<(String, PathBuf)>,
}

pub(super) fn named_folder(text: &str) -> Result<(String, PathBuf), String> {
    let (name, folder) = text.split_once('=').ok_or("expected NAME=DIR")?;
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() || !name.chars().all(is_plain) {
        return Err("expected a name of a-z, 0-9 and _ before the =".to_owned());
    }
    if folder.is_empty() {
        return Err("expected a folder behind the =".to_owned());
    }
    Ok((name.to_owned(), folder.into()))
}

const VALIDATE_AFTER_HELP: &str = "\
Examples:
  calico data validate mixedparts
  calico data validate mixedparts --pictures hash
  calico data validate mixedparts --json | jq .counts

Exit codes: 0 sound, 1 something is wrong (the list says what), 2 bad input.";

/// Check every rule of a data set.
#[derive(Debug, Args)]
#[command(after_help = VALIDATE_AFTER_HELP)]
pub(crate) struct ValidateArgs {
    /// Folder of the data set.
    #[arg(value_name = "DIR")]
    pub(crate) data: PathBuf,

    /// How to look at the pictures.
    #[arg(long, value_name = "HOW", default_value = "none")]
    pub(crate) pictures: PictureCheckChoice,

    /// Where the pictures of a source are, as SOURCE=DIR; may be given several times.
    #[arg(long, value_name = "SOURCE=DIR", value_parser = named_folder)]
    pub(crate) root: Vec<(String, PathBuf)>,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PictureCheckChoice {
    /// Not at all.
    None,
    /// They exist and have their size.
    Size,
    /// They exist, have their size, and their bytes are those of the build.
    Hash,
    /// All of that, and they can be decoded.
    Decode,
}

const STATS_AFTER_HELP: &str = "\
Examples:
  calico data stats mixedparts
  calico data stats mixedparts --out charts
  calico data stats mixedparts --json | jq .splits.test";

/// Count what a data set holds.
#[derive(Debug, Args)]
#[command(after_help = STATS_AFTER_HELP)]
pub(crate) struct StatsArgs {
    /// Folder of the data set.
    #[arg(value_name = "DIR")]
    pub(crate) data: PathBuf,

    /// Folder for statistics.json, statistics.md and the charts as SVG and PNG.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

const VIEW_AFTER_HELP: &str = "\
Examples:
  calico data view mixedparts --out page.html
  calico data view mixedparts --split train --task unique-parts --samples 50 --out page.html
  calico data view mixedparts --embed --out page.html

The page links the pictures where they are on this machine; with --embed it holds copies of them.";

/// Write a page of samples drawn at random: pictures, masks, questions and answers.
#[derive(Debug, Args)]
#[command(after_help = VIEW_AFTER_HELP)]
pub(crate) struct ViewArgs {
    /// Folder of the data set.
    #[arg(value_name = "DIR")]
    pub(crate) data: PathBuf,

    /// The page.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,

    /// Which split to draw from.
    #[arg(long, value_name = "SPLIT", default_value = "test")]
    pub(crate) split: SplitChoice,

    /// Which sub-task to draw from [default: all].
    #[arg(long, value_name = "TASK")]
    pub(crate) task: Option<TaskName>,

    /// Which source to draw from [default: all].
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<String>,

    /// How many samples to show.
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) samples: u32,

    /// Seed of the draw.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub(crate) seed: u64,

    /// Copy the pictures into the page.
    #[arg(long)]
    pub(crate) embed: bool,

    /// Where the pictures of a source are, as SOURCE=DIR; may be given several times.
    #[arg(long, value_name = "SOURCE=DIR", value_parser = named_folder)]
    pub(crate) root: Vec<(String, PathBuf)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SplitChoice {
    /// For training.
    Train,
    /// For choices during training.
    Dev,
    /// For published numbers.
    Test,
}

impl From<SplitChoice> for calico_data::Split {
    fn from(choice: SplitChoice) -> Self {
        match choice {
            SplitChoice::Train => Self::Train,
            SplitChoice::Dev => Self::Dev,
            SplitChoice::Test => Self::Test,
        }
    }
}

const EXPORT_AFTER_HELP: &str = "\
Examples:
  A data set, for annotators to correct:
    calico data export mixedparts --split test --format label-studio --out test.ls
  A result of calico segment, or a folder of them:
    calico data export out/result.json --format cvat --out out/cvat
  Predictions of any model for a data set:
    calico data export predictions.jsonl --data mixedparts --format coco --out coco";

/// Write a data set or predictions in the format of another tool.
#[derive(Debug, Args)]
#[command(after_help = EXPORT_AFTER_HELP)]
pub(crate) struct ExportArgs {
    /// A data set, a result.json, a folder of them, or a predictions file.
    #[arg(value_name = "WHAT")]
    pub(crate) what: PathBuf,

    /// The format.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: ExchangeChoice,

    /// Folder for the files.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Which split of the data set.
    #[arg(long, value_name = "SPLIT", default_value = "test")]
    pub(crate) split: SplitChoice,

    /// The data set that a predictions file is about.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExchangeChoice {
    /// COCO annotations; parts name their object in `parent_id`.
    Coco,
    /// Label Studio tasks with brush masks, and the labelling configuration.
    LabelStudio,
    /// CVAT for images 1.1.
    Cvat,
    /// What FiftyOne loads.
    Fiftyone,
}

const IMPORT_AFTER_HELP: &str = "\
Examples:
  Corrected masks, back into the data set that they come from:
    calico data import corrected.json --format label-studio --data mixedparts --split test \
      --out corrected
  Annotations that begin there, as data of your own:
    calico data import annotations.xml --format cvat --out mine
    calico data build --own mine=mine --seed 1 --out mine-data";

/// Read what annotators made in another tool.
#[derive(Debug, Args)]
#[command(after_help = IMPORT_AFTER_HELP)]
pub(crate) struct ImportArgs {
    /// The file that the tool exported.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Its format.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: ImportChoice,

    /// Folder to write into.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// The data set whose masks were corrected; without it, the annotations become data of your
    /// own.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// The split that was corrected, or that annotations of your own are for.
    #[arg(long, value_name = "SPLIT", default_value = "train")]
    pub(crate) split: SplitChoice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportChoice {
    /// COCO annotations with `parent_id`.
    Coco,
    /// The JSON export of Label Studio.
    LabelStudio,
    /// CVAT for images 1.1.
    Cvat,
}

const RELEASED_AFTER_HELP: &str = "\
Examples:
  Which keys a document has:
    calico data import-released --inspect MixedParts/mixed_parts_train.json
  With the built-in map, which is a guess that has never seen the files, or with a map of your own:
    calico data import-released MixedParts --out mixedparts
    calico data import-released MixedParts --map mine.toml --out mixedparts

docs/released.md describes the map. What is not understood is listed, and kept in import.json.";

/// Read the MixedParts annotations that the authors released.
#[derive(Debug, Args)]
#[command(after_help = RELEASED_AFTER_HELP)]
pub(crate) struct ImportReleasedArgs {
    /// Folder of the release.
    #[arg(value_name = "DIR", required_unless_present = "inspect", requires = "out")]
    pub(crate) release: Option<PathBuf>,

    /// Say which keys a document has, and nothing else.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["release", "out", "map"])]
    pub(crate) inspect: Option<PathBuf>,

    /// What the documents look like, a TOML file.
    #[arg(long, value_name = "FILE")]
    pub(crate) map: Option<PathBuf>,

    /// Folder of the new data set; an earlier data set there is replaced when the new one is
    /// complete.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,

    /// Seed of the templates, where the map lets texts be made.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub(crate) seed: u64,

    /// Where the pictures of a source are, as SOURCE=DIR; may be given several times.
    #[arg(long, value_name = "SOURCE=DIR", value_parser = named_folder)]
    pub(crate) root: Vec<(String, PathBuf)>,
}
