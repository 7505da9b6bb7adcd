//! What flies: an airplane from its side or from above, a helicopter from its side, a rocket.

use super::{Class, Group};
use crate::outline::{bar, blob, ellipse, polygon, rectangle, turned};
use crate::{Figure, Piece, Pose};

pub(super) const CLASSES: &[Class] = &[
    Class {
        label: "airplane",
        group: Group::Aircraft,
        parts: &["fuselage", "wing", "tail", "engine", "window"],
        draw: airplane,
    },
    Class {
        label: "helicopter",
        group: Group::Aircraft,
        parts: &["fuselage", "rotor", "tail", "skid", "window"],
        draw: helicopter,
    },
    Class {
        label: "rocket",
        group: Group::Aircraft,
        parts: &["fuselage", "nose", "fin", "engine", "window", "flame"],
        draw: rocket,
    },
];

fn airplane(pose: &mut Pose<'_>) -> Figure {
    if pose.chance(0.6) { airplane_from_the_side(pose) } else { airplane_from_above(pose) }
}

fn airplane_from_the_side(pose: &mut Pose<'_>) -> Figure {
    let thick = pose.between(0.17, 0.25);
    let snout = pose.between(0.2, 0.36);
    let stern = pose.between(0.35, 0.6);
    let mut pieces = Vec::new();
    let [tall, slant] = [pose.between(0.42, 0.6), pose.between(0.02, 0.2)];
    let fin = polygon(&[
        [-0.94 + slant + 0.3, -thick * 0.5],
        [-0.94 + pose.between(0.24, 0.32), -thick - tall],
        [-0.96, -thick - tall],
        [-0.9 + slant * 0.5, -thick * 0.5],
    ]);
    pieces.push(Piece { part: "tail", path: fin });
    let hull = blob(&[
        [0.95, 0.04],
        [0.95 - snout, -thick * 0.9],
        [0.3, -thick],
        [-0.4, -thick],
        [-0.92, -thick * 0.8],
        [-0.92, -thick * 0.3],
        [-0.92 + stern, thick * 0.9],
        [0.3, thick],
        [0.95 - snout * 0.6, thick * 0.8],
    ]);
    pieces.push(Piece { part: "fuselage", path: hull });
    if pose.chance(0.5) {
        let count = pose.count(5, 6);
        for number in 0..count {
            let left = 0.5 - number as f32 * 0.21;
            let path = rectangle([left, -thick * 0.75], [left + 0.16, -thick * 0.75 + 0.18], 0.05);
            pieces.push(Piece { part: "window", path });
        }
    }
    let stabiliser = polygon(&[
        [-0.5, -thick * 0.35],
        [-0.7, -thick * 0.35 + 0.15],
        [-0.98, -thick * 0.35 + 0.15],
        [-0.86, -thick * 0.35 - 0.06],
    ]);
    pieces.push(Piece { part: "tail", path: stabiliser });
    let root = pose.between(0.12, 0.3);
    let [sweep, reach] = [pose.between(0.3, 0.65), pose.between(0.4, 0.6)];
    let level = thick * pose.between(0.1, 0.4);
    let [wide, tip] = [pose.between(0.36, 0.46), pose.between(0.18, 0.26)];
    let [long, stout] = [pose.between(0.22, 0.28), pose.between(0.13, 0.16)];
    let engine =
        [root - sweep * 0.25 + pose.between(0.08, 0.18), level + stout + pose.between(0.12, 0.2)];
    let turbine = rectangle(
        [engine[0] - long, engine[1] - stout],
        [engine[0] + long, engine[1] + stout],
        pose.between(0.04, 0.13),
    );
    pieces.push(Piece { part: "engine", path: turbine });
    let wing = polygon(&[
        [root, level],
        [root - sweep, level + reach],
        [root - sweep - tip, level + reach],
        [root - wide, level],
    ]);
    pieces.push(Piece { part: "wing", path: wing });
    Figure { pieces }
}

fn airplane_from_above(pose: &mut Pose<'_>) -> Figure {
    let thick = pose.between(0.12, 0.17);
    let root = pose.between(0.1, 0.35);
    let [sweep, reach] = [pose.between(0.0, 0.5), pose.between(0.8, 0.97)];
    let [wide, tip] = [pose.between(0.32, 0.42), pose.between(0.14, 0.22)];
    let [span, slant] = [pose.between(0.36, 0.46), pose.between(0.02, 0.14)];
    let [long, stout] = [pose.between(0.2, 0.26), pose.between(0.1, 0.12)];
    let place = pose.between(0.36, 0.5);
    let pairs = pose.count(1, 2);
    let mut pieces = Vec::new();
    for side in [-1.0, 1.0] {
        for number in 0..pairs {
            let share = place + 0.3 * number as f32;
            let [x, y] = [root - sweep * share + 0.08, side * reach * share];
            let path = rectangle([x - long, y - stout], [x + long * 0.8, y + stout], 0.07);
            pieces.push(Piece { part: "engine", path });
        }
        let wing = polygon(&[
            [root, 0.0],
            [root - sweep, side * reach],
            [root - sweep - tip, side * reach],
            [root - wide, 0.0],
        ]);
        pieces.push(Piece { part: "wing", path: wing });
        let stabiliser = polygon(&[
            [-0.6, 0.0],
            [-0.76 - slant * 0.5, side * span],
            [-0.94, side * span],
            [-0.92, 0.0],
        ]);
        pieces.push(Piece { part: "tail", path: stabiliser });
    }
    pieces.push(Piece { part: "fuselage", path: bar([-0.82, 0.0], [0.8, 0.0], thick) });
    if pose.chance(0.4) {
        let path = rectangle([0.46, -0.1], [0.46 + pose.between(0.4, 0.46), 0.1], 0.09);
        let path = if pose.chance(0.5) { path } else { ellipse([0.66, 0.0], [0.26, 0.105]) };
        pieces.push(Piece { part: "window", path });
    }
    Figure { pieces }
}

fn helicopter(pose: &mut Pose<'_>) -> Figure {
    let [long, tall] = [pose.between(0.46, 0.56), pose.between(0.31, 0.4)];
    let heart = [pose.between(0.22, 0.36), pose.between(0.08, 0.16)];
    let mut pieces = Vec::new();
    let level = heart[1] - tall * pose.between(0.1, 0.45);
    let end = [-0.8, level - pose.between(0.0, 0.1)];
    let boom = polygon(&[
        [heart[0] - 0.1, level - 0.14],
        [end[0], end[1] - 0.07],
        [end[0], end[1] + 0.07],
        [heart[0] - 0.1, level + 0.2],
    ]);
    pieces.push(Piece { part: "tail", path: boom });
    let [high, low] = [pose.between(0.22, 0.34), pose.between(0.0, 0.2)];
    let fin = polygon(&[
        [end[0] + 0.16, end[1]],
        [end[0] - 0.02, end[1] - high],
        [end[0] - 0.17, end[1] - high],
        [end[0] - 0.08, end[1] + 0.06 + low],
        [end[0] + 0.06, end[1] + 0.06],
    ]);
    pieces.push(Piece { part: "tail", path: fin });
    let hub = [heart[0] - 0.06, heart[1] - tall - pose.between(0.16, 0.26)];
    let mast = bar([hub[0], heart[1]], hub, pose.between(0.06, 0.08));
    pieces.push(Piece { part: "rotor", path: mast });
    pieces.extend(rotor(pose, hub));
    pieces.extend(skids(pose, heart, tall));
    let hull = if pose.chance(0.5) {
        ellipse(heart, [long, tall])
    } else {
        blob(&[
            [heart[0] + long, heart[1] + tall * 0.4],
            [heart[0] + long * 0.6, heart[1] - tall * 0.7],
            [heart[0] - long * 0.2, heart[1] - tall],
            [heart[0] - long, heart[1] - tall * 0.5],
            [heart[0] - long * 0.7, heart[1] + tall * 0.85],
            [heart[0] + long * 0.5, heart[1] + tall],
        ])
    };
    pieces.push(Piece { part: "fuselage", path: hull });
    let pane = [heart[0] + long * 0.4, heart[1] - tall * 0.12];
    let glass = if pose.chance(0.5) {
        ellipse(pane, [long * pose.between(0.42, 0.52), tall * pose.between(0.48, 0.6)])
    } else {
        rectangle(
            [pane[0] - long * pose.between(0.3, 0.6), pane[1] - tall * 0.42],
            [pane[0] + long * 0.36, pane[1] + tall * 0.45],
            0.08,
        )
    };
    pieces.push(Piece { part: "window", path: glass });
    Figure { pieces }
}

/// Blades around a hub, seen almost from their edge: those that point at us look short.
fn rotor(pose: &mut Pose<'_>, hub: [f32; 2]) -> Vec<Piece> {
    let blades = pose.count(2, 4);
    let reach = (1.0 - hub[0].abs() - 0.04).max(0.6);
    let thick = pose.between(0.06, 0.075);
    let flat = pose.between(0.1, 0.26);
    let start = pose.between(0.0, 360.0);
    let first = if blades == 2 { pose.between(-25.0, 25.0) } else { start };
    let tilt = pose.between(-7.0, 7.0);
    let mut pieces = Vec::new();
    for number in 0..blades {
        let angle = (first + 360.0 * number as f32 / blades as f32).to_radians();
        let tip = [hub[0] + angle.cos() * reach, hub[1] + angle.sin() * reach * flat];
        pieces.push(Piece { part: "rotor", path: turned(bar(hub, tip, thick), tilt, hub) });
    }
    pieces
}

fn skids(pose: &mut Pose<'_>, heart: [f32; 2], tall: f32) -> Vec<Piece> {
    let ground = heart[1] + tall + pose.between(0.14, 0.24);
    let [left, right] = [heart[0] - pose.between(0.4, 0.55), heart[0] + pose.between(0.36, 0.52)];
    let thick = pose.between(0.06, 0.075);
    let spread = pose.between(0.0, 0.1);
    let mut tubes = vec![
        ([left, ground], [right, ground]),
        ([heart[0] - 0.18, heart[1]], [heart[0] - 0.22 - spread, ground]),
        ([heart[0] + 0.18, heart[1]], [heart[0] + 0.22 + spread, ground]),
    ];
    if pose.chance(0.6) {
        tubes.push(([right, ground], [right + 0.1, ground - 0.1]));
    }
    tubes.into_iter().map(|(from, to)| Piece { part: "skid", path: bar(from, to, thick) }).collect()
}

fn rocket(pose: &mut Pose<'_>) -> Figure {
    let wide = pose.between(0.2, 0.32);
    let flames = pose.chance(0.5);
    let foot = if flames { pose.between(0.22, 0.36) } else { pose.between(0.55, 0.7) };
    let tip = -0.97;
    let shoulder = tip + pose.between(0.4, 0.6);
    let mut pieces = Vec::new();
    let bell = [pose.between(0.18, 0.22), pose.between(0.24, 0.32)];
    if flames {
        let [spread, end] = [pose.between(0.2, 0.27), pose.between(0.88, 0.97)];
        let sway = pose.between(-0.1, 0.1);
        let flame = blob(&[
            [0.0, foot],
            [spread, foot + 0.32],
            [spread * 0.5 + sway, end - 0.12],
            [sway, end],
            [-spread * 0.5 + sway, end - 0.12],
            [-spread, foot + 0.32],
        ]);
        pieces.push(Piece { part: "flame", path: flame });
    }
    let engine = polygon(&[
        [-bell[0] * 0.8, foot - 0.1],
        [bell[0] * 0.8, foot - 0.1],
        [bell[1], foot + 0.24],
        [-bell[1], foot + 0.24],
    ]);
    pieces.push(Piece { part: "engine", path: engine });
    let [reach, high] = [pose.between(0.24, 0.42), pose.between(0.4, 0.65)];
    let [drop, blunt] = [pose.between(-0.05, 0.2), pose.between(0.05, 0.3)];
    for side in [-1.0, 1.0] {
        let fin = polygon(&[
            [side * wide * 0.8, foot - high],
            [side * (wide + reach), foot + drop - blunt],
            [side * (wide + reach), foot + drop],
            [side * wide * 0.8, foot - 0.03],
        ]);
        pieces.push(Piece { part: "fin", path: fin });
    }
    let waist = pose.between(0.72, 1.0);
    let hull = blob(&[
        [-wide, shoulder],
        [0.0, shoulder - 0.05],
        [wide, shoulder],
        [wide, f32::midpoint(shoulder, foot)],
        [wide * waist, foot - 0.02],
        [-wide * waist, foot - 0.02],
        [-wide, f32::midpoint(shoulder, foot)],
    ]);
    pieces.push(Piece { part: "fuselage", path: hull });
    pieces.push(Piece { part: "nose", path: nose(pose, [wide, shoulder], tip) });
    if pose.chance(0.35) {
        // A third fin points at us.
        let path = rectangle([-0.09, foot - high], [0.09, foot + 0.06], 0.08);
        pieces.push(Piece { part: "fin", path });
    }
    if pose.chance(0.6) {
        let radius = pose.between(0.165, 0.19).min(wide * 0.8).max(0.16);
        let place = [0.0, shoulder + pose.between(0.22, 0.3)];
        pieces.push(Piece { part: "window", path: ellipse(place, [radius, radius]) });
    }
    Figure { pieces }
}

/// A cone with straight or bent flanks.
fn nose(pose: &mut Pose<'_>, [wide, foot]: [f32; 2], tip: f32) -> tiny_skia::Path {
    let middle = f32::midpoint(foot, tip);
    let bulge = wide * pose.between(0.5, 0.85);
    polygon(&[
        [-wide * 1.05, foot + 0.07],
        [-bulge, middle],
        [-bulge * 0.5, middle + (tip - middle) * 0.6],
        [0.0, tip],
        [bulge * 0.5, middle + (tip - middle) * 0.6],
        [bulge, middle],
        [wide * 1.05, foot + 0.07],
    ])
}
