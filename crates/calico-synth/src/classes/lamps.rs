//! Household things on a base: a lamp, a fan, a lantern.

use super::{Class, Group};
use crate::outline::{bar, blob, ellipse, moved, polygon, rectangle, ring, turned};
use crate::{Figure, Piece, Pose};

pub(super) const CLASSES: &[Class] = &[
    Class {
        label: "lamp",
        group: Group::Lamps,
        parts: &["base", "pole", "shade", "bulb"],
        draw: lamp,
    },
    Class {
        label: "fan",
        group: Group::Lamps,
        parts: &["base", "pole", "blade", "hub", "cage"],
        draw: fan,
    },
    Class {
        label: "lantern",
        group: Group::Lamps,
        parts: &["base", "body", "lid", "handle", "bulb"],
        draw: lantern,
    },
];

fn lamp(pose: &mut Pose<'_>) -> Figure {
    let thick = pose.between(0.075, 0.1);
    let mut pieces = Vec::new();
    let bent = pose.chance(0.5);
    let foot = if bent { pose.between(-0.5, -0.3) } else { pose.between(-0.1, 0.1) };
    // The socket holds the shade; an arm with a joint holds it to the side, and leans it.
    let (socket, tilt) = if bent {
        let elbow = [foot + pose.between(-0.25, 0.05), pose.between(-0.25, 0.05)];
        let socket = [pose.between(0.2, 0.4), pose.between(-0.65, -0.5)];
        for (from, to) in [([foot, 0.85], elbow), (elbow, socket)] {
            pieces.push(Piece { part: "pole", path: bar(from, to, thick) });
        }
        (socket, pose.between(-55.0, 5.0))
    } else {
        let socket = [foot, pose.between(-0.82, -0.6)];
        pieces.push(Piece { part: "pole", path: bar([foot, 0.85], socket, thick) });
        (socket, pose.between(-8.0, 8.0))
    };
    pieces.push(Piece { part: "base", path: base(pose, foot) });
    let [top, rim] = if bent {
        [pose.between(0.1, 0.2), pose.between(0.32, 0.42)]
    } else {
        [pose.between(0.18, 0.4), pose.between(0.44, 0.7)]
    };
    let tall = if bent { pose.between(0.38, 0.5) } else { pose.between(0.4, 0.6) };
    let high = socket[1] - 0.12;
    if pose.chance(0.45) {
        let radius = pose.between(0.2, 0.24);
        let place = [socket[0], high + tall + radius * 0.2];
        let path = turned(ellipse(place, [radius, radius]), tilt, socket);
        pieces.push(Piece { part: "bulb", path });
    }
    let shade = if pose.chance(0.7) {
        polygon(&[
            [socket[0] - top, high],
            [socket[0] + top, high],
            [socket[0] + rim, high + tall],
            [socket[0] - rim, high + tall],
        ])
    } else {
        blob(&[
            [socket[0] - rim * 0.7, high + tall * 0.35],
            [socket[0], high],
            [socket[0] + rim * 0.7, high + tall * 0.35],
            [socket[0] + rim, high + tall],
            [socket[0], high + tall * 0.96],
            [socket[0] - rim, high + tall],
        ])
    };
    pieces.push(Piece { part: "shade", path: turned(shade, tilt, socket) });
    Figure { pieces }
}

/// What stands on the ground: a plate, a dome, or a block.
fn base(pose: &mut Pose<'_>, x: f32) -> tiny_skia::Path {
    let [wide, tall] = [pose.between(0.3, 0.46), pose.between(0.16, 0.24)];
    let ground = 0.96;
    match pose.count(0, 2) {
        0 => rectangle([x - wide, ground - tall], [x + wide, ground], pose.between(0.02, 0.1)),
        1 => polygon(&[
            [x - wide * 0.4, ground - tall * 1.2],
            [x + wide * 0.4, ground - tall * 1.2],
            [x + wide, ground],
            [x - wide, ground],
        ]),
        _ => ellipse([x, ground - tall * 0.6], [wide, tall * 0.6]),
    }
}

fn fan(pose: &mut Pose<'_>) -> Figure {
    let reach = pose.between(0.52, 0.62);
    let centre = [pose.between(-0.06, 0.06), -0.97 + reach];
    let thick = pose.between(0.085, 0.11);
    let mut pieces = vec![
        Piece { part: "pole", path: bar([0.0, 0.85], centre, thick) },
        Piece { part: "base", path: base(pose, 0.0) },
    ];
    let caged = pose.chance(0.6);
    // A head that looks to the side is narrower.
    let squeeze = pose.between(0.72, 1.0);
    if caged {
        let hole = pose.between(0.78, 0.84);
        let path = ring(centre, [reach * squeeze, reach], hole);
        pieces.push(Piece { part: "cage", path });
    }
    let blades = pose.count(3, 5);
    let long = if caged { reach * 0.8 } else { reach };
    let wide = pose.between(0.5, 0.85) * long / blades as f32 * 1.6;
    let skew = pose.between(-0.5, 0.5) * wide;
    let start = pose.between(0.0, 360.0);
    for number in 0..blades {
        let blade = blob(&[
            [centre[0] - 0.05, centre[1]],
            [centre[0] - wide + skew, centre[1] - long * 0.7],
            [centre[0] + skew * 0.5, centre[1] - long * 0.97],
            [centre[0] + wide + skew, centre[1] - long * 0.7],
            [centre[0] + 0.05, centre[1]],
        ]);
        let blade = turned(blade, start + 360.0 * number as f32 / blades as f32, centre);
        let narrow = tiny_skia::Transform::from_translate(-centre[0], 0.0)
            .post_scale(squeeze, 1.0)
            .post_translate(centre[0], 0.0);
        pieces.push(Piece { part: "blade", path: moved(blade, narrow) });
    }
    let radius = pose.between(0.17, 0.22);
    pieces.push(Piece { part: "hub", path: ellipse(centre, [radius * squeeze.max(0.95), radius]) });
    Figure { pieces }
}

fn lantern(pose: &mut Pose<'_>) -> Figure {
    let wide = pose.between(0.36, 0.52);
    let [top, foot] = [pose.between(-0.35, -0.2), 0.74];
    let mut pieces = Vec::new();
    let lid = pose.between(0.2, 0.36);
    let [across, down] = [pose.between(0.26, 0.4), pose.between(0.26, 0.34)];
    let hinge = [0.0, top - lid * 0.6];
    let loop_centre = [0.0, (hinge[1] - down * 0.6).max(-0.97 + down)];
    let handle = ring(loop_centre, [across, down], pose.between(0.52, 0.62));
    let swing = pose.between(-18.0, 18.0);
    pieces.push(Piece { part: "handle", path: turned(handle, swing, hinge) });
    let body = match pose.count(0, 2) {
        0 => rectangle([-wide * 0.9, top - 0.05], [wide * 0.9, foot + 0.05], 0.04),
        1 => blob(&[
            [-wide * 0.6, top],
            [wide * 0.6, top],
            [wide * 1.05, f32::midpoint(top, foot)],
            [wide * 0.6, foot],
            [-wide * 0.6, foot],
            [-wide * 1.05, f32::midpoint(top, foot)],
        ]),
        _ => polygon(&[
            [-wide * 1.05, top],
            [wide * 1.05, top],
            [wide * 0.7, foot + 0.05],
            [-wide * 0.7, foot + 0.05],
        ]),
    };
    pieces.push(Piece { part: "body", path: body });
    if pose.chance(0.5) {
        let [across, down] = [pose.between(0.16, 0.22), pose.between(0.2, 0.28)];
        let place = [0.0, f32::midpoint(top, foot) + pose.between(0.0, 0.12)];
        pieces.push(Piece { part: "bulb", path: ellipse(place, [across, down]) });
    }
    let brim = wide * pose.between(1.05, 1.3);
    let roof = brim * pose.between(0.25, 0.7);
    let cover = if pose.chance(0.65) {
        polygon(&[[-roof, top - lid], [roof, top - lid], [brim, top + 0.06], [-brim, top + 0.06]])
    } else {
        rectangle([-brim, top - lid * 0.8], [brim, top + 0.06], 0.12)
    };
    pieces.push(Piece { part: "lid", path: cover });
    let tread = wide * pose.between(0.95, 1.35);
    let plinth = if pose.chance(0.5) {
        rectangle([-tread, foot], [tread, 0.97], 0.05)
    } else {
        let rise = tread * pose.between(0.6, 0.85);
        polygon(&[[-rise, foot - 0.03], [rise, foot - 0.03], [tread, 0.97], [-tread, 0.97]])
    };
    pieces.push(Piece { part: "base", path: plinth });
    Figure { pieces }
}
