//! Bars from the bottom to the top, one beside the other.

use super::frame::{head, head_height};
use super::ticks::ticks;
use super::{Chart, grouped};
use crate::pictures::drawing::{Anchor, Drawing, FAINT, GRID, INK};
use crate::pictures::ruler::{MARGIN, NUMBERS, Ruler, WIDTH, WORDS};
use crate::{ResultError, palette};

/// Height of the tallest bar, about.
const HEIGHT: f32 = 320.0;
/// Size of a number on a bar.
const SMALL: f32 = 9.0;

pub(super) fn draw(chart: &Chart) -> Result<Drawing, ResultError> {
    let ruler = Ruler::new()?;
    let marks = ticks(chart.largest());
    let numbers: Vec<(String, f32)> =
        marks.iter().map(|mark| ruler.measured(grouped(*mark), NUMBERS)).collect();
    let number_width = numbers.iter().map(|(_, width)| *width).fold(0.0, f32::max);
    let (left, right) = (MARGIN + number_width + 10.0, WIDTH - MARGIN);
    let top = head_height(chart) + 40.0;
    let bottom = top + HEIGHT;
    let mut drawing = Drawing::new(WIDTH, bottom + 52.0 + MARGIN * 0.5);
    head(chart, &mut drawing, &ruler);
    let name = ruler.fitted(&chart.value_axis, WORDS, right - MARGIN);
    drawing.text(name, WORDS, (MARGIN, top - 18.0), Anchor::Start, FAINT);

    let end = marks.last().copied().unwrap_or(1).max(1) as f32;
    let y = |value: u64| bottom - HEIGHT * value as f32 / end;
    for (&mark, number) in marks.iter().zip(numbers) {
        drawing.line((left, y(mark)), (right, y(mark)), GRID);
        let at = (left - 8.0, y(mark) + NUMBERS * 0.36);
        drawing.text(number, NUMBERS, at, Anchor::End, FAINT);
    }
    let category = (right - left) / chart.categories.len().max(1) as f32;
    let gap = category * 0.18;
    let bar = (category - gap) / chart.series.len().max(1) as f32;
    for (place, label) in chart.categories.iter().enumerate() {
        let start = left + category * place as f32;
        let label = ruler.fitted(label, NUMBERS, category - 4.0);
        let at = (start + category / 2.0, bottom + 18.0);
        drawing.text(label, NUMBERS, at, Anchor::Middle, INK);
        for series in 0..chart.series.len() {
            let value = chart.value(series, place);
            let x = start + gap / 2.0 + bar * series as f32;
            let height = bottom - y(value);
            drawing.bar((x, y(value)), (bar - 1.0, height), palette::color(series as u32 + 1));
            let number = ruler.measured(grouped(value), SMALL);
            // A number that would run into its neighbour is left to the axis.
            if number.1 <= bar {
                let at = (x + bar / 2.0, y(value) - 4.0);
                drawing.text(number, SMALL, at, Anchor::Middle, INK);
            }
        }
    }
    let name = ruler.fitted(&chart.category_axis, WORDS, right - left);
    drawing.text(name, WORDS, (f32::midpoint(left, right), bottom + 40.0), Anchor::Middle, FAINT);
    drawing.line((left, bottom), (right, bottom), FAINT);
    Ok(drawing)
}
