//! The sections of a recipe but its stages.

use std::collections::BTreeMap;
use std::path::PathBuf;

use calico_result::Task;
use serde::{Deserialize, Serialize};

/// Where a model comes from: a folder with weights, or a configuration whose weights are drawn.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// A model folder to start from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// What is taken of the folder: tensors, or beginnings of names that end before a dot. All
    /// others are drawn, of the folder's configuration or of another one. Left out: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<String>,
    /// A built-in configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// A configuration file, TOML or JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<PathBuf>,
    /// A `tokenizer.json` for a model whose weights are drawn; left out: bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<PathBuf>,
    /// Whether training may begin with weights that are drawn from the seed.
    #[serde(default)]
    pub from_scratch: bool,
    /// The type of the arithmetic; trained values, their gradients and moments stay f32.
    #[serde(default)]
    pub compute: Compute,
}

/// The type of the arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compute {
    /// bf16 where the device computes in it faster, f32 on a CPU.
    #[default]
    Auto,
    /// 32-bit floats.
    F32,
    /// Brain floats.
    Bf16,
}

/// What a model learns from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// A data set folder, as `calico data build` writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// The sub-tasks; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subtasks: Vec<Task>,
    /// The sources; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Where the pictures of sources are, instead of what the data set says.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roots: BTreeMap<String, PathBuf>,
}

/// Features of frozen encoders, kept on disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeaturesConfig {
    /// Where they are kept.
    pub folder: PathBuf,
    /// The type in which they are kept; training sees the kept values, also the first time.
    #[serde(default)]
    pub stored: StoredFeatures,
}

/// The type in which features are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredFeatures {
    /// 32-bit floats.
    F32,
    /// Brain floats: half the space.
    #[default]
    Bf16,
}

/// What is minimised (paper, implementation details).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LossConfig {
    /// Weight of the cross-entropy of the answer's tokens.
    pub text: f64,
    /// The loss of the pixels of a mask.
    pub mask_kind: MaskLoss,
    /// Its weight.
    pub mask: f64,
    /// Weight of the Dice loss.
    pub dice: f64,
    /// Weight of the squared error of the overlap that the mask decoder predicts for its masks
    /// (SAM); 0 in the paper, whose decoder brings this prediction along.
    pub iou: f64,
    /// Weight of the squared error of the prompt that the model makes of a `[SEG]` to the prompt
    /// that an earlier stage with the objective `label_masks` learnt of its label.
    pub label_prompt: f64,
    /// Weight of the foreground in the focal loss; below 0: none.
    pub focal_alpha: f64,
    /// Exponent of the focal loss.
    pub focal_gamma: f64,
}

impl Default for LossConfig {
    fn default() -> Self {
        Self {
            text: 1.0,
            mask_kind: MaskLoss::Focal,
            mask: 2.0,
            dice: 0.5,
            iou: 0.0,
            label_prompt: 0.0,
            focal_alpha: 0.25,
            focal_gamma: 2.0,
        }
    }
}

/// The loss of the pixels of a mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskLoss {
    /// The focal loss, as the paper writes.
    Focal,
    /// Binary cross-entropy, as LISA and GLaMM compute with the same weights.
    Bce,
}

/// How values move: by `AdamW` (arXiv 1711.05101), and matrices by Muon if they should.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimizerConfig {
    /// Decay of the two moments of `AdamW`; Muon's one moment decays by 0.95.
    pub betas: [f64; 2],
    /// Added to the root of `AdamW`'s second moment.
    pub eps: f64,
    /// Share of the learning rate by which tensors of more than one axis shrink in each step.
    pub weight_decay: f64,
    /// The longest gradient, over all trained values together; 0: no limit.
    pub clip_norm: f64,
    /// How matrices inside of the networks move.
    pub hidden_matrices: HiddenMatrices,
}

/// How matrices inside of the networks move: those of linear layers, SAM's small heads included.
/// All other values always move by `AdamW`: tables of embeddings, the head of words, heads and
/// prompts of labels, tensors of other than two axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HiddenMatrices {
    /// By `AdamW`, too.
    #[default]
    Adamw,
    /// By Muon (Jordan et al. 2024), with changes as long as those of `AdamW` (arXiv 2502.16982).
    Muon,
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self {
            betas: [0.9, 0.95],
            eps: 1e-8,
            weight_decay: 0.0,
            clip_norm: 1.0,
            hidden_matrices: HiddenMatrices::default(),
        }
    }
}

/// When a run has gone wrong; a loss or gradient that is no number always ends it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuardConfig {
    /// The loss explodes if it is more than so many times its running mean …
    pub explosion: f64,
    /// … for so many optimiser steps in a row; 0 switches the guard off.
    pub patience: u32,
}

impl Default for GuardConfig {
    fn default() -> Self {
        Self { explosion: 5.0, patience: 20 }
    }
}

/// Scores during training, by free generation, as `calico eval` gives them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidationConfig {
    /// Optimiser steps from one validation to the next; the end of a stage is always validated.
    pub every: u64,
    /// Pairs of the dev split, drawn by the seed and the same each time.
    #[serde(default = "hundreds")]
    pub pairs: usize,
    /// Longest answer, in tokens.
    #[serde(default = "longest_answer")]
    pub max_new_tokens: usize,
    /// The score whose highest value makes a checkpoint the best.
    #[serde(default)]
    pub metric: Metric,
    /// Pairs whose predictions are drawn as pictures.
    #[serde(default = "few")]
    pub pictures: usize,
}

/// The score whose highest value makes a checkpoint the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Average precision of masks at `IoU` 0.5.
    Ap50,
    /// Overlap of matched masks, in which a target that was missed counts 0.
    #[default]
    MiouStrict,
    /// Overlap of matched masks.
    Miou,
    /// Share of targets whose mask and label are right.
    Recall,
    /// Words that labels have in common.
    SIou,
}

impl Metric {
    /// The name in recipes and in `metrics.jsonl`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ap50 => "ap50",
            Self::MiouStrict => "miou_strict",
            Self::Miou => "miou",
            Self::Recall => "recall",
            Self::SIou => "s_iou",
        }
    }
}

/// What survives an interruption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointConfig {
    /// Optimiser steps from one checkpoint to the next; the end of a stage always makes one.
    pub every: u64,
    /// Checkpoints that are kept beside the best one.
    pub keep: usize,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self { every: 100, keep: 2 }
    }
}

/// What a run leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputConfig {
    /// What is written at the end.
    #[serde(default)]
    pub kind: OutputKind,
    /// The type of its values.
    #[serde(default)]
    pub dtype: OutputType,
}

/// What is written at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputKind {
    /// A model folder.
    #[default]
    Model,
    /// Adapter files, to be applied to the model folder that the run began with.
    Adapters,
}

/// The type of the values of a written model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputType {
    /// 32-bit floats.
    #[default]
    F32,
    /// Brain floats.
    Bf16,
}

fn hundreds() -> usize {
    300
}

fn longest_answer() -> usize {
    512
}

fn few() -> usize {
    4
}
