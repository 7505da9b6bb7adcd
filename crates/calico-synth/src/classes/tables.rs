use tiny_skia::Path;

use super::seating::{depth, disc, legs, of, pedestal};
use super::{Class, Group};
use crate::outline::{bar, block, ellipse, polygon, rectangle, ring};
use crate::{Figure, Piece, Pose};

pub(super) const CLASSES: &[Class] = &[
    Class {
        label: "table",
        group: Group::Tables,
        parts: &["tabletop", "leg", "drawer", "shelf"],
        draw: table,
    },
    Class {
        label: "dresser",
        group: Group::Tables,
        parts: &["body", "drawer", "knob", "leg", "mirror"],
        draw: dresser,
    },
    Class {
        label: "cabinet",
        group: Group::Tables,
        parts: &["body", "door", "handle", "shelf", "leg"],
        draw: cabinet,
    },
];

fn table(pose: &mut Pose<'_>) -> Figure {
    let depth = depth(pose, 0.35, [0.14, 0.45]);
    let [aside, up] = depth;
    let half = pose.between(0.8, 0.97) - aside.abs() / 2.0;
    let floor = pose.between(0.5, 0.85);
    let board = pose.between(0.09, 0.17);
    let top = up - floor;
    if pose.chance(0.3) {
        return round_table(pose, [top, floor], board);
    }
    let ends = [-half - aside / 2.0, half - aside / 2.0];
    let inset = pose.between(0.0, 0.14);
    let pair = [ends[0] + inset, ends[1] - inset];
    let below = top + board;
    let mut pieces = Vec::new();
    if pose.chance(0.25) {
        let wide = pose.between(0.13, 0.24);
        for x in [pair[0], pair[1] - wide] {
            pieces.extend(of("leg", [block([x, top], [x + wide, floor], depth)]));
        }
    } else {
        pieces.extend(of("leg", legs(pose, pair, [top + 0.1, floor], depth)));
    }
    let kind = pose.count(0, 5);
    let clear = floor - below;
    if kind == 0 && clear > 0.45 {
        let y = below + clear * pose.between(0.5, 0.7);
        let path = block([pair[0] + 0.1, y], [pair[1] - 0.1, y + 0.08], depth);
        pieces.push(Piece { part: "shelf", path });
    } else if kind < 3 {
        // A row below the board.
        let count = pose.count(1, 3);
        let width = (pair[1] - pair[0] - 0.2) / count as f32;
        let bottom = below + pose.between(0.2, 0.32).min(clear * 0.5);
        for drawer in 0..count {
            let x = pair[0] + 0.1 + drawer as f32 * width;
            let path = rectangle([x + 0.02, below], [x + width - 0.02, bottom], 0.02);
            pieces.push(Piece { part: "drawer", path });
        }
    } else if kind == 3 {
        // A column beside the knees.
        let count = pose.count(2, 4);
        let wide = pose.between(0.4, 0.6);
        let left = if pose.chance(0.5) { pair[0] + 0.12 } else { pair[1] - 0.12 - wide };
        let step = (clear - 0.1) / count as f32;
        for drawer in 0..count {
            let y = below + drawer as f32 * step;
            let path = rectangle([left, y], [left + wide, y + step - 0.03], 0.02);
            pieces.push(Piece { part: "drawer", path });
        }
    }
    pieces.push(Piece { part: "tabletop", path: block([ends[0], top], [ends[1], below], depth) });
    Figure { pieces }
}

fn round_table(pose: &mut Pose<'_>, [face, floor]: [f32; 2], board: f32) -> Figure {
    let (across, down) = (pose.between(0.8, 0.97), pose.between(0.14, 0.3));
    let mut pieces = Vec::new();
    if pose.chance(0.5) {
        let reach = pose.between(0.4, 0.65);
        pieces.extend(of("leg", pedestal(pose, 0.0, [face, floor], reach)));
    } else {
        let half = across * pose.between(0.6, 0.75);
        let span = [face + 0.05, floor];
        pieces.extend(of("leg", legs(pose, [-half, half], span, [0.0, 0.16])));
        // The rear legs stand nearer to each other than perspective alone would have it.
        pieces.extend(of("leg", legs(pose, [-0.4 * half, 0.4 * half], span, [0.0, 0.1])));
    }
    if floor - face > 0.9 && pose.chance(0.35) {
        let y = face + (floor - face) * 0.66;
        let path = ellipse([0.0, y], [across * 0.6, 0.12]);
        pieces.push(Piece { part: "shelf", path });
    }
    let middle = (face).max(down - 0.97);
    pieces.extend(of("tabletop", disc([0.0, middle], [across, down], board)));
    Figure { pieces }
}

/// Short feet, a plinth or turned knobs that a chest stands on.
fn feet(pose: &mut Pose<'_>, [left, right]: [f32; 2], top: f32, floor: f32) -> Vec<Path> {
    let half = pose.between(0.12, 0.16);
    let inset = pose.between(0.0, 0.08) + half;
    let ends = [(left + inset, -1.0), (right - inset, 1.0)];
    let kind = pose.count(0, 2);
    let narrow = pose.between(0.08, 0.11);
    ends.map(|(x, sign)| match kind {
        0 => polygon(&[
            [x - half, top],
            [x + half, top],
            [x + sign * 0.04 + narrow, floor],
            [x + sign * 0.04 - narrow, floor],
        ]),
        1 => rectangle([x - half, top], [x + half, floor], 0.02),
        _ => ellipse([x, f32::midpoint(top, floor)], [half, (floor - top) / 2.0 + 0.02]),
    })
    .to_vec()
}

fn dresser(pose: &mut Pose<'_>) -> Figure {
    let mirrored = pose.chance(0.4);
    let [aside, up] = depth(pose, 0.25, [0.06, 0.2]);
    let wide = pose.between(0.68, 0.96);
    let half = wide - aside.abs() / 2.0;
    let (left, right) = (-half - aside / 2.0, half - aside / 2.0);
    let floor = if mirrored { 0.96 } else { pose.between(0.7, 0.96) };
    let base = floor - pose.between(0.25, 0.36);
    let top = if mirrored { pose.between(-0.1, 0.15) } else { pose.between(-0.9, -0.3) + up };
    let mut pieces = Vec::new();
    if mirrored {
        pieces.push(Piece { part: "mirror", path: mirror(pose, aside / 2.0, wide, top - up) });
    }
    pieces.extend(of("leg", feet(pose, [left, right], base - 0.02, floor - 0.02)));
    pieces.push(Piece { part: "body", path: block([left, top], [right, base], [aside, up]) });
    let frame = pose.between(0.05, 0.09);
    let most = ((base - top) / 0.23) as u32;
    let rows = pose.count(2, most.clamp(2, 4));
    let high = (base - top - frame) / rows as f32;
    let mut knobs = Vec::new();
    for row in 0..rows {
        let y = top + frame + row as f32 * high;
        let columns = pose.count(1, if half > 0.7 { 3 } else { 2 });
        let span = (right - left - frame) / columns as f32;
        // One drawer may stand open, nearer to the viewer and so lower and larger.
        let open = if pose.chance(0.2) { 0.04 } else { 0.0 };
        for column in 0..columns {
            let x = left + frame + column as f32 * span;
            let (end, low) = (x + span - frame, y + high - frame);
            let path = rectangle([x - open, y + open], [end + open, low + open], 0.03);
            pieces.push(Piece { part: "drawer", path });
            let middle = [f32::midpoint(x, end), f32::midpoint(y, low) + open];
            if columns == 1 {
                let apart = 0.25 * span;
                knobs.extend([[middle[0] - apart, middle[1]], [middle[0] + apart, middle[1]]]);
            } else {
                knobs.push(middle);
            }
        }
    }
    let least = (0.1 / (std::f32::consts::PI * knobs.len() as f32)).sqrt();
    let radius = pose.between(1.0, 1.3) * least.max(0.055);
    let long = pose.chance(0.4);
    pieces.extend(knobs.into_iter().map(|[x, y]| {
        let path = if long {
            bar([x - radius, y], [x + radius, y], radius * 0.62)
        } else {
            ellipse([x, y], [radius, radius])
        };
        Piece { part: "knob", path }
    }));
    Figure { pieces }
}

/// A mirror that stands on a chest whose rear edge is at `low`.
fn mirror(pose: &mut Pose<'_>, x: f32, wide: f32, low: f32) -> Path {
    let half = pose.between(0.4, 0.8) * wide;
    let top = pose.between(-0.97, -0.85);
    match pose.count(0, 2) {
        0 => rectangle([x - half, top], [x + half, low], pose.between(0.0, 0.1)),
        1 => {
            let down = (low - top) / 2.0 + 0.03;
            ellipse([x, top + down], [half, down])
        }
        // With an arch.
        _ => {
            let spring = (top + half).min(low - 0.05);
            let arch = [
                [x - half, low],
                [x - half, spring],
                [x - 0.7 * half, f32::midpoint(spring, top) - 0.06],
                [x, top],
                [x + 0.7 * half, f32::midpoint(spring, top) - 0.06],
                [x + half, spring],
                [x + half, low],
            ];
            polygon(&arch)
        }
    }
}

fn cabinet(pose: &mut Pose<'_>) -> Figure {
    let tall = pose.chance(0.6);
    let [aside, up] = depth(pose, 0.22, [0.05, 0.18]);
    let wide = if tall { pose.between(0.5, 0.75) } else { pose.between(0.8, 0.97) };
    let floor = if tall { 0.96 } else { pose.between(0.6, 0.85) };
    let half = wide - aside.abs() / 2.0;
    let (left, right) = (-half - aside / 2.0, half - aside / 2.0);
    let top = up - if tall { 0.96 } else { floor };
    let mut pieces = Vec::new();
    let mut base = floor;
    if pose.chance(0.5) {
        base -= pose.between(0.25, 0.33);
        pieces.extend(of("leg", feet(pose, [left, right], base - 0.02, floor - 0.02)));
    }
    pieces.push(Piece { part: "body", path: block([left, top], [right, base], [aside, up]) });
    let frame = pose.between(0.06, 0.1);
    let inner = [left + frame, top + frame, right - frame, base - frame];
    let [x0, y0, x1, y1] = inner;
    match pose.count(0, 2) {
        // Closed.
        0 => pieces.extend(doors(pose, inner)),
        // Shelves above the doors, or below them.
        1 => {
            let share = pose.between(0.35, 0.5);
            let (open, shut) = if pose.chance(0.6) {
                let edge = y0 + share * (y1 - y0);
                ([y0, edge - frame], [edge, y1])
            } else {
                let edge = y1 - share * (y1 - y0);
                ([edge + frame, y1], [y0, edge])
            };
            pieces.extend(of("shelf", shelves(pose, [x0, x1], open)));
            pieces.extend(doors(pose, [x0, shut[0], x1, shut[1]]));
        }
        // Shelves beside one door.
        _ => {
            let middle = x0 + pose.between(0.42, 0.58) * (x1 - x0);
            let (open, shut) = if pose.chance(0.5) {
                ([x0, middle - frame], [middle, x1])
            } else {
                ([middle + frame, x1], [x0, middle])
            };
            pieces.extend(of("shelf", shelves(pose, open, [y0, y1])));
            pieces.extend(door(pose, [shut[0], y0, shut[1], y1], true, 0.1));
        }
    }
    Figure { pieces }
}

/// Boards across an open space, with equal gaps.
fn shelves(pose: &mut Pose<'_>, [left, right]: [f32; 2], [top, bottom]: [f32; 2]) -> Vec<Path> {
    let height = bottom - top;
    let most = (height / 0.3).max(1.0) as u32;
    let count = pose.count(1, most.min(4));
    let needed = 0.12 / ((right - left) * count as f32);
    let board = pose.between(0.07, 0.11).max(needed);
    let gap = (height - board * count as f32) / (count + 1) as f32;
    (0..count)
        .map(|shelf| {
            let y = top + gap + shelf as f32 * (board + gap);
            rectangle([left, y], [right, y + board], 0.0)
        })
        .collect()
}

fn doors(pose: &mut Pose<'_>, [left, top, right, bottom]: [f32; 4]) -> Vec<Piece> {
    if right - left < 0.8 || pose.chance(0.25) {
        let at_right = pose.chance(0.5);
        return door(pose, [left, top, right, bottom], at_right, 0.11);
    }
    let middle = f32::midpoint(left, right);
    let mut pieces = door(pose, [left, top, middle - 0.02, bottom], false, 0.05);
    pieces.extend(door(pose, [middle + 0.02, top, right, bottom], true, 0.05));
    pieces
}

/// A door that hinges at the right or at the left, closed or ajar, and its handle of an area of at
/// least so much.
fn door(
    pose: &mut Pose<'_>,
    [left, top, right, bottom]: [f32; 4],
    at_right: bool,
    least: f32,
) -> Vec<Piece> {
    let (hinge, free) = if at_right { (right, left) } else { (left, right) };
    let ajar = if pose.chance(0.35) { pose.between(0.15, 0.4) } else { 0.0 };
    let edge = free + ajar * (hinge - free);
    // The free edge of an open door is nearer to the viewer.
    let grown = ajar * 0.12;
    let outline =
        [[hinge, top], [edge, top + grown], [edge, (bottom + grown).min(0.96)], [hinge, bottom]];
    let sign = (hinge - free).signum();
    let reach = ((bottom - top) * pose.between(0.22, 0.32)).max(0.16);
    // Broad enough to be seen, however short it is.
    let looped = pose.chance(0.33);
    let half =
        if looped { (0.38 * least / reach).max(0.13) } else { (0.26 * least / reach).max(0.08) };
    let (x, y) = (edge + sign * (half + 0.05), f32::midpoint(top, bottom));
    let handle = if looped {
        ring([x, y], [half, reach], 0.4)
    } else {
        let round = if pose.chance(0.5) { half } else { 0.0 };
        rectangle([x - half, y - reach], [x + half, y + reach], round)
    };
    vec![Piece { part: "door", path: polygon(&outline) }, Piece { part: "handle", path: handle }]
}
