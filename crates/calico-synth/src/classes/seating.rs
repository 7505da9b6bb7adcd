use tiny_skia::{Path, Transform};

use super::{Class, Group};
use crate::outline::{bar, block, ellipse, moved, polygon, rectangle, ribbon, ring};
use crate::{Figure, Piece, Pose};

pub(super) const CLASSES: &[Class] = &[
    Class {
        label: "chair",
        group: Group::Seating,
        parts: &["seat", "back", "leg", "armrest"],
        draw: chair,
    },
    Class {
        label: "stool",
        group: Group::Seating,
        parts: &["seat", "leg", "footrest"],
        draw: stool,
    },
    Class {
        label: "bench",
        group: Group::Seating,
        parts: &["seat", "back", "leg", "armrest"],
        draw: bench,
    },
];

/// Where the rear of a thing is, seen from its front: to the left or right, and higher.
pub(super) fn depth(pose: &mut Pose<'_>, aside: f32, up: [f32; 2]) -> [f32; 2] {
    [pose.between(-aside, aside), pose.between(up[0], up[1])]
}

/// Pairs of legs at the ends, the rear ones first. `floor` is where the front ones stand.
pub(super) fn legs(
    pose: &mut Pose<'_>,
    [left, right]: [f32; 2],
    [from, floor]: [f32; 2],
    [aside, up]: [f32; 2],
) -> Vec<Path> {
    let knee = pose.between(0.068, 0.1);
    let foot = if pose.chance(0.5) { knee } else { pose.between(0.06, 0.1) };
    let splay = if pose.chance(0.5) { 0.0 } else { pose.between(-0.1, 0.08) };
    let round = pose.chance(0.4);
    let mut legs = Vec::new();
    for (along, raised) in [(aside, up), (0.0, 0.0)] {
        for (x, sign) in [(left + knee, -1.0), (right - knee, 1.0)] {
            let (x, top, ground) = (x + along, from - raised, floor - raised);
            let end = x + sign * splay;
            legs.push(if round {
                bar([x, top], [end, ground - foot], foot.max(0.06))
            } else {
                polygon(&[
                    [x - knee, top],
                    [x + knee, top],
                    [end + foot, ground],
                    [end - foot, ground],
                ])
            });
        }
    }
    legs
}

/// One column on a plate or on a star of feet.
pub(super) fn pedestal(
    pose: &mut Pose<'_>,
    x: f32,
    [from, floor]: [f32; 2],
    reach: f32,
) -> Vec<Path> {
    let half = pose.between(0.07, 0.13);
    let mut pieces = Vec::new();
    if pose.chance(0.5) {
        let flat = pose.between(0.07, 0.13);
        pieces.push(ellipse([x, floor - flat], [reach, flat]));
        pieces.push(rectangle([x - half, from], [x + half, floor - flat], 0.0));
    } else {
        let hub = floor - pose.between(0.16, 0.28);
        let feet = pose.count(2, 4);
        for foot in 0..feet {
            let share = foot as f32 / (feet - 1) as f32 * 2.0 - 1.0;
            let low = floor - 0.07 - 0.06 * share.abs();
            pieces.push(bar([x, hub], [x + share * (reach - 0.07), low], 0.065));
        }
        pieces.push(rectangle([x - half, from], [x + half, hub + 0.06], 0.03));
    }
    pieces
}

/// A round board seen from above; `y` is the middle of its upper face.
pub(super) fn disc([x, y]: [f32; 2], [across, down]: [f32; 2], thickness: f32) -> [Path; 3] {
    [
        ellipse([x, y + thickness], [across, down]),
        rectangle([x - across, y], [x + across, y + thickness], 0.0),
        ellipse([x, y], [across, down]),
    ]
}

/// The pieces of one part.
pub(super) fn of(part: &'static str, paths: impl IntoIterator<Item = Path>) -> Vec<Piece> {
    paths.into_iter().map(|path| Piece { part, path }).collect()
}

/// An object or its mirror image, each half of the time.
pub(super) fn either_way(pose: &mut Pose<'_>, mut pieces: Vec<Piece>) -> Figure {
    if pose.chance(0.5) {
        for piece in &mut pieces {
            piece.path = moved(piece.path.clone(), Transform::from_scale(-1.0, 1.0));
        }
    }
    Figure { pieces }
}

/// A back that leans to the right with its height, of boards or of one piece.
fn back(
    pose: &mut Pose<'_>,
    [left, right]: [f32; 2],
    [top, bottom]: [f32; 2],
    lean: f32,
) -> Vec<Path> {
    let (width, height) = (right - left, bottom - top);
    let post = pose.between(0.06, 0.09);
    let posts = [
        rectangle([left, top], [left + 2.0 * post, bottom], post),
        rectangle([right - 2.0 * post, top], [right, bottom], post),
    ];
    let mut pieces = Vec::new();
    match pose.count(0, 4) {
        0 => {
            let radius = pose.between(0.0, 0.4) * width.min(height);
            pieces.push(rectangle([left, top], [right, top + 0.6 * height], radius));
            pieces.push(rectangle([left, top + 0.4 * height], [right, bottom], 0.0));
        }
        1 => {
            let narrow = pose.between(0.0, 0.15);
            pieces.push(polygon(&[
                [left + narrow, top],
                [right - narrow, top],
                [right, bottom],
                [left, bottom],
            ]));
        }
        2 => {
            let middle = top + 0.36 * height;
            pieces
                .push(ellipse([f32::midpoint(left, right), middle], [width / 2.0, 0.36 * height]));
            let inset = 0.22 * width;
            pieces.push(rectangle([left + inset, middle], [left + inset + 0.14, bottom], 0.0));
            pieces.push(rectangle([right - inset - 0.14, middle], [right - inset, bottom], 0.0));
        }
        3 => {
            pieces.extend(posts);
            let rails = (height / pose.between(0.25, 0.4)).round().max(1.0);
            let step = height / (rails + 0.3);
            for rail in 0..rails as usize {
                let y = top + 0.06 + rail as f32 * step;
                pieces.push(rectangle([left + 0.05, y], [right - 0.05, y + 0.55 * step], 0.02));
            }
        }
        _ => {
            pieces.extend(posts);
            let rail = pose.between(0.14, 0.24);
            pieces.push(rectangle([left, top], [right, top + rail], 0.06));
            let gaps = (width / pose.between(0.22, 0.32)).round().max(2.0);
            for spindle in 1..gaps as usize {
                let x = left + spindle as f32 * width / gaps;
                pieces.push(rectangle([x - 0.05, top], [x + 0.05, bottom], 0.0));
            }
        }
    }
    let slant = Transform::from_row(1.0, 0.0, -lean, 1.0, lean * bottom, 0.0);
    pieces.into_iter().map(|path| moved(path, slant)).collect()
}

/// An armrest on a post at the front of a seat, and its rear end at the back.
fn armrest(x: f32, seat: f32, height: f32, [aside, up]: [f32; 2]) -> [Path; 2] {
    [
        bar([x, seat], [x, seat - height], 0.065),
        bar([x, seat - height], [x + 0.8 * aside, seat - height - 0.8 * up], 0.075),
    ]
}

fn chair(pose: &mut Pose<'_>) -> Figure {
    let pieces = if pose.chance(0.35) { chair_aside(pose) } else { chair_ahead(pose) };
    either_way(pose, pieces)
}

fn chair_ahead(pose: &mut Pose<'_>) -> Vec<Piece> {
    let half = pose.between(0.45, 0.66);
    let depth = depth(pose, 0.35, [0.14, 0.4]);
    let [aside, up] = depth;
    let ends = [-half - aside / 2.0, half - aside / 2.0];
    let seat = pose.between(0.05, 0.36);
    let under = seat + pose.between(0.1, 0.2);
    let mut pieces = if pose.chance(0.2) {
        of("leg", pedestal(pose, 0.0, [seat - up / 2.0, 0.96], reach(half)))
    } else {
        of("leg", legs(pose, ends, [seat + 0.05, 0.96], depth))
    };
    let top = pose.between(-0.97, -0.8);
    let lean = pose.between(-0.08, 0.08);
    let behind = [ends[0] + aside, ends[1] + aside];
    pieces.extend(of("back", back(pose, behind, [top, seat - up + 0.05], lean)));
    let armed = pose.chance(0.4);
    let height = pose.between(0.26, 0.42);
    if armed && aside > 0.0 {
        pieces.extend(of("armrest", armrest(ends[0] + 0.04, seat - 0.04, height, depth)));
    } else if armed {
        pieces.extend(of("armrest", armrest(ends[1] - 0.04, seat - 0.04, height, depth)));
    }
    let cushion = if pose.chance(0.3) {
        rectangle(
            [ends[0] + aside.min(0.0), seat - up],
            [ends[1] + aside.max(0.0), under],
            pose.between(0.1, 0.3),
        )
    } else {
        block([ends[0], seat], [ends[1], under], depth)
    };
    pieces.push(Piece { part: "seat", path: cushion });
    if armed {
        let near = if aside > 0.0 { ends[1] - 0.04 } else { ends[0] + 0.04 };
        pieces.extend(of("armrest", armrest(near, seat - 0.02, height, depth)));
    }
    pieces
}

/// How far the feet of a column reach below a seat.
fn reach(half: f32) -> f32 {
    (half * 0.95).max(0.45)
}

fn chair_aside(pose: &mut Pose<'_>) -> Vec<Piece> {
    let (rear, front) = (pose.between(-0.6, -0.42), pose.between(0.42, 0.68));
    let seat = pose.between(0.02, 0.3);
    let thick = pose.between(0.12, 0.22);
    let low = seat + thick / 2.0;
    let top = [rear - pose.between(0.0, 0.28), pose.between(-0.88, -0.7)];
    let wide = pose.between(0.075, 0.12);
    let narrow = pose.between(0.06, 0.08);
    let base = pose.between(0.0, 1.0);
    let mut pieces = if base < 0.25 {
        let bend = [[front - 0.1, low, narrow], [front, 0.45, narrow], [front - 0.1, 0.85, narrow]];
        let foot = bar([front - 0.12, 0.88], [rear, 0.88], narrow);
        of("leg", [ribbon(&bend), foot])
    } else if base < 0.45 {
        of("leg", pedestal(pose, f32::midpoint(rear, front), [low, 0.96], 0.55))
    } else {
        let (ahead, behind) = (pose.between(-0.05, 0.14), pose.between(-0.05, 0.2));
        of(
            "leg",
            [
                bar([rear + 0.08, low], [rear + 0.08 - behind, 0.96 - narrow], narrow),
                bar([front - 0.1, low], [front - 0.1 + ahead, 0.96 - narrow], narrow),
            ],
        )
    };
    let foot = [rear + wide, low];
    let belly = [
        f32::midpoint(foot[0], top[0]) + pose.between(-0.1, 0.1),
        f32::midpoint(foot[1], top[1]),
        wide,
    ];
    let path = if pose.chance(0.5) {
        ribbon(&[[foot[0], foot[1], wide], belly, [top[0], top[1], wide]])
    } else {
        bar(foot, top, wide)
    };
    pieces.push(Piece { part: "back", path });
    let radius = pose.between(0.0, 0.1);
    pieces
        .push(Piece { part: "seat", path: rectangle([rear, seat], [front, seat + thick], radius) });
    if pose.chance(0.4) {
        let rest = seat - pose.between(0.28, 0.42);
        let end = pose.between(0.1, 0.35);
        let post = bar([end - 0.1, rest], [end - 0.05, seat], 0.06);
        pieces.extend(of("armrest", [post, bar([rear, rest], [end, rest], 0.075)]));
    }
    pieces
}

fn stool(pose: &mut Pose<'_>) -> Figure {
    let tall = pose.chance(0.55);
    let half = if tall { pose.between(0.4, 0.6) } else { pose.between(0.65, 0.85) };
    let floor = if tall { 0.96 } else { pose.between(0.55, 0.8) };
    let down = pose.between(0.08, 0.2);
    let thick = pose.between(0.08, 0.2);
    let face = if tall { pose.between(-0.95, -0.8) } else { -floor } + down;
    let from = face + thick / 2.0;
    let spread = (half * pose.between(0.75, 1.2)).min(0.9);
    let narrow = pose.between(0.06, 0.085);
    let mut pieces = Vec::new();
    let rest = from + (floor - from) * pose.between(0.55, 0.72);
    if pose.chance(0.25) {
        pieces.extend(of("leg", pedestal(pose, 0.0, [from, floor], half.max(0.5))));
    } else {
        let count = pose.count(3, 4);
        for leg in 0..count {
            // The outer ones stand in front, the inner ones behind.
            let share = leg as f32 / (count - 1) as f32 * 2.0 - 1.0;
            let ground = floor - narrow - 0.18 * (1.0 - share.abs());
            let top = [share * (half - 0.12), from];
            let path = bar(top, [share * (spread - narrow), ground], narrow);
            pieces.push(Piece { part: "leg", path });
        }
    }
    if pose.chance(0.5) {
        let reach = spread.min(half) * 0.95;
        let path = if pose.chance(0.4) {
            ring([0.0, rest], [reach, 0.2], 0.6)
        } else {
            bar([-reach, rest], [reach, rest], 0.07)
        };
        pieces.push(Piece { part: "footrest", path });
    }
    match pose.count(0, 3) {
        0 | 1 => pieces.extend(of("seat", disc([0.0, face], [half, down], thick))),
        2 => {
            let aside = pose.between(-0.3, 0.3);
            let ends = [-half - aside / 2.0, half - aside / 2.0];
            let path = block([ends[0], face], [ends[1], face + thick], [aside, down]);
            pieces.push(Piece { part: "seat", path });
        }
        _ => {
            let (low, dip) = (face + thick, pose.between(0.0, 0.12));
            let saddle = [
                [-half, face - down, down],
                [0.0, face - down + dip + 0.04, down],
                [half, face - down, down],
            ]
            .map(|[x, y, thick]| [0.92 * x, y + 0.5 * thick, 0.5 * thick + 0.06]);
            pieces.push(Piece { part: "seat", path: ribbon(&saddle) });
            pieces.push(Piece {
                part: "seat",
                path: rectangle([-0.8 * half, face - 0.02], [0.8 * half, low], 0.05),
            });
        }
    }
    Figure { pieces }
}

fn bench(pose: &mut Pose<'_>) -> Figure {
    let depth = depth(pose, 0.3, [0.1, 0.32]);
    let [aside, up] = depth;
    let half = pose.between(0.86, 0.97) - aside.abs() / 2.0;
    let ends = [-half - aside / 2.0, half - aside / 2.0];
    let floor = pose.between(0.55, 0.8);
    let seat = floor - pose.between(0.46, 0.62);
    let under = seat + pose.between(0.09, 0.16);
    let span = [seat + 0.04, floor];
    let inset = pose.between(0.0, 0.2);
    let mut pieces = Vec::new();
    if pose.chance(0.3) {
        // Ends of one board each.
        let wide = pose.between(0.14, 0.26);
        for x in [ends[0] + inset, ends[1] - inset - wide] {
            pieces.extend(of("leg", [block([x, span[0]], [x + wide, floor], depth)]));
        }
    } else {
        let middle = f32::midpoint(ends[0], ends[1]);
        if pose.chance(0.35) {
            let pair = [middle - 0.1, middle + 0.1];
            pieces.extend(of("leg", legs(pose, pair, span, depth)));
        }
        let pair = [ends[0] + inset, ends[1] - inset];
        pieces.extend(of("leg", legs(pose, pair, span, depth)));
    }
    let top = (seat - up - pose.between(0.38, 0.75)).max(-0.97);
    let behind = [ends[0] + aside, ends[1] + aside];
    let lean = pose.between(-0.05, 0.05);
    pieces.extend(of("back", back(pose, behind, [top, seat - up + 0.04], lean)));
    let armed = pose.chance(0.45);
    let height = pose.between(0.22, 0.32);
    let mut sides = [ends[0] + 0.06, ends[1] - 0.06];
    if aside < 0.0 {
        sides.reverse();
    }
    if armed {
        pieces.extend(of("armrest", armrest(sides[0], seat - 0.03, height, depth)));
    }
    let path = block([ends[0], seat], [ends[1], under], depth);
    pieces.push(Piece { part: "seat", path });
    if armed {
        pieces.extend(of("armrest", armrest(sides[1], seat - 0.02, height, depth)));
    }
    Figure { pieces }
}
