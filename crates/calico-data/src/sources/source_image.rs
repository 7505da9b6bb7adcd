use calico_image::{Rle, Size};

use crate::{ClassId, PartId, Split};

/// An image as its source describes it: masks decoded, instances of a label joined, nothing
/// filtered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceImage {
    /// Unique in the data set: source and stem, `paco_lvis/000000391895`.
    pub image_id: String,
    /// The split that the source's file says, mapped as mixedparts.md 3.3 does.
    pub split: Split,
    /// Path below the root of the source, with forward slashes.
    pub file_name: String,
    /// Size of the stored picture.
    pub size: Size,
    /// SHA-256 of the file, unless files are not read.
    pub sha256: Option<[u8; 32]>,
    /// What is annotated, one entry per class, sorted by class.
    pub objects: Vec<SourceObject>,
    /// Classes that the image shows, but of which no mask could be read: they are not absent.
    pub lost_classes: Vec<ClassId>,
}

/// All objects of one class in one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceObject {
    /// The class, in the vocabulary of the source.
    pub class: ClassId,
    /// The union of the masks of all instances.
    pub mask: Rle,
    /// Annotation ids, ascending; empty where the source has none (`PartImageNet`).
    pub raw_ids: Vec<i64>,
    /// Number of annotated instances.
    pub instances: u32,
    /// Whether all instances are annotated (PACO's `not_exhaustive_category_ids` says otherwise),
    /// and all their masks could be read.
    pub is_complete: bool,
    /// The parts with a readable mask, one entry per part label, sorted by part.
    pub parts: Vec<SourcePart>,
    /// Parts with an annotation that was left out, whatever was wrong with it: they are not absent.
    /// One that is in [`parts`](Self::parts) too lacks the mask of an instance there.
    pub unreadable_parts: Vec<PartId>,
}

/// All parts of one label of one class in one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePart {
    /// The part's label, in the vocabulary of the source.
    pub part: PartId,
    /// The union of the masks.
    pub mask: Rle,
    /// Annotation ids, ascending.
    pub raw_ids: Vec<i64>,
}
