use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use calico_data::ImageRecord;
use calico_image::Letterbox;
use calico_model::model::ImageFeatures;
use calico_model::{Calico, CalicoConfig};
use candle_core::{DType, Device, Tensor};

use super::feature_file::Found;
use super::feature_folder::FeatureFolder;
use super::{PictureBatch, PreparedPicture, Tower};
use crate::TrainError;
use crate::parameters::Parameters;
use crate::pictures::Refusal;
use crate::recipe::FeaturesConfig;

/// Gives the features of pictures, in one stage of a training.
#[derive(Debug)]
pub(crate) struct FeatureStore(Arc<Source>);

/// What a store and its batches share.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) config: CalicoConfig,
    /// The encoders that are asked.
    pub(super) towers: Vec<Tower>,
    /// Those of them that do not learn.
    pub(super) frozen: Vec<Tower>,
    pub(super) folder: Option<FeatureFolder>,
    compute: DType,
    pub(super) device: Device,
    /// SHA-256 of pictures whose records do not say it.
    pub(super) hashes: Mutex<HashMap<PathBuf, String>>,
    warnings: Mutex<Vec<String>>,
}

impl FeatureStore {
    /// For the stage in which `parameters` are trained, and in which `towers` are asked.
    ///
    /// Features of frozen encoders are kept in the folder that the recipe names, if it does; the
    /// weights of those encoders are hashed for that.
    ///
    /// # Errors
    /// If nothing can be written in the folder.
    pub(crate) fn new(
        config: &CalicoConfig,
        towers: Vec<Tower>,
        parameters: &Parameters,
        features: Option<&FeaturesConfig>,
    ) -> Result<Self, TrainError> {
        let trained = Tower::trained(config, parameters.trained().keys().map(String::as_str));
        let mut frozen = towers.clone();
        frozen.retain(|tower| !trained.contains(tower));
        let folder = features.filter(|_| !frozen.is_empty());
        let folder = folder.map(|f| FeatureFolder::new(f, config, parameters, &frozen));
        Ok(Self(Arc::new(Source {
            config: config.clone(),
            towers,
            frozen,
            folder: folder.transpose()?,
            compute: parameters.compute(),
            device: parameters.device().clone(),
            hashes: Mutex::default(),
            warnings: Mutex::default(),
        })))
    }

    /// What went wrong while features were computed, without stopping anything, since this was
    /// asked last, one line each.
    pub(crate) fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A batch without pictures.
    pub(crate) fn gather(&self) -> PictureBatch {
        PictureBatch::new(Arc::clone(&self.0))
    }

    /// The features of the pictures of a batch, in their order.
    ///
    /// Frozen encoders see one picture at a time, trained ones all together. Several batches may
    /// ask at once: what they get does not depend on which of them keeps a feature first.
    pub(crate) fn features(
        &self,
        model: &Calico,
        pictures: &[PreparedPicture],
    ) -> Result<ImageFeatures, TrainError> {
        let pictures: Vec<&PreparedPicture> = pictures.iter().collect();
        let run = |&tower: &Tower| Ok((tower, self.tower(tower, model, &pictures)?));
        let outputs = self.0.towers.iter().map(run).collect::<candle_core::Result<_>>()?;
        let letterboxes = pictures.iter().map(|picture| picture.letterbox).collect();
        image_features(outputs, letterboxes)
    }

    /// Looks for kept features of one picture, and decodes it if any are missing. What is wrong
    /// with kept features goes to `warnings`, one line each, also if the picture cannot be used.
    pub(crate) fn prepare(
        &self,
        image: &ImageRecord,
        path: &Path,
        warnings: &mut Vec<String>,
    ) -> Result<PreparedPicture, Refusal> {
        self.0.prepare(image, path, warnings)
    }

    /// What one encoder says of pictures; see [`features`](Self::features).
    ///
    /// # Shapes
    /// - returns: `[I, …]` each, in the order of [`Tower::outputs`]
    pub(crate) fn tower(
        &self,
        tower: Tower,
        model: &Calico,
        pictures: &[&PreparedPicture],
    ) -> candle_core::Result<Vec<Tensor>> {
        if self.0.frozen.contains(&tower) {
            let each = pictures.iter().map(|picture| self.0.frozen(tower, model, picture));
            return joined(&each.collect::<candle_core::Result<Vec<_>>>()?);
        }
        let pixels = pictures.iter().map(|picture| self.0.pixels(tower, picture));
        tower.run(model, &Tensor::cat(&pixels.collect::<candle_core::Result<Vec<_>>>()?, 0)?)
    }
}

impl Source {
    fn warn(&self, warnings: impl IntoIterator<Item = String>) {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).extend(warnings);
    }

    /// What a frozen encoder says of one picture.
    ///
    /// # Shapes
    /// - returns: `[1, …]` each
    fn frozen(
        &self,
        tower: Tower,
        model: &Calico,
        picture: &PreparedPicture,
    ) -> candle_core::Result<Vec<Tensor>> {
        let to_compute = |features: &[Tensor]| {
            let place = |tensor: &Tensor| tensor.to_device(&self.device)?.to_dtype(self.compute);
            features.iter().map(place).collect::<candle_core::Result<Vec<_>>>()
        };
        if let Some(kept) = picture.kept(tower) {
            return to_compute(kept);
        }
        let run = || tower.run(model, &self.pixels(tower, picture)?);
        let (Some(folder), Some(digest)) = (&self.folder, &picture.digest) else {
            return Ok(run()?.iter().map(Tensor::detach).collect());
        };
        // An earlier batch may have kept them since the picture was read.
        if let Found::Features(kept) = folder.find(tower, digest)? {
            return to_compute(&kept);
        }
        let features = run()?;
        let stored = folder.stored().dtype();
        let round = |tensor: &Tensor| tensor.detach().to_dtype(stored)?.to_device(&Device::Cpu);
        let features = features.iter().map(round).collect::<candle_core::Result<Vec<_>>>()?;
        self.warn(folder.keep(tower, digest, &features)?);
        to_compute(&features)
    }

    /// What an encoder reads of a picture, in the type of the arithmetic.
    fn pixels(&self, tower: Tower, picture: &PreparedPicture) -> candle_core::Result<Tensor> {
        match &picture.pixels {
            Some(pixels) => tower.pixels(pixels)?.to_dtype(self.compute),
            None => candle_core::bail!("the picture {} was not decoded", picture.image_id),
        }
    }
}

/// Output by output, the pictures one after the other.
fn joined(each: &[Vec<Tensor>]) -> candle_core::Result<Vec<Tensor>> {
    let outputs = each.first().map_or(0, Vec::len);
    let output = |at: usize| {
        let tensors: Vec<&Tensor> = each.iter().filter_map(|features| features.get(at)).collect();
        Tensor::cat(&tensors, 0)
    };
    (0..outputs).map(output).collect()
}

/// The outputs of all towers, as the model reads them.
fn image_features(
    outputs: Vec<(Tower, Vec<Tensor>)>,
    letterboxes: Vec<Letterbox>,
) -> Result<ImageFeatures, TrainError> {
    let (mut eva, mut semantic, mut sam) = (None, None, None);
    for (tower, mut output) in outputs {
        let last = output.pop();
        match tower {
            // Where nothing reads the tokens before the norm, those after it stand for them.
            Tower::Eva => eva = last.map(|normed| (output.pop().unwrap_or(normed.clone()), normed)),
            Tower::Dino => semantic = last,
            Tower::Sam => sam = last,
        }
    }
    let (Some((raw, normed)), Some(sam)) = (eva, sam) else {
        return Err(TrainError::Internal("an encoder gave no features".into()));
    };
    Ok(ImageFeatures { raw, normed, semantic, sam, letterboxes })
}
