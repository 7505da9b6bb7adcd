use tiny_skia::{Path, Transform};

use super::seating::{either_way, of};
use super::{Class, Group};
use crate::outline::{bar, blob, ellipse, moved, polygon, rectangle, ribbon, ring, turned};
use crate::{Figure, Piece, Pose};

pub(super) const CLASSES: &[Class] = &[
    Class {
        label: "hammer",
        group: Group::Tools,
        parts: &["handle", "head", "claw", "grip"],
        draw: hammer,
    },
    Class {
        label: "axe",
        group: Group::Tools,
        parts: &["handle", "blade", "head", "grip"],
        draw: axe,
    },
    Class {
        label: "shovel",
        group: Group::Tools,
        parts: &["handle", "shaft", "blade", "grip"],
        draw: shovel,
    },
];

/// A stick between two heights, straight, tapered or bent, and perhaps a grip around its end.
/// The lower end swings out to a side.
fn stick(pose: &mut Pose<'_>, [top, bottom]: [f32; 2], gripped: bool) -> Vec<Piece> {
    let half = pose.between(0.098, 0.135);
    let swing = pose.between(-0.16, 0.16);
    let end = bottom - half * 0.4;
    let high = end - top;
    let (sway, swell) = (pose.between(-0.1, 0.1), pose.between(0.8, 1.15));
    let path = match pose.count(0, 2) {
        0 => polygon(&[
            [-half, top],
            [half, top],
            [swing + half * swell, end],
            [swing - half * swell, end],
        ]),
        1 => ribbon(&[
            [0.0, top, half],
            [sway, top + 0.35 * high, half],
            [swing * 0.5 - sway, top + 0.7 * high, half * 0.95],
            [swing, end, half * swell],
        ]),
        _ => bar([0.0, top], [swing, bottom - half], half),
    };
    let mut pieces = vec![Piece { part: "handle", path }];
    if gripped {
        let start = [0.7, pose.between(0.6, 0.7)][usize::from(pose.chance(0.6))];
        let from = [swing * start, top + start * high];
        let wide = half * pose.between(1.15, 1.5);
        let path = if pose.chance(0.5) {
            bar(from, [swing, bottom - wide], wide)
        } else {
            ribbon(&[
                [from[0], from[1], wide],
                [swing * 0.8, top + 0.8 * high, wide * 0.85],
                [swing, end - 0.03, wide],
            ])
        };
        pieces.push(Piece { part: "grip", path });
    }
    pieces
}

fn hammer(pose: &mut Pose<'_>) -> Figure {
    let gripped = pose.chance(0.4);
    let clawed = pose.chance(0.6);
    let half = pose.between(0.14, 0.27);
    let middle = -0.9 + half + 0.06;
    let reach = pose.between(0.42, 0.75);
    let tilt = pose.between(-9.0, 9.0);
    let mut pieces = stick(pose, [middle, 0.97], gripped);
    let mut head = Vec::new();
    if clawed {
        // A bent wedge on the other side of the face, thick at the eye.
        let (far, low) = (-pose.between(0.55, 0.75), middle + pose.between(0.1, 0.34));
        let claw = if pose.chance(0.5) {
            ribbon(&[
                [-0.05, middle, half * 0.9],
                [0.5 * far, middle - 0.02, half * 0.75],
                [0.85 * far, f32::midpoint(middle, low), half * 0.45],
                [far, low, 0.06],
            ])
        } else {
            polygon(&[
                [-0.1, middle - half],
                [far, low - 0.08],
                [far - 0.03, low + 0.05],
                [-0.1, middle + half],
            ])
        };
        pieces.push(Piece { part: "claw", path: turned(claw, tilt, [0.0, middle]) });
        head.push(rectangle([-0.16, middle - half], [0.16, middle + half], 0.04));
    }
    let left = if clawed { -0.1 } else { -reach * pose.between(0.7, 1.0) };
    match pose.count(0, 2) {
        // A neck and a face.
        0 => {
            let face = pose.between(0.14, 0.24);
            head.push(rectangle([left, middle - 0.68 * half], [reach, middle + 0.68 * half], 0.0));
            let ends = if clawed { vec![reach - face] } else { vec![left, reach - face] };
            head.extend(
                ends.into_iter()
                    .map(|x| rectangle([x, middle - half], [x + face, middle + half], 0.04)),
            );
        }
        1 => {
            let round = pose.between(0.0, 0.8) * half;
            head.push(rectangle([left, middle - half], [reach, middle + half], round));
        }
        // A mallet, broader towards its faces or away from them.
        _ => {
            let bulge = pose.between(-0.05, 0.05);
            head.push(polygon(&[
                [left, middle - half + bulge],
                [0.0, middle - half],
                [reach, middle - half + bulge],
                [reach, middle + half - bulge],
                [0.0, middle + half],
                [left, middle + half - bulge],
            ]));
        }
    }
    pieces.extend(
        head.into_iter()
            .map(|path| Piece { part: "head", path: turned(path, tilt, [0.0, middle]) }),
    );
    either_way(pose, pieces)
}

/// A blade that grows from a height of `root` at the eye to an edge at `reach`.
fn edge(pose: &mut Pose<'_>, middle: f32, root: f32, reach: f32) -> Path {
    let (up, down) = (pose.between(0.26, 0.36), pose.between(0.28, 0.6));
    let curve = pose.between(0.04, 0.14);
    let neck = 0.45 * reach;
    if pose.chance(0.6) {
        blob(&[
            [0.0, middle - root],
            [neck, middle - 0.8 * root],
            [reach - curve, middle - up],
            [reach, middle + 0.3 * (down - up)],
            [reach - curve, middle + down],
            [neck, middle + 0.9 * root],
            [0.0, middle + root],
        ])
    } else {
        polygon(&[
            [0.0, middle - root],
            [neck, middle - root],
            [reach - curve, middle - up],
            [reach, middle - 0.4 * up],
            [reach, middle + 0.4 * down],
            [reach - curve, middle + down],
            [neck, middle + root],
            [0.0, middle + root],
        ])
    }
}

fn axe(pose: &mut Pose<'_>) -> Figure {
    let gripped = pose.chance(0.35);
    let middle = pose.between(-0.5, -0.44);
    let root = pose.between(0.14, 0.22);
    let reach = pose.between(0.52, 0.78);
    let tilt = pose.between(-8.0, 8.0);
    let top = middle - root - pose.between(0.06, 0.16);
    let mut pieces = stick(pose, [top, 0.97], gripped);
    let double = pose.chance(0.25);
    let mut blades = vec![edge(pose, middle, root, reach)];
    if double {
        let other = edge(pose, middle, root, reach);
        blades.push(moved(other, Transform::from_scale(-1.0, 1.0)));
    }
    pieces.extend(
        blades
            .into_iter()
            .map(|path| Piece { part: "blade", path: turned(path, tilt, [0.0, middle]) }),
    );
    // The eye around the handle, and a poll behind it.
    let poll = if double { 0.18 } else { pose.between(0.18, 0.42) };
    let path = if pose.chance(0.5) {
        rectangle([-poll, middle - root], [0.17, middle + root], 0.05)
    } else {
        polygon(&[
            [-poll, middle - root * 0.85],
            [0.17, middle - root * 1.1],
            [0.17, middle + root * 1.1],
            [-poll, middle + root * 0.85],
        ])
    };
    pieces.push(Piece { part: "head", path: turned(path, tilt, [0.0, middle]) });
    either_way(pose, pieces)
}

/// The blade of a shovel below a height: pointed, round, square or a scoop with shoulders.
fn scoop(pose: &mut Pose<'_>, top: f32) -> Path {
    let half = pose.between(0.3, 0.52);
    let (bottom, step) = (0.96, pose.between(0.0, 0.12));
    let high = bottom - top;
    match pose.count(0, 3) {
        0 => polygon(&[
            [-half, top + step],
            [-0.14, top],
            [0.14, top],
            [half, top + step],
            [half, top + 0.6 * high],
            [0.0, bottom],
            [-half, top + 0.6 * high],
        ]),
        1 => blob(&[
            [-0.85 * half, top + 0.06 + step],
            [0.0, top + 0.02],
            [0.85 * half, top + 0.06 + step],
            [0.95 * half, top + 0.5 * high],
            [0.55 * half, top + 0.85 * high],
            [0.0, bottom - 0.01],
            [-0.55 * half, top + 0.85 * high],
            [-0.95 * half, top + 0.5 * high],
        ]),
        2 => rectangle([-half, top], [half, bottom], pose.between(0.0, 0.14)),
        _ => {
            let flare = pose.between(0.75, 1.25);
            polygon(&[
                [-0.2, top],
                [0.2, top],
                [half * flare.min(1.0), top + 0.14],
                [half / flare.max(1.0), bottom],
                [-half / flare.max(1.0), bottom],
                [-half * flare.min(1.0), top + 0.14],
            ])
        }
    }
}

fn shovel(pose: &mut Pose<'_>) -> Figure {
    let half = pose.between(0.085, 0.115);
    let start = pose.between(0.15, 0.35);
    let crown = -0.95;
    let bend = pose.between(-0.1, 0.1);
    let wide = pose.between(0.22, 0.36);
    let thick = pose.between(0.065, 0.095);
    let fork = crown + pose.between(0.3, 0.42);
    let handle: Vec<Path> = match pose.count(0, 3) {
        // A crossbar.
        0 => vec![bar([-wide, crown + thick + 0.02], [wide, crown + thick + 0.02], thick + 0.02)],
        // A triangle around a hole.
        1 => vec![
            bar([-wide, crown + thick], [wide, crown + thick], thick),
            bar([-wide + 0.02, crown + thick], [0.0, fork], 0.065),
            bar([wide - 0.02, crown + thick], [0.0, fork], 0.065),
        ],
        2 => {
            let down = (fork - crown) / 2.0;
            vec![ring([0.0, crown + down], [wide, down], 0.45)]
        }
        _ => vec![ellipse([0.0, crown + 0.16], [pose.between(0.17, 0.24), 0.16])],
    };
    let shaft = ribbon(&[
        [0.0, fork - 0.12, half],
        [bend, f32::midpoint(fork, start), half],
        [0.0, start + 0.15, half],
    ]);
    let upper = bar([0.0, fork.min(crown + 0.25)], [0.0, fork], half);
    let mut pieces =
        vec![Piece { part: "shaft", path: upper }, Piece { part: "shaft", path: shaft }];
    pieces.extend(of("handle", handle));
    let path = scoop(pose, start);
    pieces.push(Piece { part: "blade", path });
    if start - fork > 0.88 && pose.chance(0.3) {
        // Where the lower hand holds it.
        let y = f32::midpoint(fork, start);
        let path = bar([bend, y - 0.08], [bend * 0.8, y + 0.12], half + 0.06);
        pieces.push(Piece { part: "grip", path });
    }
    either_way(pose, pieces)
}
