//! Learning to draw the mask of a label from a prompt of it: the objective `label_masks`.
//!
//! ```text
//! regions of an image ──► LabelledMasks: one mask per label
//!                               │
//! label ──► row of a table ──► mask decoder ──► losses of masks
//!                               ▲
//! picture ──► SAM's encoder ────┘
//! ```
//!
//! SAM learns here what can be asked for, before any word is known: each label of the train split,
//! of an object or of a part of an object, has a prompt of its own, which is learnt together with
//! encoder and decoder. The table of prompts is kept after the stage: answers may be taught to
//! prompt as it does (`loss.label_prompt`).

mod check;
mod label_mask_lessons;
mod label_prompts;
mod labelled_masks;
mod mask_exam;

pub(crate) use check::label_mask_problems;
pub(crate) use label_mask_lessons::{LabelMaskLessons, MASKS_PER_PICTURE};
pub(crate) use label_prompts::LabelPrompts;
pub(crate) use mask_exam::{MaskExam, label_mask_overlap};

use candle_core::Tensor;

/// SAM's features, `[I, C, g, g]`, from what its encoder gave.
fn embedding_of(outputs: &[Tensor]) -> candle_core::Result<&Tensor> {
    match outputs.last() {
        Some(embedding) => Ok(embedding),
        None => candle_core::bail!("an encoder gave no features"),
    }
}

#[cfg(test)]
mod tests;
