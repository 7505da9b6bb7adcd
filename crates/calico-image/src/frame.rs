use std::fmt;

use crate::{ImageError, Size};

/// A decoded picture: upright, three 8-bit channels in the order red, green, blue.
///
/// The bytes are row-major and interleaved, `height * width * 3` of them, and there is at least
/// one pixel.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    size: Size,
    pixels: Vec<u8>,
}

impl Frame {
    /// Bytes per pixel.
    pub(crate) const CHANNELS: usize = 3;

    /// A picture from its bytes, shape `[height, width, 3]`.
    pub fn new(size: Size, pixels: Vec<u8>) -> Result<Self, ImageError> {
        if size.is_empty() {
            return Err(ImageError::NoPixels { size });
        }
        let expected = size.pixels().saturating_mul(Self::CHANNELS as u64);
        if pixels.len() as u64 != expected {
            return Err(ImageError::FrameLength { size, expected, found: pixels.len() });
        }
        Ok(Self { size, pixels })
    }

    /// Height and width.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// The bytes, shape `[height, width, 3]`.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The bytes, shape `[height, width, 3]`, without a copy.
    pub fn into_pixels(self) -> Vec<u8> {
        self.pixels
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({})", self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_do_not_fill_the_size_are_refused() {
        let error = Frame::new(Size::new(2, 3), vec![0; 17]).unwrap_err();
        assert!(matches!(error, ImageError::FrameLength { expected: 18, found: 17, .. }));
    }

    #[test]
    fn a_frame_has_at_least_one_pixel() {
        let error = Frame::new(Size::new(0, 3), Vec::new()).unwrap_err();
        assert!(matches!(error, ImageError::NoPixels { .. }));
    }
}
