//! How well masks and labels of co-segmentation are predicted.
//!
//! ```text
//! data set ──► Truths ─────────────┐
//! model ──► predictions file ──► Scorer ──► Evaluation ──► Report: JSON, text, Markdown, HTML
//! detector ──► compose ──┘
//! ```
//!
//! # What is measured
//!
//! The unit is one image of one pair.
//! Every metric is taken per image with the masks that are assigned to it, then pooled over all
//! images of a sub-task; the number of a model is the unweighted mean of its sub-tasks.
//!
//! - **AP50** is COCO's average precision of masks at `IoU` 0.5 with one category: at most 100
//!   predictions per image, 101 recalls, areas of all sizes. Labels play no role.
//! - **mIoU** pairs the masks of an image by their `IoU`, the largest first, and averages over the
//!   pairs; images are averaged. A target that was missed costs nothing, so it must not be
//!   compared with **strict mIoU**, where such a target counts 0.
//! - **Recall** is the share of all targets whose paired prediction has an `IoU` of at least 0.5 and
//!   a label that passes the label test. As in GLaMM's evaluation the search in an image ends at
//!   the first pair that fails, so that one bad label can hide later good pairs; **strict Recall**
//!   goes on behind it.
//! - **SS** and **S-IoU** compare labels: by the cosine of sentence embeddings, and by shared
//!   words. For each target the best of the image's predicted labels counts (`best_label`), 0
//!   without any; targets are averaged per image, and then images. `mask_matched` takes the label
//!   of the paired mask instead. Cosines below 0 count 0.
//!
//! - **Exact answers** is the share of samples whose labels are right in every image, whatever
//!   the masks: no label is missing, and none is too many. Beside it, **context accuracy** asks
//!   for right masks, too: it is the share of the cases of a suite `context` of which both samples
//!   are right.
//!
//! # Cases that the formulas leave open
//!
//! - The `IoU` of two empty masks is 0. An empty mask is a prediction, a false one.
//! - An image without targets and without predictions is right, would be 0 / 0, and does not
//!   count. Unique parts may all be in the other image.
//! - An image with predictions and without targets counts in AP50, whose precision they lower,
//!   and in both mIoUs, as 0 (GLaMM: no pair, 0). Recall, SS and S-IoU ask about targets only.
//! - A sub-task without targets has 0 everywhere; a sub-task without pairs has no row.
//! - To name nothing is an exact answer where nothing is to be found; a sample without a
//!   prediction, or on which the model failed, has no exact answer.
//! - Labels are compared [normalised](normalized_label), and two empty labels share no word.
//! - Predictions with equal scores are met in the order of sample ids, images and segments.
//!
//! Sources: `eval/gcg/evaluate.py` of GLaMM, pycocotools, the S-IoU of Osprey; choices of our own
//! are `best_label`, the strict columns, the order of samples, and [`PartObjects`].

mod answer_match;
pub mod baselines;
pub mod compose;
mod context;
mod error;
mod evaluation;
pub mod exchange;
mod gallery;
mod label;
mod label_groups;
mod matching;
mod metrics;
mod options;
mod pair_model;
mod pair_score;
mod prediction;
pub mod predictions;
mod predictor;
pub mod report;
mod row;
mod scorer;
pub mod showcase;
mod suites;
mod text_encoder;
mod text_similarity;
mod truth;
mod truths;

pub use error::EvalError;
pub use evaluation::Evaluation;
pub use gallery::{Example, Gallery};
pub use label::{normalized_label, word_overlap};
pub use options::{Assign, EvalOptions, LabelTest, Mode, PartObjects};
pub use pair_model::{ModelFailure, PairModel, PairQuestion, ShownPicture};
pub use pair_score::PairScore;
pub use prediction::{PairPrediction, Prediction};
pub use predictor::{PredictObserver, Predictor, Progress};
pub use report::Report;
pub use row::Row;
pub use scorer::Scorer;
pub use suites::{suite_folder, suite_names};
pub use text_encoder::{EncoderError, TextEncoder};
pub use truth::{ImageTruth, PairTruth, Target};
pub use truths::Truths;
