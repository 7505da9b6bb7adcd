use std::fmt;

/// Height and width of a picture or a mask, in pixels.
///
/// Displayed the way people say it, width first: `640x480`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    /// Number of rows.
    pub height: u32,
    /// Number of columns.
    pub width: u32,
}

impl Size {
    /// A size of `height` rows and `width` columns.
    pub const fn new(height: u32, width: u32) -> Self {
        Self { height, width }
    }

    /// Height times width, which always fits.
    pub const fn pixels(self) -> u64 {
        self.height as u64 * self.width as u64
    }

    /// Whether there is no pixel at all.
    pub const fn is_empty(self) -> bool {
        self.height == 0 || self.width == 0
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_displayed_width_first() {
        assert_eq!(Size::new(480, 640).to_string(), "640x480");
    }

    #[test]
    fn the_largest_size_does_not_overflow() {
        let side = u64::from(u32::MAX);
        assert_eq!(Size::new(u32::MAX, u32::MAX).pixels(), side * side);
    }
}
