use super::Palette;
use crate::Pose;

/// How two colours share a surface. Lengths are in the surface's own coordinates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Texture {
    /// One colour.
    Plain,
    /// Bands along a direction.
    Stripes { across: [f32; 2] },
    /// Round spots on a lattice; the spots' radius is a share of the lattice's step.
    Dots { across: [f32; 2], radius: f32 },
    /// Smooth noise.
    Grain { per_length: f32, key: u32 },
    /// From one colour to the other across the surface.
    Gradient { across: [f32; 2] },
    /// A board of squares.
    Checker { across: [f32; 2] },
    /// Bands that go to and fro.
    Zigzag { across: [f32; 2] },
    /// Bands around a point.
    Rings { center: [f32; 2], per_length: f32 },
}

impl Texture {
    /// A texture of a palette; most familiar surfaces are plain.
    pub(super) fn draw(palette: Palette, pose: &mut Pose<'_>) -> Self {
        let (sine, cosine) = pose.between(0.0, std::f32::consts::TAU).sin_cos();
        let along = |scale: f32| [cosine * scale, sine * scale];
        // A period of 0.12 to 0.4, of an object that is 2 long.
        let scale = 1.0 / pose.between(0.12, 0.4);
        let kind = pose.between(0.0, 1.0);
        match palette {
            Palette::Familiar if kind < 0.6 => Self::Plain,
            Palette::Familiar if kind < 0.7 => Self::Stripes { across: along(scale) },
            Palette::Familiar if kind < 0.78 => {
                Self::Dots { across: along(scale), radius: pose.between(0.22, 0.36) }
            }
            Palette::Familiar if kind < 0.9 => {
                Self::Grain { per_length: scale, key: pose.count(0, u32::MAX - 1) }
            }
            Palette::Familiar => Self::Gradient { across: along(0.6) },
            Palette::Unseen if kind < 0.4 => Self::Checker { across: along(scale) },
            Palette::Unseen if kind < 0.7 => Self::Zigzag { across: along(scale) },
            Palette::Unseen => {
                let center = [pose.between(-0.5, 0.5), pose.between(-0.5, 0.5)];
                Self::Rings { center, per_length: scale }
            }
        }
    }

    /// Whether there are no borders within the texture.
    pub(super) fn is_smooth(&self) -> bool {
        matches!(self, Self::Plain | Self::Grain { .. } | Self::Gradient { .. })
    }

    /// The share of the second colour at a point, 0 to 1.
    pub(super) fn share(&self, [x, y]: [f32; 2]) -> f32 {
        let turned = |[cosine, sine]: [f32; 2]| (cosine * x + sine * y, cosine * y - sine * x);
        let is_odd = |value: f32| (value.floor() as i32 & 1) as f32;
        match *self {
            Self::Plain => 0.0,
            Self::Stripes { across } => is_odd(turned(across).0 * 2.0),
            Self::Dots { across, radius } => {
                let (u, v) = turned(across);
                let (u, v) = (u - u.floor() - 0.5, v - v.floor() - 0.5);
                f32::from(u8::from(u * u + v * v < radius * radius))
            }
            Self::Grain { per_length, key } => {
                let (u, v) = (x * per_length, y * per_length);
                0.65 * smooth_noise([u, v], key) + 0.35 * smooth_noise([u * 2.3, v * 2.3], !key)
            }
            Self::Gradient { across } => (0.5 + turned(across).0).clamp(0.0, 1.0),
            Self::Checker { across } => {
                let (u, v) = turned(across);
                (is_odd(u * 1.6) - is_odd(v * 1.6)).abs()
            }
            Self::Zigzag { across } => {
                let (u, v) = turned(across);
                let tooth = (v - v.floor() - 0.5).abs();
                is_odd((u + tooth) * 2.0)
            }
            Self::Rings { center, per_length } => {
                let (u, v) = (x - center[0], y - center[1]);
                is_odd((u * u + v * v).sqrt() * per_length * 2.0)
            }
        }
    }
}

/// Values of a lattice of step 1, 0 to 1, with smooth steps between them.
fn smooth_noise([x, y]: [f32; 2], key: u32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let ease = |share: f32| share * share * (3.0 - 2.0 * share);
    let (across, down) = (ease(x - left), ease(y - top));
    let (column, row) = (left as i32, top as i32);
    let corner = |right: i32, below: i32| lattice(column + right, row + below, key);
    let mix = |from: f32, to: f32, share: f32| from + (to - from) * share;
    mix(mix(corner(0, 0), corner(1, 0), across), mix(corner(0, 1), corner(1, 1), across), down)
}

/// A number from 0 to 1 for a place.
fn lattice(column: i32, row: i32, key: u32) -> f32 {
    let place = (column as u32).wrapping_mul(0x9e37_79b1) ^ (row as u32).wrapping_mul(0x85eb_ca77);
    let mixed = (place ^ key).wrapping_mul(0x7feb_352d);
    let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x846c_a68b);
    ((mixed ^ (mixed >> 16)) >> 8) as f32 / (1 << 24) as f32
}
