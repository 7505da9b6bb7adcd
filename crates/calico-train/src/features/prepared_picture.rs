use calico_image::Letterbox;
use calico_model::preprocess::ImageTensors;
use candle_core::Tensor;

use super::Tower;

/// A picture with everything that its features can be made of.
#[derive(Debug)]
pub(crate) struct PreparedPicture {
    pub(crate) image_id: String,
    pub(crate) letterbox: Letterbox,
    /// SHA-256 of its file in hexadecimal digits, if features are kept.
    pub(super) digest: Option<String>,
    /// Decoded, if an encoder must run.
    pub(super) pixels: Option<ImageTensors>,
    /// What was found in the folder, in the stored type.
    pub(super) kept: Vec<(Tower, Vec<Tensor>)>,
}

impl PreparedPicture {
    /// What was found of a tower.
    pub(super) fn kept(&self, tower: Tower) -> Option<&[Tensor]> {
        let found = self.kept.iter().find(|(of, _)| *of == tower);
        found.map(|(_, features)| features.as_slice())
    }
}
