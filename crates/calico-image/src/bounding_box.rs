/// The smallest upright rectangle around the foreground of a mask, in pixels.
///
/// It covers the columns `x..x + width` and the rows `y..y + height`, as COCO's `bbox` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BoundingBox {
    /// First column.
    pub x: u32,
    /// First row.
    pub y: u32,
    /// Number of columns, at least 1.
    pub width: u32,
    /// Number of rows, at least 1.
    pub height: u32,
}
