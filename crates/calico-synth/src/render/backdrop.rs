use calico_data::Stream;
use tiny_skia::Path;

use super::{Look, Paint, Rgb, paint::shade, palette::Scheme};
use crate::{Pose, outline};

/// What lies behind the objects: a ground, and things on it that are no objects.
///
/// Its own coordinates go from −1 to 1 from edge to edge of the picture.
#[derive(Debug, Clone)]
pub struct Backdrop {
    scheme: &'static Scheme,
    /// What is to be seen where nothing else is.
    pub(super) ground: Paint,
    /// The floor, if there is one, and clutter, in the order of painting.
    pub(super) things: Vec<(Path, Paint)>,
    /// The colours of the ground and of the floor.
    colors: Vec<Rgb>,
}

impl Backdrop {
    /// The most things that clutter a picture.
    const MOST_CLUTTER: u32 = 8;

    /// A backdrop, and with it the colours that its scene draws from.
    pub fn draw(look: &Look, stream: &mut Stream) -> Self {
        let mut pose = Pose::new(stream);
        let pose = &mut pose;
        let schemes = look.palette.schemes();
        let scheme = &schemes[pose.count(0, schemes.len() as u32 - 1) as usize];
        let base = calm(shade(scheme, pose), pose);
        let ground = Paint::textured(base, look.palette, pose).faint(pose.between(0.2, 0.8));
        let mut colors = vec![ground.base()];
        let mut things = Vec::new();
        if pose.chance(0.4) {
            let horizon = pose.between(0.05, 0.65);
            let floor = calm(shade(scheme, pose), pose);
            let floor = Paint::textured(floor, look.palette, pose).faint(pose.between(0.2, 0.8));
            colors.push(floor.base());
            things.push((outline::rectangle([-1.1, horizon], [1.1, 1.1], 0.0), floor));
        }
        // Most pictures are tidy.
        let most = if pose.chance(0.65) { 2 } else { Self::MOST_CLUTTER };
        for _ in 0..pose.count(0, most) {
            let color = shade(scheme, pose).mix(ground.base(), pose.between(0.0, 0.6));
            let paint = Paint::textured(color, look.palette, pose);
            things.push((thing(pose), paint));
        }
        Self { scheme, ground, things, colors }
    }

    /// The main colours, from which objects keep a distance: of the ground, and of the floor.
    pub fn colors(&self) -> &[Rgb] {
        &self.colors
    }

    /// The colours that the scene draws from.
    pub(super) fn scheme(&self) -> &'static Scheme {
        self.scheme
    }
}

/// A colour that does not push itself forward: mostly pale, sometimes dark.
fn calm(color: Rgb, pose: &mut Pose<'_>) -> Rgb {
    let [hue, saturation, value] = color.hsv();
    let value = if pose.chance(0.7) {
        0.72 + 0.26 * value * pose.between(0.6, 1.0)
    } else {
        0.2 + 0.35 * value * pose.between(0.6, 1.0)
    };
    Rgb::from_hsv(hue, saturation * pose.between(0.15, 0.65), value)
}

/// The outline of something: round, long or angular.
fn thing(pose: &mut Pose<'_>) -> Path {
    let [x, y] = [pose.between(-1.0, 1.0), pose.between(-1.0, 1.0)];
    let size = pose.between(0.06, 0.32);
    match pose.count(0, 3) {
        0 => outline::blob(&around([x, y], size, pose)),
        1 => outline::polygon(&around([x, y], size, pose)),
        2 => {
            let (sine, cosine) = pose.between(0.0, std::f32::consts::TAU).sin_cos();
            let length = 2.0 * size;
            outline::bar([x, y], [x + cosine * length, y + sine * length], size * 0.15)
        }
        _ => outline::ellipse([x, y], [size, size * pose.between(0.4, 1.0)]),
    }
}

/// Points around a centre, at different distances.
fn around([x, y]: [f32; 2], size: f32, pose: &mut Pose<'_>) -> Vec<[f32; 2]> {
    let count = pose.count(3, 8);
    let start = pose.between(0.0, std::f32::consts::TAU);
    (0..count)
        .map(|number| {
            let angle = start + std::f32::consts::TAU * number as f32 / count as f32;
            let radius = size * pose.between(0.5, 1.0);
            [x + angle.cos() * radius, y + angle.sin() * radius]
        })
        .collect()
}
