use std::sync::Arc;

use calico_data::loader::{Position, Selection};
use calico_data::{Dataset, Permutation, Split, Stream};
use calico_model::Calico;
use calico_nn::Weights;
use calico_nn::ops::embedding;

use super::LabelPrompts;
use super::labelled_masks::LabelledMasks;
use crate::TrainError;
use crate::features::{FeatureStore, PreparedPicture, Tower};
use crate::lessons::{Lesson, Lessons, LossParts, Losses, ReadLesson};
use crate::mask_losses::{Canvases, MaskLosses, scalar};
use crate::pictures::{PictureOrder, SplitImages};
use crate::recipe::LossConfig;

/// The most masks that are drawn of a picture each time that it is seen.
pub(crate) const MASKS_PER_PICTURE: usize = 6;

/// Single pictures of the train split in random order, epoch after epoch, and the losses of masks
/// of labels that they show.
pub(crate) struct LabelMaskLessons {
    images: SplitImages,
    shared: Arc<Shared>,
    seed: u64,
    pub(super) order: PictureOrder,
}

/// What all batches of a stage share.
struct Shared {
    prompts: LabelPrompts,
    features: FeatureStore,
    loss: LossConfig,
    width: usize,
}

/// Pictures with masks of labels that they show.
struct LabelMaskLesson {
    shared: Arc<Shared>,
    pictures: Vec<LabelledMasks>,
}

impl LabelMaskLessons {
    /// For a stage whose order of pictures, and choice of their labels, is drawn from `seed`.
    ///
    /// # Errors
    /// If the train split has no picture with labels.
    pub(crate) fn new(
        dataset: &Dataset,
        selection: &Selection,
        features: FeatureStore,
        (loss, width): (LossConfig, usize),
        (seed, start): (u64, Position),
    ) -> Result<Self, TrainError> {
        let images = LabelPrompts::images(dataset, Split::Train, selection)?;
        let prompts = LabelPrompts::of(images.all_regions());
        Ok(Self {
            order: PictureOrder::new("label mask images", seed, images.len(), start),
            images,
            shared: Arc::new(Shared { prompts, features, loss, width }),
            seed,
        })
    }

    /// The next `size` pictures that can be used, each with some of its labels.
    pub(super) fn next_pictures(&mut self, size: usize) -> Result<Vec<LabelledMasks>, TrainError> {
        let Self { images, shared, seed, order } = self;
        let Shared { prompts, features, .. } = shared.as_ref();
        order.next(images, size, |epoch, place, warnings| {
            let id = format!("{epoch}/{place}");
            let choose = |labels: Vec<u32>| {
                let stream = Stream::new(*seed, "label masks", &id);
                let drawn = Permutation::new(labels.len() as u64, stream);
                let some = (0..MASKS_PER_PICTURE as u64).filter_map(|at| drawn.at(at));
                some.filter_map(|at| labels.get(at as usize).copied()).collect()
            };
            LabelledMasks::load(images, place, prompts, features, warnings, choose)
        })
    }
}

impl Lessons for LabelMaskLessons {
    fn read(&mut self, size: usize) -> Result<ReadLesson, TrainError> {
        let pictures = self.next_pictures(size)?;
        let lesson = Box::new(LabelMaskLesson { shared: Arc::clone(&self.shared), pictures });
        let (position, warnings) = (self.order.position(), self.order.take_warnings());
        Ok(ReadLesson { lesson, position, warnings })
    }

    fn epoch_len(&self) -> u64 {
        self.images.len()
    }
}

impl Lesson for LabelMaskLesson {
    fn losses(&self, model: &Calico, weights: &Weights) -> Result<Losses, TrainError> {
        let pictures = &self.pictures;
        let Shared { prompts, features, loss, width } = self.shared.as_ref();
        let prepared: Vec<&PreparedPicture> = pictures.iter().map(|p| &p.picture).collect();
        let embeddings = features.tower(Tower::Sam, model, &prepared)?;
        let sam = super::embedding_of(&embeddings)?;
        let letterboxes: Vec<_> = prepared.iter().map(|picture| picture.letterbox).collect();
        let (mut numbers, mut truths) = (Vec::new(), Vec::new());
        for (image, picture) in pictures.iter().enumerate() {
            for (number, mask) in &picture.masks {
                numbers.push(*number);
                truths.push((image, mask));
            }
        }
        let prompts = embedding(&prompts.load(*width, weights)?, &numbers)?; // [M, C]
        let canvases = Canvases { sam, letterboxes: &letterboxes };
        let losses = MaskLosses::of(model, &canvases, &prompts, &truths, loss)?;
        let losses = losses.ok_or_else(|| TrainError::Internal("pictures of no label".into()))?;
        let total = losses.weighed(loss)?;
        let mut parts = LossParts {
            total: scalar(&total)?,
            masks: truths.len() as u64,
            samples: pictures.len() as u64,
            ..LossParts::default()
        };
        losses.note(&mut parts)?;
        Ok(Losses { total, parts })
    }

    fn take_warnings(&self) -> Vec<String> {
        self.shared.features.take_warnings()
    }
}
