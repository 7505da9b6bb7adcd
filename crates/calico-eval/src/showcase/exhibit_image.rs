use std::collections::BTreeSet;

use calico_image::ImageError;
use serde::Serialize;

use super::TargetOverlap;
use crate::row::percent;
use crate::{ImageTruth, Prediction, Target, normalized_label};

/// What is right and wrong in one image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExhibitImage {
    /// The id of the image.
    pub image_id: String,
    /// Labels that are true and were not given.
    pub missing: Vec<String>,
    /// Labels that were given and are not true.
    pub extra: Vec<String>,
    /// The true masks, in the order of the true answer.
    pub masks: Vec<TargetOverlap>,
}

impl ExhibitImage {
    /// `labels` are the true and the predicted ones that count.
    pub(super) fn new(
        truth: &ImageTruth,
        found: &[Prediction],
        labels: &[BTreeSet<String>; 2],
    ) -> Result<Self, ImageError> {
        let [wanted, given] = labels;
        let without =
            |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect();
        let overlap = |target: &Target| {
            let label = normalized_label(&target.label);
            let own = found.iter().filter(|found| normalized_label(&found.label) == label);
            let mut iou = 0.0_f64;
            for prediction in own {
                iou = iou.max(prediction.mask.iou(&target.mask)?);
            }
            Ok(TargetOverlap { label, iou: percent(iou) })
        };
        Ok(Self {
            image_id: truth.image_id.clone(),
            missing: without(wanted, given),
            extra: without(given, wanted),
            masks: truth.targets.iter().map(overlap).collect::<Result<_, ImageError>>()?,
        })
    }
}
