use crate::{Mask, Polygon};

/// The exact boundary of a mask along the edges of its pixels, one polygon per connected piece.
///
/// Pixels are connected through their sides (4-connected), so two that only share a corner
/// belong to different pieces, or to the same piece on two sides of a hole's corner.
/// Points on a straight line are merged.
/// Filling the polygons by the even-odd rule gives the mask back.
/// Polygons are ordered by their topmost, then leftmost pixel.
pub fn outlines(mask: &Mask) -> Vec<Polygon> {
    let (height, width) = (mask.size().height, mask.size().width);
    let mut tracer = Tracer::new(mask);
    let mut pieces = Pieces { mask, of_pixel: vec![0; mask.bits().len()] };
    let mut polygons: Vec<Polygon> = Vec::new();
    // The topmost, leftmost pixel of a piece is met first, and its upper side is a part of the
    // exterior. Every boundary not traced by then is that of a hole.
    for y in 0..height {
        for x in 0..width {
            if mask.get(y, x) && pieces.at(y, x) == 0 {
                pieces.flood((y, x), polygons.len() as u32 + 1);
                polygons.push(Polygon { exterior: tracer.trace(x, y), holes: Vec::new() });
            }
        }
    }
    for y in 0..height {
        for x in 0..width {
            if tracer.starts_at(x, y) {
                let piece = pieces.at(y, x) as usize - 1;
                polygons[piece].holes.push(tracer.trace(x, y));
            }
        }
    }
    polygons
}

/// The connected pieces of a mask.
struct Pieces<'a> {
    mask: &'a Mask,
    /// The number of each pixel's piece, from 1; 0 where there is none, or none yet.
    of_pixel: Vec<u32>,
}

impl Pieces<'_> {
    /// The number of a pixel's piece.
    fn at(&self, y: u32, x: u32) -> u32 {
        self.of_pixel[self.index(y, x)]
    }

    /// Numbers the piece around a foreground pixel.
    fn flood(&mut self, start: (u32, u32), number: u32) {
        let mut open = Vec::new();
        self.reach(start, number, &mut open);
        while let Some((y, x)) = open.pop() {
            // Stepping over the upper or left border wraps around to outside.
            let sides = [(y.wrapping_sub(1), x), (y, x.wrapping_sub(1)), (y + 1, x), (y, x + 1)];
            for side in sides {
                self.reach(side, number, &mut open);
            }
        }
    }

    /// Numbers a foreground pixel and notes it for its neighbours' sake, unless that was done:
    /// numbered at once, no pixel is noted twice.
    fn reach(&mut self, (y, x): (u32, u32), number: u32, open: &mut Vec<(u32, u32)>) {
        if self.mask.get(y, x) && self.at(y, x) == 0 {
            let index = self.index(y, x);
            self.of_pixel[index] = number;
            open.push((y, x));
        }
    }

    fn index(&self, y: u32, x: u32) -> usize {
        y as usize * self.mask.size().width as usize + x as usize
    }
}

/// Follows boundaries with the foreground to the right.
struct Tracer<'a> {
    mask: &'a Mask,
    /// Per pixel, whether its upper side has been followed. Every boundary has such a side.
    followed: Vec<bool>,
}

/// A walking direction along pixel edges.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Heading {
    East,
    South,
    West,
    North,
}

impl<'a> Tracer<'a> {
    fn new(mask: &'a Mask) -> Self {
        Self { mask, followed: vec![false; mask.bits().len()] }
    }

    /// Whether the upper side of pixel `(x, y)` is on a boundary that was not followed yet.
    fn starts_at(&self, x: u32, y: u32) -> bool {
        self.is_foreground(x, y, 0, 0)
            && !self.is_foreground(x, y, 0, -1)
            && !self.followed[self.index(x, y)]
    }

    /// Follows the boundary along the upper side of pixel `(x, y)` once around and returns its
    /// corners. The upper left corner of that pixel must be a corner of the boundary, as it is
    /// for the first such pixel in reading order.
    fn trace(&mut self, x: u32, y: u32) -> Vec<(u32, u32)> {
        let start = (x, y);
        let (mut x, mut y) = start;
        let mut heading = Heading::East;
        let mut corners = vec![start];
        loop {
            match heading {
                Heading::East => {
                    let index = self.index(x, y);
                    self.followed[index] = true;
                    x += 1;
                }
                Heading::South => y += 1,
                Heading::West => x -= 1,
                Heading::North => y -= 1,
            }
            let next = self.turn(x, y, heading);
            if (x, y) == start && next == Heading::East {
                return corners;
            }
            if next != heading {
                corners.push((x, y));
                heading = next;
            }
        }
    }

    /// The heading after the corner `(x, y)`, reached with `heading`.
    fn turn(&self, x: u32, y: u32, heading: Heading) -> Heading {
        use Heading::{East, North, South, West};
        let north_west = self.is_foreground(x, y, -1, -1);
        let north_east = self.is_foreground(x, y, 0, -1);
        let south_west = self.is_foreground(x, y, -1, 0);
        let south_east = self.is_foreground(x, y, 0, 0);
        let (ahead_left, ahead_right, left, right) = match heading {
            East => (north_east, south_east, North, South),
            South => (south_east, south_west, East, West),
            West => (south_west, north_west, South, North),
            North => (north_west, north_east, West, East),
        };
        // To the right first: where two pixels only share this corner, that parts them.
        match (ahead_left, ahead_right) {
            (_, false) => right,
            (true, true) => left,
            (false, true) => heading,
        }
    }

    /// Whether the pixel at `(x + dx, y + dy)` is foreground.
    fn is_foreground(&self, x: u32, y: u32, dx: i32, dy: i32) -> bool {
        self.mask.get(y.wrapping_add_signed(dy), x.wrapping_add_signed(dx))
    }

    fn index(&self, x: u32, y: u32) -> usize {
        y as usize * self.mask.size().width as usize + x as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Size;

    fn outlines_of(rows: &[&str]) -> Vec<Polygon> {
        let size = Size::new(rows.len() as u32, rows[0].len() as u32);
        let bits = rows.iter().flat_map(|row| row.bytes().map(|byte| byte == b'#')).collect();
        outlines(&Mask::new(size, bits).unwrap())
    }

    #[test]
    fn a_rectangle_has_four_corners_clockwise() {
        let polygons = outlines_of(&[".....", ".###.", ".###."]);
        let exterior = vec![(1, 1), (4, 1), (4, 3), (1, 3)];
        assert_eq!(polygons, [Polygon { exterior, holes: Vec::new() }]);
    }

    #[test]
    fn pixels_that_share_only_a_corner_are_parted() {
        let polygons = outlines_of(&["#.", ".#"]);
        assert_eq!(polygons[0].exterior, [(0, 0), (1, 0), (1, 1), (0, 1)]);
        assert_eq!(polygons[1].exterior, [(1, 1), (2, 1), (2, 2), (1, 2)]);
        assert_eq!(polygons.len(), 2);
    }

    #[test]
    fn a_hole_belongs_to_the_piece_around_it_and_runs_the_other_way() {
        let polygons = outlines_of(&["#####", "#...#", "#.#.#", "#...#", "#####"]);
        assert_eq!(polygons.len(), 2);
        assert_eq!(polygons[0].exterior, [(0, 0), (5, 0), (5, 5), (0, 5)]);
        assert_eq!(polygons[0].holes, [[(1, 4), (4, 4), (4, 1), (1, 1)]]);
        assert_eq!(polygons[1].exterior, [(2, 2), (3, 2), (3, 3), (2, 3)]);
        assert!(polygons[1].holes.is_empty());
    }

    #[test]
    fn an_empty_mask_has_no_outlines() {
        assert!(outlines(&Mask::empty(Size::new(3, 3))).is_empty());
        assert!(outlines(&Mask::empty(Size::new(0, 3))).is_empty());
    }
}
