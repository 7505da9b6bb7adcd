use calico_image::Mask;

/// What is to be seen of a part of an object.
#[derive(Debug, Clone)]
pub struct ShownPart {
    /// The part's label.
    pub part: &'static str,
    /// Its pixels: those of which it has the most samples.
    pub mask: Mask,
    /// Number of these pixels.
    pub area: u64,
    /// The area it would have within the picture if no other object lay over it.
    pub whole: u64,
}
