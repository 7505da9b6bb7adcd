//! Back to JSON.

use calico_image::Size;
use serde::ser::{Error, SerializeStruct};
use serde::{Serialize, Serializer};

use crate::Segmentation;

impl Serialize for Segmentation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Polygons(list) => list.serialize(serializer),
            Self::Runs { size, counts } => run_lengths(serializer, *size, counts),
            Self::Compressed { size, counts } => run_lengths(serializer, *size, counts),
            Self::Unreadable(error) => Err(S::Error::custom(error)),
        }
    }
}

fn run_lengths<S: Serializer>(
    serializer: S,
    size: Size,
    counts: &impl Serialize,
) -> Result<S::Ok, S::Error> {
    let mut value = serializer.serialize_struct("segmentation", 2)?;
    value.serialize_field("size", &[size.height, size.width])?;
    value.serialize_field("counts", counts)?;
    value.end()
}
