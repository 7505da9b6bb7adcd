use std::path::PathBuf;

use calico_language::Sampling;
use calico_model::{Question, SegmentOptions};
use calico_result::{ExportFormat, Task};
use clap::{Args, ValueEnum};

use super::BatchArgs;

const AFTER_HELP: &str = "\
Examples:
  Ask the built-in model all three questions and keep everything:
    calico segment a.png b.png --out out
  Ask one of them, for other tools:
    calico segment a.png b.png --task common-parts --out out --export coco,svg
  Ask in your own words; without <image>, the images are placed before the question:
    calico segment a.png b.png --prompt 'Which parts differ?'
  Ground a sentence of your own:
    calico segment a.png b.png --out out \\
      --answer 'They share <p> a handle </p> [SEG] (IMAGE1) [SEG] (IMAGE2).'
  Count the segments in a script:
    calico segment a.png b.png --json | jq '[.answers[].segments[]] | length'
  Ask a model of photographs; the built-in model knows drawn objects only:
    calico segment --model DIR cat.jpg rocket.jpg --out out
  Ask about many images; run it again to go on after an interruption:
    echo '{\"id\": \"cups\", \"images\": [\"a.png\", \"b.png\"]}' > list.jsonl
    calico segment --batch list.jsonl --out out

Files in --out:
  result.json          the answers, and per segment its mask (COCO run-length code), box and scores
  image1_overlay.png   the masks over image 1, and so on for every image
  sheet.png            all images side by side, with the answers below
  coco.json, masks/, image1.npz, image1.svg   what --export asks for
  timings.json         seconds per stage, with --timings

A line of --batch has the keys images and, if wanted, id and one of task, prompt and answer; paths
are relative to the folder of the list. What a line does not ask, the command line does.
Files in --out, with --batch (results-1-of-4.jsonl and so on with --shard):
  results.jsonl        per line an item: id, line, images and, as result, what result.json has
  failures.jsonl       per line an item that failed: id, line, images, image, message
  items/000001-ID/     the files of an item, with --pictures or --export

The answers go to standard output, warnings and progress to standard error.
Exit codes: 0 done (also when no phrase is grounded), 1 failed, an item of --batch too or stopped
before its end, 2 bad input.";

/// Ask a question about images: the answer in words, with a mask for every grounded phrase.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct SegmentArgs {
    /// Images to compare: PNG, JPEG, WebP, BMP, TIFF or GIF.
    #[arg(required_unless_present = "batch", conflicts_with = "batch", value_name = "IMAGE")]
    pub(crate) images: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) question: QuestionArgs,

    /// Folder of the model, or `untrained:tiny` [default: the built-in model, which knows drawn
    /// objects only].
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,

    /// Folder to write the result and its pictures into; created if missing. Without it, the
    /// answer is only printed.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,

    /// Print the result as JSON, and nothing else, on standard output.
    #[arg(long)]
    pub(crate) json: bool,

    /// Formats for other tools, written into --out; several are separated by commas.
    #[arg(long, value_name = "FORMATS", value_delimiter = ',', requires = "out")]
    pub(crate) export: Vec<ExportChoice>,

    #[command(flatten)]
    pub(crate) options: AnswerArgs,

    /// Keep encoded images in this folder, so that later questions about the same images are
    /// answered sooner; made if missing. It grows by 14 MB per image for a model of full size, and
    /// anything in it may be removed.
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,

    /// Print the seconds of every stage on standard error, and write timings.json into --out.
    #[arg(long)]
    pub(crate) timings: bool,

    #[command(flatten)]
    pub(crate) batch: BatchArgs,
}

/// What to ask; the three exclude each other.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct QuestionArgs {
    /// Which built-in question to ask [default: all].
    #[arg(long, value_name = "TASK")]
    pub(crate) task: Option<TaskChoice>,

    /// A question in your own words, with one `<image>` per image or none.
    #[arg(long, value_name = "TEXT")]
    pub(crate) prompt: Option<String>,

    /// A sentence to ground instead of an answer to generate, with tags as in "They share
    /// <p> a handle </p> [SEG] (IMAGE1) [SEG] (IMAGE2)".
    #[arg(long, value_name = "TEXT")]
    pub(crate) answer: Option<String>,
}

/// How the answer is written.
#[derive(Debug, Args)]
pub(crate) struct AnswerArgs {
    /// Longest answer, in tokens.
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = SegmentOptions::default().max_new_tokens)]
    max_new_tokens: usize,

    /// Divides the scores of the next word: 0 always takes the best, 1 draws as trained.
    #[arg(long, value_name = "T", default_value_t = Sampling::default().temperature, allow_negative_numbers = true)]
    temperature: f64,

    /// Draw among the likeliest words that together reach this probability.
    #[arg(long, value_name = "P", default_value_t = Sampling::default().top_p, allow_negative_numbers = true)]
    top_p: f64,

    /// Seed of the draws: the same seed gives the same answer.
    #[arg(long, value_name = "S", allow_negative_numbers = true, default_value_t = Sampling::default().seed)]
    seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TaskChoice {
    /// The object that the images share.
    CommonObjects,
    /// The parts that the objects have in common.
    CommonParts,
    /// The parts that only one of the objects has.
    UniqueParts,
    /// The three questions, one after the other.
    All,
}

/// One of the built-in questions. Files spell it with an underscore; both are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TaskName {
    /// The object that the images share.
    #[value(alias = "common_objects")]
    CommonObjects,
    /// The parts that the objects have in common.
    #[value(alias = "common_parts")]
    CommonParts,
    /// The parts that only one of the objects has.
    #[value(alias = "unique_parts")]
    UniqueParts,
}

impl From<TaskName> for Task {
    fn from(name: TaskName) -> Self {
        match name {
            TaskName::CommonObjects => Self::CommonObjects,
            TaskName::CommonParts => Self::CommonParts,
            TaskName::UniqueParts => Self::UniqueParts,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportChoice {
    /// coco.json: annotations for pycocotools, parts linked to their objects.
    Coco,
    /// masks/: one PNG per segment, and one with all segments of an image.
    Masks,
    /// image1.npz: Boolean arrays [segments, height, width].
    Npz,
    /// image1.svg: outlines as paths.
    Svg,
}

impl QuestionArgs {
    /// What the library is asked.
    pub(crate) fn question(&self) -> Question {
        match (&self.prompt, &self.answer, self.task) {
            (Some(prompt), ..) => Question::Prompt(prompt.clone()),
            (None, Some(answer), _) => Question::Answer(answer.clone()),
            (None, None, None | Some(TaskChoice::All)) => Question::AllTasks,
            (None, None, Some(TaskChoice::CommonObjects)) => Question::Task(Task::CommonObjects),
            (None, None, Some(TaskChoice::CommonParts)) => Question::Task(Task::CommonParts),
            (None, None, Some(TaskChoice::UniqueParts)) => Question::Task(Task::UniqueParts),
        }
    }
}

impl AnswerArgs {
    /// How the library is to answer.
    pub(crate) fn options(&self) -> SegmentOptions {
        let sampling =
            Sampling { temperature: self.temperature, top_p: self.top_p, seed: self.seed };
        SegmentOptions { max_new_tokens: self.max_new_tokens, sampling }
    }
}

impl From<ExportChoice> for ExportFormat {
    fn from(choice: ExportChoice) -> Self {
        match choice {
            ExportChoice::Coco => Self::Coco,
            ExportChoice::Masks => Self::Masks,
            ExportChoice::Npz => Self::Npz,
            ExportChoice::Svg => Self::Svg,
        }
    }
}
