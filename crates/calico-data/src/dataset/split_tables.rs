use super::{ImageTable, RegionTable};

/// The images and regions of a split, in memory.
#[derive(Debug, Clone)]
pub struct SplitTables {
    /// Its images.
    pub images: ImageTable,
    /// Its regions.
    pub regions: RegionTable,
}
