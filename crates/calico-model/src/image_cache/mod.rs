//! Encoded images by their contents, so that a second question about the same images pays for
//! the language model and the mask decoder alone.

mod recent;
mod stored;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use calico_image::Frame;
use sha2::{Digest as _, Sha256};

use crate::digest::hex;
use crate::error::ModelError;
use crate::model::{Calico, EncodedImage};
use recent::Recent;

/// Bytes of encoded images that are kept in memory unless somebody says otherwise: of the full
/// model nine images, with all that the adapters ask.
const KEPT_BYTES: usize = 128 << 20;

/// What is kept of an image; a number more whenever that, or how it is computed, changes.
const FORMAT: &str = "calico.images/1";

/// Digits of a model's digest in the name of a folder.
const DIGITS: usize = 16;

/// Encoded images, in memory and, where it is asked for, in a folder.
#[derive(Debug)]
pub struct ImageCache {
    recent: Mutex<Recent>,
    folder: Option<PathBuf>,
}

/// What an image is found by: its size and its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ImageKey([u8; 32]);

impl ImageKey {
    pub(crate) fn of(frame: &Frame) -> Self {
        let mut hash = Sha256::new();
        let size = frame.size();
        hash.update(size.height.to_le_bytes());
        hash.update(size.width.to_le_bytes());
        hash.update(frame.pixels());
        Self(hash.finalize().into())
    }

    fn file_name(self) -> String {
        format!("{}.safetensors", hex(&self.0))
    }
}

impl Default for ImageCache {
    fn default() -> Self {
        Self::in_memory(KEPT_BYTES)
    }
}

impl ImageCache {
    /// Keeps the images that were asked about last, up to so many bytes.
    pub fn in_memory(bytes: usize) -> Self {
        Self { recent: Mutex::new(Recent::new(bytes)), folder: None }
    }

    /// Also keeps every image in a folder, which is made if it is missing: below it, those of a
    /// model and of a version of this program lie in a folder of their own. Nothing is ever removed
    /// there; whoever needs the room may remove anything.
    ///
    /// `model_digest` tells models apart, as [`ModelFolder::digest`](crate::ModelFolder::digest).
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn with_folder(self, folder: &Path, model_digest: &str) -> Result<Self, ModelError> {
        // Another version may prepare images otherwise.
        let contents = format!("{FORMAT} {} {model_digest}", env!("CARGO_PKG_VERSION"));
        let name = hex(&Sha256::digest(contents));
        let own = folder.join(name.get(..DIGITS).unwrap_or(&name));
        std::fs::create_dir_all(&own).map_err(|source| ModelError::Io {
            action: "create",
            path: own.clone(),
            source,
        })?;
        Ok(Self { folder: Some(own), ..self })
    }

    /// Bytes of encoded images in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.recent().bytes()
    }

    /// The encoded image, if it is known.
    pub(crate) fn get(&self, key: ImageKey, frame: &Frame, model: &Calico) -> Option<EncodedImage> {
        if let Some(found) = self.recent().get(key) {
            return Some(found);
        }
        let path = self.folder.as_ref()?.join(key.file_name());
        let found = stored::read(&path, frame.size(), model)?;
        self.recent().put(key, &found);
        Some(found)
    }

    /// Keeps an encoded image.
    ///
    /// # Errors
    /// If it cannot be written into the folder; it is in memory nevertheless.
    pub(crate) fn put(&self, key: ImageKey, image: &EncodedImage) -> Result<(), ModelError> {
        self.recent().put(key, image);
        match &self.folder {
            Some(folder) => stored::write(&folder.join(key.file_name()), image),
            None => Ok(()),
        }
    }

    fn recent(&self) -> std::sync::MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
