use calico_data::loader::Position;
use calico_model::Calico;
use calico_nn::Weights;
use candle_core::Tensor;

use crate::TrainError;

/// Beginning of the names of tensors that only the objective `labels` needs.
pub(crate) const LABEL_HEADS: &str = "label_heads.";
/// The table that the objective `label_masks` learns; later stages may aim at it.
pub(crate) const LABEL_PROMPTS: &str = "label_prompts.weight";

/// Whether a tensor helps in training alone, and is in no model.
pub(crate) fn is_helper(name: &str) -> bool {
    name.starts_with(LABEL_HEADS) || name == LABEL_PROMPTS
}

/// What a stage learns from, batch after batch.
///
/// Reading knows no model, so it may run ahead of what is learnt.
pub(crate) trait Lessons: Send {
    /// Reads the next `size` samples; the order goes on from epoch to epoch.
    fn read(&mut self, size: usize) -> Result<ReadLesson, TrainError>;

    /// Samples in an epoch.
    fn epoch_len(&self) -> u64;
}

/// A batch, and what reading it was like.
pub(crate) struct ReadLesson {
    pub(crate) lesson: Box<dyn Lesson>,
    /// Where the sample behind it is.
    pub(crate) position: Position,
    /// What was skipped or found damaged on the way, one line each.
    pub(crate) warnings: Vec<String>,
}

/// A batch that was read.
pub(crate) trait Lesson: Send {
    /// The losses of a model on it. They depend on nothing that other batches do at the same time.
    ///
    /// `model` is made of `weights`, which also hold what only this objective needs.
    fn losses(&self, model: &Calico, weights: &Weights) -> Result<Losses, TrainError>;

    /// What went wrong while losses were computed, without stopping anything, one line each.
    fn take_warnings(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The losses of one batch.
#[derive(Debug, Clone)]
pub struct Losses {
    /// What is minimised, a scalar in f32.
    pub total: Tensor,
    /// Of what it is made.
    pub parts: LossParts,
}

/// Loss by loss, before its weight; `None` for what an objective does not have.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LossParts {
    /// The weighted sum.
    pub total: f64,
    /// Cross-entropy of the answer's tokens, per token.
    pub text: Option<f64>,
    /// Focal loss or binary cross-entropy, per mask.
    pub mask: Option<f64>,
    /// Dice loss, per mask.
    pub dice: Option<f64>,
    /// Squared error of predicted overlaps, per mask.
    pub iou: Option<f64>,
    /// Cross-entropy of the labels of patches, per patch.
    pub labels: Option<f64>,
    /// Squared error of the prompts of masks to those of their labels, per number.
    pub label_prompt: Option<f64>,
    /// Tokens that were learnt.
    pub tokens: u64,
    /// Masks that were learnt.
    pub masks: u64,
    /// Samples that were read.
    pub samples: u64,
}

impl LossParts {
    /// The mean over `count` batches of losses that were added up.
    pub(crate) fn over(mut self, count: usize) -> Self {
        let count = count.max(1) as f64;
        self.total /= count;
        for part in [
            &mut self.text,
            &mut self.mask,
            &mut self.dice,
            &mut self.iou,
            &mut self.labels,
            &mut self.label_prompt,
        ] {
            *part = part.map(|sum| sum / count);
        }
        self
    }

    /// Adds those of another batch; counts are added, too.
    pub(crate) fn add(&mut self, other: &Self) {
        let sum = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => Some(a + b),
            (one, other) => one.or(other),
        };
        self.total += other.total;
        self.text = sum(self.text, other.text);
        self.mask = sum(self.mask, other.mask);
        self.dice = sum(self.dice, other.dice);
        self.iou = sum(self.iou, other.iou);
        self.labels = sum(self.labels, other.labels);
        self.label_prompt = sum(self.label_prompt, other.label_prompt);
        self.tokens += other.tokens;
        self.masks += other.masks;
        self.samples += other.samples;
    }
}
