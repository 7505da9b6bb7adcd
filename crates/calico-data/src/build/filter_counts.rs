use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// What the filters kept and dropped of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FilterCounts {
    /// Images that were read and are in no other split.
    pub images: u64,
    /// Images with at least one object left.
    pub images_kept: u64,
    /// Objects: unions of all instances of a class in an image.
    pub objects: u64,
    /// Objects that passed.
    pub objects_kept: u64,
    /// Objects dropped because they are too small.
    pub objects_small: u64,
    /// Objects dropped because not all instances are annotated or readable.
    pub objects_incomplete: u64,
    /// Objects dropped because they have too many instances.
    pub objects_crowded: u64,
    /// Parts: unions of all parts of a label of an object.
    pub parts: u64,
    /// Parts that passed.
    pub parts_kept: u64,
    /// Parts dropped because they are too small in the image or for their object.
    pub parts_small: u64,
    /// Parts dropped because too little of them is inside of their object.
    pub parts_outside: u64,
    /// Parts dropped because their label is no physical part.
    pub parts_skipped: u64,
    /// Parts dropped with their object.
    pub parts_without_object: u64,
}

impl AddAssign for FilterCounts {
    fn add_assign(&mut self, other: Self) {
        self.images += other.images;
        self.images_kept += other.images_kept;
        self.objects += other.objects;
        self.objects_kept += other.objects_kept;
        self.objects_small += other.objects_small;
        self.objects_incomplete += other.objects_incomplete;
        self.objects_crowded += other.objects_crowded;
        self.parts += other.parts;
        self.parts_kept += other.parts_kept;
        self.parts_small += other.parts_small;
        self.parts_outside += other.parts_outside;
        self.parts_skipped += other.parts_skipped;
        self.parts_without_object += other.parts_without_object;
    }
}
