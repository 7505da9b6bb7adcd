//! Bars from left to right, one below the other.

use super::frame::{head, head_height};
use super::ticks::ticks;
use super::{Chart, grouped};
use crate::pictures::drawing::{Anchor, Drawing, FAINT, GRID, INK};
use crate::pictures::ruler::{MARGIN, NUMBERS, Ruler, WIDTH, WORDS};
use crate::{ResultError, palette};

const BAR: f32 = 16.0;
/// Between two categories.
const GAP: f32 = 10.0;
/// The widest a label gets.
const LABEL: f32 = 300.0;

pub(super) fn draw(chart: &Chart) -> Result<Drawing, ResultError> {
    let ruler = Ruler::new()?;
    let labels: Vec<(String, f32)> =
        chart.categories.iter().map(|label| ruler.fitted(label, WORDS, LABEL)).collect();
    let axis = ruler.fitted(&chart.category_axis, WORDS, LABEL);
    let label_width = labels.iter().map(|(_, width)| *width).fold(axis.1, f32::max);
    let number_width = ruler.measured(grouped(chart.largest()), NUMBERS).1;
    let (left, right) = (MARGIN + label_width + 12.0, WIDTH - MARGIN - number_width - 8.0);
    let category = BAR * chart.series.len() as f32 + GAP;
    let top = head_height(chart) + 26.0;
    let bottom = top + category * labels.len().max(1) as f32 + GAP;
    let mut drawing = Drawing::new(WIDTH, bottom + 52.0 + MARGIN * 0.5);
    head(chart, &mut drawing, &ruler);
    drawing.text(axis, WORDS, (left - 12.0, top - 8.0), Anchor::End, FAINT);

    let marks = ticks(chart.largest());
    let end = marks.last().copied().unwrap_or(1).max(1) as f32;
    let x = |value: u64| left + (right - left) * value as f32 / end;
    for &mark in &marks {
        drawing.line((x(mark), top), (x(mark), bottom), GRID);
        let number = ruler.measured(grouped(mark), NUMBERS);
        drawing.text(number, NUMBERS, (x(mark), bottom + 18.0), Anchor::Middle, FAINT);
    }
    let name = ruler.fitted(&chart.value_axis, WORDS, right - left);
    drawing.text(name, WORDS, (f32::midpoint(left, right), bottom + 40.0), Anchor::Middle, FAINT);

    for (place, label) in labels.into_iter().enumerate() {
        let start = top + GAP + category * place as f32;
        let middle = start + BAR * chart.series.len() as f32 / 2.0;
        drawing.text(label, WORDS, (left - 12.0, middle + WORDS * 0.36), Anchor::End, INK);
        for series in 0..chart.series.len() {
            let value = chart.value(series, place);
            let y = start + BAR * series as f32;
            let width = x(value) - left;
            drawing.bar((left, y), (width, BAR - 2.0), palette::color(series as u32 + 1));
            let number = ruler.measured(grouped(value), NUMBERS);
            let at = (x(value) + 5.0, y + BAR / 2.0 - 1.0 + NUMBERS * 0.36);
            drawing.text(number, NUMBERS, at, Anchor::Start, INK);
        }
    }
    drawing.line((left, top), (left, bottom), FAINT);
    Ok(drawing)
}
