use std::fmt::Write as _;

use calico_image::{Frame, Size};
use tiny_skia::{PathBuilder, Rect};

use crate::ResultError;
use crate::pictures::canvas::{Canvas, Rgb};
use crate::xml::{escaped, hex};

pub(super) const INK: Rgb = [33, 37, 41];
pub(super) const FAINT: Rgb = [95, 102, 110];
pub(super) const GRID: Rgb = [222, 226, 230];
const PAPER: Rgb = [255; 3];

/// Which point of a text its place names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// Shapes on white paper, in pixels, from back to front.
pub(super) struct Drawing {
    width: f32,
    height: f32,
    shapes: Vec<Shape>,
}

enum Shape {
    Bar {
        left: f32,
        top: f32,
        width: f32,
        height: f32,
        color: Rgb,
    },
    Line {
        from: (f32, f32),
        to: (f32, f32),
        color: Rgb,
    },
    /// One line of text, with the left end of its baseline and the place that was asked for.
    Text {
        text: String,
        size: f32,
        left: f32,
        at: (f32, f32),
        anchor: Anchor,
        color: Rgb,
    },
}

impl Drawing {
    pub(super) fn new(width: f32, height: f32) -> Self {
        Self { width, height, shapes: Vec::new() }
    }

    pub(super) fn bar(&mut self, (left, top): (f32, f32), (width, height): (f32, f32), color: Rgb) {
        self.shapes.push(Shape::Bar { left, top, width, height, color });
    }

    pub(super) fn line(&mut self, from: (f32, f32), to: (f32, f32), color: Rgb) {
        self.shapes.push(Shape::Line { from, to, color });
    }

    /// A line of text at `(x, baseline)`, which is `width` wide.
    pub(super) fn text(
        &mut self,
        (text, width): (String, f32),
        size: f32,
        at: (f32, f32),
        anchor: Anchor,
        color: Rgb,
    ) {
        let left = match anchor {
            Anchor::Start => at.0,
            Anchor::Middle => at.0 - width / 2.0,
            Anchor::End => at.0 - width,
        };
        self.shapes.push(Shape::Text { text, size, left, at, anchor, color });
    }

    pub(super) fn svg(&self, title: &str) -> String {
        let (width, height) = (number(self.width), number(self.height));
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" \
             font-family=\"DejaVu Sans, Verdana, sans-serif\">\n<title>{}</title>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"{}\"/>\n",
            escaped(title),
            hex(PAPER),
        );
        for shape in &self.shapes {
            // Writing to a string cannot fail.
            let _ = match shape {
                Shape::Bar { left, top, width, height, color } => writeln!(
                    svg,
                    "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>",
                    number(*left),
                    number(*top),
                    number(*width),
                    number(*height),
                    hex(*color),
                ),
                Shape::Line { from, to, color } => writeln!(
                    svg,
                    "<path d=\"M{} {}L{} {}\" stroke=\"{}\"/>",
                    number(from.0),
                    number(from.1),
                    number(to.0),
                    number(to.1),
                    hex(*color),
                ),
                Shape::Text { text, size, at, anchor, color, .. } => writeln!(
                    svg,
                    "<text x=\"{}\" y=\"{}\" font-size=\"{}\"{} fill=\"{}\">{}</text>",
                    number(at.0),
                    number(at.1),
                    number(*size),
                    match anchor {
                        Anchor::Start => "",
                        Anchor::Middle => " text-anchor=\"middle\"",
                        Anchor::End => " text-anchor=\"end\"",
                    },
                    hex(*color),
                    escaped(text),
                ),
            };
        }
        svg.push_str("</svg>\n");
        svg
    }

    /// The drawing, `scale` times as large.
    pub(super) fn picture(&self, scale: f32) -> Result<Frame, ResultError> {
        let pixels = |length: f32| (length * scale).ceil() as u32;
        let mut canvas = Canvas::new(Size::new(pixels(self.height), pixels(self.width)), PAPER)?;
        for shape in &self.shapes {
            match shape {
                Shape::Bar { left, top, width, height, color } => {
                    let rect =
                        Rect::from_xywh(left * scale, top * scale, width * scale, height * scale);
                    if let Some(rect) = rect.filter(|rect| rect.width() * rect.height() > 0.0) {
                        canvas.fill(&PathBuilder::from_rect(rect), *color, 1.0);
                    }
                }
                Shape::Line { from, to, color } => {
                    let mut path = PathBuilder::new();
                    path.move_to(from.0 * scale, from.1 * scale);
                    path.line_to(to.0 * scale, to.1 * scale);
                    if let Some(path) = path.finish() {
                        canvas.stroke(&path, *color, 1.0, scale);
                    }
                }
                Shape::Text { text, size, left, at, color, .. } => {
                    canvas.text(text, size * scale, (left * scale, at.1 * scale), *color);
                }
            }
        }
        canvas.into_frame()
    }
}

/// A length with one decimal at most.
fn number(length: f32) -> String {
    let text = format!("{length:.1}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}
