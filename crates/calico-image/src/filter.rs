/// How [`resize`](crate::resize) weighs the pixels around a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Filter {
    /// The triangle, Pillow's `BILINEAR`.
    Bilinear,
    /// The cubic convolution with `a = -0.5`, Pillow's `BICUBIC`.
    Bicubic,
}

/// The free parameter of the cubic: Pillow's choice, Catmull-Rom.
const A: f64 = -0.5;

impl Filter {
    /// How far the filter reaches to each side, in source pixels at scale 1.
    pub(crate) const fn support(self) -> f64 {
        match self {
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    /// The weight at distance `x`, evaluated in the order of Pillow's `Resample.c` so that
    /// rounding agrees.
    pub(crate) fn weight(self, x: f64) -> f64 {
        let x = x.abs();
        match self {
            Self::Bilinear if x < 1.0 => 1.0 - x,
            Self::Bicubic if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
            Self::Bilinear | Self::Bicubic => 0.0,
        }
    }
}
