use super::Rgb;

/// A stock of colours and textures that a scene draws from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Palette {
    /// Earthy, muted and primary colours; plain, striped, dotted, grained and shaded surfaces.
    Familiar,
    /// Colours that no familiar scene uses; checks, zigzags and rings.
    Unseen,
}

/// Colours that go together.
pub(super) type Scheme = [Rgb; 6];

impl Palette {
    /// The sets of colours; a scene uses one of them.
    pub(super) const fn schemes(self) -> &'static [Scheme] {
        match self {
            Self::Familiar => &FAMILIAR,
            Self::Unseen => &UNSEEN,
        }
    }
}

const FAMILIAR: [Scheme; 12] = [
    // Orchard.
    scheme([0x7a_8450, 0xb5_3a2b, 0xe8_c468, 0x4b_3a2a, 0xd9_8e4a, 0xf1_e8d0]),
    // Harbour.
    scheme([0x1f_3a5f, 0x4a_7fa5, 0xd8_e2ea, 0xc8_553d, 0x8f_a3ad, 0xf2_c14e]),
    // Brick and slate.
    scheme([0x9c_4a3c, 0x54_606b, 0xd6_c5b0, 0x2e_3338, 0xc9_8f6b, 0x88_998f]),
    // Meadow.
    scheme([0x5d_8a3a, 0xa9_c46c, 0xf4_dd72, 0x6d_4c86, 0xd8_7a9a, 0x2f_5233]),
    // Desert.
    scheme([0xd9_a566, 0xb8_6a3c, 0x8c_3f2d, 0xf0_dbb4, 0x5f_7470, 0x3d_2f2a]),
    // Winter.
    scheme([0x3f_5873, 0x7d_9bb5, 0xe6_edf2, 0xa8_3f4b, 0x27_3443, 0xb7_c4c9]),
    // Kitchen.
    scheme([0xe4_572e, 0xf3_a712, 0xa8_c686, 0x66_9bbc, 0x29_335c, 0xfb_f3e4]),
    // Forest.
    scheme([0x2d_4a36, 0x6b_7f4b, 0xa6_8a5b, 0x5a_3d2b, 0xc7_b98c, 0x8b_2f2a]),
    // Seaside.
    scheme([0x2a_8c8c, 0x8c_cbbf, 0xf2_e3bc, 0xe7_7e5b, 0x25_536b, 0xc2_a26d]),
    // Workshop.
    scheme([0x8b_6f4e, 0xd0_3b2f, 0x30_5c9c, 0xe5_b935, 0x5c_5f63, 0xdc_dcd6]),
    // Dusk.
    scheme([0x4a_3b63, 0x8a_5a83, 0xd4_8b8b, 0xf0_c29b, 0x2b_2a44, 0x6f_7fa8]),
    // Garden pots.
    scheme([0xbf_6440, 0x6f_9a74, 0xe9_b7a0, 0x35_4f52, 0xf6_e7d8, 0x9d_2f45]),
];

const UNSEEN: [Scheme; 4] = [
    // Neon.
    scheme([0xff_2bd6, 0x1d_f2ff, 0xc8_ff1a, 0x7a_1cff, 0x12_0a2e, 0xff_6a00]),
    // Sherbet.
    scheme([0xff_b3e6, 0xb3_f5ff, 0xd9_ffb3, 0xc9_b3ff, 0xff_5fa8, 0x5f_5fff]),
    // Enamel.
    scheme([0x00_b34a, 0x00_5bff, 0xff_0f3c, 0xff_f200, 0x9b_00a8, 0x00_e0b0]),
    // Jungle bird.
    scheme([0x00_8f5f, 0x00_ff8c, 0xf0_00a0, 0x30_00b4, 0x5a_ffea, 0xa8_e600]),
];

const fn scheme(codes: [u32; 6]) -> Scheme {
    let [a, b, c, d, e, f] = codes;
    [Rgb::hex(a), Rgb::hex(b), Rgb::hex(c), Rgb::hex(d), Rgb::hex(e), Rgb::hex(f)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unseen_colours_are_far_from_all_familiar_ones() {
        let familiar = || FAMILIAR.as_flattened().iter();
        for unseen in UNSEEN.as_flattened() {
            let nearest = familiar().map(|color| color.distance(*unseen)).fold(1.0, f32::min);
            assert!(nearest > 0.06, "{unseen:?} is {nearest} from a familiar colour");
        }
    }
}
