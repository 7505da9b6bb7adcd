//! Drawings of charts: one list of shapes, from which both the SVG and the picture are made.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use calico_image::{Frame, Size};
use tiny_skia::{PathBuilder, Rect};

use super::canvas::{Canvas, Rgb};
use crate::xml::{escaped, hex};
use crate::{OutputFolder, ResultError, palette, png_file};

/// How much finer than its SVG a picture of a chart is drawn.
const PICTURE_SCALE: f32 = 2.0;

pub(super) const INK: Rgb = [33, 37, 41];
pub(super) const FAINT: Rgb = [95, 102, 110];
pub(super) const GRID: Rgb = [222, 226, 230];
const PAPER: Rgb = [255; 3];

/// What replaces the colours of paper and texts where the reader's system is dark.
const DARK: [(Rgb, Rgb); 4] =
    [(PAPER, [31, 31, 29]), (INK, [236, 235, 230]), (FAINT, [160, 158, 150]), (GRID, [53, 52, 47])];

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
    /// A line through points.
    Curve {
        points: Vec<(f32, f32)>,
        color: Rgb,
        opacity: f32,
        width: f32,
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

    /// A line through points, `width` wide; a single point is a dot.
    pub(super) fn curve(
        &mut self,
        mut points: Vec<(f32, f32)>,
        color: Rgb,
        opacity: f32,
        width: f32,
    ) {
        if let [(x, y)] = points[..] {
            // With round ends a very short line is a dot, in every program that draws it.
            points.push((x + 0.1, y));
        }
        if !points.is_empty() {
            self.shapes.push(Shape::Curve { points, color, opacity, width });
        }
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

    /// The drawing as an SVG document, light or dark as the reader's system.
    pub(super) fn svg(&self, title: &str) -> String {
        let (width, height) = (number(self.width), number(self.height));
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"calico-chart\" \
             width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
             font-family=\"DejaVu Sans, Verdana, sans-serif\">\n<title>{}</title>\n\
             <style>@media (prefers-color-scheme:dark){{{}}}</style>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"{}\"/>\n",
            escaped(title),
            dark_style(),
            hex(PAPER),
        );
        for shape in &self.shapes {
            shape.svg(&mut svg);
        }
        svg.push_str("</svg>\n");
        svg
    }

    /// Writes `{stem}.svg` and `{stem}.png`; returns the paths.
    pub(super) fn write(
        &self,
        title: &str,
        folder: &OutputFolder,
        stem: &str,
    ) -> Result<[PathBuf; 2], ResultError> {
        let svg = folder.write(&format!("{stem}.svg"), self.svg(title).as_bytes())?;
        let picture = self.picture()?;
        let png = folder.write_with(&format!("{stem}.png"), |file| {
            png_file::colors(file, &picture).map_err(io::Error::from)
        })?;
        Ok([svg, png])
    }

    /// The drawing as a picture, on white.
    pub(super) fn picture(&self) -> Result<Frame, ResultError> {
        let scale = PICTURE_SCALE;
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
                Shape::Curve { points, color, opacity, width } => {
                    let mut path = PathBuilder::new();
                    for (index, (x, y)) in points.iter().enumerate() {
                        match index {
                            0 => path.move_to(x * scale, y * scale),
                            _ => path.line_to(x * scale, y * scale),
                        }
                    }
                    if let Some(path) = path.finish() {
                        canvas.stroke(&path, *color, *opacity, width * scale);
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

impl Shape {
    fn svg(&self, svg: &mut String) {
        // Writing to a string cannot fail.
        let _ = match self {
            Self::Bar { left, top, width, height, color } => writeln!(
                svg,
                "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>",
                number(*left),
                number(*top),
                number(*width),
                number(*height),
                hex(*color),
            ),
            Self::Line { from, to, color } => {
                let data = path_data(&[*from, *to]);
                writeln!(svg, "<path d=\"{data}\" stroke=\"{}\"/>", hex(*color))
            }
            Self::Curve { points, color, opacity, width } => writeln!(
                svg,
                "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-opacity=\"{opacity}\" \
                 stroke-width=\"{}\" stroke-linecap=\"round\" stroke-linejoin=\"round\"/>",
                path_data(points),
                hex(*color),
                number(*width),
            ),
            Self::Text { text, size, at, anchor, color, .. } => writeln!(
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
}

/// Rules that replace the light colours; they win over the attributes that they look for.
fn dark_style() -> String {
    let mut style = String::new();
    for (light, dark) in DARK {
        let (light, dark) = (hex(light), hex(dark));
        for name in ["fill", "stroke"] {
            let _ = write!(style, ".calico-chart [{name}=\"{light}\"]{{{name}:{dark}}}");
        }
    }
    // Bars keep their colours, which read on both.
    for [light, dark] in palette::LINES {
        let (light, dark) = (hex(light), hex(dark));
        let _ = write!(style, ".calico-chart [stroke=\"{light}\"]{{stroke:{dark}}}");
    }
    style
}

fn path_data(points: &[(f32, f32)]) -> String {
    let mut data = String::new();
    for (index, (x, y)) in points.iter().enumerate() {
        let command = if index == 0 { 'M' } else { 'L' };
        let _ = write!(data, "{command}{} {}", number(*x), number(*y));
    }
    data
}

/// A length with one decimal at most.
fn number(length: f32) -> String {
    let text = format!("{length:.1}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}
