//! Animals seen from the side, facing right.

use super::{Class, Group};
use crate::outline::{bar, blob, ellipse, polygon, turned};
use crate::{Figure, Piece, Pose};

pub(super) const CLASSES: &[Class] = &[
    Class {
        label: "dog",
        group: Group::Animals,
        parts: &["head", "ear", "torso", "leg", "tail"],
        draw: dog,
    },
    Class {
        label: "bird",
        group: Group::Animals,
        parts: &["head", "beak", "torso", "wing", "leg", "tail"],
        draw: bird,
    },
    Class {
        label: "fish",
        group: Group::Animals,
        parts: &["head", "torso", "fin", "tail", "eye"],
        draw: fish,
    },
];

fn dog(pose: &mut Pose<'_>) -> Figure {
    let sits = pose.chance(0.3);
    let thick = pose.between(0.22, 0.3);
    let leg = pose.between(0.075, 0.105);
    let (hip, shoulder, ground) = if sits {
        ([-0.32, 0.52], [pose.between(0.08, 0.2), pose.between(-0.08, 0.06)], 0.95)
    } else {
        let back = pose.between(0.02, 0.12);
        let ground = back + thick + pose.between(0.3, 0.54);
        ([pose.between(-0.33, -0.24), back], [pose.between(0.2, 0.3), back - 0.02], ground)
    };
    let mut pieces = vec![Piece { part: "tail", path: dog_tail(pose, hip, thick) }];
    if sits {
        let foot = [shoulder[0] + pose.between(0.1, 0.25), ground - leg];
        for shift in [0.22, 0.0] {
            let path =
                bar([shoulder[0] + 0.06, shoulder[1] + 0.15], [foot[0] + shift, foot[1]], leg);
            pieces.push(Piece { part: "leg", path });
        }
        let path = bar([hip[0] + 0.05, ground - leg], [hip[0] + 0.46, ground - leg], leg);
        pieces.push(Piece { part: "leg", path });
    } else {
        let stride = pose.between(0.0, 32.0);
        for (joint, sign) in [(hip, 1.0), (hip, -1.0), (shoulder, -1.0), (shoulder, 1.0)] {
            let x = joint[0] + sign * 0.09;
            let tilt = sign * stride + pose.between(-7.0, 7.0);
            let path = bar([x, joint[1]], [x, ground - leg], leg);
            pieces.push(Piece { part: "leg", path: turned(path, tilt, [x, joint[1]]) });
        }
    }
    pieces.push(Piece { part: "torso", path: bar(hip, shoulder, thick) });
    if sits {
        let haunch = ellipse([hip[0] + 0.12, ground - 0.3], [0.26, 0.27]);
        pieces.push(Piece { part: "leg", path: haunch });
    }
    let neck = [shoulder[0] + pose.between(0.16, 0.24), shoulder[1] - pose.between(0.32, 0.48)];
    pieces.push(Piece { part: "torso", path: bar(shoulder, neck, thick * 0.6) });
    pieces.extend(dog_head(pose, neck));
    Figure { pieces }
}

fn dog_tail(pose: &mut Pose<'_>, hip: [f32; 2], thick: f32) -> tiny_skia::Path {
    let root = [hip[0] - thick * 0.7, hip[1] - thick * 0.3];
    let [long, wide] = [pose.between(0.42, 0.5), pose.between(0.13, 0.17)];
    let curl = pose.between(-0.15, 0.15);
    let shape = blob(&[
        [root[0] + 0.08, root[1] - wide],
        [root[0] - long * 0.55, root[1] - wide + curl],
        [root[0] - long, root[1] + curl * 0.3],
        [root[0] - long * 0.5, root[1] + wide + curl],
        [root[0] + 0.08, root[1] + wide],
    ]);
    turned(shape, pose.between(-25.0, 75.0), root)
}

/// A skull with a snout, turned up or down, and an ear that hangs or stands.
fn dog_head(pose: &mut Pose<'_>, neck: [f32; 2]) -> Vec<Piece> {
    let skull = pose.between(0.2, 0.25);
    let snout = pose.between(0.26, 0.35);
    let nod = pose.between(-18.0, 28.0);
    let low = neck[1] + skull * 0.3;
    let head = [
        ellipse(neck, [skull * 1.1, skull]),
        bar([neck[0], low], [neck[0] + snout, low + 0.02], pose.between(0.1, 0.14)),
    ];
    let hang = if pose.chance(0.5) {
        let [wide, long] = [pose.between(0.11, 0.15), pose.between(0.26, 0.32)];
        let ear = ellipse([neck[0] - 0.1, neck[1] + long * 0.5], [wide, long]);
        turned(ear, pose.between(-10.0, 30.0), neck)
    } else {
        let [wide, long] = [pose.between(0.19, 0.23), pose.between(0.42, 0.48)];
        let root = neck[1] - skull * 0.2;
        let ear = polygon(&[
            [neck[0] - 0.08 - wide, root],
            [neck[0] - 0.1, root - long],
            [neck[0] - 0.06 + wide, root],
        ]);
        turned(ear, pose.between(-30.0, 12.0), neck)
    };
    let head = head.into_iter().map(|path| Piece { part: "head", path });
    head.chain([Piece { part: "ear", path: hang }])
        .map(|piece| Piece { path: turned(piece.path, nod, neck), ..piece })
        .collect()
}

fn bird(pose: &mut Pose<'_>) -> Figure {
    let lean = pose.between(-38.0, 5.0);
    let [long, tall] = [pose.between(0.4, 0.48), pose.between(0.26, 0.36)];
    let heart = [pose.between(-0.06, 0.0), pose.between(0.02, 0.12)];
    let neck = pose.between(0.0, 0.3);
    let mut pieces = Vec::new();
    let [fan, feather] = [pose.between(0.18, 0.28), pose.between(0.42, 0.5)];
    let rump = heart[0] - long * 0.85;
    let tail = polygon(&[
        [rump, heart[1] - 0.14],
        [rump - feather, heart[1] - fan],
        [rump - feather * pose.between(0.75, 1.0), heart[1]],
        [rump - feather, heart[1] + fan],
        [rump, heart[1] + 0.14],
    ]);
    pieces
        .push(Piece { part: "tail", path: turned(tail, lean + pose.between(-15.0, 15.0), heart) });
    pieces.extend(bird_legs(pose, [heart[0], heart[1] + tall * 0.6]));
    let body = ellipse(heart, [long, tall]);
    pieces.push(Piece { part: "torso", path: turned(body, lean, heart) });
    // The chest follows the lean of the body.
    let (sine, cosine) = lean.to_radians().sin_cos();
    let chest = [heart[0] + cosine * long * 0.72, heart[1] + sine * long * 0.72];
    let head = [chest[0] + 0.04, chest[1] - 0.14 - neck];
    let radius = pose.between(0.22, 0.26);
    pieces.push(Piece { part: "torso", path: bar(chest, head, radius * 0.7) });
    let [long_beak, wide_beak] = [pose.between(0.44, 0.49), pose.between(0.2, 0.24)];
    let bend = pose.between(-0.04, 0.12);
    let beak = polygon(&[
        [head[0] + radius * 0.55, head[1] - wide_beak],
        [head[0] + radius * 0.55 + long_beak, head[1] + bend],
        [head[0] + radius * 0.55, head[1] + wide_beak],
    ]);
    let nod = pose.between(-20.0, 20.0);
    pieces.push(Piece { part: "wing", path: bird_wing(pose, heart, [long, lean]) });
    pieces.push(Piece { part: "head", path: ellipse(head, [radius, radius]) });
    pieces.push(Piece { part: "beak", path: turned(beak, nod, head) });
    Figure { pieces }
}

fn bird_legs(pose: &mut Pose<'_>, belly: [f32; 2]) -> Vec<Piece> {
    let thick = pose.between(0.06, 0.075);
    let ground = belly[1] + pose.between(0.42, 0.56);
    let swing = pose.between(0.0, 16.0);
    let mut legs = Vec::new();
    for (x, tilt) in [(belly[0] - 0.08, swing), (belly[0] + 0.12, -swing)] {
        let joint = [x, belly[1]];
        for path in [
            bar(joint, [x, ground], thick),
            bar([x, ground], [x + pose.between(0.14, 0.2), ground + 0.03], thick),
        ] {
            legs.push(Piece { part: "leg", path: turned(path, tilt, joint) });
        }
    }
    legs
}

/// A wing folded along the body, or one raised to fly.
fn bird_wing(pose: &mut Pose<'_>, heart: [f32; 2], [long, lean]: [f32; 2]) -> tiny_skia::Path {
    let wide = pose.between(0.15, 0.25);
    let root = [heart[0] + 0.12, heart[1] - 0.04];
    let raised = pose.chance(0.5);
    let reach = if raised { pose.between(0.6, 0.78) } else { long * pose.between(1.0, 1.25) };
    let wing = blob(&[
        [root[0] + 0.12, root[1]],
        [root[0] - reach * 0.2, root[1] - wide],
        [root[0] - reach * 0.7, root[1] - wide * 0.6],
        [root[0] - reach, root[1] + wide * 0.4],
        [root[0] - reach * 0.5, root[1] + wide],
    ]);
    let tilt = if raised { pose.between(45.0, 95.0) } else { lean + pose.between(-8.0, 16.0) };
    turned(wing, tilt, root)
}

fn fish(pose: &mut Pose<'_>) -> Figure {
    let tall = pose.between(0.26, 0.54);
    let snout = 0.95;
    let root = pose.between(-0.58, -0.45);
    let wag = pose.between(-22.0, 22.0);
    let mut pieces =
        vec![Piece { part: "tail", path: turned(fish_tail(pose, root), wag, [root, 0.0]) }];
    let [fin, back] = [pose.between(0.26, 0.36), pose.between(0.1, 0.35)];
    let [start, end] = [pose.between(0.25, 0.4), pose.between(-0.35, -0.18)];
    let dorsal = polygon(&[
        [start, 0.0],
        [start - back, -tall - fin],
        [end - 0.08, -tall - fin * pose.between(0.3, 1.0)],
        [end, 0.0],
    ]);
    pieces.push(Piece { part: "fin", path: dorsal });
    if pose.chance(0.75) {
        let low = tall + pose.between(0.15, 0.28);
        let belly = polygon(&[[0.1, 0.0], [-0.15, low], [-0.32, low], [-0.3, 0.0]]);
        pieces.push(Piece { part: "fin", path: belly });
    }
    let gill = pose.between(0.24, 0.42);
    let blunt = pose.between(0.5, 0.9);
    // Half the height at a place along the body, from the root of the tail to the snout.
    let half = |x: f32| {
        let share = ((x - root) / (snout - root)).clamp(0.0, 1.0);
        0.09 * (1.0 - share)
            + tall * (std::f32::consts::PI * share.powf(blunt + 0.35)).sin().max(0.0).powf(0.7)
    };
    pieces.push(Piece { part: "head", path: flank([gill - 0.12, snout], half, 0.0) });
    pieces.push(Piece { part: "torso", path: flank([root, gill], half, pose.between(0.05, 0.16)) });
    if pose.chance(0.6) {
        let [long, wide] = [pose.between(0.32, 0.42), pose.between(0.12, 0.17)];
        let at = [gill - 0.1, pose.between(0.02, 0.1)];
        let path = ellipse([at[0] - long * 0.6, at[1]], [long * 0.6, wide]);
        pieces.push(Piece { part: "fin", path: turned(path, pose.between(-50.0, 10.0), at) });
    }
    if tall > 0.36 && pose.chance(0.6) {
        let radius = pose.between(0.165, 0.18);
        let path = ellipse([gill + 0.24, -0.03], [radius, radius]);
        pieces.push(Piece { part: "eye", path });
    }
    Figure { pieces }
}

/// A stretch of a body from the left to the right, whose right end bulges by some distance.
fn flank([left, right]: [f32; 2], half: impl Fn(f32) -> f32, bulge: f32) -> tiny_skia::Path {
    const STEPS: usize = 14;
    let x = |step: usize| left + (right - left) * step as f32 / STEPS as f32;
    let upper = (0..=STEPS).map(|step| [x(step), -half(x(step))]);
    let middle = [[right + bulge, -half(right) * 0.4], [right + bulge, half(right) * 0.4]];
    let lower = (0..=STEPS).rev().map(|step| [x(step), half(x(step))]);
    let points: Vec<_> = upper.chain(middle).chain(lower).collect();
    polygon(&points)
}

/// A tail that is forked, straight or round.
fn fish_tail(pose: &mut Pose<'_>, root: f32) -> tiny_skia::Path {
    let long = root + pose.between(0.86, 0.93);
    let spread = pose.between(0.26, 0.42);
    match pose.count(0, 2) {
        0 => polygon(&[
            [root + 0.12, -0.09],
            [root - long, -spread],
            [root - long * 0.5, 0.0],
            [root - long, spread],
            [root + 0.12, 0.09],
        ]),
        1 => polygon(&[
            [root + 0.12, -0.09],
            [root - long, -spread],
            [root - long, spread],
            [root + 0.12, 0.09],
        ]),
        _ => blob(&[
            [root + 0.1, -0.05],
            [root - long * 0.6, -spread],
            [root - long, 0.0],
            [root - long * 0.6, spread],
            [root + 0.1, 0.05],
        ]),
    }
}
