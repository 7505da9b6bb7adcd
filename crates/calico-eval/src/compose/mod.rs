//! Predictions of pairs from a detector that sees single images.
//!
//! This is *our reading* of how the paper makes its rows "Multi-Image `PartGLEE`" and
//! "Multi-Image `VLPart`"; it does not say it in full. Per image, detections below a threshold (0.5 unless
//! stated otherwise; one for objects, one for parts) are left out, and the masks of equal labels
//! are joined. Then
//!
//! - common objects are the object labels that every image has,
//! - common parts are the part labels that every image has, whatever object they belong to,
//! - unique parts are the part labels that exactly one image has.
//!
//! The score of a joined mask is the best of its detections; predictions are ordered by it, then
//! by label. Both thresholds and this reading are written into the predictions file and shown in
//! the report.
//!
//! The detections are a file in COCO's results format: a list of objects with `image_id`,
//! `score`, `segmentation`, and what was found, in one of these ways:
//!
//! - `category_id`, whose name a COCO file with `categories` tells,
//! - `label`, the same name in place: `dog` for an object, `dog:head` for a part of it,
//! - `object` and, for a part, `part`.
//!
//! `image_id` is the id of the image in the data set, its file name, or the `id` of an image in
//! the COCO file, whose `file_name` tells the rest. File names may leave out leading folders where
//! that is not ambiguous. Detections in other images than those of the split are passed over and
//! counted. Object names of a source's own files (`cellular_telephone`) become the words of the
//! data set (`cell phone`).

mod detection;
mod detections;
mod image_index;
mod item_limit;
mod names;
mod thresholds;

use std::collections::BTreeSet;

use calico_result::Task;

pub use detections::Detections;
pub use names::Names;
pub use thresholds::Thresholds;

use crate::predictions::Composition;
use crate::{PairPrediction, PairTruth, Prediction};
use detections::Found;

/// What the predictions are, in a sentence that is written beside them.
pub const READING: &str = "composed of detections in single images: labels shared by all images \
                           are common, labels of one image are unique; our reading of the \
                           paper's Multi-Image PartGLEE and VLPart rows";

/// How a predictions file tells that it was composed.
pub fn composition(thresholds: Thresholds) -> Composition {
    Composition {
        object_threshold: thresholds.object,
        part_threshold: thresholds.part,
        reading: READING.to_owned(),
    }
}

/// The prediction for a sample.
pub fn compose(truth: &PairTruth, detections: &Detections) -> PairPrediction {
    let of_parts = truth.subtask != Task::CommonObjects;
    let found: Vec<Vec<&Found>> =
        truth.images.iter().map(|image| detections.of(&image.image_id, of_parts)).collect();
    let labels: Vec<BTreeSet<&str>> =
        found.iter().map(|found| found.iter().map(|it| it.label.as_str()).collect()).collect();
    let answers = |label: &str| {
        let images = labels.iter().filter(|labels| labels.contains(label)).count();
        if truth.subtask == Task::UniqueParts { images == 1 } else { images == labels.len() }
    };
    let images = found.iter().map(|found| {
        let mut chosen: Vec<&Found> =
            found.iter().copied().filter(|it| answers(&it.label)).collect();
        chosen.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.label.cmp(&b.label)));
        chosen.into_iter().map(prediction).collect()
    });
    PairPrediction {
        sample_id: truth.sample_id.clone(),
        images: images.collect(),
        ..PairPrediction::default()
    }
}

fn prediction(found: &Found) -> Prediction {
    Prediction { label: found.label.clone(), mask: found.mask.clone(), score: Some(found.score) }
}
