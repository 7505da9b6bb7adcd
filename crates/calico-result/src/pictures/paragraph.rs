use tiny_skia::Rect;

use super::canvas::{Canvas, Rgb, rounded};
use super::typeface::Typeface;
use crate::answer::Run;
use crate::{markup, palette};

/// Text broken into lines of a given width, with phrases on coloured plates.
pub(super) struct Paragraph {
    size: f32,
    lines: Vec<Vec<Word>>,
}

/// A word at its place in a line.
struct Word {
    text: String,
    x: f32,
    width: f32,
    /// The number of its run in the text, so that words of one phrase share a plate.
    run: usize,
    plate: Option<Rgb>,
}

impl Paragraph {
    /// Breaks runs into at most `limit` lines of at most `width` pixels at `size` pixels per em;
    /// an ellipsis ends the last one if there is more.
    pub(super) fn new(
        typeface: &Typeface,
        runs: &[Run<'_>],
        size: f32,
        width: f32,
        limit: usize,
    ) -> Self {
        let mut breaker = Breaker { size, width, x: 0.0, lines: vec![Vec::new()] };
        'text: for (number, run) in runs.iter().enumerate() {
            let plate = run.group.map(palette::color);
            for word in run.text.split_whitespace() {
                for piece in pieces(typeface, word, size, width - 2.0 * breaker.padding()) {
                    breaker.push(typeface, piece, number, plate);
                }
                if breaker.lines.len() > limit {
                    break 'text;
                }
            }
        }
        let mut lines = breaker.lines;
        if lines.len() > limit {
            lines.truncate(limit);
            if let Some(word) = lines.last_mut().and_then(|line| line.last_mut()) {
                word.text.push('…');
            }
        }
        Self { size, lines }
    }

    /// The same of plain text.
    pub(super) fn plain(
        typeface: &Typeface,
        text: &str,
        size: f32,
        width: f32,
        limit: usize,
    ) -> Self {
        let run = Run { text, phrase: false, group: None };
        Self::new(typeface, &[run], size, width, limit)
    }

    /// Height of all lines in pixels.
    pub(super) fn height(&self) -> f32 {
        self.lines.len() as f32 * self.line_height()
    }

    /// Draws the lines with their top left corner at `(x, y)`.
    pub(super) fn draw(&self, canvas: &mut Canvas, (x, y): (f32, f32), color: Rgb) {
        for (index, line) in self.lines.iter().enumerate() {
            let top = y + index as f32 * self.line_height();
            let middle = top + self.line_height() / 2.0;
            let baseline = (middle + Typeface::cap_height(self.size) / 2.0).round();
            for phrase in line.chunk_by(|a, b| a.run == b.run) {
                self.draw_plate(canvas, phrase, x, middle);
            }
            for word in line {
                let ink = word.plate.map_or(color, palette::text_color);
                canvas.text(&word.text, self.size, (x + word.x, baseline), ink);
            }
        }
    }

    /// The plate behind the words of one phrase in one line.
    fn draw_plate(&self, canvas: &mut Canvas, phrase: &[Word], x: f32, middle: f32) {
        let (Some(first), Some(last)) = (phrase.first(), phrase.last()) else { return };
        let padding = padding(self.size);
        let height = self.size * 1.32;
        let width = last.x + last.width - first.x + 2.0 * padding;
        let plate = Rect::from_xywh(x + first.x - padding, middle - height / 2.0, width, height);
        let path = plate.and_then(|plate| rounded(plate, self.size / 4.0));
        if let (Some(path), Some(color)) = (path, first.plate) {
            canvas.fill(&path, color, 1.0);
        }
    }

    fn line_height(&self) -> f32 {
        (self.size * 1.65).round()
    }
}

/// The state of breaking lines.
struct Breaker {
    size: f32,
    width: f32,
    /// Where the last line ends.
    x: f32,
    lines: Vec<Vec<Word>>,
}

impl Breaker {
    fn padding(&self) -> f32 {
        padding(self.size)
    }

    fn push(&mut self, typeface: &Typeface, text: String, run: usize, plate: Option<Rgb>) {
        let width = typeface.width(&text, self.size);
        let previous = self.lines.last().and_then(|line| line.last());
        // A plate stands out on both sides, so its neighbours keep away by that much more.
        let starts_plate = plate.is_some() && previous.is_none_or(|last| last.run != run);
        let ends_plate = previous.is_some_and(|last| last.plate.is_some() && last.run != run);
        let mut x = self.x;
        if ends_plate {
            x += self.padding();
        }
        if previous.is_some() && !markup::closes(&text) {
            x += typeface.width(" ", self.size);
        }
        if starts_plate {
            x += self.padding();
        }
        let trail = if plate.is_some() { self.padding() } else { 0.0 };
        // A full stop or comma alone hangs over the end of the line rather than starting one.
        let hangs = markup::closes(&text) && text.chars().count() == 1;
        if previous.is_some() && !hangs && x + width + trail > self.width {
            self.lines.push(Vec::new());
            x = if plate.is_some() { self.padding() } else { 0.0 };
        }
        self.x = x + width;
        if let Some(line) = self.lines.last_mut() {
            line.push(Word { text, x, width, run, plate });
        }
    }
}

/// How far a plate stands out beside its words.
fn padding(size: f32) -> f32 {
    size * 0.3
}

/// A word, cut where it is wider than a line.
fn pieces(typeface: &Typeface, word: &str, size: f32, width: f32) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for character in word.chars() {
        if let Some(piece) = pieces.last_mut() {
            piece.push(character);
            if piece.chars().count() > 1 && typeface.width(piece, size) > width {
                piece.pop();
                pieces.push(character.to_string());
            }
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_asked_for() {
        let typeface = Typeface::embedded().unwrap();
        let runs = [
            Run { text: "The images show", phrase: false, group: None },
            Run { text: "a rather long phrase of many words", phrase: true, group: Some(1) },
            Run {
                text: ", Donaudampfschifffahrtsgesellschaftskapitän.",
                phrase: false,
                group: None,
            },
        ];
        let paragraph = Paragraph::new(&typeface, &runs, 20.0, 160.0, 100);
        assert!(paragraph.lines.len() > 4);
        for line in &paragraph.lines {
            let last = line.last().unwrap();
            assert!(last.x + last.width <= 160.0, "{}", last.text);
        }
    }

    #[test]
    fn a_long_plain_text_is_cut_after_its_last_line() {
        let typeface = Typeface::embedded().unwrap();
        let text = "word ".repeat(40);
        let paragraph = Paragraph::plain(&typeface, &text, 14.0, 200.0, 2);
        assert_eq!(paragraph.lines.len(), 2);
        assert!(paragraph.lines[1].last().unwrap().text.ends_with('…'));
        assert_eq!(Paragraph::plain(&typeface, "", 14.0, 200.0, 2).lines.len(), 1);
    }
}
