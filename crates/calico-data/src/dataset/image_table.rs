use std::collections::HashMap;

use crate::{DataError, ImageRecord};

/// The images of a split, in memory.
#[derive(Debug, Clone, Default)]
pub struct ImageTable {
    records: Vec<ImageRecord>,
    places: HashMap<String, u32>,
}

impl ImageTable {
    /// Takes the rows of a table; a repeated id is an error.
    pub(crate) fn new(
        rows: impl Iterator<Item = Result<ImageRecord, DataError>>,
    ) -> Result<Self, DataError> {
        let mut table = Self::default();
        for row in rows {
            let row = row?;
            let place = table.records.len() as u32;
            if table.places.insert(row.image_id.clone(), place).is_some() {
                return Err(DataError::RepeatedId { table: "images", id: row.image_id });
            }
            table.records.push(row);
        }
        Ok(table)
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The image with an id.
    pub fn get(&self, image_id: &str) -> Option<&ImageRecord> {
        self.records.get(*self.places.get(image_id)? as usize)
    }

    /// All images, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = &ImageRecord> {
        self.records.iter()
    }
}
