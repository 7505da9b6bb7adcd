//! From a scene to a picture and its masks.
//!
//! One map of owners, with three samples per side of a pixel, decides everything: colours
//! are averaged over it and masks are counted from it, so the two agree at every border and
//! under every occlusion.

mod backdrop;
mod cover;
mod light;
mod look;
mod owners;
mod paint;
mod palette;
mod picture;
mod placed;
mod rendered;
mod rgb;
mod scene;
mod shown_object;
mod shown_part;
#[cfg(test)]
mod tests;
mod texture;
mod typical;

pub use backdrop::Backdrop;
pub use light::Light;
pub use look::Look;
pub use paint::Paint;
pub use palette::Palette;
pub use placed::Placed;
pub use rendered::Rendered;
pub use rgb::Rgb;
pub use scene::Scene;
pub use shown_object::ShownObject;
pub use shown_part::ShownPart;

use calico_image::Frame;

use crate::SynthError;
use owners::Owners;

/// Samples along each side of a pixel: odd, so that of two owners one always has more, and masks
/// are neither too large nor too small.
const SAMPLES: u32 = 3;

/// Draws a scene: its picture, and what of each object and part is to be seen.
///
/// Equal scenes give equal bytes. An error if the size is out of range, a transform has no
/// inverse, or a part has no paint.
pub fn render(scene: &Scene) -> Result<Rendered, SynthError> {
    scene.check()?;
    let owners = Owners::of_scene(scene)?;
    let frame = Frame::new(scene.size, picture::pixels(scene, &owners))?;
    Ok(Rendered { frame, shown: owners.shown()? })
}
