//! Outlines that objects are made of. All coordinates must be finite.

use tiny_skia::{Path, PathBuilder, Rect, Transform};

/// Distance of the control points of a quarter circle of radius 1.
const QUARTER: f32 = 0.552_284_8;

/// Straight lines from corner to corner, and back to the first.
pub fn polygon(corners: &[[f32; 2]]) -> Path {
    let mut builder = PathBuilder::new();
    for (number, [x, y]) in corners.iter().enumerate() {
        if number == 0 { builder.move_to(*x, *y) } else { builder.line_to(*x, *y) }
    }
    builder.close();
    finish(builder)
}

/// A rectangle with rounded corners; a radius of 0 makes them sharp.
pub fn rectangle([left, top]: [f32; 2], [right, bottom]: [f32; 2], radius: f32) -> Path {
    let radius = radius.min((right - left) / 2.0).min((bottom - top) / 2.0).max(0.0);
    let bend = radius * (1.0 - QUARTER);
    let mut builder = PathBuilder::new();
    builder.move_to(left + radius, top);
    builder.line_to(right - radius, top);
    builder.cubic_to(right - bend, top, right, top + bend, right, top + radius);
    builder.line_to(right, bottom - radius);
    builder.cubic_to(right, bottom - bend, right - bend, bottom, right - radius, bottom);
    builder.line_to(left + radius, bottom);
    builder.cubic_to(left + bend, bottom, left, bottom - bend, left, bottom - radius);
    builder.line_to(left, top + radius);
    builder.cubic_to(left, top + bend, left + bend, top, left + radius, top);
    builder.close();
    finish(builder)
}

/// An ellipse around a centre.
pub fn ellipse([x, y]: [f32; 2], [across, down]: [f32; 2]) -> Path {
    let mut builder = PathBuilder::new();
    push_ellipse(&mut builder, [x, y], [across, down]);
    finish(builder)
}

/// What lies between two ellipses around one centre; the inner one is `hole` times as large.
pub fn ring([x, y]: [f32; 2], [across, down]: [f32; 2], hole: f32) -> Path {
    let mut builder = PathBuilder::new();
    push_ellipse(&mut builder, [x, y], [across, down]);
    // The other way round, so that the winding rule leaves it out.
    push_ellipse(&mut builder, [x, y], [-across * hole, down * hole]);
    finish(builder)
}

/// A bar with round ends between two points.
pub fn bar([x0, y0]: [f32; 2], [x1, y1]: [f32; 2], radius: f32) -> Path {
    let length = (x1 - x0).hypot(y1 - y0);
    let upright = rectangle([-radius, -radius], [length + radius, radius], radius);
    let (sine, cosine) =
        if length > 0.0 { ((y1 - y0) / length, (x1 - x0) / length) } else { (0.0, 1.0) };
    moved(upright, Transform::from_row(cosine, sine, -sine, cosine, x0, y0))
}

/// A smooth closed curve through points, as a Catmull-Rom spline.
pub fn blob(points: &[[f32; 2]]) -> Path {
    let count = points.len();
    let at = |index: usize| points[index % count.max(1)];
    let mut builder = PathBuilder::new();
    if count > 0 {
        builder.move_to(at(0)[0], at(0)[1]);
    }
    for index in 0..count {
        let [before, from, to, after] =
            [at(index + count - 1), at(index), at(index + 1), at(index + 2)];
        builder.cubic_to(
            from[0] + (to[0] - before[0]) / 6.0,
            from[1] + (to[1] - before[1]) / 6.0,
            to[0] - (after[0] - from[0]) / 6.0,
            to[1] - (after[1] - from[1]) / 6.0,
            to[0],
            to[1],
        );
    }
    builder.close();
    finish(builder)
}

/// A board or a box seen from above: its front between two corners, and its rear shifted aside
/// and up from there.
pub fn block([left, top]: [f32; 2], [right, bottom]: [f32; 2], [aside, up]: [f32; 2]) -> Path {
    let (west, east) = (left + aside, right + aside);
    let side = if aside < 0.0 {
        [[right, bottom], [left, bottom], [west, bottom - up], [west, top - up]]
    } else {
        [[left, top], [left, bottom], [right, bottom], [east, bottom - up]]
    };
    let rest = if aside < 0.0 {
        [[east, top - up], [right, top]]
    } else {
        [[east, top - up], [west, top - up]]
    };
    polygon(&[side.as_slice(), &rest].concat())
}

/// A smooth bent band along points `[x, y, half of its width there]`.
pub fn ribbon(spine: &[[f32; 3]]) -> Path {
    let side = |index: usize, sign: f32| {
        let [x, y, half] = spine[index];
        let [x0, y0, _] = spine[index.saturating_sub(1)];
        let [x1, y1, _] = spine[(index + 1).min(spine.len() - 1)];
        let length = (x1 - x0).hypot(y1 - y0).max(1e-6);
        [x - sign * half * (y1 - y0) / length, y + sign * half * (x1 - x0) / length]
    };
    let there = (0..spine.len()).map(|index| side(index, 1.0));
    let back = (0..spine.len()).rev().map(|index| side(index, -1.0));
    blob(&there.chain(back).collect::<Vec<_>>())
}

/// The same outline, turned clockwise about a point.
pub fn turned(path: Path, degrees: f32, [x, y]: [f32; 2]) -> Path {
    moved(path, Transform::from_rotate_at(degrees, x, y))
}

/// The same outline elsewhere.
pub fn moved(path: Path, transform: Transform) -> Path {
    path.clone().transform(transform).unwrap_or(path)
}

fn push_ellipse(builder: &mut PathBuilder, [x, y]: [f32; 2], [across, down]: [f32; 2]) {
    let (bend_x, bend_y) = (across * QUARTER, down * QUARTER);
    builder.move_to(x + across, y);
    builder.cubic_to(x + across, y + bend_y, x + bend_x, y + down, x, y + down);
    builder.cubic_to(x - bend_x, y + down, x - across, y + bend_y, x - across, y);
    builder.cubic_to(x - across, y - bend_y, x - bend_x, y - down, x, y - down);
    builder.cubic_to(x + bend_x, y - down, x + across, y - bend_y, x + across, y);
    builder.close();
}

/// A path of nothing is a speck: classes give outlines with an area.
fn finish(builder: PathBuilder) -> Path {
    let speck = || {
        let area = Rect::from_ltrb(0.0, 0.0, 1e-6, 1e-6);
        area.map(PathBuilder::from_rect)
    };
    match builder.finish().or_else(speck) {
        Some(path) => path,
        None => unreachable!("a rectangle of a positive size has an outline"),
    }
}
