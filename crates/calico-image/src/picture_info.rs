use crate::{ColorMode, Size};

/// What the header of a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureInfo {
    /// Height and width; upright where the orientation is applied.
    pub size: Size,
    /// What a pixel holds in the file.
    pub mode: ColorMode,
}
