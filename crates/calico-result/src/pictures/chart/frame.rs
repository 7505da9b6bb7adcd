//! What both directions have: title, note, legend.

use super::Chart;
use super::drawing::{Anchor, Drawing, FAINT, INK};
use crate::ResultError;
use crate::palette;
use crate::pictures::typeface::Typeface;

pub(super) const WIDTH: f32 = 960.0;
pub(super) const MARGIN: f32 = 28.0;
/// Size of the words at axes and bars.
pub(super) const WORDS: f32 = 13.0;
/// Size of the numbers at axes and bars.
pub(super) const NUMBERS: f32 = 12.0;
const TITLE: f32 = 20.0;
/// Side of a coloured square in the legend.
const KEY: f32 = 12.0;

/// Measures the texts of a chart.
pub(super) struct Ruler(Typeface);

impl Ruler {
    pub(super) fn new() -> Result<Self, ResultError> {
        Ok(Self(Typeface::embedded()?))
    }

    /// A text with its width, shortened to a limit.
    pub(super) fn fitted(&self, text: &str, size: f32, limit: f32) -> (String, f32) {
        let text = self.0.fitted(text, size, limit);
        let width = self.0.width(&text, size);
        (text, width)
    }

    /// A text with its width.
    pub(super) fn measured(&self, text: String, size: f32) -> (String, f32) {
        let width = self.0.width(&text, size);
        (text, width)
    }
}

/// The height of what [`head`] draws.
pub(super) fn head_height(chart: &Chart) -> f32 {
    let note = if chart.note.is_empty() { 0.0 } else { 22.0 };
    let legend = if chart.series.len() > 1 { 30.0 } else { 0.0 };
    MARGIN + TITLE + note + legend + 8.0
}

/// Draws title, note and legend.
pub(super) fn head(chart: &Chart, drawing: &mut Drawing, ruler: &Ruler) {
    let inside = WIDTH - 2.0 * MARGIN;
    let mut baseline = MARGIN + TITLE * 0.8;
    let title = ruler.fitted(&chart.title, TITLE, inside);
    drawing.text(title, TITLE, (MARGIN, baseline), Anchor::Start, INK);
    if !chart.note.is_empty() {
        baseline += 22.0;
        let note = ruler.fitted(&chart.note, WORDS, inside);
        drawing.text(note, WORDS, (MARGIN, baseline), Anchor::Start, FAINT);
    }
    if chart.series.len() < 2 {
        return;
    }
    baseline += 30.0;
    let mut left = MARGIN;
    for (series, group) in chart.series.iter().zip(1..) {
        drawing.bar((left, baseline - KEY + 2.0), (KEY, KEY), palette::color(group));
        let name = ruler.fitted(&series.name, WORDS, inside / 4.0);
        left += KEY + 7.0;
        let width = name.1;
        drawing.text(name, WORDS, (left, baseline), Anchor::Start, INK);
        left += width + 24.0;
    }
}
