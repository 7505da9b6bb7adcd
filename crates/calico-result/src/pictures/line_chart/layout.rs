//! The one layout of a chart, from which SVG and picture are made.

use super::axis::{Axis, transformed};
use super::smoothing::smoothed;
use super::thinning::thinned;
use super::{LineChart, Scale};
use crate::ResultError;
use crate::palette::LINES;
use crate::pictures::drawing::{Anchor, Drawing, FAINT, GRID, INK};
use crate::pictures::ruler::{MARGIN, NUMBERS, Ruler, WIDTH, WORDS, title_height};

/// Height of the area of the lines.
const HEIGHT: f32 = 320.0;
/// Between two rows of the legend.
const ROW: f32 = 22.0;
/// Length of a line in the legend.
const KEY: f32 = 22.0;
/// Lines with at most as many points show them.
const DOTS: usize = 40;
/// A range with all values is taken unless it is so much larger than that of nearly all.
const OUTLYING: f64 = 2.5;

/// Draws a chart.
pub(super) fn draw(chart: &LineChart) -> Result<Drawing, ResultError> {
    let ruler = Ruler::new()?;
    let curves: Vec<Curve> = chart.lines.iter().map(|line| Curve::new(line, chart.scale)).collect();
    let legend = legend(chart, &ruler);
    let rows = legend.last().map_or(0.0, |entry| entry.row + 1.0);
    let legend_top = title_height(&chart.note) + 8.0;
    let names = if chart.marks.is_empty() { 0.0 } else { 20.0 };
    let top = (legend_top + rows * ROW + 34.0 + names).round();
    let bottom = top + HEIGHT;
    let mut drawing = Drawing::new(WIDTH, bottom + 52.0 + MARGIN * 0.5);
    ruler.title(&mut drawing, &chart.title, &chart.note);

    let (x_axis, y_axis) = axes(chart, &curves);
    let numbers: Vec<(String, f32)> =
        y_axis.marks.iter().map(|(_, text)| ruler.measured(text.clone(), NUMBERS)).collect();
    let number_width = numbers.iter().map(|(_, width)| *width).fold(0.0, f32::max);
    let left = (MARGIN + number_width + 10.0).round();
    let area = Area { left, right: WIDTH - MARGIN, top, bottom, x_axis, y_axis };
    area.grid(&mut drawing, numbers, &ruler);
    let name = ruler.fitted(&chart.y_axis, WORDS, WIDTH - 2.0 * MARGIN);
    drawing.text(name, WORDS, (MARGIN, top - names - 14.0), Anchor::Start, FAINT);
    let name = ruler.fitted(&chart.x_axis, WORDS, area.right - left);
    let middle = f32::midpoint(left, area.right);
    drawing.text(name, WORDS, (middle, bottom + 40.0), Anchor::Middle, FAINT);
    area.marks(&mut drawing, chart, &ruler);

    for (curve, color) in curves.iter().zip(colors()).filter(|(curve, _)| curve.smooth.is_some()) {
        for points in area.placed(&curve.raw) {
            drawing.curve(thinned(&points), color, 0.3, 1.0);
        }
    }
    for (curve, color) in curves.iter().zip(colors()) {
        let line = curve.smooth.as_ref().unwrap_or(&curve.raw);
        for points in area.placed(line) {
            if line.len() <= DOTS {
                for point in &points {
                    drawing.curve(vec![*point], color, 1.0, 6.0);
                }
            }
            drawing.curve(thinned(&points), color, 1.0, 2.0);
        }
    }
    for (entry, color) in legend.into_iter().zip(colors()) {
        let baseline = legend_top + entry.row * ROW + 14.0;
        let y = baseline - 4.5;
        // The round ends stand out by half of the width.
        let key = vec![(entry.left + 1.5, y), (entry.left + KEY - 1.5, y)];
        drawing.curve(key, color, 1.0, 3.0);
        let at = (entry.left + KEY + 8.0, baseline);
        drawing.text(entry.name, WORDS, at, Anchor::Start, INK);
    }
    Ok(drawing)
}

fn colors() -> impl Iterator<Item = [u8; 3]> {
    LINES.into_iter().map(|[light, _]| light).cycle()
}

/// A line, and what smooths it.
struct Curve {
    raw: Vec<(f64, f64)>,
    smooth: Option<Vec<(f64, f64)>>,
}

impl Curve {
    fn new(line: &super::Line, scale: Scale) -> Self {
        let raw = line.points.clone();
        let is_logarithmic = scale == Scale::Logarithmic;
        let placed: Vec<(f64, Option<f64>)> =
            raw.iter().map(|(step, value)| (*step, transformed(*value, is_logarithmic))).collect();
        let count = placed.iter().filter(|(_, value)| value.is_some()).count();
        let back = |value: f64| if is_logarithmic { value.exp() } else { value };
        // Each piece alone: what follows a gap has nothing to do with what is before it.
        let pieces = placed.chunk_by(|a, b| a.1.is_some() == b.1.is_some());
        let pieces = pieces.map(|piece| {
            let values: Option<Vec<f64>> = piece.iter().map(|(_, value)| *value).collect();
            let values = match values {
                Some(values) => smoothed(&values, count)?.into_iter().map(back).collect(),
                None => vec![f64::NAN; piece.len()],
            };
            Some(piece.iter().map(|(step, _)| *step).zip(values).collect::<Vec<_>>())
        });
        let pieces: Option<Vec<_>> = pieces.collect();
        let smooth = pieces.filter(|_| line.smooth && count > 0).map(|pieces| pieces.concat());
        Self { raw, smooth }
    }
}

/// The axes that hold all lines.
fn axes(chart: &LineChart, curves: &[Curve]) -> (Axis, Axis) {
    let steps = curves.iter().flat_map(|curve| &curve.raw).map(|(step, _)| *step);
    let (low, high) = ends(steps.filter(|step| step.is_finite())).unwrap_or((0.0, 1.0));
    let x_axis = Axis::steps(low, high);
    let is_logarithmic = chart.scale == Scale::Logarithmic;
    let drawable = |points: &[(f64, f64)]| -> Vec<f64> {
        points.iter().filter_map(|(_, value)| transformed(*value, is_logarithmic)).collect()
    };
    let ranges = curves.iter().flat_map(|curve| {
        let mut raw = drawable(&curve.raw);
        let whole = ends(raw.iter().copied());
        let Some(smooth) = curve.smooth.as_ref().map(|smooth| drawable(smooth)) else {
            return [whole, None];
        };
        // A spike among thousands of points must not flatten the line.
        raw.sort_by(f64::total_cmp);
        let at = |share: f64| raw[(share * (raw.len() - 1) as f64).round() as usize];
        let most = ends(smooth.into_iter().chain([at(0.005), at(0.995)]));
        let is_near = |(low, high): (f64, f64)| {
            most.is_some_and(|most| high - low <= OUTLYING * (most.1 - most.0))
        };
        [whole.filter(|whole| is_near(*whole)), most]
    });
    let range = ends(ranges.flatten().flat_map(|(low, high)| [low, high]));
    let y_axis = match (range, is_logarithmic) {
        (Some((low, high)), true) => Axis::logarithmic(low.exp(), high.exp()),
        (Some((low, high)), false) => Axis::linear(low, high),
        (None, true) => Axis::logarithmic(0.1, 1.0),
        (None, false) => Axis::linear(0.0, 1.0),
    };
    (x_axis, y_axis)
}

/// The smallest and the largest of some numbers.
fn ends(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |ends, value| match ends {
        None => Some((value, value)),
        Some((low, high)) => Some((value.min(low), value.max(high))),
    })
}

/// A line in the legend.
struct Entry {
    name: (String, f32),
    left: f32,
    row: f32,
}

/// The names of the lines in rows; empty if there is only one.
fn legend(chart: &LineChart, ruler: &Ruler) -> Vec<Entry> {
    let (mut left, mut row) = (MARGIN, 0.0);
    let mut entries = Vec::new();
    for line in chart.lines.iter().filter(|_| chart.lines.len() > 1) {
        let name = ruler.fitted(&line.name, WORDS, 260.0);
        let width = KEY + 8.0 + name.1;
        if left > MARGIN && left + width > WIDTH - MARGIN {
            left = MARGIN;
            row += 1.0;
        }
        entries.push(Entry { name, left, row });
        left += width + 24.0;
    }
    entries
}

/// Where the lines are drawn.
struct Area {
    left: f32,
    right: f32,
    top: f32,
    bottom: f32,
    x_axis: Axis,
    y_axis: Axis,
}

impl Area {
    fn x(&self, step: f64) -> Option<f32> {
        Some(self.left + (self.right - self.left) * self.x_axis.place(step)?)
    }

    fn y(&self, value: f64) -> Option<f32> {
        Some(self.bottom - (self.bottom - self.top) * self.y_axis.place(value)?)
    }

    /// The numbers at the axes and the lines between them.
    fn grid(&self, drawing: &mut Drawing, numbers: Vec<(String, f32)>, ruler: &Ruler) {
        // Half a pixel off, so that a line of one pixel is sharp.
        let sharp = |place: f32| place.round() + 0.5;
        for ((value, _), number) in self.y_axis.marks.iter().zip(numbers) {
            let Some(y) = self.y(*value).map(sharp) else { continue };
            drawing.line((self.left, y), (self.right, y), GRID);
            let at = (self.left - 8.0, y + NUMBERS * 0.36);
            drawing.text(number, NUMBERS, at, Anchor::End, FAINT);
        }
        let bottom = sharp(self.bottom);
        drawing.line((self.left, bottom), (self.right, bottom), FAINT);
        for (step, text) in &self.x_axis.marks {
            let Some(x) = self.x(*step).map(sharp) else { continue };
            drawing.line((x, bottom), (x, bottom + 5.0), FAINT);
            let number = ruler.measured(text.clone(), NUMBERS);
            drawing.text(number, NUMBERS, (x, bottom + 19.0), Anchor::Middle, FAINT);
        }
    }

    /// The vertical lines, with their names above where there is room.
    fn marks(&self, drawing: &mut Drawing, chart: &LineChart, ruler: &Ruler) {
        let places: Vec<Option<f32>> = chart.marks.iter().map(|mark| self.x(mark.at)).collect();
        for (index, (mark, place)) in chart.marks.iter().zip(&places).enumerate() {
            let Some(x) = place.map(|x| x.round() + 0.5) else { continue };
            if x > self.left + 1.0 {
                drawing.line((x, self.top - 16.0), (x, self.bottom), FAINT);
            }
            let next = places.get(index + 1).copied().flatten().unwrap_or(self.right + MARGIN);
            let name = ruler.fitted(&mark.label, NUMBERS, next - x - 10.0);
            drawing.text(name, NUMBERS, (x + 5.0, self.top - 8.0), Anchor::Start, INK);
        }
    }

    /// A line in pixels, broken where a number has no place.
    fn placed(&self, points: &[(f64, f64)]) -> Vec<Vec<(f32, f32)>> {
        let place = |&(step, value): &(f64, f64)| Some((self.x(step)?, self.y(value)?));
        let placed: Vec<Option<(f32, f32)>> = points.iter().map(place).collect();
        let runs = placed.split(Option::is_none).filter(|run| !run.is_empty());
        runs.map(|run| run.iter().copied().flatten().collect()).collect()
    }
}
