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
        // Pixels that are barely enlarged look better without their staircase. Large ones are shown
        // as they are, and so are specks, which smoothing would shrink.
        let is_smooth = self.enlargement().0 <= LARGEST_SMOOTHED;
        let mut path = PathBuilder::new();
        for polygon in outlines(mask) {
            for ring in std::iter::once(&polygon.exterior).chain(&polygon.holes) {
                let points = if is_smooth { smoothed(ring) } else { corners(ring) };
                for (index, point) in points.into_iter().enumerate() {
                    let (x, y) = self.map(point);
                    if index == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
                }
                path.close();
            }
        }
        path.finish()
    }
}

/// Enlargement up to which outlines are smoothed.
const LARGEST_SMOOTHED: f32 = 8.0;

/// The smallest outline that is smoothed, in pixel sides.
const SHORTEST_SMOOTHED: usize = 16;

/// A ring's points as they are.
fn corners(ring: &[(u32, u32)]) -> Vec<(f32, f32)> {
    ring.iter().map(|&(x, y)| (x as f32, y as f32)).collect()
}

/// The running mean over five of the pixel sides that a ring follows: straight lines stay, stairs
/// become slopes, and a right angle loses about one pixel.
fn smoothed(ring: &[(u32, u32)]) -> Vec<(f32, f32)> {
    let sides = sides(ring);
    let count = sides.len();
    if count < SHORTEST_SMOOTHED {
        return corners(ring);
    }
    let mean = |center: usize| {
        let near = (center + count - 2..=center + count + 2).map(|index| sides[index % count]);
        let (x, y) = near.fold((0.0, 0.0), |sum, side| (sum.0 + side.0, sum.1 + side.1));
        (x / 5.0, y / 5.0)
    };
    (0..count).map(mean).collect()
}

/// The middles of all pixel sides along a ring.
fn sides(ring: &[(u32, u32)]) -> Vec<(f32, f32)> {
    let next = ring.iter().cycle().skip(1);
    let along = |(&from, &to): (&(u32, u32), &(u32, u32))| {
        let length = from.0.abs_diff(to.0) + from.1.abs_diff(to.1);
        let at = move |a: u32, b: u32, step: f32| {
            a as f32 + (b as f32 - a as f32) * step / length as f32
        };
        (0..length).map(move |index| {
            let step = index as f32 + 0.5;
            (at(from.0, to.0, step), at(from.1, to.1, step))
        })
    };
    ring.iter().zip(next).flat_map(along).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_keeps_straight_lines_and_stays_within_a_pixel_or_so() {
        let square = [(0, 0), (20, 0), (20, 20), (0, 20)];
        let points = smoothed(&square);
        assert!(points.contains(&(10.5, 0.0)));
        let off = |&(x, y): &(f32, f32)| x.min(y).min(20.0 - x).min(20.0 - y);
        assert!(points.iter().all(|point| (0.0..1.0).contains(&off(point))));
    }

    #[test]
    fn a_speck_keeps_its_size() {
        assert_eq!(smoothed(&[(0, 0), (1, 0), (1, 1), (0, 1)]).len(), 4);
    }
}
