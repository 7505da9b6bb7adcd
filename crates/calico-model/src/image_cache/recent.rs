//! What was used last.

use super::ImageKey;
use crate::model::EncodedImage;

/// Encoded images in memory, the one that was used last at the end.
#[derive(Debug)]
pub(super) struct Recent {
    images: Vec<(ImageKey, usize, EncodedImage)>,
    bytes: usize,
    most: usize,
}

impl Recent {
    pub(super) fn new(most: usize) -> Self {
        Self { images: Vec::new(), bytes: 0, most }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn get(&mut self, key: ImageKey) -> Option<EncodedImage> {
        let place = self.images.iter().position(|(known, ..)| *known == key)?;
        let found = self.images.remove(place);
        let image = found.2.clone();
        self.images.push(found);
        Some(image)
    }

    /// Takes an image in, and lets go of those that were not used for the longest time.
    pub(super) fn put(&mut self, key: ImageKey, image: &EncodedImage) {
        let bytes = image.bytes();
        if bytes > self.most || self.get(key).is_some() {
            return;
        }
        while self.bytes + bytes > self.most {
            let (_, oldest, _) = self.images.remove(0);
            self.bytes -= oldest;
        }
        self.images.push((key, bytes, image.clone()));
        self.bytes += bytes;
    }
}
