use calico_image::{ImageError, Mask, Rle, Size};
use calico_result::EncodedMask;

use crate::RegionRecord;

/// A row of a [`RegionTable`](super::RegionTable), borrowed from it; the mask is decoded when it
/// is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region<'a> {
    /// Unique in the data set.
    pub region_id: u32,
    /// The image that it lies in.
    pub image_id: &'a str,
    /// The object's label.
    pub object_label: &'a str,
    /// The part's label; `None` for the whole object.
    pub part_label: Option<&'a str>,
    /// Annotation ids of the source that were joined.
    pub raw_ids: &'a [i64],
    /// Pixels in the mask.
    pub area: u32,
    /// Left, top, width and height in pixels.
    pub bbox: [u32; 4],
    /// The size of its image.
    pub size: Size,
    /// The mask in COCO's compressed run lengths.
    pub counts: &'a str,
}

impl Region<'_> {
    /// The label in texts: of the part, or of the whole object.
    pub fn label(&self) -> &str {
        self.part_label.unwrap_or(self.object_label)
    }

    /// The run lengths of the mask, which take no memory for pixels.
    pub fn runs(&self) -> Result<Rle, ImageError> {
        Rle::from_compressed(self.size, self.counts)
    }

    /// The mask in pixels.
    pub fn mask(&self) -> Result<Mask, ImageError> {
        self.runs()?.to_mask()
    }

    /// The row as it is in the file.
    pub fn to_record(&self) -> RegionRecord {
        RegionRecord {
            region_id: self.region_id,
            image_id: self.image_id.to_owned(),
            object_label: self.object_label.to_owned(),
            part_label: self.part_label.map(str::to_owned),
            raw_ids: self.raw_ids.to_vec(),
            area: self.area,
            bbox: self.bbox,
            rle: EncodedMask {
                size: [self.size.height, self.size.width],
                counts: self.counts.to_owned(),
            },
        }
    }
}
