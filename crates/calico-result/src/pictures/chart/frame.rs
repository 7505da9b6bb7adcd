//! What both directions have: title, note, legend.

use super::Chart;
use crate::palette;
use crate::pictures::drawing::{Anchor, Drawing, INK};
use crate::pictures::ruler::{MARGIN, Ruler, WIDTH, WORDS, title_height};

/// Side of a coloured square in the legend.
const KEY: f32 = 12.0;

/// The height of what [`head`] draws.
pub(super) fn head_height(chart: &Chart) -> f32 {
    let legend = if chart.series.len() > 1 { 30.0 } else { 0.0 };
    title_height(&chart.note) + legend + 8.0
}

/// Draws title, note and legend.
pub(super) fn head(chart: &Chart, drawing: &mut Drawing, ruler: &Ruler) {
    let mut baseline = ruler.title(drawing, &chart.title, &chart.note);
    if chart.series.len() < 2 {
        return;
    }
    baseline += 30.0;
    let mut left = MARGIN;
    for (series, group) in chart.series.iter().zip(1..) {
        drawing.bar((left, baseline - KEY + 2.0), (KEY, KEY), palette::color(group));
        let name = ruler.fitted(&series.name, WORDS, (WIDTH - 2.0 * MARGIN) / 4.0);
        left += KEY + 7.0;
        let width = name.1;
        drawing.text(name, WORDS, (left, baseline), Anchor::Start, INK);
        left += width + 24.0;
    }
}
