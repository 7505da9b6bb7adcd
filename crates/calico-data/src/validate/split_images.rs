use std::collections::HashMap;

use crate::{ImageRecord, Split};

/// The images of a split; of a repeated id, the first.
pub(super) struct SplitImages {
    pub(super) split: Split,
    pub(super) records: Vec<ImageRecord>,
    places: HashMap<String, u32>,
}

impl SplitImages {
    pub(super) fn new(split: Split) -> Self {
        Self { split, records: Vec::new(), places: HashMap::new() }
    }

    /// Adds an image; `false` if its id is there already.
    pub(super) fn push(&mut self, record: ImageRecord) -> bool {
        let place = self.records.len() as u32;
        let is_new = !self.places.contains_key(&record.image_id);
        if is_new {
            self.places.insert(record.image_id.clone(), place);
        }
        self.records.push(record);
        is_new
    }

    /// The place of an image.
    pub(super) fn place(&self, image_id: &str) -> Option<u32> {
        self.places.get(image_id).copied()
    }

    /// An image.
    pub(super) fn get(&self, image_id: &str) -> Option<&ImageRecord> {
        self.records.get(self.place(image_id)? as usize)
    }
}
