use crate::ImageEntry;

/// Between panels.
const GAP: u32 = 20;
/// Height of the line with the name of an image.
pub(super) const CAPTION: u32 = 32;
const CONTENT_WIDTH: f64 = 1520.0;
/// Narrower content makes the text below hard to read.
const SMALLEST_CONTENT_WIDTH: u32 = 760;
const LARGEST_PANEL: f64 = 480.0;
/// Panels keep to these shapes (width by height); a longer picture is centred in its panel.
const SHAPES: (f64, f64) = (0.4, 2.5);
/// The most that panels are made smaller and rows longer; beyond it little is seen in a panel.
pub(super) const DENSEST: u32 = 3;

/// Where the panels of one answer go: rows of equal height.
pub(super) struct Grid {
    /// Left and top of each panel, from the top left corner of the first caption.
    pub(super) corners: Vec<(u32, u32)>,
    pub(super) widths: Vec<u32>,
    pub(super) panel_height: u32,
    /// Of the widest row, and at least readable.
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Grid {
    /// The panels of the images; at a density of 2 rows are twice as full and half as high.
    pub(super) fn new(images: &[ImageEntry], density: u32) -> Self {
        let columns = match images.len() {
            0..=4 => images.len().max(1),
            5..=6 | 9 => 3,
            _ => 4,
        };
        let columns = (columns * density as usize).min(images.len().max(1));
        let shape = |image: &ImageEntry| {
            (f64::from(image.width) / f64::from(image.height)).clamp(SHAPES.0, SHAPES.1)
        };
        // The fullest row decides the height, so that all rows are alike.
        let fitting = |row: &[ImageEntry]| {
            let gaps = f64::from(GAP) * (row.len() - 1) as f64;
            (CONTENT_WIDTH - gaps) / row.iter().map(shape).sum::<f64>()
        };
        let panel_height =
            images.chunks(columns).map(fitting).fold(LARGEST_PANEL / f64::from(density), f64::min);
        let widths: Vec<u32> =
            images.iter().map(|image| (shape(image) * panel_height).round() as u32).collect();
        let panel_height = panel_height.round() as u32;
        let mut corners = Vec::new();
        let (mut width, mut height) = (SMALLEST_CONTENT_WIDTH, 0);
        for row in widths.chunks(columns) {
            let mut x = 0;
            for panel in row {
                corners.push((x, height));
                x += panel + GAP;
            }
            width = width.max(x - GAP);
            height += CAPTION + panel_height + GAP;
        }
        Self { corners, widths, panel_height, width, height: height.saturating_sub(GAP) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry((width, height): (u32, u32)) -> ImageEntry {
        ImageEntry { index: 1, file_name: "a.png".into(), width, height }
    }

    #[test]
    fn rows_hold_at_most_four_images_and_never_leave_the_content() {
        for count in 0..12 {
            let images: Vec<_> = (0..count).map(|i| entry((300 + 40 * i, 300))).collect();
            let grid = Grid::new(&images, 1);
            let rows: std::collections::BTreeSet<_> = grid.corners.iter().map(|c| c.1).collect();
            assert!(count as usize <= rows.len() * 4);
            assert!(grid.width <= 1530, "{count} images take {}", grid.width);
        }
    }

    #[test]
    fn extreme_shapes_get_a_panel_that_can_be_seen() {
        let grid = Grid::new(&[entry((1, 5000)), entry((5000, 1)), entry((1, 1))], 1);
        assert!(grid.panel_height > 300 && grid.widths.iter().all(|width| *width > 100));
    }

    #[test]
    fn a_denser_grid_is_lower_and_no_wider() {
        let images: Vec<_> = (0..100).map(|i| entry((300 + 40 * (i % 5), 300))).collect();
        let heights = (1..=DENSEST).map(|density| {
            let grid = Grid::new(&images, density);
            assert!(grid.width <= 1540, "{}", grid.width);
            grid.height
        });
        assert!(heights.collect::<Vec<_>>().is_sorted_by(|a, b| *b < a / 4 * 3));
    }
}
