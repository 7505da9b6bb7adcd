//! From the states of `[SEG]` tokens to masks with scores.

use calico_image::{ImageError, Mask};
use calico_result::{Role, Scores, Segment, SegmentOrigin};
use calico_vision::sam::MaskPrediction;
use candle_core::Tensor;

use super::{Observer, Segmenter, go_on};
use crate::error::{SegmentError, Stage};
use crate::generate::Answered;
use crate::grounding::{Named, ParsedAnswer};
use crate::model::EncodedImage;

/// A mask with its phrase, and the segment that it becomes once its role is known.
pub(super) struct Drawn {
    pub(super) named: Named,
    pub(super) segment: Segment,
}

impl Segmenter {
    /// The mask of every usable `[SEG]`, in the order of the text. Groups count from
    /// `first_group`; numbers, roles and parents of the segments are still open.
    pub(super) fn masks(
        &self,
        answered: &Answered,
        parsed: &ParsedAnswer,
        images: &[EncodedImage],
        first_group: u32,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Drawn>, SegmentError> {
        let mut found = Vec::new();
        for (image, encoded) in images.iter().enumerate() {
            let mine: Vec<_> = parsed
                .segs()
                .filter(|(_, seg)| seg.image == image)
                .filter_map(|(phrase, seg)| {
                    Some((phrase, seg, answered.seg_states.get(&seg.token)?))
                })
                .collect();
            if mine.is_empty() {
                continue;
            }
            go_on(observer)?;
            let stage = Stage::MasksOf { image: image + 1 };
            let failed = |source| SegmentError::Model { stage, source };
            let states: Vec<&Tensor> = mine.iter().map(|(_, _, state)| *state).collect();
            let decoded = self.decode(&states, encoded).map_err(failed)?;
            let ious = decoded.iou.to_vec1::<f32>().map_err(failed)?;
            // One mask at a time at full size: a photograph may be large.
            for (row, ((phrase, seg, _), iou)) in mine.into_iter().zip(ious).enumerate() {
                go_on(observer)?;
                let logits = self.logits(&decoded.logits, row, encoded).map_err(failed)?;
                if !iou.is_finite() || logits.iter().any(|logit| !logit.is_finite()) {
                    return Err(SegmentError::NotFinite { stage });
                }
                let bits = logits.iter().map(|&logit| logit > 0.0).collect();
                let mask = Mask::new(encoded.letterbox.original, bits)?;
                let probability = phrase_probability(answered, parsed, phrase);
                let scores = Scores::new(mean_foreground(&logits), probability, iou);
                let words = parsed.phrases.get(phrase).map_or("", |phrase| &phrase.phrase);
                let drawn = drawn(words, [phrase, image], first_group, &mask, scores)?;
                observer.mask(&drawn.segment);
                found.push((seg.token, drawn));
            }
        }
        found.sort_by_key(|(token, _)| *token);
        Ok(found.into_iter().map(|(_, drawn)| drawn).collect())
    }

    /// Low-resolution masks of one image for the states of its `[SEG]` tokens, `[1, 1, D]` each.
    fn decode(
        &self,
        states: &[&Tensor],
        image: &EncodedImage,
    ) -> candle_core::Result<MaskPrediction> {
        let states = Tensor::cat(states, 1)?.squeeze(0)?; // [M, D]
        self.model.decode_masks(&self.model.project(&states)?, image)
    }

    /// Logits of mask `row` at the size of the photograph, row-major.
    fn logits(
        &self,
        low: &Tensor,
        row: usize,
        image: &EncodedImage,
    ) -> candle_core::Result<Vec<f32>> {
        let logits = self.model.full_size(&low.narrow(0, row, 1)?, &image.letterbox)?;
        logits.flatten_all()?.to_vec1()
    }
}

/// A mask of phrase and image, both from 0, with what can be said of it by itself.
fn drawn(
    words: &str,
    [phrase, image]: [usize; 2],
    first_group: u32,
    mask: &Mask,
    scores: Scores,
) -> Result<Drawn, ImageError> {
    let origin = SegmentOrigin {
        id: 0,
        phrase: words.to_owned(),
        image: image as u32 + 1,
        role: Role::Other,
        group: first_group + phrase as u32,
        parent: None,
    };
    let segment = Segment::new(origin, mask, scores);
    let (label, region) = (segment.label.to_lowercase(), segment.mask.runs()?);
    Ok(Drawn { named: Named { phrase, image, label, region }, segment })
}

/// Geometric mean of the probabilities of a phrase's tokens, where they were generated.
fn phrase_probability(answered: &Answered, parsed: &ParsedAnswer, phrase: usize) -> Option<f32> {
    let words = parsed.phrases.get(phrase)?.tokens.clone();
    let probabilities = answered.probabilities.as_ref()?.get(words)?;
    let logs: f64 = probabilities.iter().map(|p| p.ln()).sum();
    Some((logs / probabilities.len().max(1) as f64).exp() as f32)
}

/// Mean probability of the pixels above the threshold; `None` where there is none.
fn mean_foreground(logits: &[f32]) -> Option<f32> {
    let (mut sum, mut count) = (0.0, 0u64);
    for &logit in logits.iter().filter(|&&logit| logit > 0.0) {
        sum += (1.0 + (-f64::from(logit)).exp()).recip();
        count += 1;
    }
    (count > 0).then(|| (sum / count as f64) as f32)
}
