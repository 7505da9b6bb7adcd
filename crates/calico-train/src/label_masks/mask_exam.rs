use std::collections::BTreeMap;

use calico_data::loader::Selection;
use calico_data::{Dataset, Split, Stream};
use calico_model::Calico;
use calico_nn::Weights;
use calico_nn::ops::embedding;

use super::LabelPrompts;
use super::labelled_masks::LabelledMasks;
use crate::TrainError;
use crate::features::{FeatureStore, Tower};
use crate::mask_losses::{ious, pixels_of};
use crate::pictures::{Refusal, SplitImages};

/// The pictures on which it is seen how well masks of labels are drawn: the same in every
/// validation.
#[derive(Debug)]
pub(crate) struct MaskExam {
    images: SplitImages,
    places: Vec<u64>,
    /// Those of the train split: labels that were never taught are left out.
    prompts: LabelPrompts,
    features: FeatureStore,
    width: usize,
}

impl MaskExam {
    /// Draws up to `most` pictures of the dev split by a seed.
    ///
    /// # Errors
    /// If a split is missing, or nothing of it is selected.
    pub(crate) fn new(
        dataset: &Dataset,
        selection: &Selection,
        features: FeatureStore,
        width: usize,
        (seed, most): (u64, usize),
    ) -> Result<Self, TrainError> {
        let images = LabelPrompts::images(dataset, Split::Dev, selection)?;
        Ok(Self {
            places: images.drawn(most, Stream::new(seed, "label mask exam", "")),
            images,
            prompts: LabelPrompts::of_dataset(dataset, selection)?,
            features,
            width,
        })
    }

    /// Number of pictures.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }
}

/// The mean overlap of the masks that labels ask for with the true ones, in percent: of all
/// (`iou`), of objects (`objects_iou`) and of parts (`parts_iou`).
///
/// Pictures that cannot be used are left out; a mean over nothing has no score.
pub(crate) fn label_mask_overlap(
    model: &Calico,
    weights: &Weights,
    exam: &MaskExam,
) -> Result<BTreeMap<&'static str, f64>, TrainError> {
    let MaskExam { images, places, prompts, features, width } = exam;
    let table = prompts.load(*width, weights)?;
    let mut sums: BTreeMap<&'static str, [f64; 2]> = BTreeMap::new();
    for place in places {
        // Nobody is told of damaged features here: they are computed again, and replaced.
        let told = &mut Vec::new();
        let picture = LabelledMasks::load(images, *place, prompts, features, told, |all| all);
        let LabelledMasks { picture, masks } = match picture {
            Ok(picture) => picture,
            Err(Refusal::Bad(_)) => continue,
            Err(Refusal::Failed(error)) => return Err(error),
        };
        if masks.is_empty() {
            continue;
        }
        let embeddings = features.tower(Tower::Sam, model, &[&picture])?;
        let numbers: Vec<u32> = masks.iter().map(|(number, _)| *number).collect();
        let sam = super::embedding_of(&embeddings)?;
        let predicted = model.masks_on(&embedding(&table, &numbers)?, sam)?;
        let logits = model.full_size(&predicted.logits, &picture.letterbox)?.flatten_from(1)?;
        let truth = pixels_of(masks.iter().map(|(_, mask)| mask), logits.dims(), logits.device())?;
        for (iou, number) in ious(&logits, &truth)?.to_vec1::<f32>()?.into_iter().zip(numbers) {
            let kind = if prompts.is_part(number) { "parts_iou" } else { "objects_iou" };
            for name in ["iou", kind] {
                let [sum, count] = sums.entry(name).or_default();
                *sum += f64::from(iou);
                *count += 1.0;
            }
        }
    }
    Ok(sums.into_iter().map(|(name, [sum, count])| (name, 100.0 * sum / count)).collect())
}
