use calico_image::Mask;
use tiny_skia::Rect;

use super::placement::Placement;

/// Side of a cell, canvas pixels.
const CELL: f32 = 4.0;

/// How much of a mask any rectangle covers, in constant time: a summed-area table over coarse
/// cells of the area that the photograph takes on the canvas.
pub(super) struct Coverage {
    left: f32,
    top: f32,
    columns: usize,
    rows: usize,
    /// Cells of the mask above and to the left, shape `[rows + 1, columns + 1]`.
    sums: Vec<u32>,
}

impl Coverage {
    pub(super) fn new(mask: &Mask, placement: &Placement) -> Self {
        let columns = (placement.drawn.width as f32 / CELL).ceil() as usize;
        let rows = (placement.drawn.height as f32 / CELL).ceil() as usize;
        let (left, top) = (placement.x as f32, placement.y as f32);
        let mut sums = vec![0; (rows + 1) * (columns + 1)];
        for row in 0..rows {
            let mut line = 0;
            for column in 0..columns {
                let center = |index: usize| (index as f32 + 0.5) * CELL;
                let (x, y) = placement.unmap((left + center(column), top + center(row)));
                line += u32::from(mask.get(y as u32, x as u32));
                let above = sums[row * (columns + 1) + column + 1];
                sums[(row + 1) * (columns + 1) + column + 1] = above + line;
            }
        }
        Self { left, top, columns, rows, sums }
    }

    /// The share of the mask under a rectangle, 0 to 1; 0 for a mask too small for any cell.
    pub(super) fn share(&self, rect: Rect) -> f32 {
        let total = self.sums.last().copied().unwrap_or(0);
        self.cells(rect) as f32 / total.max(1) as f32
    }

    /// The share of a rectangle that the mask fills, about, 0 to 1.
    pub(super) fn filled(&self, rect: Rect) -> f32 {
        let whole = rect.width() * rect.height() / (CELL * CELL);
        (self.cells(rect) as f32 / whole).min(1.0)
    }

    /// Cells of the mask in a rectangle.
    fn cells(&self, rect: Rect) -> u32 {
        let column = |x: f32| (((x - self.left) / CELL).round() as usize).min(self.columns);
        let row = |y: f32| (((y - self.top) / CELL).round() as usize).min(self.rows);
        let sum = |row: usize, column: usize| self.sums[row * (self.columns + 1) + column];
        let (left, right) = (column(rect.left()), column(rect.right()));
        let (top, bottom) = (row(rect.top()), row(rect.bottom()));
        sum(bottom, right) + sum(top, left) - sum(top, right) - sum(bottom, left)
    }
}

#[cfg(test)]
mod tests {
    use calico_image::Size;

    use super::*;
    use crate::sample;

    #[test]
    fn a_rectangle_over_half_of_a_mask_covers_half_of_it() {
        let size = Size::new(80, 100);
        let mask = sample::rectangle(size, [20, 40, 40, 40]);
        let drawn = Size::new(160, 200);
        let coverage = Coverage::new(&mask, &Placement { x: 8, y: 4, drawn, original: size });
        let share = |x, y, w, h| coverage.share(Rect::from_xywh(x, y, w, h).unwrap());
        assert!((share(48.0, 84.0, 40.0, 80.0) - 0.5).abs() < 0.01);
        assert!((share(0.0, 0.0, 300.0, 300.0) - 1.0).abs() < 0.01);
        assert!(share(8.0, 4.0, 40.0, 20.0) < 0.01);
    }
}
