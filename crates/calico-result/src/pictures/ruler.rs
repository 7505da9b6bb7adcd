use super::drawing::{Anchor, Drawing, FAINT, INK};
use super::typeface::Typeface;
use crate::ResultError;

pub(super) const WIDTH: f32 = 960.0;
pub(super) const MARGIN: f32 = 28.0;
/// Size of the words at axes and bars.
pub(super) const WORDS: f32 = 13.0;
/// Size of the numbers at axes and bars.
pub(super) const NUMBERS: f32 = 12.0;
pub(super) const TITLE: f32 = 20.0;
/// From the title to the note.
const NOTE: f32 = 22.0;

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

    /// Draws the title and the note of a chart; returns the baseline of the last of them.
    pub(super) fn title(&self, drawing: &mut Drawing, title: &str, note: &str) -> f32 {
        let inside = WIDTH - 2.0 * MARGIN;
        let mut baseline = MARGIN + TITLE * 0.8;
        let title = self.fitted(title, TITLE, inside);
        drawing.text(title, TITLE, (MARGIN, baseline), Anchor::Start, INK);
        if !note.is_empty() {
            baseline += NOTE;
            let note = self.fitted(note, WORDS, inside);
            drawing.text(note, WORDS, (MARGIN, baseline), Anchor::Start, FAINT);
        }
        baseline
    }
}

/// The height of a title and its note.
pub(super) fn title_height(note: &str) -> f32 {
    MARGIN + TITLE + if note.is_empty() { 0.0 } else { NOTE }
}
