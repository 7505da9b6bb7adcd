use calico_annotation::SegmentationError;
use calico_image::{Rle, Size};

use super::listing::CocoAnnotation;
use super::notes::Notes;
use crate::Code;

/// The mask of an annotation, or a note why it is dropped.
pub(super) fn annotation_mask(
    annotation: &CocoAnnotation,
    size: Size,
    notes: &mut Notes,
) -> Option<Rle> {
    let id = annotation.id;
    let decoded = match annotation.segmentation.decode(size) {
        Ok(decoded) => decoded,
        Err(error) => {
            notes.dropped(code(&error), id, error.to_string());
            return None;
        }
    };
    if decoded.dropped_polygons > 0 {
        let dropped = decoded.dropped_polygons;
        notes.annotation(
            Code::PolyShort,
            id,
            format!("found {dropped} polygons of fewer than 6 or an odd count of numbers: dropped"),
        );
    }
    if decoded.clipped {
        notes.annotation(Code::PolyRange, id, format!("found corners outside of {size}: clipped"));
    }
    Some(decoded.mask)
}

/// The code of a mask that cannot be read.
fn code(error: &SegmentationError) -> Code {
    match error {
        SegmentationError::Empty | SegmentationError::Coordinate { .. } => Code::MaskEmpty,
        SegmentationError::RunTotal { .. } => Code::RleLength,
        SegmentationError::SizeMismatch { .. } => Code::RleSize,
        SegmentationError::RunString { .. } | SegmentationError::RunNumber { .. } => Code::RleChar,
        SegmentationError::PolygonsShort { .. } => Code::PolyShort,
        // Not the encoding that it should be, or too much of it: as with a file of another shape.
        _ => Code::JsonBad,
    }
}
