use calico_annotation::Segmentation;
use calico_image::Rle;
use serde::{Deserialize, Serialize};

use super::{Fault, MAX_LABEL_BYTES, MAX_SEGMENTS};
use crate::{PairPrediction, PairTruth, Prediction};

/// A line as it stands in the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PairLine {
    pub(super) sample_id: String,
    segments: Vec<SegmentLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SegmentLine {
    image: u32,
    label: String,
    mask: Segmentation,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
}

impl PairLine {
    pub(super) fn new(prediction: &PairPrediction) -> Self {
        let images = prediction.images.iter().zip(1..);
        let segments = images.flat_map(|(found, image)| {
            found.iter().map(move |found| SegmentLine {
                image,
                label: found.label.clone(),
                mask: Segmentation::from(&found.mask),
                score: found.score,
            })
        });
        Self {
            sample_id: prediction.sample_id.clone(),
            segments: segments.collect(),
            answer: prediction.answer.clone(),
            failure: prediction.failure.clone(),
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Checks the line against its sample and decodes its masks.
    pub(super) fn prediction(self, truth: &PairTruth) -> Result<PairPrediction, Fault> {
        if self.segments.len() > MAX_SEGMENTS {
            return Err(Fault::TooManySegments { found: self.segments.len() });
        }
        let mut images = vec![Vec::new(); truth.images.len()];
        for (number, segment) in (1..).zip(self.segments) {
            let at = (segment.image as usize).checked_sub(1).filter(|&at| at < images.len());
            let Some(at) = at else {
                let (found, images) = (segment.image, images.len());
                return Err(Fault::Image { segment: number, found, images });
            };
            if segment.label.len() > MAX_LABEL_BYTES {
                return Err(Fault::Label { segment: number, found: segment.label.len() });
            }
            let mask = mask(&segment.mask, truth, at)
                .map_err(|source| Fault::Mask { segment: number, source })?;
            images[at].push(Prediction { label: segment.label, mask, score: segment.score });
        }
        let (sample_id, answer, failure) = (self.sample_id, self.answer, self.failure);
        Ok(PairPrediction { sample_id, images, answer, failure })
    }
}

/// A predicted mask may be empty: it then stands for a mistake.
fn mask(
    mask: &Segmentation,
    truth: &PairTruth,
    image: usize,
) -> Result<Rle, calico_annotation::SegmentationError> {
    let size = truth.images[image].size;
    match mask.decode(size) {
        Ok(decoded) => Ok(decoded.mask),
        Err(calico_annotation::SegmentationError::Empty) => Ok(Rle::empty(size)),
        Err(error) => Err(error),
    }
}
