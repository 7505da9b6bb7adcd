use calico_image::Size;

use super::{Backdrop, Light, Placed};
use crate::SynthError;

/// All that a picture shows.
#[derive(Debug, Clone)]
pub struct Scene {
    /// Height and width of the picture in pixels.
    pub size: Size,
    /// What lies behind the objects.
    pub backdrop: Backdrop,
    /// What light and camera do.
    pub light: Light,
    /// The objects, those in front last.
    pub objects: Vec<Placed>,
    /// Seed of the camera's noise.
    pub noise_seed: u64,
}

impl Scene {
    /// The shortest side of a picture in pixels.
    pub const LEAST_SIDE: u32 = 16;
    /// The longest side of a picture in pixels.
    pub const MOST_SIDE: u32 = 4096;

    /// Whether the size is in range.
    pub(super) fn check(&self) -> Result<(), SynthError> {
        let sides = Self::LEAST_SIDE..=Self::MOST_SIDE;
        if sides.contains(&self.size.height) && sides.contains(&self.size.width) {
            return Ok(());
        }
        let (least, most) = (Self::LEAST_SIDE, Self::MOST_SIDE);
        Err(SynthError::Size { size: self.size, least, most })
    }
}
