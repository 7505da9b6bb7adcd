use crate::Size;

/// How SAM places a picture on its square canvas: scaled so that the longest side is `side`,
/// in the top left corner, padded to the right and below.
///
/// The sizes are those of `ResizeLongestSide.get_preprocess_shape` of segment-anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Letterbox {
    /// Size of the picture.
    pub original: Size,
    /// Size of the picture on the canvas.
    pub resized: Size,
    /// Side of the canvas, in pixels.
    pub side: u32,
}

impl Letterbox {
    /// The placement of a picture of size `original` on a canvas of `side` by `side` pixels.
    ///
    /// Each side is rounded half up and is at least 1, however thin the picture.
    pub fn new(original: Size, side: u32) -> Self {
        let longest = original.height.max(original.width).max(1);
        let scale = f64::from(side) / f64::from(longest);
        let scaled = |length: u32| ((f64::from(length) * scale + 0.5).floor() as u32).max(1);
        let resized = Size::new(scaled(original.height), scaled(original.width));
        Self { original, resized, side }
    }

    /// The position on the canvas, in canvas pixels, of `(x, y)` in the picture.
    pub fn sam_from_original(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let (sx, sy) = self.scales();
        (x * sx, y * sy)
    }

    /// The position in the picture, in its pixels, of `(x, y)` on the canvas.
    pub fn original_from_sam(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let (sx, sy) = self.scales();
        (x / sx, y / sy)
    }

    /// Canvas pixels per picture pixel, horizontally and vertically: because of the rounding
    /// of the two sides they differ a little.
    fn scales(&self) -> (f64, f64) {
        let ratio = |to: u32, from: u32| f64::from(to) / f64::from(from.max(1));
        (
            ratio(self.resized.width, self.original.width),
            ratio(self.resized.height, self.original.height),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_side_fills_the_canvas() {
        let wide = Letterbox::new(Size::new(427, 640), 1024);
        assert_eq!(wide.resized, Size::new(683, 1024));
        let tall = Letterbox::new(Size::new(640, 427), 1024);
        assert_eq!(tall.resized, Size::new(1024, 683));
        let square = Letterbox::new(Size::new(1024, 1024), 1024);
        assert_eq!(square.resized, Size::new(1024, 1024));
    }

    #[test]
    fn halves_are_rounded_up() {
        assert_eq!(Letterbox::new(Size::new(5, 2048), 1024).resized, Size::new(3, 1024));
    }

    #[test]
    fn a_thread_of_a_picture_keeps_one_pixel() {
        assert_eq!(Letterbox::new(Size::new(1, 10_000), 1024).resized, Size::new(1, 1024));
    }

    #[test]
    fn the_corner_goes_to_the_corner_and_back() {
        let letterbox = Letterbox::new(Size::new(427, 640), 1024);
        assert_eq!(letterbox.sam_from_original((640.0, 427.0)), (1024.0, 683.0));
        assert_eq!(letterbox.original_from_sam((1024.0, 683.0)), (640.0, 427.0));
    }
}
