//! The folder in which features of frozen encoders are kept.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use calico_model::CalicoConfig;
use calico_model::digest::hex;
use calico_result::{ResultError, create_output_folder};
use candle_core::Tensor;
use sha2::{Digest as _, Sha256};

use super::Tower;
use super::feature_file::{Found, encode, read};
use super::tower::Output;
use super::weights_digest::weights_digest;
use crate::TrainError;
use crate::parameters::Parameters;
use crate::recipe::{FeaturesConfig, StoredFeatures};

/// Changes whenever other values would be kept for the same weights and the same picture.
const FORMAT: &str = "calico features 1";

/// A folder of kept features, as one stage of one model sees it.
#[derive(Debug)]
pub(super) struct FeatureFolder {
    path: PathBuf,
    stored: StoredFeatures,
    shelves: BTreeMap<Tower, Shelf>,
    /// Whether a file could not be written: no other is tried.
    is_full: AtomicBool,
}

/// What names of a tower's files begin with, so to speak.
#[derive(Debug)]
struct Shelf {
    outputs: Vec<Output>,
    /// Of the format, the stored type, the weights and their configuration.
    digest: [u8; 32],
}

impl FeatureFolder {
    /// The folder for the features of `frozen` towers; it is made if it is missing.
    ///
    /// # Errors
    /// If it cannot be made, or nothing can be written there.
    pub(super) fn new(
        features: &FeaturesConfig,
        config: &CalicoConfig,
        parameters: &Parameters,
        frozen: &[Tower],
    ) -> Result<Self, TrainError> {
        let path = features.folder.clone();
        create_output_folder(&path).map_err(|error| match error {
            ResultError::FolderNotWritable { path, source } => TrainError::Write { path, source },
            ResultError::FolderIsFile { path } => {
                TrainError::Write { path, source: io::ErrorKind::NotADirectory.into() }
            }
            error => error.into(),
        })?;
        let stored = features.stored;
        let shelf = |&tower: &Tower| {
            let outputs = tower.outputs(config);
            let weights = hex(&weights_digest(parameters.frozen(), tower)?);
            let names: Vec<&str> = outputs.iter().map(|output| output.name).collect();
            let (of, config) = (tower.name(), tower.config(config));
            let text = format!("{FORMAT}\n{of}\n{stored:?}\n{weights}\n{config}\n{names:?}\n");
            Ok((tower, Shelf { outputs, digest: Sha256::digest(text).into() }))
        };
        let shelves = frozen.iter().map(shelf).collect::<Result<_, TrainError>>()?;
        Ok(Self { path, stored, shelves, is_full: AtomicBool::new(false) })
    }

    /// The type in which features are kept.
    pub(super) fn stored(&self) -> StoredFeatures {
        self.stored
    }

    /// Looks for the features of a picture, each `[1, …]` in the stored type.
    pub(super) fn find(&self, tower: Tower, picture: &str) -> candle_core::Result<Found> {
        let Some(shelf) = self.shelves.get(&tower) else { return Ok(Found::Nothing) };
        let name = shelf.name(picture);
        read(&self.path_of(&name), &name, &shelf.outputs, self.stored)
    }

    /// Keeps the features of a picture; returns what went wrong, once.
    ///
    /// # Shapes
    /// - `features`: `[1, …]` each, in the stored type
    pub(super) fn keep(
        &self,
        tower: Tower,
        picture: &str,
        features: &[Tensor],
    ) -> candle_core::Result<Option<String>> {
        let is_full = self.is_full.load(Ordering::Relaxed);
        let Some(shelf) = self.shelves.get(&tower).filter(|_| !is_full) else {
            return Ok(None);
        };
        let name = shelf.name(picture);
        let Some(bytes) = encode(&name, &shelf.outputs, features, self.stored)? else {
            return Ok(None);
        };
        let path = self.path_of(&name);
        let written = path.parent().map_or(Ok(()), |folder| {
            let folder = create_output_folder(folder)?;
            // It carries a checksum: to wait for the disk took as long as the arithmetic.
            folder.write_renewable(&file_name(&name), &bytes).map(|_| ())
        });
        let Err(error) = written else { return Ok(None) };
        // Of several batches that fail at once, one tells.
        let is_told = self.is_full.swap(true, Ordering::Relaxed);
        let told = || format!("no more features are kept, and training goes on without: {error}");
        Ok((!is_told).then(told))
    }

    fn path_of(&self, name: &str) -> PathBuf {
        // Many files in one folder are slow to list on some disks.
        self.path.join(name.get(..2).unwrap_or_default()).join(file_name(name))
    }
}

impl Shelf {
    fn name(&self, picture: &str) -> String {
        let hash = Sha256::new_with_prefix(self.digest).chain_update(picture);
        hex(&hash.finalize())
    }
}

fn file_name(name: &str) -> String {
    format!("{name}.safetensors")
}
