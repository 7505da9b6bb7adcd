use calico_image::{Frame, Size};
use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, Transform,
};

use super::typeface::Typeface;
use crate::ResultError;

/// Red, green, blue.
pub(super) type Rgb = [u8; 3];

/// The largest side, set by the drawing library.
pub(super) const LARGEST_SIDE: u32 = 32_767;

/// An opaque drawing area in pixels.
pub(super) struct Canvas {
    pixmap: Pixmap,
    typeface: Typeface,
}

impl Canvas {
    /// An area in one colour.
    pub(super) fn new(size: Size, [r, g, b]: Rgb) -> Result<Self, ResultError> {
        let Size { height, width } = size;
        let mut pixmap = Some(size)
            .filter(|_| width.max(height) <= LARGEST_SIDE)
            .and_then(|_| Pixmap::new(width, height))
            .ok_or(ResultError::Canvas { width, height })?;
        pixmap.fill(Color::from_rgba8(r, g, b, 255));
        Ok(Self { pixmap, typeface: Typeface::embedded()? })
    }

    pub(super) fn typeface(&self) -> &Typeface {
        &self.typeface
    }

    /// Copies a picture with its top left corner at `(x, y)`; what lies outside is cut off.
    pub(super) fn paste(&mut self, picture: &Frame, (x, y): (u32, u32)) {
        let (width, height) = (self.pixmap.width(), self.pixmap.height());
        let columns = picture.size().width.min(width.saturating_sub(x)) as usize;
        let rows = picture.size().height.min(height.saturating_sub(y));
        let data = self.pixmap.data_mut();
        let lines = picture.pixels().chunks_exact(picture.size().width as usize * 3);
        for (row, line) in lines.take(rows as usize).enumerate() {
            let start = ((y as usize + row) * width as usize + x as usize) * 4;
            let target = data[start..start + columns * 4].chunks_exact_mut(4);
            for (pixel, color) in target.zip(line.chunks_exact(3)) {
                pixel[..3].copy_from_slice(color);
            }
        }
    }

    /// Fills a path by the even-odd rule.
    pub(super) fn fill(&mut self, path: &Path, color: Rgb, opacity: f32) {
        let paint = paint(color, opacity);
        self.pixmap.fill_path(path, &paint, FillRule::EvenOdd, Transform::identity(), None);
    }

    /// Draws the line of a path, `width` pixels wide.
    pub(super) fn stroke(&mut self, path: &Path, color: Rgb, opacity: f32, width: f32) {
        let stroke = Stroke {
            width,
            line_cap: LineCap::Round,
            line_join: LineJoin::Round,
            ..Stroke::default()
        };
        let paint = paint(color, opacity);
        self.pixmap.stroke_path(path, &paint, &stroke, Transform::identity(), None);
    }

    /// Draws one line of text that begins at `(x, baseline)`; what lies outside is cut off.
    pub(super) fn text(&mut self, text: &str, size: f32, at: (f32, f32), color: Rgb) {
        let (width, height) = (i64::from(self.pixmap.width()), i64::from(self.pixmap.height()));
        let data = self.pixmap.data_mut();
        self.typeface.draw(text, size, at, |x, y, coverage| {
            if !(0..width).contains(&x) || !(0..height).contains(&y) {
                return;
            }
            let start = ((y * width + x) * 4) as usize;
            let coverage = coverage.clamp(0.0, 1.0);
            for (channel, ink) in data[start..start + 3].iter_mut().zip(color) {
                let mixed = f32::from(*channel) * (1.0 - coverage) + f32::from(ink) * coverage;
                *channel = mixed.round() as u8;
            }
        });
    }

    /// The finished picture.
    pub(super) fn into_frame(self) -> Result<Frame, ResultError> {
        let size = Size::new(self.pixmap.height(), self.pixmap.width());
        // Nothing transparent was ever laid on the opaque ground, so the fourth byte is 255.
        let pixels = self.pixmap.data().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
        Ok(Frame::new(size, pixels)?)
    }
}

fn paint([r, g, b]: Rgb, opacity: f32) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(r, g, b, (opacity.clamp(0.0, 1.0) * 255.0).round() as u8);
    paint
}

/// A rectangle with round corners; `None` if it has no area.
pub(super) fn rounded(rect: Rect, radius: f32) -> Option<Path> {
    let radius = radius.min(rect.width() / 2.0).min(rect.height() / 2.0);
    let (left, top, right, bottom) = (rect.left(), rect.top(), rect.right(), rect.bottom());
    let mut path = PathBuilder::new();
    path.move_to(left + radius, top);
    path.line_to(right - radius, top);
    path.quad_to(right, top, right, top + radius);
    path.line_to(right, bottom - radius);
    path.quad_to(right, bottom, right - radius, bottom);
    path.line_to(left + radius, bottom);
    path.quad_to(left, bottom, left, bottom - radius);
    path.line_to(left, top + radius);
    path.quad_to(left, top, left + radius, top);
    path.close();
    path.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_pictures_beyond_the_edges_are_cut_off() {
        let mut canvas = Canvas::new(Size::new(4, 4), [255; 3]).unwrap();
        let picture = Frame::new(Size::new(3, 3), vec![7; 27]).unwrap();
        canvas.paste(&picture, (2, 2));
        canvas.paste(&picture, (9, 9));
        canvas.text("Wide text", 40.0, (-10.0, 3.0), [0; 3]);
        let pixels = canvas.into_frame().unwrap();
        assert_eq!(pixels.size(), Size::new(4, 4));
    }

    #[test]
    fn an_area_that_cannot_be_drawn_is_an_error() {
        for size in [Size::new(0, 3), Size::new(40_000, 1)] {
            let error = Canvas::new(size, [0; 3]).err();
            assert!(matches!(error, Some(ResultError::Canvas { .. })));
        }
    }
}
