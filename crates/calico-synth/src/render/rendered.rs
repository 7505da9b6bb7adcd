use calico_image::Frame;

use super::ShownObject;

/// A drawn scene.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// The picture.
    pub frame: Frame,
    /// What is to be seen of the objects, in the order of the scene.
    pub shown: Vec<ShownObject>,
}
