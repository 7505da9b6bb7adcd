use calico_data::Stream;
use calico_image::Size;

use super::{Drawing, DrawnObject, DrawnPart, Manner, Role, Wanted};
use crate::render::{Backdrop, Light, Paint, Placed, Scene, ShownObject, render};
use crate::{Pose, SynthError};

/// A part that is asked about takes at least this share of its picture …
const LEAST_PART: f64 = 0.0022;
/// … and this share of it is not hidden by other objects.
const LEAST_VISIBLE: f64 = 0.75;
/// An object without questions takes at least this share of its picture.
const LEAST_OBJECT: f64 = 0.006;
/// Arrangements over which objects move apart, step by step, and shrink to 0.85 of their size.
const CROWDED_TRIES: u32 = 24;
/// Arrangements in all; those after the crowded ones differ by chance alone.
const TRIES: u32 = 4 * CROWDED_TRIES + 1;

/// Draws a picture of objects, so that all parts that are asked about are plainly visible. If no
/// arrangement shows them so, the last one is taken, whatever it shows: whoever asks about the
/// parts has to look whether there is enough of them.
pub(crate) fn draw(
    wanted: &[Wanted],
    manner: Manner,
    stream: &mut Stream,
) -> Result<Drawing, SynthError> {
    let size = picture_size(manner.size, &mut Pose::new(stream));
    let mut attempt = 0;
    loop {
        // Objects that do not fit beside each other are moved further and further apart.
        let crowding = f32::max(0.0, 1.0 - attempt as f32 / CROWDED_TRIES as f32);
        let scene = arrange(wanted, manner, size, crowding, stream);
        let rendered = render(&scene)?;
        let is_last = attempt + 1 >= TRIES;
        let shown = wanted.iter().zip(&rendered.shown);
        if is_last || shown.clone().all(|(object, shown)| is_plain(object, shown, size)) {
            let shown = wanted.iter().zip(rendered.shown);
            let objects = shown.filter_map(|(wanted, shown)| drawn(wanted, shown)).collect();
            return Ok(Drawing { frame: rendered.frame, objects });
        }
        attempt += 1;
    }
}

/// Most pictures are square, some a little wider or higher.
fn picture_size(side: u32, pose: &mut Pose<'_>) -> Size {
    let shorter = side * 4 / 5;
    match pose.count(0, 4) {
        0 => Size::new(shorter, side),
        1 => Size::new(side, shorter),
        _ => Size::new(side, side),
    }
}

/// `crowding` is 1 where objects may overlap most and have their full size, and 0 where they stand
/// apart, if there is room, and are smallest.
fn arrange(
    wanted: &[Wanted],
    manner: Manner,
    size: Size,
    crowding: f32,
    stream: &mut Stream,
) -> Scene {
    let backdrop = Backdrop::draw(&manner.look, stream);
    let light = Light::draw(stream);
    let mut places: Vec<([f32; 2], f32)> = Vec::new();
    let mut objects = Vec::new();
    let unit = size.height.min(size.width) as f32;
    for object in wanted {
        let mut pose = Pose::new(stream);
        let [low, high] = object.reach;
        let reach = unit * pose.between(low, high) * (0.85 + 0.15 * crowding);
        let centre = place(reach, size, &places, crowding, &mut pose);
        places.push((centre, reach));
        let transform = manner.viewpoint.transform(reach, centre, &mut pose);
        let mut labels: Vec<&'static str> = Vec::new();
        for piece in &object.figure.pieces {
            if !labels.contains(&piece.part) {
                labels.push(piece.part);
            }
        }
        let paints = Paint::of_parts(&labels, &manner.look, &backdrop, stream);
        let paints = labels.into_iter().zip(paints).collect();
        objects.push(Placed { figure: object.figure.clone(), transform, paints });
    }
    Scene { size, backdrop, light, objects, noise_seed: stream.bits() }
}

/// A centre that keeps most of the object within the picture and, as far as a few tries find one,
/// away from the others.
fn place(
    reach: f32,
    size: Size,
    others: &[([f32; 2], f32)],
    crowding: f32,
    pose: &mut Pose<'_>,
) -> [f32; 2] {
    let inside = |pose: &mut Pose<'_>, length: u32| {
        let (length, margin) = (length as f32, reach * 0.95);
        if margin * 2.0 >= length { length / 2.0 } else { pose.between(margin, length - margin) }
    };
    let mut best = ([0.0; 2], f32::NEG_INFINITY);
    for _ in 0..12 {
        let centre = [inside(pose, size.width), inside(pose, size.height)];
        let gap = others
            .iter()
            .map(|([x, y], other)| {
                let distance = (x - centre[0]).hypot(y - centre[1]);
                distance / (reach + other)
            })
            .fold(f32::INFINITY, f32::min);
        if gap > 1.0 - 0.22 * crowding {
            return centre;
        }
        if gap > best.1 {
            best = (centre, gap);
        }
    }
    best.0
}

fn share(area: u64, size: Size) -> f64 {
    area as f64 / size.pixels() as f64
}

fn is_plain(wanted: &Wanted, shown: &ShownObject, size: Size) -> bool {
    let is_free = |area: u64, whole: u64| area as f64 >= LEAST_VISIBLE * whole as f64;
    match wanted.role {
        // Every part is drawn, if only to be hidden by other parts.
        Role::Parts => shown
            .parts
            .iter()
            .all(|part| share(part.area, size) >= LEAST_PART && is_free(part.area, part.whole)),
        Role::Whole => is_free(shown.area, shown.whole),
        Role::Distractor => share(shown.area, size) >= LEAST_OBJECT,
    }
}

fn drawn(wanted: &Wanted, shown: ShownObject) -> Option<DrawnObject> {
    let parts: Vec<DrawnPart> = shown
        .parts
        .into_iter()
        .filter(|part| part.area > 0)
        .map(|part| DrawnPart { label: part.part, mask: part.mask, area: part.area })
        .collect();
    let Wanted { class, role, .. } = *wanted;
    (shown.area > 0).then_some(DrawnObject { class, role, mask: shown.mask, parts })
}
