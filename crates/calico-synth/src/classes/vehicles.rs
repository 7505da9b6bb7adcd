//! Side views of what moves on wheels, facing right.

use super::{Class, Group};
use crate::outline::{bar, ellipse, polygon, rectangle, ring};
use crate::{Figure, Piece, Pose};

pub(super) const CLASSES: &[Class] = &[
    Class {
        label: "car",
        group: Group::Vehicles,
        parts: &["body", "wheel", "window", "door", "headlight"],
        draw: car,
    },
    Class {
        label: "bus",
        group: Group::Vehicles,
        parts: &["body", "wheel", "window", "door"],
        draw: bus,
    },
    Class {
        label: "bicycle",
        group: Group::Vehicles,
        parts: &["wheel", "frame", "seat", "handlebar", "basket"],
        draw: bicycle,
    },
];

fn car(pose: &mut Pose<'_>) -> Figure {
    let belt = pose.between(-0.18, -0.02);
    let roof = belt - pose.between(0.4, 0.6);
    let floor = belt + pose.between(0.48, 0.6);
    let hood = belt + pose.between(0.0, 0.06);
    let (rear, front) = (pose.between(-0.9, -0.5), pose.between(0.35, 0.65));
    let (rear_slope, front_slope) = (pose.between(0.02, 0.22), pose.between(0.12, 0.36));
    let cabin =
        [[rear + rear_slope, roof], [front - front_slope, roof], [front, hood], [rear, hood]];
    let bend = pose.between(0.05, 0.22);
    let mut pieces = vec![
        Piece { part: "body", path: polygon(&cabin) },
        Piece { part: "body", path: rectangle([-0.97, hood], [0.97, floor], bend) },
        Piece { part: "body", path: rectangle([rear - 0.04, hood - 0.05], [front, floor], 0.05) },
    ];
    if pose.chance(0.5) {
        // The boot is as high as the belt.
        let boot = rectangle([-0.97, belt - 0.03], [0.0, floor], bend);
        pieces.push(Piece { part: "body", path: boot });
    }
    let doors = pose.count(1, 2);
    let (left, right) = (pose.between(-0.36, -0.28), pose.between(0.3, 0.38));
    let width = (right - left) / doors as f32;
    for number in 0..doors {
        let start = left + width * number as f32;
        let path =
            rectangle([start + 0.02, hood - 0.02], [start + width - 0.02, floor - 0.04], 0.05);
        pieces.push(Piece { part: "door", path });
    }
    let panes = pose.count(1, 3);
    let share = 1.0 / panes as f32;
    for number in 0..panes {
        let start = share * number as f32;
        let path = pane(&cabin, [start + 0.05, start + share - 0.03]);
        pieces.push(Piece { part: "window", path });
    }
    let radius = pose.between(0.2, 0.29);
    let axle = floor + pose.between(-0.02, 0.06);
    for x in [pose.between(-0.62, -0.52), pose.between(0.5, 0.58)] {
        pieces.push(Piece { part: "wheel", path: ellipse([x, axle], [radius, radius]) });
    }
    if pose.chance(0.5) {
        let [across, down] = [pose.between(0.28, 0.33), pose.between(0.3, 0.34)];
        let path = rectangle([0.97 - across, hood + 0.02], [0.97, hood + 0.02 + down], 0.08);
        pieces.push(Piece { part: "headlight", path });
    }
    Figure { pieces }
}

/// A window between two shares of the way along a cabin, whose corners start at its left top.
fn pane(cabin: &[[f32; 2]; 4], shares: [f32; 2]) -> tiny_skia::Path {
    let [left_top, right_top, right_foot, left_foot] = *cabin;
    let at = |along: f32, down: f32| {
        let point = |axis: usize| {
            let top = left_top[axis] + (right_top[axis] - left_top[axis]) * along;
            let foot = left_foot[axis] + (right_foot[axis] - left_foot[axis]) * along;
            top + (foot - top) * down
        };
        [point(0), point(1)]
    };
    let [start, end] = shares;
    polygon(&[at(start, 0.16), at(end, 0.16), at(end, 0.9), at(start, 0.9)])
}

fn bus(pose: &mut Pose<'_>) -> Figure {
    let rows = if pose.chance(0.35) { 2 } else { 1 };
    let height = if rows == 2 { pose.between(1.25, 1.4) } else { pose.between(0.9, 1.1) };
    let roof = -0.12 - height / 2.0;
    let floor = roof + height;
    // Some have an engine in front of the cabin.
    let snout = if rows == 1 && pose.chance(0.4) { pose.between(0.28, 0.42) } else { 0.0 };
    let front = 0.97 - snout;
    let bend = pose.between(0.05, 0.2);
    let mut pieces =
        vec![Piece { part: "body", path: rectangle([-0.97, roof], [front, floor], bend) }];
    if snout > 0.0 {
        let path = rectangle([0.2, floor - height * pose.between(0.42, 0.52)], [0.97, floor], 0.1);
        pieces.push(Piece { part: "body", path });
    }
    let tall = pose.between(0.3, 0.38);
    let top = roof + pose.between(0.1, 0.15);
    let door = pose.between(0.26, 0.34);
    let door_at = if pose.chance(0.65) { front - 0.06 - door } else { pose.between(-0.2, 0.1) };
    let low_top = top + (tall + 0.12) * (rows - 1) as f32;
    let panes = pose.count(3, 5);
    let share = (front + 0.97 - 0.1) / panes as f32;
    for row in 0..rows {
        for number in 0..panes {
            let left = -0.92 + share * number as f32 + 0.03;
            let right = left + share - 0.06;
            // The door takes the place of the windows that it would cut.
            if row == rows - 1 && right > door_at && left < door_at + door {
                continue;
            }
            let high = top + (tall + 0.12) * row as f32;
            let path = rectangle([left, high], [right, high + tall], 0.05);
            pieces.push(Piece { part: "window", path });
        }
    }
    let path = rectangle([door_at, low_top], [door_at + door, floor - 0.03], 0.04);
    pieces.push(Piece { part: "door", path });
    let radius = pose.between(0.2, 0.26);
    let mut axles = vec![pose.between(-0.62, -0.45), pose.between(0.45, 0.6) - snout * 0.1];
    if pose.chance(0.25) {
        axles[0] = -0.66;
        axles.push(-0.66 + radius * 2.1);
    }
    for x in axles {
        pieces.push(Piece { part: "wheel", path: ellipse([x, floor], [radius, radius]) });
    }
    Figure { pieces }
}

fn bicycle(pose: &mut Pose<'_>) -> Figure {
    let radius = pose.between(0.36, 0.44);
    let axle = 0.9 - radius;
    let [back, front] = [[-0.97 + radius, axle], [0.97 - radius, axle]];
    let crank = [pose.between(-0.12, 0.0), axle + pose.between(0.0, 0.1)];
    let saddle = [pose.between(-0.38, -0.26), pose.between(-0.42, -0.25)];
    let neck = [pose.between(0.26, 0.36), pose.between(-0.4, -0.22)];
    let thick = pose.between(0.055, 0.075);
    let mut pieces = Vec::new();
    let hole = pose.between(0.58, 0.72);
    for hub in [back, front] {
        pieces.push(Piece { part: "wheel", path: ring(hub, [radius, radius], hole) });
    }
    // Where the frame's upper tube meets the seat's: high for a diamond, low for a deep entry.
    let share = if pose.chance(0.6) { 0.25 } else { 0.7 };
    let joint =
        [saddle[0] + (crank[0] - saddle[0]) * share, saddle[1] + (crank[1] - saddle[1]) * share];
    let low = [neck[0] + (front[0] - neck[0]) * 0.2, neck[1] + (front[1] - neck[1]) * 0.2];
    let tubes =
        [(back, crank), (crank, low), (joint, low), (back, joint), (crank, saddle), (neck, front)];
    for (from, to) in tubes {
        pieces.push(Piece { part: "frame", path: bar(from, to, thick) });
    }
    let [across, tip] = [pose.between(0.27, 0.31), pose.between(0.04, 0.12)];
    let seat = polygon(&[
        [saddle[0] - across, saddle[1] - 0.14],
        [saddle[0] + across, saddle[1] - 0.1],
        [saddle[0] + across, saddle[1] - 0.1 + tip],
        [saddle[0] - 0.02, saddle[1] + 0.06],
        [saddle[0] - across, saddle[1] + 0.1],
    ]);
    pieces.push(Piece { part: "seat", path: seat });
    let stem = [neck[0] - pose.between(0.02, 0.08), neck[1] - pose.between(0.22, 0.28)];
    pieces.extend(handlebar(pose, neck, stem));
    if pose.chance(0.4) {
        let [left, top] = [neck[0] + 0.16, neck[1] - 0.12];
        let [across, down] = [pose.between(0.36, 0.42), pose.between(0.3, 0.36)];
        let path = polygon(&[
            [left, top],
            [left + across, top],
            [left + across - 0.06, top + down],
            [left + 0.06, top + down],
        ]);
        pieces.push(Piece { part: "basket", path });
    }
    Figure { pieces }
}

/// A stem with a grip that points back, up, or forward and down as on a racing bicycle.
fn handlebar(pose: &mut Pose<'_>, neck: [f32; 2], stem: [f32; 2]) -> Vec<Piece> {
    let thick = pose.between(0.068, 0.08);
    let long = pose.between(0.26, 0.34);
    let mut joints = vec![neck, stem];
    match pose.count(0, 2) {
        0 => joints.push([stem[0] - long, stem[1] - pose.between(-0.08, 0.1)]),
        1 => joints.push([stem[0] + long * 0.7, stem[1] - long * 0.8]),
        _ => {
            joints.push([stem[0] + long, stem[1]]);
            joints.push([stem[0] + long + 0.04, stem[1] + 0.2]);
        }
    }
    let tube = |ends: &[[f32; 2]]| bar(ends[0], ends[1], thick);
    joints.windows(2).map(|ends| Piece { part: "handlebar", path: tube(ends) }).collect()
}
