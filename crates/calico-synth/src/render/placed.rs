use tiny_skia::Transform;

use super::Paint;
use crate::Figure;

/// An object in a scene.
#[derive(Debug, Clone)]
pub struct Placed {
    /// What it is made of.
    pub figure: Figure,
    /// From the object's own coordinates to the picture's pixels.
    pub transform: Transform,
    /// A paint for each label of the figure's pieces.
    ///
    /// Labels listed here that the figure lacks are shown with no pixel.
    pub paints: Vec<(&'static str, Paint)>,
}
