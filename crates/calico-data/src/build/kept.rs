use calico_image::Size;

use crate::{ClassId, PartId, Split};

/// An image that passed the filters. Its masks are compressed: about a million of them are in
/// memory at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptImage {
    /// Index of its source in the corpus.
    pub(crate) source: u16,
    pub(crate) split: Split,
    pub(crate) image_id: String,
    pub(crate) file_name: String,
    pub(crate) size: Size,
    pub(crate) sha256: Option<[u8; 32]>,
    /// Everything that is annotated, sorted by class.
    pub(crate) seen: Box<[SeenClass]>,
    /// The objects that passed, sorted by class; at least one.
    pub(crate) entries: Box<[Entry]>,
    /// Equal for images that show the same picture.
    pub(crate) identity: u32,
}

impl KeptImage {
    /// The entry of a class.
    pub(crate) fn entry_of(&self, class: ClassId) -> Option<&Entry> {
        let at = self.entries.binary_search_by_key(&class, |entry| entry.class).ok()?;
        self.entries.get(at)
    }
}

/// What is annotated of a class in an image, also where the filters dropped it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SeenClass {
    pub(crate) class: ClassId,
    /// Whether the class has an entry that holds all of its instances.
    pub(crate) is_whole: bool,
    /// Sorted.
    pub(crate) parts: Box<[PartId]>,
}

/// An object of an image: the union of all instances of a class, and its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) class: ClassId,
    /// Whether all instances are annotated and could be read.
    pub(crate) is_complete: bool,
    pub(crate) object: Region,
    /// Sorted by part.
    pub(crate) parts: Box<[PartRegion]>,
    /// The number of the object's region among all regions of the corpus; its parts follow.
    pub(crate) slot: u32,
}

impl Entry {
    /// The number of a part's region among all regions of the corpus.
    pub(crate) fn part_slot(&self, index: usize) -> u32 {
        self.slot + 1 + index as u32
    }
}

/// A part of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartRegion {
    pub(crate) part: PartId,
    pub(crate) region: Region,
}

/// A mask that passed the filters, with what was measured on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Region {
    /// COCO's compressed run lengths.
    pub(crate) mask: Box<str>,
    /// Pixels.
    pub(crate) area: u32,
    /// Share of the image in parts of 2³² - 1, so that images of all sizes compare as integers.
    pub(crate) share: u32,
    /// Left, top, width and height in pixels.
    pub(crate) bbox: [u32; 4],
    pub(crate) raw_ids: Box<[i64]>,
}
