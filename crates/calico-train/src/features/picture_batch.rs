use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use calico_data::ImageRecord;
use calico_data::loader::{BadReason, Item, open_picture};
use calico_data::sources::sha256;
use calico_image::{ImageError, Letterbox, Size};
use calico_model::digest::hex;
use calico_model::preprocess::ImageTensors;
use rayon::prelude::*;

use super::feature_file::Found;
use super::feature_folder::FeatureFolder;
use super::feature_store::Source;
use super::{PreparedPicture, Tower};
use crate::TrainError;
use crate::pictures::Refusal;

/// The pictures of a batch, each once, with everything that their features can be made of.
#[derive(Debug)]
pub(crate) struct PictureBatch {
    source: Arc<Source>,
    pictures: Vec<PreparedPicture>,
    /// What stops the whole training, and not only a sample.
    failure: Option<TrainError>,
    /// What was wrong with kept features, of pictures that are not added, too.
    warnings: Vec<String>,
}

impl PictureBatch {
    pub(super) fn new(source: Arc<Source>) -> Self {
        Self { source, pictures: Vec::new(), failure: None, warnings: Vec::new() }
    }

    /// Adds the pictures of a sample: looks for kept features, and decodes the pictures of which
    /// any are missing. Returns the number of each picture in the batch, from 0; a picture that
    /// is there already keeps its number.
    ///
    /// # Errors
    /// If a picture cannot be used; then none of the sample is added.
    pub(crate) fn add(&mut self, item: &Item) -> Result<Vec<usize>, BadReason> {
        let paths = item.picture_paths()?;
        self.add_all(&item.images().zip(paths).collect::<Vec<_>>())
    }

    /// As [`add`](Self::add), of images and the paths of their files.
    pub(super) fn add_all(
        &mut self,
        images: &[(&ImageRecord, PathBuf)],
    ) -> Result<Vec<usize>, BadReason> {
        let mut ids: Vec<String> = self.pictures.iter().map(|p| p.image_id.clone()).collect();
        let (mut numbers, mut new) = (Vec::new(), Vec::new());
        for (image, path) in images {
            let known = ids.iter().position(|id| *id == image.image_id);
            numbers.push(known.unwrap_or(ids.len()));
            if known.is_none() {
                ids.push(image.image_id.clone());
                new.push((*image, path.as_path()));
            }
        }
        let source = &self.source;
        let prepare = |(image, path): &(&ImageRecord, &Path)| {
            let mut warnings = Vec::new();
            (source.prepare(image, path, &mut warnings), warnings)
        };
        let prepared: Vec<_> = new.par_iter().map(prepare).collect();
        let (prepared, warnings): (Vec<_>, Vec<_>) = prepared.into_iter().unzip();
        self.warnings.extend(warnings.into_iter().flatten());
        match prepared.into_iter().collect::<Result<Vec<_>, _>>() {
            Ok(prepared) => self.pictures.extend(prepared),
            Err(Refusal::Bad(reason)) => return Err(reason),
            // The sample is not at fault: whoever asks for the pictures is told.
            Err(Refusal::Failed(error)) => self.failure = Some(error),
        }
        Ok(numbers)
    }

    /// What was wrong with kept features since this was asked last, one line each.
    pub(crate) fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// The pictures in the order of their numbers.
    ///
    /// # Errors
    /// If the arithmetic failed on one of them.
    pub(crate) fn into_pictures(self) -> Result<Vec<PreparedPicture>, TrainError> {
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(self.pictures),
        }
    }
}

impl Source {
    /// See [`FeatureStore::prepare`](super::FeatureStore::prepare).
    pub(super) fn prepare(
        &self,
        image: &ImageRecord,
        path: &Path,
        warnings: &mut Vec<String>,
    ) -> Result<PreparedPicture, Refusal> {
        let (mut digest, mut kept) = (None, Vec::new());
        if let Some(folder) = &self.folder {
            let of = self.digest(path)?;
            kept = self.kept(folder, image, &of, warnings)?;
            digest = Some(of);
        }
        let complete = kept.len() == self.towers.len();
        let pixels = (!complete).then(|| self.decode(image, path)).transpose()?;
        let size = Size::new(image.height, image.width);
        let letterbox = Letterbox::new(size, self.config.sam.image_size as u32);
        let image_id = image.image_id.clone();
        Ok(PreparedPicture { image_id, letterbox, digest, pixels, kept })
    }

    /// SHA-256 of the file in hexadecimal digits. That of the table is not taken for it: the file
    /// may have changed since the data set was built.
    fn digest(&self, path: &Path) -> Result<String, Refusal> {
        let hashes = || self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = hashes().get(path) {
            return Ok(known.clone());
        }
        let digest = sha256(path).map_err(|error| Refusal::Bad(unreadable(path, error).into()))?;
        let digest = hex(&digest);
        hashes().insert(path.to_owned(), digest.clone());
        Ok(digest)
    }

    /// What is kept of a picture, encoder by encoder.
    fn kept(
        &self,
        folder: &FeatureFolder,
        image: &ImageRecord,
        digest: &str,
        warnings: &mut Vec<String>,
    ) -> Result<Vec<(Tower, Vec<candle_core::Tensor>)>, Refusal> {
        let mut kept = Vec::new();
        for &tower in &self.frozen {
            match folder.find(tower, digest).map_err(|error| Refusal::Failed(error.into()))? {
                Found::Features(features) => kept.push((tower, features)),
                Found::Nothing => {}
                Found::Damaged => {
                    let (of, image_id) = (tower.name(), &image.image_id);
                    warnings.push(format!(
                        "the kept {of} features of {image_id} are damaged; they are computed again"
                    ));
                }
            }
        }
        Ok(kept)
    }

    fn decode(&self, image: &ImageRecord, path: &Path) -> Result<ImageTensors, Refusal> {
        let frame = open_picture(image, path)?;
        Ok(ImageTensors::new(&frame, self.config.input_sizes(), &self.device)?)
    }
}

fn unreadable(path: &Path, source: io::Error) -> ImageError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound => ImageError::NotFound { path },
        _ => ImageError::Unreadable { path, source },
    }
}
