//! Learning to tell the label of each patch of a picture: the objective `labels`.
//!
//! ```text
//! regions of an image ──► PictureLabels: the object and the part of each pixel
//!                              │ the grid of each encoder
//!                              ▼
//!                         PatchTargets: shares of classes in each patch
//!                                                        │
//! picture ──► encoder ──► patch tokens ──► two linear ───┴──► soft cross-entropies
//!                                          heads
//! ```
//!
//! An encoder is taught two things of every patch: which object it shows, parts of it included,
//! and which part.
//!
//! Encoders that know nothing cannot be taught by the words of a language model that knows
//! nothing either. So a training from scratch begins here: dense, and without the language model.
//! The heads exist only during the stage.

mod check;
mod label_accuracy;
mod label_classes;
mod label_heads;
mod label_kind;
mod label_lessons;
mod labelled_picture;
mod patch_targets;
mod picture_labels;

pub(crate) use check::label_problems;
pub(crate) use label_accuracy::{LabelExam, label_accuracy};
pub(crate) use label_lessons::LabelLessons;

pub(crate) use label_classes::LabelClasses;
pub(crate) use label_kind::LabelKind;

#[cfg(test)]
mod tests;
