use std::fmt;

use calico_annotation::{Segmentation, SegmentationError};
use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};

/// An annotation record.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct CocoAnnotation {
    /// Its id, unique within the file.
    pub id: i64,
    /// The image that it belongs to.
    pub image_id: i64,
    /// Its category.
    pub category_id: i64,
    /// Its mask, as written; one that cannot be understood does not fail the file.
    #[serde(default = "no_segmentation")]
    pub segmentation: Segmentation,
    /// Whether it stands for many instances at once.
    #[serde(default, rename = "iscrowd", deserialize_with = "flag")]
    pub is_crowd: bool,
    /// PACO: the annotation of the object that a part belongs to; its own id for an object.
    #[serde(default)]
    pub obj_ann_id: Option<i64>,
    /// Own data: the annotation of the object that a part belongs to; none for an object.
    #[serde(default)]
    pub parent_id: Option<i64>,
    /// ADE20K-Part-234: the parts that are said to be on this object.
    #[serde(default)]
    pub part_category_id: Option<Vec<i64>>,
    /// Whether an earlier annotation of the file has the same id.
    #[serde(skip)]
    pub(in crate::sources) is_repeat: bool,
}

fn no_segmentation() -> Segmentation {
    Segmentation::Unreadable(SegmentationError::Form { found: "no `segmentation`" })
}

/// Reads 0 and 1, which is how COCO writes it, and false and true.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    deserializer.deserialize_any(FlagVisitor)
}

struct FlagVisitor;

impl Visitor<'_> for FlagVisitor {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("0 or 1")
    }

    fn visit_bool<E>(self, value: bool) -> Result<bool, E> {
        Ok(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<bool, E> {
        match value {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(E::invalid_value(Unexpected::Unsigned(value), &self)),
        }
    }
}
