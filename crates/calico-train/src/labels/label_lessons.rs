use calico_data::loader::{BadLimits, BadReason, Position, Selection};
use calico_data::{DataError, Dataset, Permutation, Split, Stream};
use calico_model::{Calico, CalicoConfig};
use calico_nn::Weights;
use calico_nn::losses::soft_cross_entropy;
use calico_nn::weights::TensorSpec;
use candle_core::{DType, Tensor};
use rayon::prelude::*;

use super::LabelClasses;
use super::check::learning_towers;
use super::label_heads::{LabelHeads, patch_tokens};
use super::label_images::{LabelImages, LabelledPicture, Refusal};
use crate::TrainError;
use crate::features::Tower;
use crate::lessons::{Lessons, LossParts, Losses};
use crate::recipe::StageConfig;

/// Single pictures of the train split in random order, epoch after epoch, and the losses of the
/// labels of their patches.
pub(crate) struct LabelLessons {
    images: LabelImages,
    classes: LabelClasses,
    config: CalicoConfig,
    /// The encoders that learn.
    towers: Vec<Tower>,
    seed: u64,
    order: Permutation,
    position: Position,
    pub(super) limits: BadLimits,
    warnings: Vec<String>,
}

impl LabelLessons {
    /// For a stage whose order of pictures is drawn from `seed`.
    ///
    /// # Errors
    /// If the train split has no picture with labels, or no encoder learns.
    pub(crate) fn new(
        dataset: &Dataset,
        selection: &Selection,
        config: &CalicoConfig,
        stage: &StageConfig,
        (seed, start): (u64, Position),
    ) -> Result<Self, TrainError> {
        let images = LabelImages::open(dataset, Split::Train, &selection.sources)?;
        let classes = images.classes()?;
        let towers = learning_towers(stage, config)?;
        if towers.is_empty() {
            let problems = vec![format!("stage {:?}: no encoder learns", stage.name)];
            return Err(TrainError::Mismatch { problems });
        }
        Ok(Self {
            order: order(seed, start.epoch, images.len()),
            images,
            classes,
            config: config.clone(),
            towers,
            seed,
            position: start,
            limits: BadLimits::default(),
            warnings: Vec::new(),
        })
    }

    /// The tensors of the heads, which exist only during a stage: `label_heads.eva.weight`, ….
    pub(crate) fn head_specs(
        dataset: &Dataset,
        selection: &Selection,
        config: &CalicoConfig,
        stage: &StageConfig,
    ) -> Result<Vec<TensorSpec>, TrainError> {
        let classes = LabelImages::open(dataset, Split::Train, &selection.sources)?.classes()?;
        Ok(LabelHeads::specs(config, &classes, &learning_towers(stage, config)?)?)
    }

    /// The next `size` pictures that can be used, each with its labels.
    pub(super) fn next_pictures(
        &mut self,
        size: usize,
    ) -> Result<Vec<LabelledPicture>, TrainError> {
        let mut pictures = Vec::with_capacity(size);
        while pictures.len() < size {
            let left = self.images.len().saturating_sub(self.position.taken);
            if left == 0 {
                self.start_next_epoch()?;
                continue;
            }
            let count = left.min((size - pictures.len()) as u64);
            let next = self.position.taken..self.position.taken + count;
            let places: Vec<u64> = next.filter_map(|at| self.order.at(at)).collect();
            let (images, classes) = (&self.images, &self.classes);
            let load = |place: &u64| images.load(*place, classes, &self.towers, &self.config);
            let loaded: Vec<_> = places.par_iter().map(load).collect();
            for (picture, place) in loaded.into_iter().zip(places) {
                self.position.taken += 1;
                match picture {
                    Ok(picture) => {
                        self.position.bad_in_a_row = 0;
                        pictures.push(picture);
                    }
                    Err(Refusal::Bad(reason)) => self.skip(place, reason)?,
                    Err(Refusal::Failed(error)) => return Err(error),
                }
            }
        }
        Ok(pictures)
    }

    fn start_next_epoch(&mut self) -> Result<(), TrainError> {
        let Position { epoch, taken, bad, .. } = self.position;
        if bad == taken {
            let problems = vec!["data: no picture of the train split can be used".into()];
            return Err(TrainError::Mismatch { problems });
        }
        self.position = Position { epoch: epoch + 1, ..Position::default() };
        self.order = order(self.seed, epoch + 1, self.images.len());
        Ok(())
    }

    fn skip(&mut self, place: u64, reason: BadReason) -> Result<(), TrainError> {
        self.position.bad += 1;
        self.position.bad_in_a_row = self.position.bad_in_a_row.saturating_add(1);
        let image_id = self.images.image_id(place).to_owned();
        self.warnings.push(format!("image {image_id} is skipped: {reason}"));
        let Position { taken, bad, bad_in_a_row, .. } = self.position;
        if self.limits.are_passed(bad, bad_in_a_row, taken) {
            let (sample_id, reason) = (image_id, Box::new(reason));
            return Err(DataError::TooManyBad { bad, taken, sample_id, reason }.into());
        }
        Ok(())
    }
}

impl Lessons for LabelLessons {
    fn losses(
        &mut self,
        model: &Calico,
        weights: &Weights,
        size: usize,
    ) -> Result<Losses, TrainError> {
        let pictures = self.next_pictures(size)?;
        let heads = LabelHeads::load(&self.config, &self.classes, &self.towers, weights)?;
        let mut losses = Vec::new();
        for (tower, head) in heads.iter() {
            let logits = head.forward(&tokens(tower, model, &pictures)?)?; // [B, P, classes]
            let logits = logits.flatten_to(1)?.to_dtype(DType::F32)?; // [B P, classes]
            let shares = |picture: &LabelledPicture| {
                picture.targets(tower)?.to_tensor(self.classes.len(), logits.device())
            };
            let shares = pictures.iter().map(shares).collect::<candle_core::Result<Vec<_>>>()?;
            losses.push(soft_cross_entropy(&logits, &Tensor::cat(&shares, 0)?)?);
        }
        let total = Tensor::stack(&losses, 0)?.mean_all()?;
        let value = f64::from(total.to_scalar::<f32>()?);
        let samples = pictures.len() as u64;
        let parts =
            LossParts { total: value, labels: Some(value), samples, ..LossParts::default() };
        Ok(Losses { total, parts })
    }

    fn position(&self) -> Position {
        self.position
    }

    fn epoch_len(&self) -> u64 {
        self.images.len()
    }

    fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }
}

/// What an encoder says of the patches of pictures.
///
/// # Shapes
/// - returns: `[B, P, D]`
pub(super) fn tokens(
    tower: Tower,
    model: &Calico,
    pictures: &[LabelledPicture],
) -> candle_core::Result<Tensor> {
    let pixels = pictures.iter().map(|picture| tower.pixels(&picture.pixels));
    let pixels = Tensor::cat(&pixels.collect::<candle_core::Result<Vec<_>>>()?, 0)?;
    let outputs = tower.run(model, &pixels.to_device(model.device())?)?;
    patch_tokens(tower, model.config(), &outputs)
}

/// The order of the pictures of an epoch.
fn order(seed: u64, epoch: u64, images: u64) -> Permutation {
    Permutation::new(images, Stream::new(seed, "label images", &epoch.to_string()))
}
