//! Polygons and boxes as COCO's tools fill them (`rleFrPoly` and `rleFrBbox` of `maskApi.c`).
//!
//! That code samples the outline at five steps per pixel, keeps the samples that enter or leave
//! the middle step of a pixel column, rounds them to a pixel edge, and lets the mask change value
//! at each of them, down the columns.
//! Which pixels this fills is not what an even-odd fill would: up to one pixel per edge differs.
//!
//! The samples are a formula of their number along an edge.
//! So only those at the middle of a column within the picture are computed here, and how far an
//! outline reaches beyond the picture costs nothing.

use crate::{ImageError, Rle, Size};

/// Steps of the outline per pixel.
const STEPS: i64 = 5;
/// The step behind which the middle of a pixel lies.
const MIDDLE: i64 = 2;
/// The largest coordinate: five times as much fits the 32-bit numbers that pycocotools uses.
const FARTHEST: f64 = 400_000_000.0;
/// The most crossings of edges and pixel columns: 80 MB.
const MOST_CROSSINGS: u64 = 10_000_000;

impl Rle {
    /// The most numbers a list of polygons may have in all.
    pub const MAX_POLYGON_NUMBERS: usize = 100_000;

    /// The union of polygons `[x0, y0, x1, y1, …]`, to the pixel what pycocotools' `frPyObjects`
    /// and `merge` make of them; of no polygon, the empty mask.
    ///
    /// Coordinates are those of pixel corners.
    /// What lies outside of the picture is cut off.
    ///
    /// # Errors
    ///
    /// A polygon with fewer than 6 numbers, an odd number of them, or one that is not finite or
    /// beyond ±400 million; a list with more than
    /// [`MAX_POLYGON_NUMBERS`](Self::MAX_POLYGON_NUMBERS) numbers, or with more than 10 million
    /// crossings of edges and pixel columns.
    pub fn from_polygons(size: Size, polygons: &[Vec<f64>]) -> Result<Self, ImageError> {
        let found = polygons.iter().map(Vec::len).sum();
        if found > Self::MAX_POLYGON_NUMBERS {
            return Err(ImageError::PolygonLong { found, most: Self::MAX_POLYGON_NUMBERS });
        }
        let mut outlines = Vec::with_capacity(polygons.len());
        for (index, numbers) in polygons.iter().enumerate() {
            if numbers.len() < 6 || !numbers.len().is_multiple_of(2) {
                return Err(ImageError::PolygonLength { index, found: numbers.len() });
            }
            outlines.push(outline(index, numbers)?);
        }
        fill(size, &outlines)
    }

    /// A box `[x, y, width, height]`, to the pixel what pycocotools makes of it.
    ///
    /// The polygons of an annotation are read as boxes if the first of them has four numbers.
    /// Errors are those of [`from_polygons`](Self::from_polygons).
    pub fn from_box(size: Size, corners: [f64; 4]) -> Result<Self, ImageError> {
        let [left, top, width, height] = corners;
        let (right, bottom) = (left + width, top + height);
        fill(size, &[outline(0, &[left, top, left, bottom, right, bottom, right, top])?])
    }
}

/// The edges of an outline on the grid of five steps per pixel.
fn outline(index: usize, numbers: &[f64]) -> Result<Vec<Edge>, ImageError> {
    if let Some(at) = numbers.iter().position(|number| number.is_nan() || number.abs() > FARTHEST) {
        return Err(ImageError::PolygonNumber { index, at, found: numbers[at] });
    }
    // As upstream, half a step is added and what follows the point dropped, below 0 as well.
    let step = |number: f64| (STEPS as f64 * number + 0.5) as i64;
    let corners = numbers.as_chunks().0.iter().map(|&[x, y]| (step(x), step(y)));
    let ends = corners.clone().cycle().skip(1);
    Ok(corners.zip(ends).map(|(from, to)| Edge::new(from, to)).collect())
}

/// The union of outlines.
fn fill(size: Size, outlines: &[Vec<Edge>]) -> Result<Rle, ImageError> {
    if size.is_empty() {
        return Ok(Rle::empty(size));
    }
    let edges = outlines.iter().flatten();
    let crossings: u64 = edges.map(|edge| edge.columns(size.width).crossings()).sum();
    if crossings > MOST_CROSSINGS {
        return Err(ImageError::PolygonCrossings { found: crossings, most: MOST_CROSSINGS });
    }
    let height = i64::from(size.height);
    let mut spans = Vec::with_capacity(crossings as usize / 2);
    let mut changes = Vec::new();
    for edges in outlines {
        changes.clear();
        for edge in edges {
            let Columns { first, last } = edge.columns(size.width);
            for column in first..=last {
                // Half a pixel up, and on to the next edge between pixels.
                let row = (edge.crossing(column) + MIDDLE).div_euclid(STEPS).clamp(0, height);
                changes.push(column as u64 * u64::from(size.height) + row as u64);
            }
        }
        changes.sort_unstable();
        let pairs = changes.as_chunks().0.iter().map(|&[from, to]| (from, to));
        spans.extend(pairs.filter(|(from, to)| from < to));
        // A closed outline crosses a column an even number of times.
        debug_assert!(changes.len().is_multiple_of(2));
    }
    Rle::from_spans(size, spans)
}

/// A straight edge, sampled once per step along its longer side.
struct Edge {
    /// The end with the smaller coordinate along the longer side.
    from: (i64, i64),
    to: (i64, i64),
    /// Whether the longer side is `x`; then there is a sample in each step of `x`.
    flat: bool,
    /// Change of the other coordinate per sample.
    slope: f64,
}

impl Edge {
    fn new(from: (i64, i64), to: (i64, i64)) -> Self {
        let (width, height) = ((to.0 - from.0).abs(), (to.1 - from.1).abs());
        let flat = width >= height;
        let flip = if flat { from.0 > to.0 } else { from.1 > to.1 };
        let (from, to) = if flip { (to, from) } else { (from, to) };
        let slope = match (flat, width) {
            // A corner that repeats the one before.
            (true, 0) => 0.0,
            (true, _) => (to.1 - from.1) as f64 / width as f64,
            (false, _) => (to.0 - from.0) as f64 / height as f64,
        };
        Self { from, to, flat, slope }
    }

    /// The pixel columns within `width` whose middle this edge crosses.
    fn columns(&self, width: u32) -> Columns {
        let (left, right) = (self.from.0.min(self.to.0), self.from.0.max(self.to.0));
        // Crossed are the columns with `left <= STEPS * column + MIDDLE < right`.
        Columns {
            first: (left - MIDDLE + STEPS - 1).div_euclid(STEPS).max(0),
            last: (right - MIDDLE - 1).div_euclid(STEPS).min(i64::from(width) - 1),
        }
    }

    /// The upper one of the two samples between which this edge crosses the middle of a column
    /// that is one of its [`columns`](Self::columns).
    fn crossing(&self, column: i64) -> i64 {
        let middle = STEPS * column + MIDDLE;
        if self.flat {
            let sample = middle - self.from.0;
            return self.across(self.from.1, sample).min(self.across(self.from.1, sample + 1));
        }
        // The first sample behind the middle: as the line says, but for rounding.
        let behind = |sample| {
            let x = self.across(self.from.0, sample);
            if self.slope > 0.0 { x > middle } else { x <= middle }
        };
        let exact = (middle as f64 + 0.5 - self.from.0 as f64) / self.slope;
        let mut sample = (exact as i64).clamp(1, self.to.1 - self.from.1);
        while behind(sample - 1) {
            sample -= 1;
        }
        while !behind(sample) {
            sample += 1;
        }
        self.from.1 + sample - 1
    }

    /// The coordinate along the shorter side, from its value at the first sample.
    fn across(&self, first: i64, sample: i64) -> i64 {
        (first as f64 + self.slope * sample as f64 + 0.5) as i64
    }
}

/// A range of pixel columns, empty if `last < first`.
struct Columns {
    first: i64,
    last: i64,
}

impl Columns {
    fn crossings(&self) -> u64 {
        (self.last - self.first + 1).max(0) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill_one(size: Size, numbers: &[f64]) -> Result<Rle, ImageError> {
        Rle::from_polygons(size, &[numbers.to_vec()])
    }

    #[test]
    fn a_rectangle_between_pixel_corners_fills_its_pixels() {
        let rle = fill_one(Size::new(4, 5), &[1.0, 1.0, 4.0, 1.0, 4.0, 3.0, 1.0, 3.0]).unwrap();
        assert_eq!(rle.counts(), [5, 2, 2, 2, 2, 2, 5]);
        assert_eq!(Rle::from_box(Size::new(4, 5), [1.0, 1.0, 3.0, 2.0]).unwrap(), rle);
    }

    #[test]
    fn a_repeated_corner_changes_nothing() {
        let size = Size::new(20, 20);
        let triangle = fill_one(size, &[2.0, 3.0, 17.5, 6.2, 8.0, 19.0]).unwrap();
        let repeated = [2.0, 3.0, 2.0, 3.0, 17.5, 6.2, 17.5, 6.2, 8.0, 19.0, 2.0, 3.0];
        assert_eq!(fill_one(size, &repeated).unwrap(), triangle);
    }

    #[test]
    fn polygons_of_wrong_lengths_are_refused() {
        let size = Size::new(9, 9);
        for length in [0, 1, 2, 4, 5, 7] {
            let numbers = vec![1.0; length];
            let list = [vec![1.0; 6], numbers];
            let error = Rle::from_polygons(size, &list).unwrap_err();
            assert!(
                matches!(error, ImageError::PolygonLength { index: 1, found } if found == length),
                "{error}"
            );
        }
    }

    #[test]
    fn numbers_that_are_not_finite_or_too_far_are_refused() {
        for wrong in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -4.1e8] {
            let error = fill_one(Size::new(9, 9), &[1.0, 1.0, 5.0, wrong, 5.0, 5.0]).unwrap_err();
            assert!(matches!(error, ImageError::PolygonNumber { index: 0, at: 3, .. }), "{error}");
        }
    }

    #[test]
    fn what_lies_far_outside_is_cut_off() {
        let far = 4e8;
        let numbers = [-far, -far, far, -far, far, far, -far, far];
        let rle = fill_one(Size::new(30, 40), &numbers).unwrap();
        assert_eq!(rle.counts(), [0, 1200]);
    }
}
