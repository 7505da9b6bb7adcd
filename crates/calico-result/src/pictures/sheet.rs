use calico_image::{Frame, Size};
use tiny_skia::{PathBuilder, Rect};

use super::canvas::{Canvas, Rgb};
use super::paragraph::Paragraph;
use super::placement::Placement;
use super::typeface::Typeface;
use super::{Layer, layers, overlay};
use crate::{Answer, ImageEntry, ResultError, Segmentation, Status};

const MARGIN: u32 = 40;
/// Between panels.
const GAP: u32 = 20;
/// Above and below the line between two answers.
const PAUSE: u32 = 36;
/// Height of the line with the name of an image.
const CAPTION: u32 = 32;
const CONTENT_WIDTH: f64 = 1520.0;
/// Narrower content makes the text below hard to read.
const SMALLEST_CONTENT_WIDTH: u32 = 760;
const LARGEST_PANEL: f64 = 480.0;
/// Panels keep to these shapes (width by height); a longer picture is centred in its panel.
const SHAPES: (f64, f64) = (0.4, 2.5);

const PAPER: Rgb = [255; 3];
const INK: Rgb = [26; 3];
const FAINT: Rgb = [112; 3];
const RULE: Rgb = [214; 3];
/// Pixels per em.
const TITLE: f32 = 28.0;
const TEXT: f32 = 22.0;
const SMALL: f32 = 16.0;
const LABEL: f32 = 16.0;

/// One picture of the whole result: per answer its question, all images side by side with the
/// answer's masks, and the answer with each phrase in the colour of its masks.
///
/// `photographs` are the images of the result, in order and original size.
pub fn sheet(result: &Segmentation, photographs: &[Frame]) -> Result<Frame, ResultError> {
    result.check_photographs(photographs)?;
    let typeface = Typeface::embedded()?;
    let grid = Grid::new(&result.images);
    let blocks: Vec<Block<'_>> = result
        .answers
        .iter()
        .zip(1..)
        .map(|(answer, number)| {
            let is_only = result.answers.len() == 1;
            let own = if is_only { "Answer".into() } else { format!("Answer {number}") };
            let title = answer.task.map_or(own, |task| task.title().into());
            Block::new(&typeface, answer, title, &grid)
        })
        .collect();
    let pauses = (2 * PAUSE + 1) * (blocks.len() as u32).saturating_sub(1);
    let height = blocks.iter().map(|block| block.height).sum::<u32>() + pauses + 2 * MARGIN;
    let width = grid.width + 2 * MARGIN;
    let mut canvas = Canvas::new(Size::new(height, width), PAPER)?;
    let mut y = MARGIN;
    for (index, block) in blocks.iter().enumerate() {
        if index > 0 {
            y += PAUSE;
            rule(&mut canvas, y, grid.width);
            y += PAUSE + 1;
        }
        block.draw(&mut canvas, y, &grid, result, photographs)?;
        y += block.height;
    }
    canvas.into_frame()
}

/// Where the panels of one answer go: rows of equal height.
struct Grid {
    /// Left and top of each panel, from the top left corner of the first caption.
    corners: Vec<(u32, u32)>,
    widths: Vec<u32>,
    panel_height: u32,
    /// Of the widest row, and at least readable.
    width: u32,
    height: u32,
}

impl Grid {
    fn new(images: &[ImageEntry]) -> Self {
        let columns = match images.len() {
            0..=4 => images.len().max(1),
            5..=6 | 9 => 3,
            _ => 4,
        };
        let shape = |image: &ImageEntry| {
            (f64::from(image.width) / f64::from(image.height)).clamp(SHAPES.0, SHAPES.1)
        };
        // The fullest row decides the height, so that all rows are alike.
        let fitting = |row: &[ImageEntry]| {
            let gaps = f64::from(GAP) * (row.len() - 1) as f64;
            (CONTENT_WIDTH - gaps) / row.iter().map(shape).sum::<f64>()
        };
        let panel_height = images.chunks(columns).map(fitting).fold(LARGEST_PANEL, f64::min);
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

/// One answer on the sheet.
struct Block<'a> {
    answer: &'a Answer,
    title: String,
    question: Paragraph,
    text: Paragraph,
    notes: Vec<Paragraph>,
    height: u32,
}

impl<'a> Block<'a> {
    fn new(typeface: &Typeface, answer: &'a Answer, title: String, grid: &Grid) -> Self {
        let width = grid.width as f32;
        let small = |text: &str| Paragraph::plain(typeface, text, SMALL, width, 3);
        let question = small(&answer.prompt);
        let text = Paragraph::new(typeface, &answer.runs(), TEXT, width);
        let mut notes = Vec::new();
        if answer.status == Status::NoSegments {
            notes.push(small("No segments: the answer points at nothing in the images."));
        }
        notes.extend(answer.warnings.iter().map(|warning| small(warning)));
        let mut block = Self { answer, title, question, text, notes, height: 0 };
        block.height = block.panels_top() + grid.height + SPACE + block.text_height();
        block
    }

    /// From the top of the block to the first caption.
    fn panels_top(&self) -> u32 {
        TITLE as u32 + 8 + self.question.height() as u32 + 12
    }

    fn text_height(&self) -> u32 {
        let notes: f32 = self.notes.iter().map(Paragraph::height).sum();
        (self.text.height() + notes).ceil() as u32
    }

    fn draw(
        &self,
        canvas: &mut Canvas,
        top: u32,
        grid: &Grid,
        result: &Segmentation,
        photographs: &[Frame],
    ) -> Result<(), ResultError> {
        let left = MARGIN as f32;
        let baseline = top as f32 + Typeface::cap_height(TITLE).ceil();
        bold(canvas, &self.title, TITLE, (left, baseline));
        self.question.draw(canvas, (left, top as f32 + TITLE + 8.0), FAINT);
        let panels_top = top + self.panels_top();
        for (index, (image, photograph)) in result.images.iter().zip(photographs).enumerate() {
            let own: Vec<_> =
                self.answer.segments.iter().filter(|found| found.image == image.index).collect();
            let (x, y) = grid.corners[index];
            let cell = Size::new(grid.panel_height, grid.widths[index]);
            let at = (MARGIN + x, panels_top + y);
            caption(canvas, image, at, cell.width);
            panel(canvas, photograph, &layers(&own)?, (at.0, at.1 + CAPTION), cell)?;
        }
        let mut y = (panels_top + grid.height + SPACE) as f32;
        self.text.draw(canvas, (left, y), INK);
        y += self.text.height();
        for note in &self.notes {
            note.draw(canvas, (left, y), FAINT);
            y += note.height();
        }
        Ok(())
    }
}

/// Between the panels and the text.
const SPACE: u32 = 16;

/// The image's number as the text has it, and its name.
fn caption(canvas: &mut Canvas, image: &ImageEntry, (x, y): (u32, u32), width: u32) {
    let (x, baseline) = (x as f32, (y + CAPTION) as f32 - 11.0);
    let number = format!("IMAGE{}", image.index);
    bold(canvas, &number, SMALL, (x, baseline));
    let used = canvas.typeface().width(&number, SMALL) + 12.0;
    let name = canvas.typeface().fitted(&image.file_name, SMALL, width as f32 - used);
    canvas.text(&name, SMALL, (x + used, baseline), FAINT);
}

/// A photograph with its masks, centred in its panel.
fn panel(
    canvas: &mut Canvas,
    photograph: &Frame,
    layers: &[Layer<'_>],
    (x, y): (u32, u32),
    cell: Size,
) -> Result<(), ResultError> {
    let original = photograph.size();
    let fit = |cell: u32, side: u32| f64::from(cell) / f64::from(side);
    let scale = fit(cell.width, original.width).min(fit(cell.height, original.height));
    let side = |side: u32, cell: u32| ((f64::from(side) * scale).round() as u32).clamp(1, cell);
    let drawn = Size::new(side(original.height, cell.height), side(original.width, cell.width));
    let x = x + (cell.width - drawn.width) / 2;
    let y = y + (cell.height - drawn.height) / 2;
    let placement = Placement { x, y, drawn, original };
    overlay::draw(canvas, placement, photograph, layers, LABEL)
}

/// Text made bold by a second print beside the first: one typeface is embedded, not two.
fn bold(canvas: &mut Canvas, text: &str, size: f32, (x, y): (f32, f32)) {
    canvas.text(text, size, (x, y), INK);
    canvas.text(text, size, (x + size / 28.0, y), INK);
}

/// A thin line across the content.
fn rule(canvas: &mut Canvas, y: u32, width: u32) {
    if let Some(line) = Rect::from_xywh(MARGIN as f32, y as f32, width as f32, 1.0) {
        canvas.fill(&PathBuilder::from_rect(line), RULE, 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn entry((width, height): (u32, u32)) -> ImageEntry {
        ImageEntry { index: 1, file_name: "a.png".into(), width, height }
    }

    #[test]
    fn rows_hold_at_most_four_images_and_never_leave_the_content() {
        for count in 0..12 {
            let images: Vec<_> = (0..count).map(|i| entry((300 + 40 * i, 300))).collect();
            let grid = Grid::new(&images);
            let rows: std::collections::BTreeSet<_> = grid.corners.iter().map(|c| c.1).collect();
            assert!(count as usize <= rows.len() * 4);
            assert!(grid.width <= 1530, "{count} images take {}", grid.width);
        }
    }

    #[test]
    fn extreme_shapes_get_a_panel_that_can_be_seen() {
        let grid = Grid::new(&[entry((1, 5000)), entry((5000, 1)), entry((1, 1))]);
        assert!(grid.panel_height > 300 && grid.widths.iter().all(|width| *width > 100));
    }

    #[test]
    fn results_without_segments_answers_or_images_still_draw() {
        let mut result = sample::segmentation();
        let whole = sheet(&result, &sample::photographs()).unwrap();
        result.answers.truncate(1);
        result.answers[0].segments.clear();
        result.answers[0].status = Status::NoSegments;
        let without = sheet(&result, &sample::photographs()).unwrap();
        assert!(without.size().height < whole.size().height);
        result.answers.clear();
        sheet(&result, &sample::photographs()).unwrap();
        result.images.clear();
        sheet(&result, &[]).unwrap();
    }
}
