use calico_image::Mask;

use super::ShownPart;

/// What is to be seen of an object.
#[derive(Debug, Clone)]
pub struct ShownObject {
    /// The pixels of all its parts.
    pub mask: Mask,
    /// Number of these pixels.
    pub area: u64,
    /// The area it would have within the picture if no other object lay over it.
    pub whole: u64,
    /// Its parts, in the order of its paints, also those without a pixel.
    pub parts: Vec<ShownPart>,
}
