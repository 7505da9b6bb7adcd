use tiny_skia::{Path, Transform};

use super::seating::{either_way, of};
use super::{Class, Group};
use crate::outline::{bar, blob, ellipse, moved, polygon, rectangle, ribbon, ring, turned};
use crate::{Figure, Piece, Pose};

pub(super) const CLASSES: &[Class] = &[
    Class { label: "mug", group: Group::Vessels, parts: &["body", "handle", "rim"], draw: mug },
    Class {
        label: "teapot",
        group: Group::Vessels,
        parts: &["body", "handle", "spout", "lid"],
        draw: teapot,
    },
    Class {
        label: "bottle",
        group: Group::Vessels,
        parts: &["body", "neck", "cap", "label", "handle"],
        draw: bottle,
    },
];

/// A loop that leaves a wall at a place and comes back to it `height` lower, by one of four ways.
fn ear(pose: &mut Pose<'_>, [x, y]: [f32; 2], [reach, height]: [f32; 2]) -> Vec<Path> {
    let half = pose.between(0.075, 0.1);
    let (low, far) = (y + height, x + reach - half);
    match pose.count(0, 3) {
        0 => {
            let down = height / 2.0 + half;
            let hole = 1.0 - 2.0 * half / down.min(reach);
            vec![ring([x, y + height / 2.0], [reach, down], hole.max(0.35))]
        }
        1 => vec![
            bar([x - 0.1, y], [far, y], half),
            bar([far, y], [far, low], half),
            bar([far, low], [x - 0.1, low], half),
        ],
        2 => vec![
            bar([x - 0.1, y], [far, y + 0.1 * height], half),
            bar([far, y + 0.1 * height], [x - 0.05, low], half),
        ],
        _ => vec![ribbon(&[
            [x - 0.1, y + 0.05, half],
            [x + 0.5 * reach, y - 0.02, half],
            [far, y + 0.3 * height, half],
            [far - 0.12, y + 0.7 * height, half],
            [x - 0.1, low, half * 0.9],
        ])],
    }
}

fn mug(pose: &mut Pose<'_>) -> Figure {
    let half = pose.between(0.42, 0.64);
    let reach = pose.between(0.36, 0.52);
    let high = pose.between(0.62, 0.93);
    let down = pose.between(0.09, 0.2);
    let middle = -reach / 2.0;
    let (top, bottom) = (-high + down, high);
    let foot = half * pose.between(0.6, 1.08);
    let belly = f32::midpoint(half, foot) * pose.between(0.95, 1.12);
    let mut pieces = Vec::new();
    let start = top + pose.between(0.15, 0.3) * (bottom - top);
    let height = pose.between(0.46, 0.58) * (bottom - top);
    let wall = middle + half.min(f32::midpoint(half, foot)) - 0.04;
    pieces.extend(of("handle", ear(pose, [wall, start], [reach, height])));
    let body = if pose.chance(0.4) {
        let round = pose.between(0.0, 0.3);
        vec![
            rectangle([middle - half, bottom - 0.8], [middle + half, bottom], round),
            rectangle([middle - half, top], [middle + half, bottom - 0.4], 0.0),
        ]
    } else if pose.chance(0.5) {
        let curve = pose.between(0.6, 0.9);
        vec![blob(&[
            [middle - half, top],
            [middle + half, top],
            [middle + belly, top + 0.5 * (bottom - top)],
            [middle + curve * foot, bottom - 0.08],
            [middle, bottom - 0.02],
            [middle - curve * foot, bottom - 0.08],
            [middle - belly, top + 0.5 * (bottom - top)],
        ])]
    } else {
        let flat = down * 0.5;
        vec![
            polygon(&[
                [middle - half, top],
                [middle + half, top],
                [middle + foot, bottom - flat],
                [middle - foot, bottom - flat],
            ]),
            ellipse([middle, bottom - flat], [foot, flat]),
        ]
    };
    pieces.extend(of("body", body));
    pieces.push(Piece { part: "body", path: ellipse([middle, top], [half, down]) });
    // Seen a little from above; now and then what is in it hides the inner wall.
    let needed = 0.1 / (std::f32::consts::PI * half * down);
    let hole = (1.0 - needed).max(0.0).sqrt().min(pose.between(0.55, 0.8));
    let path = if pose.chance(0.3) {
        ellipse([middle, top], [half, down])
    } else {
        ring([middle, top], [half, down], hole)
    };
    pieces.push(Piece { part: "rim", path });
    either_way(pose, pieces)
}

/// The belly of a teapot around the origin, and half its width at the top.
fn belly(pose: &mut Pose<'_>, [half, top, bottom]: [f32; 3]) -> (Vec<Path>, f32) {
    let high = bottom - top;
    let mouth = half * pose.between(0.5, 0.68);
    match pose.count(0, 3) {
        0 => {
            let middle = f32::midpoint(top, bottom);
            let foot = half * pose.between(0.45, 0.7);
            let ball = ellipse([0.0, middle], [half, high / 2.0]);
            (vec![ball, rectangle([-foot, bottom - 0.12], [foot, bottom], 0.02)], mouth)
        }
        1 => {
            let foot = half * pose.between(0.75, 1.0);
            let corners =
                [[-mouth, top], [mouth, top], [foot, bottom - 0.01], [-foot, bottom - 0.01]];
            let shoulder = [[half, top + 0.55 * high], [-half, top + 0.55 * high]];
            let outline =
                [corners[0], corners[1], shoulder[0], corners[2], corners[3], shoulder[1]];
            (vec![polygon(&outline)], mouth)
        }
        2 => {
            let round = pose.between(0.1, 0.35);
            (vec![rectangle([-half, top], [half, bottom], round)], mouth)
        }
        // A pear.
        _ => {
            let outline = [
                [-mouth, top + 0.02],
                [mouth, top + 0.02],
                [0.85 * half, top + 0.4 * high],
                [half, top + 0.72 * high],
                [0.65 * half, bottom - 0.02],
                [-0.65 * half, bottom - 0.02],
                [-half, top + 0.72 * high],
                [-0.85 * half, top + 0.4 * high],
            ];
            (vec![blob(&outline)], mouth)
        }
    }
}

fn teapot(pose: &mut Pose<'_>) -> Figure {
    let half = pose.between(0.44, 0.55);
    let hung = pose.chance(0.3);
    let top = if hung { pose.between(-0.15, 0.05) } else { pose.between(-0.42, -0.2) };
    let bottom = pose.between(0.6, 0.85);
    let high = bottom - top;
    let mut pieces = Vec::new();
    // The spout: wide where it leaves the belly, and a lip at its end.
    let tip = [pose.between(0.82, 0.9), top + pose.between(-0.12, 0.16)];
    let root = [half * 0.6, top + high * pose.between(0.5, 0.72)];
    let (wide, narrow) = (pose.between(0.19, 0.25), pose.between(0.085, 0.11));
    let path = if pose.chance(0.6) {
        let bend = [f32::midpoint(root[0], tip[0]) + pose.between(0.0, 0.12), root[1] - 0.1];
        ribbon(&[
            [root[0], root[1], wide],
            [bend[0], bend[1], (wide + narrow) * 0.52],
            [tip[0] - 0.06, f32::midpoint(bend[1], tip[1]) - 0.05, narrow * 1.2],
            [tip[0], tip[1], narrow],
        ])
    } else {
        polygon(&[
            [root[0], root[1] - wide],
            [tip[0] - narrow, tip[1]],
            [tip[0] + narrow, tip[1] + 0.05],
            [root[0], root[1] + wide],
        ])
    };
    pieces.push(Piece { part: "spout", path });
    let handle = if hung {
        let thick = pose.between(0.06, 0.09);
        let peak = pose.between(-0.88, -0.75);
        let side = half * pose.between(0.75, 0.95);
        let shoulder = f32::midpoint(peak, top) - 0.1;
        vec![ribbon(&[
            [-side, top + 0.3 * high, thick],
            [-side, shoulder, thick],
            [-0.5 * side, peak + 0.03, thick],
            [0.5 * side, peak + 0.03, thick],
            [side, shoulder, thick],
            [side, top + 0.3 * high, thick],
        ])]
    } else {
        let reach = 0.95 - half + 0.08;
        let start = top + high * pose.between(0.1, 0.22);
        let flipped = Transform::from_scale(-1.0, 1.0);
        let loops = ear(pose, [half - 0.08, start], [reach, high * 0.5]);
        loops.into_iter().map(|path| moved(path, flipped)).collect()
    };
    pieces.extend(of("handle", handle));
    let (body, mouth) = belly(pose, [half, top, bottom]);
    pieces.extend(of("body", body));
    pieces.extend(lid(pose, mouth, top, if hung { -0.5 } else { -0.95 }));
    either_way(pose, pieces)
}

/// A lid on a mouth, closed, lifted or tilted, with a knob of the same part.
fn lid(pose: &mut Pose<'_>, mouth: f32, top: f32, ceiling: f32) -> Vec<Piece> {
    let across = mouth + pose.between(0.0, 0.06);
    let room = top - ceiling;
    let dome = pose.between(0.14, 0.28).min(0.5 * room).max(0.13);
    let knob = pose.between(0.07, 0.11);
    let mut lift = 0.0;
    let mut tilt = 0.0;
    if room > 0.55 && pose.chance(0.4) {
        lift = pose.between(0.02, 0.1);
        tilt = pose.between(-22.0, 22.0);
    }
    let low = top + 0.06 - lift;
    let cover = match pose.count(0, 2) {
        0 => ellipse([0.0, low - 0.03], [across, dome]),
        1 => rectangle([-across, low - dome], [across, low], 0.06),
        _ => polygon(&[
            [-across, low],
            [-across * 0.55, low - dome],
            [across * 0.55, low - dome],
            [across, low],
        ]),
    };
    let knob = if pose.chance(0.7) {
        ellipse([0.0, low - dome - 0.4 * knob], [knob, knob])
    } else {
        rectangle([-0.8 * knob, low - dome - knob], [0.8 * knob, low - dome + 0.05], 0.03)
    };
    [knob, cover]
        .map(|path| Piece { part: "lid", path: turned(path, tilt, [across * 0.8, low]) })
        .to_vec()
}

fn bottle(pose: &mut Pose<'_>) -> Figure {
    let half = pose.between(0.32, 0.6);
    let thin = (half * pose.between(0.36, 0.6)).clamp(0.15, 0.28);
    let capped = pose.between(0.2, 0.34);
    let (top, bottom) = (-0.96, 0.96);
    let neck = top + capped;
    let long = pose.between(0.3, 0.55);
    // The part of the neck below the cap, and a shoulder that widens to the body.
    let shoulder = neck + long;
    let slope = pose.between(0.05, 0.4);
    let wall = shoulder + slope;
    let foot = half * if pose.chance(0.7) { 1.0 } else { pose.between(0.75, 1.1) };
    let mut pieces = Vec::new();
    if pose.chance(0.2) {
        let start = neck + 0.15;
        let loops = ear(pose, [thin, start], [0.42, wall + 0.15 - start]);
        pieces.extend(of("handle", loops));
    }
    let flare = thin * pose.between(1.0, 1.25);
    pieces.push(Piece {
        part: "neck",
        path: polygon(&[
            [-thin, neck - 0.05],
            [thin, neck - 0.05],
            [flare, shoulder + 0.05],
            [-flare, shoulder + 0.05],
        ]),
    });
    let mut body = vec![polygon(&[
        [-flare, shoulder],
        [flare, shoulder],
        [half, wall],
        [foot, bottom - 0.1],
        [-foot, bottom - 0.1],
        [-half, wall],
    ])];
    if pose.chance(0.6) {
        // Round shoulders.
        body.push(ellipse([0.0, wall], [half, slope.max(0.06)]));
    }
    body.push(rectangle([-foot, bottom - 0.3], [foot, bottom], pose.between(0.02, 0.14)));
    if (foot - half).abs() < 0.02 && pose.chance(0.25) {
        // A flask.
        let middle = f32::midpoint(shoulder, bottom);
        body = vec![ellipse([0.0, middle], [(half + 0.15).min(0.7), (bottom - shoulder) / 2.0])];
        body.push(rectangle([-0.7 * half, bottom - 0.15], [0.7 * half, bottom], 0.02));
    }
    pieces.extend(of("body", body));
    if pose.chance(0.55) {
        let (high, low) = (wall + pose.between(0.05, 0.2), bottom - pose.between(0.15, 0.32));
        let across = half.min(foot) * pose.between(0.7, 0.98);
        let path = if pose.chance(0.35) {
            let down = (low - high) / 2.0;
            ellipse([0.0, high + down], [across, down])
        } else {
            rectangle([-across, high], [across, low], pose.between(0.0, 0.1))
        };
        pieces.push(Piece { part: "label", path });
    }
    let wide = (thin + pose.between(0.02, 0.08)).max(0.05 / capped);
    let path = match pose.count(0, 2) {
        0 => rectangle([-wide, top], [wide, neck], 0.03),
        1 => rectangle([-wide, top], [wide, neck], 0.14),
        // A cork.
        _ => polygon(&[
            [-wide - 0.02, top],
            [wide + 0.02, top],
            [wide - 0.04, neck],
            [0.04 - wide, neck],
        ]),
    };
    pieces.push(Piece { part: "cap", path });
    either_way(pose, pieces)
}
