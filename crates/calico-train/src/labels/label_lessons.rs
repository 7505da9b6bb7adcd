use std::sync::Arc;

use calico_data::loader::{Position, Selection};
use calico_data::{Dataset, Split};
use calico_model::{Calico, CalicoConfig};
use calico_nn::Weights;
use calico_nn::losses::soft_cross_entropy;
use calico_nn::weights::TensorSpec;
use candle_core::{DType, Tensor};

use super::LabelClasses;
use super::check::learning_towers;
use super::label_heads::{LabelHeads, patch_tokens};
use super::labelled_picture::LabelledPicture;
use crate::TrainError;
use crate::features::Tower;
use crate::lessons::{Lesson, Lessons, LossParts, Losses, ReadLesson};
use crate::pictures::{PictureOrder, SplitImages};
use crate::recipe::StageConfig;

/// Single pictures of the train split in random order, epoch after epoch, and the losses of the
/// labels of their patches.
pub(crate) struct LabelLessons {
    images: SplitImages,
    shared: Arc<Shared>,
    pub(super) order: PictureOrder,
}

/// What all batches of a stage share.
struct Shared {
    classes: LabelClasses,
    config: CalicoConfig,
    /// The encoders that learn.
    towers: Vec<Tower>,
}

/// Pictures with the labels of their patches.
struct LabelLesson {
    shared: Arc<Shared>,
    pictures: Vec<LabelledPicture>,
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
        let images = SplitImages::open(dataset, Split::Train, &selection.sources, |_| true)?;
        let classes = LabelClasses::of_images(&images)?;
        let towers = learning_towers(stage, config)?;
        if towers.is_empty() {
            let problems = vec![format!("stage {:?}: no encoder learns", stage.name)];
            return Err(TrainError::Mismatch { problems });
        }
        Ok(Self {
            order: PictureOrder::new("label images", seed, images.len(), start),
            images,
            shared: Arc::new(Shared { classes, config: config.clone(), towers }),
        })
    }

    /// The tensors of the heads, which exist only during a stage: `label_heads.eva.objects.weight`,
    /// ….
    pub(crate) fn head_specs(
        dataset: &Dataset,
        selection: &Selection,
        config: &CalicoConfig,
        stage: &StageConfig,
    ) -> Result<Vec<TensorSpec>, TrainError> {
        let images = SplitImages::open(dataset, Split::Train, &selection.sources, |_| true)?;
        let classes = LabelClasses::of_images(&images)?;
        Ok(LabelHeads::specs(config, &classes, &learning_towers(stage, config)?)?)
    }

    /// The next `size` pictures that can be used, each with its labels.
    pub(super) fn next_pictures(
        &mut self,
        size: usize,
    ) -> Result<Vec<LabelledPicture>, TrainError> {
        let Self { images, shared, order } = self;
        let Shared { classes, config, towers } = shared.as_ref();
        order.next(images, size, |_, place, _| {
            LabelledPicture::load(images, place, classes, towers, config)
        })
    }
}

impl Lessons for LabelLessons {
    fn read(&mut self, size: usize) -> Result<ReadLesson, TrainError> {
        let pictures = self.next_pictures(size)?;
        let lesson = Box::new(LabelLesson { shared: Arc::clone(&self.shared), pictures });
        let (position, warnings) = (self.order.position(), self.order.take_warnings());
        Ok(ReadLesson { lesson, position, warnings })
    }

    fn epoch_len(&self) -> u64 {
        self.images.len()
    }
}

impl Lesson for LabelLesson {
    fn losses(&self, model: &Calico, weights: &Weights) -> Result<Losses, TrainError> {
        let pictures = &self.pictures;
        let Shared { classes, config, towers } = self.shared.as_ref();
        let heads = LabelHeads::load(config, classes, towers, weights)?;
        let mut losses = Vec::new();
        for (tower, heads) in heads.iter() {
            let tokens = tokens(tower, model, pictures)?; // [B, P, D]
            for (kind, head) in heads {
                let logits = head.forward(&tokens)?; // [B, P, classes]
                let logits = logits.flatten_to(1)?.to_dtype(DType::F32)?; // [B P, classes]
                let (count, device) = (classes.len(*kind), logits.device());
                let shares = |picture: &LabelledPicture| {
                    picture.targets(tower, *kind)?.to_tensor(count, device)
                };
                let shares =
                    pictures.iter().map(shares).collect::<candle_core::Result<Vec<_>>>()?;
                losses.push(soft_cross_entropy(&logits, &Tensor::cat(&shares, 0)?)?);
            }
        }
        // Every encoder has the same heads, so this is the mean over encoders, too.
        let total = Tensor::stack(&losses, 0)?.mean_all()?;
        let value = f64::from(total.to_scalar::<f32>()?);
        let samples = pictures.len() as u64;
        let parts =
            LossParts { total: value, labels: Some(value), samples, ..LossParts::default() };
        Ok(Losses { total, parts })
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
