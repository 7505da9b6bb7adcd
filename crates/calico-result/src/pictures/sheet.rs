use calico_image::{Frame, Size};
use tiny_skia::{PathBuilder, Rect};

use super::canvas::{Canvas, LARGEST_SIDE, Rgb};
use super::grid::{CAPTION, DENSEST, Grid};
use super::paragraph::Paragraph;
use super::placement::Placement;
use super::typeface::Typeface;
use super::{Layer, layers, overlay};
use crate::{Answer, ImageEntry, ResultError, Segmentation, Status};

const MARGIN: u32 = 40;
/// Above and below the line between two answers.
const PAUSE: u32 = 36;

/// The most lines of an answer, of a question and of a warning, and the most warnings of an
/// answer: the sheet is for looking at, and `result.json` has them all.
const TEXT_LINES: usize = 12;
const SMALL_LINES: usize = 3;
const WARNINGS: usize = 3;

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
/// Long texts and lists of warnings are shortened. With so many images that the sheet would be
/// higher than a picture can be, the panels become smaller; with so many answers that this does
/// not help, the sheet ends with a line that says so.
///
/// `photographs` are the images of the result, in order and original size.
pub fn sheet(result: &Segmentation, photographs: &[Frame]) -> Result<Frame, ResultError> {
    let title = |(answer, number): (&Answer, u32)| {
        let is_only = result.answers.len() == 1;
        let own = if is_only { "Answer".into() } else { format!("Answer {number}") };
        answer.task.map_or(own, |task| task.title().into())
    };
    let titles: Vec<String> = result.answers.iter().zip(1..).map(title).collect();
    titled_sheet(result, &titles, photographs)
}

/// A sheet with a title above each answer.
pub(super) fn titled_sheet(
    result: &Segmentation,
    titles: &[String],
    photographs: &[Frame],
) -> Result<Frame, ResultError> {
    result.check_photographs(photographs)?;
    let typeface = Typeface::embedded()?;
    let mut page = Page::new(&typeface, result, titles, 1);
    for density in 2..=DENSEST {
        if page.height > LARGEST_SIDE {
            page = Page::new(&typeface, result, titles, density);
        }
    }
    page.draw(result, photographs)
}

/// All answers, one below the other.
struct Page<'a> {
    grid: Grid,
    blocks: Vec<Block<'a>>,
    /// What the blocks need, which may be more than a picture can have.
    height: u32,
}

impl<'a> Page<'a> {
    fn new(typeface: &Typeface, result: &'a Segmentation, titles: &[String], density: u32) -> Self {
        let grid = Grid::new(&result.images, density);
        let titled = result.answers.iter().zip(titles);
        let blocks: Vec<_> = titled
            .map(|(answer, title)| Block::new(typeface, answer, title.clone(), &grid))
            .collect();
        let pauses = (2 * PAUSE + 1).saturating_mul((blocks.len() as u32).saturating_sub(1));
        let height = blocks.iter().map(|block| block.height).fold(pauses, u32::saturating_add);
        Self { grid, blocks, height: height.saturating_add(2 * MARGIN) }
    }

    fn draw(&self, result: &Segmentation, photographs: &[Frame]) -> Result<Frame, ResultError> {
        let Self { grid, blocks, .. } = self;
        let height = self.height.min(LARGEST_SIDE);
        let mut canvas = Canvas::new(Size::new(height, grid.width + 2 * MARGIN), PAPER)?;
        let mut y = MARGIN;
        for (index, block) in blocks.iter().enumerate() {
            if index > 0 {
                y += PAUSE;
                rule(&mut canvas, y, grid.width);
                y += PAUSE + 1;
            }
            block.draw(&mut canvas, y, grid, result, photographs)?;
            y = y.saturating_add(block.height);
            if y >= height {
                break;
            }
        }
        if self.height > height {
            end(&mut canvas, height);
        }
        canvas.into_frame()
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
        let small = |text: &str| Paragraph::plain(typeface, text, SMALL, width, SMALL_LINES);
        let question = small(&answer.prompt);
        let text = Paragraph::new(typeface, &answer.runs(), TEXT, width, TEXT_LINES);
        let mut notes = Vec::new();
        if answer.status == Status::NoSegments {
            notes.push(small("No segments: the answer points at nothing in the images."));
        }
        notes.extend(answer.warnings.iter().take(WARNINGS).map(|warning| small(warning)));
        match answer.warnings.len().saturating_sub(WARNINGS) {
            0 => {}
            1 => notes.push(small("and 1 more warning, see result.json")),
            more => notes.push(small(&format!("and {more} more warnings, see result.json"))),
        }
        let mut block = Self { answer, title, question, text, notes, height: 0 };
        block.height =
            (block.panels_top() + SPACE + block.text_height()).saturating_add(grid.height);
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
    let mut number = format!("IMAGE{}", image.index);
    if canvas.typeface().width(&number, SMALL) > width as f32 {
        number = image.index.to_string();
    }
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

/// Says at the foot of a sheet, over whatever stands there, that it is not complete.
fn end(canvas: &mut Canvas, height: u32) {
    let top = height.saturating_sub(2 * MARGIN) as f32;
    if let Some(foot) = Rect::from_xywh(0.0, top, f32::from(u16::MAX), 2.0 * MARGIN as f32) {
        canvas.fill(&PathBuilder::from_rect(foot), PAPER, 1.0);
    }
    let line = "The rest does not fit on the sheet, see result.json";
    canvas.text(line, SMALL, (MARGIN as f32, top + MARGIN as f32), FAINT);
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

    #[test]
    fn many_warnings_and_a_long_answer_take_no_more_room_than_some() {
        let mut result = sample::segmentation();
        result.answers.truncate(1);
        let height =
            |result: &Segmentation| sheet(result, &sample::photographs()).unwrap().size().height;
        let answer = &mut result.answers[0];
        answer.warnings = (0..600).map(|n| format!("the mask number {n} is empty")).collect();
        answer.text = "word ".repeat(1000);
        let many = height(&result);
        result.answers[0].warnings.truncate(5);
        result.answers[0].text.truncate(2500);
        assert_eq!(many, height(&result));
        assert!(many < 2000, "{many}");
    }

    /// A sheet with many images and answers, the shape of the images in pixels.
    fn crowded(images: u32, answers: usize) -> Frame {
        let mut result = sample::segmentation();
        let size = Size::new(10, 4);
        let entry = |index| ImageEntry::new(index, "a.png".as_ref(), size);
        result.images = (1..=images).map(entry).collect();
        let segment = crate::sample::rectangle(size, [1, 1, 2, 5]);
        let found = &mut result.answers[0].segments;
        found.truncate(1);
        found[0].mask = crate::EncodedMask::new(&segment);
        result.answers = vec![result.answers[0].clone(); answers];
        let photograph = Frame::new(size, vec![90; 120]).unwrap();
        sheet(&result, &vec![photograph; images as usize]).unwrap()
    }

    #[test]
    fn a_hundred_images_get_smaller_panels_and_all_fit() {
        let size = crowded(100, 3).size();
        assert!((5_000..LARGEST_SIDE).contains(&size.height), "{size}");
    }

    #[test]
    fn a_sheet_of_too_many_answers_ends_at_the_largest_height() {
        let frame = crowded(1, 150);
        let size = frame.size();
        assert_eq!(size.height, LARGEST_SIDE);
        // The last line stands on paper.
        let foot = &frame.pixels()[(size.height - 30) as usize * size.width as usize * 3..];
        assert!(foot.iter().all(|channel| *channel == 255));
    }
}
