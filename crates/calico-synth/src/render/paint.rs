use calico_data::Stream;

use super::{Backdrop, Look, Palette, Rgb, palette::Scheme, texture::Texture, typical};
use crate::Pose;

/// The colours of a surface, in the coordinates of the object that wears it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paint {
    /// The colour that the surface has at first sight.
    base: Rgb,
    second: Rgb,
    texture: Texture,
}

impl Paint {
    /// Least distance of an object's colours from those of the backdrop.
    const FROM_BACKDROP: f32 = 0.2;
    /// Least distance of the colours of two parts of an object.
    const FROM_PARTS: f32 = 0.14;
    /// How often a colour is drawn anew before the best so far is taken.
    const TRIES: usize = 24;

    /// The paints of the parts of one object, by label, in the order given.
    ///
    /// Colours keep a distance from those of the backdrop and from one another; where they find
    /// no place, the distance is as large as was found.
    pub fn of_parts(
        parts: &[&'static str],
        look: &Look,
        backdrop: &Backdrop,
        stream: &mut Stream,
    ) -> Vec<Self> {
        let mut pose = Pose::new(stream);
        let pose = &mut pose;
        let mut paints: Vec<Self> = Vec::with_capacity(parts.len());
        if look.is_uniform {
            let base = Self::apart(&[], backdrop, pose, |pose| shade(backdrop.scheme(), pose));
            let paint = Self::textured(base, look.palette, pose);
            return vec![paint; parts.len()];
        }
        for part in parts {
            let is_typical = pose.chance(look.cue);
            let base = Self::apart(&paints, backdrop, pose, |pose| {
                if is_typical { typical::color(part, pose) } else { shade(backdrop.scheme(), pose) }
            });
            paints.push(Self::textured(base, look.palette, pose));
        }
        paints
    }

    /// A colour from a source that keeps the distances, or comes nearest to them.
    fn apart(
        others: &[Self],
        backdrop: &Backdrop,
        pose: &mut Pose<'_>,
        draw: impl Fn(&mut Pose<'_>) -> Rgb,
    ) -> Rgb {
        let (mut best, mut most) = (draw(pose), f32::NEG_INFINITY);
        let mut color = best;
        for number in 0..Self::TRIES {
            let behind = backdrop.colors().iter().map(|other| color.distance(*other));
            let beside = others.iter().map(|other| color.distance(other.base));
            let room = behind
                .map(|distance| distance - Self::FROM_BACKDROP)
                .chain(beside.map(|distance| distance - Self::FROM_PARTS))
                .fold(0.0, f32::min);
            if room > most {
                (best, most) = (color, room);
            }
            if most >= 0.0 {
                break;
            }
            // Saturation and value move more and more, the hue stays.
            let reach = number as f32 / Self::TRIES as f32;
            let saturation = 1.0 + reach * pose.between(-0.5, 0.4);
            let value = 1.0 + reach * pose.between(-0.7, 0.5);
            color = draw(pose).toned(saturation, value);
        }
        best
    }

    /// A texture on a base colour; the second colour is another shade of the same hue.
    pub(super) fn textured(base: Rgb, palette: Palette, pose: &mut Pose<'_>) -> Self {
        let texture = Texture::draw(palette, pose);
        // Dark colours get a lighter second one, light ones a darker one.
        let [_, _, value] = base.hsv();
        let factor = pose.between(0.62, 0.84);
        let second = if value < 0.45 {
            base.toned(0.9, 1.0 / factor)
        } else {
            base.toned(pose.between(0.85, 1.15), factor)
        };
        Self { base, second, texture }
    }

    /// The same paint with only a share of the second colour's contrast.
    pub(super) fn faint(self, share: f32) -> Self {
        Self { second: self.base.mix(self.second, share), ..self }
    }

    /// The colour at first sight.
    pub fn base(&self) -> Rgb {
        self.base
    }

    /// Whether near points have nearly the same colour.
    pub(super) fn is_smooth(&self) -> bool {
        self.texture.is_smooth()
    }

    /// The colour at a point of the object's own coordinates.
    pub(super) fn at(&self, point: [f32; 2]) -> Rgb {
        match self.texture {
            Texture::Plain => self.base,
            texture => self.base.mix(self.second, texture.share(point)),
        }
    }
}

/// One of the colours of a scheme, a little lighter, darker, paler or stronger.
pub(super) fn shade(scheme: &Scheme, pose: &mut Pose<'_>) -> Rgb {
    let color = scheme[pose.count(0, scheme.len() as u32 - 1) as usize];
    color.toned(pose.between(0.8, 1.15), pose.between(0.85, 1.12))
}
