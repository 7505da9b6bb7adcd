use serde::Deserialize;

/// An image record.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CocoImage {
    /// Its id within the file.
    pub id: i64,
    /// Where the picture is; what this is relative to depends on the source.
    pub file_name: Option<String>,
    /// Where COCO keeps the picture.
    pub coco_url: Option<String>,
    /// Number of columns, unchecked.
    pub width: u64,
    /// Number of rows, unchecked.
    pub height: u64,
    /// LVIS and PACO: classes of which the image shows more than is annotated.
    #[serde(default)]
    pub not_exhaustive_category_ids: Vec<i64>,
}
