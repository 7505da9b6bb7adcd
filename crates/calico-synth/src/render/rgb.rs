/// A colour: red, green and blue from 0 to 1, as they are stored in a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rgb(pub [f32; 3]);

impl Rgb {
    /// From the usual six hexadecimal digits.
    pub(super) const fn hex(code: u32) -> Self {
        Self([
            ((code >> 16) & 255) as f32 / 255.0,
            ((code >> 8) & 255) as f32 / 255.0,
            (code & 255) as f32 / 255.0,
        ])
    }

    /// From hue in degrees, saturation and value from 0 to 1.
    pub fn from_hsv(hue: f32, saturation: f32, value: f32) -> Self {
        let channel = |offset: f32| {
            let sector = (offset + hue / 60.0).rem_euclid(6.0);
            value - value * saturation * sector.min(4.0 - sector).clamp(0.0, 1.0)
        };
        Self([channel(5.0), channel(3.0), channel(1.0)])
    }

    /// Hue in degrees, 0 to 360, saturation and value from 0 to 1; greys have hue 0.
    pub fn hsv(self) -> [f32; 3] {
        let [red, green, blue] = self.0;
        let value = red.max(green).max(blue);
        let chroma = value - red.min(green).min(blue);
        if chroma <= 0.0 {
            return [0.0, 0.0, value];
        }
        let sector = if value <= red {
            (green - blue) / chroma
        } else if value <= green {
            2.0 + (blue - red) / chroma
        } else {
            4.0 + (red - green) / chroma
        };
        [(sector * 60.0).rem_euclid(360.0), chroma / value, value]
    }

    /// The colour on the way to another one, at a share from 0 to 1.
    pub(super) fn mix(self, other: Self, share: f32) -> Self {
        Self(std::array::from_fn(|at| self.0[at] + (other.0[at] - self.0[at]) * share))
    }

    /// The same hue, with saturation and value changed by factors.
    pub(super) fn toned(self, saturation: f32, value: f32) -> Self {
        let [hue, old_saturation, old_value] = self.hsv();
        let saturation = (old_saturation * saturation).clamp(0.0, 1.0);
        Self::from_hsv(hue, saturation, (old_value * value).clamp(0.0, 1.0))
    }

    /// How bright the colour looks, from 0 to 1; of a difference, how much brighter.
    pub(super) fn brightness(self) -> f32 {
        let [red, green, blue] = self.0;
        0.299 * red + 0.587 * green + 0.114 * blue
    }

    /// How different two colours look: 0 for the same, about 1 for black and white.
    ///
    /// The distance in brightness and the two colour differences of television.
    pub fn distance(self, other: Self) -> f32 {
        let difference = Self(std::array::from_fn(|at| self.0[at] - other.0[at]));
        let ([red, _, blue], bright) = (difference.0, difference.brightness());
        let (by_blue, by_red) = (0.564 * (blue - bright), 0.713 * (red - bright));
        (bright * bright + by_blue * by_blue + by_red * by_red).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_comes_back_from_hue_saturation_and_value() {
        for code in [0xff_0000, 0x12_80c4, 0x00_ff33, 0xfa_c8f9, 0x77_7777, 0xd0_b010] {
            let color = Rgb::hex(code);
            let [hue, saturation, value] = color.hsv();
            assert!(color.distance(Rgb::from_hsv(hue, saturation, value)) < 1e-5, "{code:06x}");
        }
    }
}
