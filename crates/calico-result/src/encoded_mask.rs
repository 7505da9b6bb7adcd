use calico_image::{ImageError, Mask, Rle, Size};
use serde::{Deserialize, Serialize};

/// A mask at the size of its image, as COCO compressed run lengths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncodedMask {
    /// Height and width in pixels.
    pub size: [u32; 2],
    /// Run lengths in column order, background first, in COCO's text encoding.
    pub counts: String,
}

impl EncodedMask {
    /// Encodes a mask.
    pub fn new(mask: &Mask) -> Self {
        let size = mask.size();
        Self { size: [size.height, size.width], counts: Rle::from_mask(mask).compressed() }
    }

    /// The mask in pixels.
    pub fn decode(&self) -> Result<Mask, ImageError> {
        self.runs()?.to_mask()
    }

    /// The run lengths, which take no memory for pixels.
    pub fn runs(&self) -> Result<Rle, ImageError> {
        let [height, width] = self.size;
        Rle::from_compressed(Size::new(height, width), &self.counts)
    }
}
