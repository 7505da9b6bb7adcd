//! Learning to tell the label of each patch of a picture: the objective `labels`.
//!
//! ```text
//! regions of an image ──► PictureLabels: one class per pixel
//!                              │ the grid of each encoder
//!                              ▼
//!                         PatchTargets: shares of classes in each patch
//!                              │                         │
//! picture ──► encoder ──► patch tokens ──► linear head ──┴──► soft cross-entropy
//! ```
//!
//! Encoders that know nothing cannot be taught by the words of a language model that knows
//! nothing either. So a training from scratch begins here: dense, and without the language model.
//! The heads exist only during the stage.

mod check;
mod label_accuracy;
mod label_classes;
mod label_heads;
mod label_images;
mod label_lessons;
mod patch_targets;
mod picture_labels;

pub(crate) use check::label_problems;
pub(crate) use label_accuracy::{LabelExam, label_accuracy};
pub(crate) use label_lessons::LabelLessons;

pub(crate) use label_classes::LabelClasses;

#[cfg(test)]
mod tests;
