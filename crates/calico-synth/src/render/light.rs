use calico_data::Stream;

use super::Rgb;
use crate::Pose;

/// What light and camera do to the colours of a scene.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Light {
    /// Change of brightness from the centre to the right and to the lower edge.
    slope: [f32; 2],
    /// Factor of each channel at the centre.
    tint: [f32; 3],
    /// Standard deviation of the noise of each channel, where white is 1.
    pub(super) noise: f32,
    /// Share of brightness that is lost where two pieces meet.
    rim: f32,
}

impl Light {
    /// Light from a random side.
    pub fn draw(stream: &mut Stream) -> Self {
        let mut pose = Pose::new(stream);
        let (sine, cosine) = pose.between(0.0, std::f32::consts::TAU).sin_cos();
        let strength = pose.between(0.0, 0.16);
        let gain = pose.between(0.9, 1.04);
        let warmth = pose.between(-0.06, 0.06);
        let green = pose.between(-0.02, 0.02);
        Self {
            slope: [cosine * strength, sine * strength],
            tint: [gain * (1.0 + warmth), gain * (1.0 + green), gain * (1.0 - warmth)],
            noise: pose.between(0.0, 0.03),
            rim: pose.between(0.2, 0.5),
        }
    }

    /// Even white light, without noise or rims.
    pub fn even() -> Self {
        Self { slope: [0.0; 2], tint: [1.0; 3], noise: 0.0, rim: 0.0 }
    }

    /// The colour of a surface where it meets another one: darker, or lighter if it is dark.
    pub(super) fn rimmed(&self, color: Rgb) -> Rgb {
        let is_dark = color.brightness() < 0.25;
        let (toward, share) = if is_dark { (1.0, self.rim * 0.6) } else { (0.0, self.rim) };
        color.mix(Rgb([toward; 3]), share)
    }

    /// The factors of the channels at a place from −1 to 1 in both directions.
    pub(super) fn at(&self, [x, y]: [f32; 2]) -> [f32; 3] {
        let gain = 1.0 + self.slope[0] * x + self.slope[1] * y;
        self.tint.map(|tint| tint * gain)
    }
}
