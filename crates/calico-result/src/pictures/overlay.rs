use calico_image::{Filter, Frame, Mask, Size, resize};
use tiny_skia::{PathBuilder, Rect};

use super::canvas::{Canvas, rounded};
use super::coverage::Coverage;
use super::label_layout::{self, LabelRequest};
use super::placement::Placement;
use super::typeface::Typeface;
use super::{Layer, layers};
use crate::{ResultError, Segment, palette};

/// The shorter side of a drawing is at least this long, so that labels are legible …
const SHORT_SIDE: f64 = 480.0;
/// … and the longer one at most this, so that the file stays handy.
const LONG_SIDE: f64 = 1600.0;

/// Opacity of the colour within a mask.
const TINT: f32 = 0.42;

/// The photograph with the segments in the colours of their groups, outlined and labelled.
///
/// The drawing has the shape of the photograph, enlarged to a shorter side of 480 pixels if it is
/// smaller and reduced to a longer side of 1600 if it is larger. Empty masks are left out.
pub fn overlay(photograph: &Frame, segments: &[&Segment]) -> Result<Frame, ResultError> {
    let original = photograph.size();
    let drawn = drawing_size(original);
    let mut canvas = Canvas::new(drawn, [255; 3])?;
    let placement = Placement { x: 0, y: 0, drawn, original };
    let type_size = (drawn.height.min(drawn.width) as f32 / 32.0).clamp(15.0, 32.0);
    draw(&mut canvas, placement, photograph, &layers(segments)?, type_size)?;
    canvas.into_frame()
}

/// Draws a photograph and its layers, lowest first, with labels of `type_size` pixels per em.
pub(super) fn draw(
    canvas: &mut Canvas,
    placement: Placement,
    photograph: &Frame,
    layers: &[Layer<'_>],
    type_size: f32,
) -> Result<(), ResultError> {
    let picture = resize(photograph, placement.drawn, Filter::Bicubic)?;
    canvas.paste(&picture, (placement.x, placement.y));
    let line = type_size / 8.0;
    let outlines: Vec<_> = layers.iter().map(|layer| placement.outline(&layer.mask)).collect();
    for (layer, outline) in layers.iter().zip(&outlines) {
        if let Some(path) = outline {
            canvas.fill(path, palette::color(layer.segment.group), TINT);
        }
    }
    // Lines come after all fills, or the fill of a part would dull the outline of its object. The
    // dark edge keeps a light line visible on a light photograph.
    for (layer, outline) in layers.iter().zip(&outlines) {
        if let Some(path) = outline {
            canvas.stroke(path, [0; 3], 0.55, line + 1.5);
            canvas.stroke(path, palette::color(layer.segment.group), 1.0, line);
        }
    }
    draw_labels(canvas, placement, layers, type_size);
    Ok(())
}

/// Scales to the wanted range of sides, at least one pixel each.
fn drawing_size(Size { height, width }: Size) -> Size {
    let (short, long) = (f64::from(height.min(width)), f64::from(height.max(width)));
    let scale = (SHORT_SIDE / short).max(1.0).min(LONG_SIDE / long);
    let side = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
    Size::new(side(height), side(width))
}

/// A label ready to be placed.
struct Label {
    text: String,
    color: [u8; 3],
}

fn draw_labels(canvas: &mut Canvas, placement: Placement, layers: &[Layer<'_>], type_size: f32) {
    let Some(area) = placement.area() else { return };
    let padding = (type_size * 0.42).round();
    let height = (Typeface::cap_height(type_size) + 2.0 * padding).round();
    let mut labels = Vec::new();
    let mut requests = Vec::new();
    let mut order: Vec<&Layer<'_>> = layers.iter().collect();
    order.sort_by_key(|layer| (layer.segment.area, layer.segment.id));
    for layer in order {
        let Some(anchor) = anchor(layer) else { continue };
        let limit = area.width() - 2.0 * padding;
        let text = canvas.typeface().fitted(&layer.segment.label, type_size, limit);
        if text.is_empty() {
            continue;
        }
        let width = (canvas.typeface().width(&text, type_size) + 2.0 * padding).ceil();
        labels.push(Label { text, color: palette::color(layer.segment.group) });
        requests.push(LabelRequest {
            size: (width, height),
            anchor: placement.map(anchor),
            coverage: Coverage::new(&layer.mask, &placement),
        });
    }
    let plates = label_layout::place(area, type_size / 4.0, &requests);
    let placed = || plates.iter().zip(&requests).zip(&labels);
    // Leaders first, so that none crosses a label.
    for ((plate, request), label) in placed() {
        if let Some(plate) = plate.filter(|plate| request.coverage.share(*plate) == 0.0) {
            leader(canvas, plate, request.anchor, label.color, type_size / 8.0);
        }
    }
    for ((plate, _), label) in placed() {
        if let Some(plate) = plate {
            draw_label(canvas, *plate, label, padding, type_size);
        }
    }
}

/// The text on a plate in the colour of the mask, with a rim that sets it off the photograph.
fn draw_label(canvas: &mut Canvas, plate: Rect, label: &Label, padding: f32, type_size: f32) {
    let ink = palette::text_color(label.color);
    if let Some(path) = rounded(plate, type_size / 4.0) {
        canvas.stroke(&path, [0; 3], 0.55, 3.0);
        canvas.stroke(&path, [255; 3], 1.0, 1.5);
        canvas.fill(&path, label.color, 1.0);
    }
    let at = (plate.left() + padding, (plate.bottom() - padding).round());
    canvas.text(&label.text, type_size, at, ink);
}

/// A line with a dot from a plate to its mask.
fn leader(canvas: &mut Canvas, plate: Rect, anchor: (f32, f32), color: [u8; 3], width: f32) {
    let mut path = PathBuilder::new();
    path.move_to(
        anchor.0.clamp(plate.left(), plate.right()),
        anchor.1.clamp(plate.top(), plate.bottom()),
    );
    path.line_to(anchor.0, anchor.1);
    if let Some(path) = path.finish() {
        canvas.stroke(&path, [0; 3], 0.55, width + 2.0);
        canvas.stroke(&path, [255; 3], 1.0, width);
    }
    if let Some(dot) = PathBuilder::from_circle(anchor.0, anchor.1, 1.6 * width) {
        canvas.stroke(&dot, [0; 3], 0.55, 3.5);
        canvas.stroke(&dot, [255; 3], 1.0, 2.0);
        canvas.fill(&dot, color, 1.0);
    }
}

/// The centre of the mask's pixel that is nearest to its centroid, which may itself lie in a hole.
fn anchor(layer: &Layer<'_>) -> Option<(f32, f32)> {
    let mask: &Mask = &layer.mask;
    let (x, y) = mask.centroid()?;
    let width = mask.size().width as usize;
    let pixels = mask.bits().iter().enumerate().filter(|(_, bit)| **bit);
    let centers = pixels.map(|(at, _)| ((at % width) as f64 + 0.5, (at / width) as f64 + 0.5));
    let distance = |point: &(f64, f64)| (point.0 - x).powi(2) + (point.1 - y).powi(2);
    let nearest = centers.min_by(|a, b| distance(a).total_cmp(&distance(b)));
    nearest.map(|(x, y)| (x as f32, y as f32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_drawing_is_enlarged_or_reduced_to_a_legible_size() {
        let cases = [
            ((300, 400), (480, 640)),
            ((600, 800), (600, 800)),
            ((3000, 4000), (1200, 1600)),
            ((1, 1), (480, 480)),
            ((1, 5000), (1, 1600)),
        ];
        for ((height, width), (tall, wide)) in cases {
            assert_eq!(drawing_size(Size::new(height, width)), Size::new(tall, wide));
        }
    }

    #[test]
    fn masks_change_the_photograph_inside_and_nothing_outside() {
        let result = sample::segmentation();
        let photograph = &sample::photographs()[0];
        let dog = &result.answers[0].segments[0];
        let drawn = overlay(photograph, &[dog]).unwrap();
        let pixel = |x: usize, y: usize| {
            let start = (y * drawn.size().width as usize + x) * 3;
            [0, 1, 2].map(|channel| drawn.pixels()[start + channel])
        };
        // Sixteen times enlarged; the dog spans 4 to 34 across and 4 to 24 down.
        assert_eq!(drawn.size(), Size::new(480, 640));
        assert_eq!(pixel(10, 10), [90; 3]);
        assert_ne!(pixel(30 * 16, 8 * 16), [90; 3]);
        assert_eq!(pixel(13 * 16 + 8, 14 * 16 + 8), [90; 3], "the hole stays clear");
    }

    #[test]
    fn pictures_of_any_shape_and_empty_masks_are_drawn() {
        for (height, width) in [(1, 1), (1, 4000), (2000, 1), (3, 2)] {
            let size = Size::new(height, width);
            let photograph = Frame::new(size, vec![128; size.pixels() as usize * 3]).unwrap();
            let mut segment = sample::segmentation().answers[0].segments[0].clone();
            for mask in [Mask::filled(size), Mask::empty(size)] {
                segment.mask = crate::EncodedMask::new(&mask);
                overlay(&photograph, &[&segment]).unwrap();
            }
        }
    }
}
