use calico_image::{Mask, Size, outlines};
use tiny_skia::{Path, PathBuilder, Rect};

/// Where a photograph lies on the canvas, and how much it is enlarged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placement {
    /// Left edge, canvas pixels.
    pub(super) x: u32,
    /// Top edge, canvas pixels.
    pub(super) y: u32,
    /// Size on the canvas.
    pub(super) drawn: Size,
    /// Size of the original.
    pub(super) original: Size,
}

impl Placement {
    /// The area on the canvas.
    pub(super) fn area(&self) -> Option<Rect> {
        let Size { height, width } = self.drawn;
        Rect::from_xywh(self.x as f32, self.y as f32, width as f32, height as f32)
    }

    /// Canvas position of a position in the original.
    pub(super) fn map(&self, (x, y): (f32, f32)) -> (f32, f32) {
        let (across, down) = self.enlargement();
        (self.x as f32 + x * across, self.y as f32 + y * down)
    }

    /// Original position of a canvas position.
    pub(super) fn unmap(&self, (x, y): (f32, f32)) -> (f32, f32) {
        let (across, down) = self.enlargement();
        ((x - self.x as f32) / across, (y - self.y as f32) / down)
    }

    fn enlargement(&self) -> (f32, f32) {
        (
            self.drawn.width as f32 / self.original.width as f32,
            self.drawn.height as f32 / self.original.height as f32,
        )
    }

    /// The outline of a mask on the canvas; `None` when the mask is empty.
    pub(super) fn outline(&self, mask: &Mask) -> Option<Path> {
        // Pixels that are barely enlarged look better with their corners cut: a staircase becomes
        // a slope, nowhere off by more than half a pixel. Large ones are shown as they are.
        let cut = if self.enlargement().0 <= LARGEST_SMOOTHED { 0.5 } else { 0.0 };
        let mut path = PathBuilder::new();
        for polygon in outlines(mask) {
            for ring in std::iter::once(&polygon.exterior).chain(&polygon.holes) {
                self.add_ring(&mut path, ring, cut);
            }
        }
        path.finish()
    }

    /// Adds a closed line whose corners are cut off `cut` original pixels before they are reached.
    fn add_ring(&self, path: &mut PathBuilder, ring: &[(u32, u32)], cut: f32) {
        let corner = |index: usize| {
            let (x, y) = ring[index % ring.len()];
            (x as f32, y as f32)
        };
        for index in 0..ring.len() {
            let at = corner(index);
            let before = towards(at, corner(index + ring.len() - 1), cut);
            let after = towards(at, corner(index + 1), cut);
            let (x, y) = self.map(before);
            if index == 0 {
                path.move_to(x, y)
            } else {
                path.line_to(x, y)
            }
            let (x, y) = self.map(after);
            path.line_to(x, y);
        }
        path.close();
    }
}

/// Enlargement up to which corners are cut.
const LARGEST_SMOOTHED: f32 = 4.0;

/// The point `distance` away from `from` in the direction of `to`, along an axis.
fn towards(from: (f32, f32), to: (f32, f32), distance: f32) -> (f32, f32) {
    let step = |a: f32, b: f32| a + (b - a).clamp(-distance, distance);
    (step(from.0, to.0), step(from.1, to.1))
}
