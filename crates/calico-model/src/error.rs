//! What can go wrong, by what the caller can do about it.

use std::fmt;
use std::path::PathBuf;

use calico_image::ImageError;
use calico_language::{SamplingError, TokenizerError};
use calico_nn::weights::checkpoint::CheckpointError;
use calico_result::Task;

use crate::config::ConfigError;
use crate::generate::GenerateError;
use crate::grounding::GrammarProblem;
use crate::model::Encoder;
use crate::preprocess::PreprocessError;
use crate::prompt::PromptError;

/// Why a model folder cannot be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The folder is not there, or is not a folder.
    #[error(
        "{0} is not a folder; expected a model folder with config.json, tokenizer.json and weights"
    )]
    NotAFolder(PathBuf),
    /// The folder is one of ours, but holds no model.
    #[error("{folder} holds {found}, not a model; {advice}")]
    OtherFolder {
        /// The folder.
        folder: PathBuf,
        /// What it holds.
        found: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// A new model would overwrite something.
    #[error("{0} exists and is not empty; choose a new folder for the model")]
    NotEmpty(PathBuf),
    /// A file cannot be read or written.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// The configuration is not usable.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The tokenizer is not usable.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The tokenizer knows tokens that the weights do not.
    #[error(
        "the tokenizer has ids up to {highest}, but llm.vocab_size is {rows}; they belong to \
         different models"
    )]
    Vocabulary {
        /// Highest id of the tokenizer.
        highest: usize,
        /// Rows of the embedding table.
        rows: usize,
    },
    /// The vocabulary cannot hold the tokens of an untrained model.
    #[error(
        "llm.vocab_size is {rows}; an untrained model needs at least {least}: bytes and added tokens"
    )]
    SmallVocabulary {
        /// Rows of the embedding table.
        rows: usize,
        /// Rows that are needed.
        least: usize,
    },
    /// The weights are not usable.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The matrices of the model are there in fewer bits.
    #[error(
        "{folder} holds matrices in fewer bits ({tensor}), and the weights themselves are needed \
         here: give the model that it was made from"
    )]
    Quantized {
        /// The folder.
        folder: PathBuf,
        /// The first of their tensors.
        tensor: String,
    },
    /// The modules cannot be built.
    #[error("cannot build the model")]
    Build(#[from] candle_core::Error),
    /// The caller stopped it.
    #[error("stopped; nothing was written")]
    Stopped,
}

impl ModelError {
    /// Whether the caller's input is at fault, not the machine.
    pub fn is_bad_input(&self) -> bool {
        match self {
            Self::Io { action, .. } | Self::Checkpoint(CheckpointError::Io { action, .. }) => {
                *action != "write"
            }
            Self::NotAFolder(_)
            | Self::OtherFolder { .. }
            | Self::NotEmpty(_)
            | Self::Quantized { .. }
            | Self::Config(_)
            | Self::Tokenizer(_)
            | Self::SmallVocabulary { .. }
            | Self::Vocabulary { .. }
            | Self::Checkpoint(_) => true,
            Self::Build(_) | Self::Stopped => false,
        }
    }
}

/// What is being computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Resizing and normalising image `image` (from 1).
    Preprocess {
        /// From 1.
        image: usize,
    },
    /// EVA-CLIP.
    EvaClip {
        /// From 1.
        image: usize,
    },
    /// DINOv2.
    Dino {
        /// From 1.
        image: usize,
    },
    /// The SAM image encoder.
    SamEncoder {
        /// From 1.
        image: usize,
    },
    /// Q-Former and extraction module.
    Correspondence {
        /// From 1.
        image: usize,
    },
    /// Reading the prompt and writing the answer.
    Language {
        /// The question.
        task: Option<Task>,
    },
    /// The mask decoder.
    Masks {
        /// The question.
        task: Option<Task>,
    },
    /// The masks of one image, in errors.
    MasksOf {
        /// From 1.
        image: usize,
    },
}

impl Stage {
    /// Number of the image that it is about, from 1, if it is about one.
    pub fn image(self) -> Option<usize> {
        match self {
            Self::Preprocess { image }
            | Self::EvaClip { image }
            | Self::Dino { image }
            | Self::SamEncoder { image }
            | Self::Correspondence { image }
            | Self::MasksOf { image } => Some(image),
            Self::Language { .. } | Self::Masks { .. } => None,
        }
    }

    /// The built-in question that it answers, if it answers one.
    pub fn task(self) -> Option<Task> {
        match self {
            Self::Language { task } | Self::Masks { task } => task,
            _ => None,
        }
    }

    /// The stage of one encoder and image `image` (from 1).
    pub(crate) fn of(encoder: Encoder, image: usize) -> Self {
        match encoder {
            Encoder::EvaClip => Self::EvaClip { image },
            Encoder::Dino => Self::Dino { image },
            Encoder::Sam => Self::SamEncoder { image },
            Encoder::Correspondence => Self::Correspondence { image },
        }
    }

    /// The name in timings and logs: that of the module.
    pub fn name(self) -> &'static str {
        match self {
            Self::Preprocess { .. } => "preprocess",
            Self::EvaClip { .. } => "eva_clip",
            Self::Dino { .. } => "dinov2",
            Self::SamEncoder { .. } => "sam_encoder",
            Self::Correspondence { .. } => "correspondence",
            Self::Language { .. } => "language",
            Self::Masks { .. } | Self::MasksOf { .. } => "mask_decoder",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let task = |task: Option<Task>| task.map_or("your question", Task::name);
        match *self {
            Self::Preprocess { image } => write!(f, "preparing image {image}"),
            Self::EvaClip { image } => write!(f, "looking at image {image} with EVA-CLIP"),
            Self::Dino { image } => write!(f, "looking at image {image} with DINOv2"),
            Self::SamEncoder { image } => write!(f, "looking at image {image} with SAM"),
            Self::Correspondence { image } => write!(f, "relating the features of image {image}"),
            Self::Language { task: asked } => write!(f, "answering {}", task(asked)),
            Self::Masks { task: asked } => write!(f, "drawing the masks of {}", task(asked)),
            Self::MasksOf { image } => write!(f, "drawing the masks of image {image}"),
        }
    }
}

/// Why a question about photographs has no answer.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// No photograph.
    #[error("no image was given; expected at least one, and two or more to compare")]
    NoImages,
    /// No token may be written.
    #[error("the token limit is 0; expected at least 1")]
    NoTokens,
    /// An image file cannot be used.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A photograph cannot be prepared.
    #[error("cannot prepare image {image}")]
    Preprocess {
        /// From 1.
        image: usize,
        /// Why it failed.
        #[source]
        source: PreprocessError,
    },
    /// The question cannot be asked.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The question does not fit.
    #[error(
        "the question about {images} images and its answer take {needed} positions, but the \
         model's context holds {context}; use fewer images or fewer words"
    )]
    Context {
        /// Positions that prompt and answer take at least.
        needed: usize,
        /// Positions that the model has.
        context: usize,
        /// Number of images.
        images: usize,
    },
    /// The sentence to ground leaves the grammar.
    #[error("the answer to ground is not well formed: {}", join(.problems))]
    Answer {
        /// Everything that is wrong with it.
        problems: Vec<GrammarProblem>,
    },
    /// The sentence to ground has no tags.
    #[error(
        "the answer to ground names nothing; write for example `<p> a handle </p> [SEG] (IMAGE1)`"
    )]
    AnswerNamesNothing,
    /// The sentence to ground holds a token that ends it.
    #[error("the answer to ground holds <s> or </s>; leave them out")]
    AnswerEnds,
    /// A sampling setting is out of range.
    #[error(transparent)]
    Sampling(#[from] SamplingError),
    /// Text and tokens do not convert.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The arithmetic failed.
    #[error("{stage} failed")]
    Model {
        /// What was being computed.
        stage: Stage,
        /// Why it failed.
        #[source]
        source: candle_core::Error,
    },
    /// The arithmetic left the numbers.
    #[error("{stage} gave values that are not finite; the weights are damaged or of another model")]
    NotFinite {
        /// What was being computed.
        stage: Stage,
    },
    /// No answer could be written.
    #[error("answering {} failed", .task.map_or("the question", Task::name))]
    Generate {
        /// The question.
        task: Option<Task>,
        /// Why it failed.
        #[source]
        source: GenerateError,
    },
    /// Nobody waits for the answer any more.
    #[error("stopped before the answer was complete")]
    Stopped,
}

impl SegmentError {
    /// Whether the caller's input is at fault, not the model or the machine.
    pub fn is_bad_input(&self) -> bool {
        match self {
            Self::NoImages
            | Self::NoTokens
            | Self::Image(_)
            | Self::Preprocess { .. }
            | Self::Prompt(_)
            | Self::Context { .. }
            | Self::Answer { .. }
            | Self::AnswerNamesNothing
            | Self::AnswerEnds
            | Self::Sampling(_) => true,
            Self::Tokenizer(_)
            | Self::Model { .. }
            | Self::NotFinite { .. }
            | Self::Generate { .. }
            | Self::Stopped => false,
        }
    }
}

/// Facts with advice, each once.
fn join(problems: &[GrammarProblem]) -> String {
    let mut lines: Vec<String> =
        problems.iter().map(|problem| format!("{problem}; {}", problem.advice())).collect();
    lines.dedup();
    lines.join(". ")
}
