use calico_image::Rle;

use crate::{Kind, Origin};

/// One mask with its label.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// Number of the region, unique in its document.
    pub id: u32,
    /// What it shows, in words: "chair", "leg".
    pub label: String,
    /// Whether that is an object or a part.
    pub kind: Kind,
    /// The object that a part belongs to: the id of a region of the same image that has no
    /// parent itself.
    pub parent: Option<u32>,
    /// A number that regions of several images share if they answer to one phrase.
    pub group: Option<u32>,
    /// The mask at the size of its image; it may be empty.
    pub mask: Rle,
    /// How sure a model is, usually 0 to 1. It is finite.
    pub score: Option<f64>,
    /// Who drew it.
    pub origin: Origin,
}
