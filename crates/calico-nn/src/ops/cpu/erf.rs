//! The error function, in arithmetic that compilers turn into vectors.

/// The error function as a ratio of polynomials, exact to a few units in the last place of f32
/// (the form that Eigen uses); beyond ±4 it is ±1 in f32.
#[inline(always)]
pub(super) fn erf(x: f32) -> f32 {
    const UPPER: [f32; 7] = [
        -2.726_142_3e-10,
        2.770_681_4e-8,
        -2.101_024e-6,
        -5.692_506_4e-5,
        -7.349_906_3e-4,
        -2.954_6e-3,
        -1.609_603_3e-2,
    ];
    const LOWER: [f32; 5] =
        [-1.456_607_2e-5, -2.133_740_6e-4, -1.682_827e-3, -7.373_329_3e-3, -1.426_473_9e-2];
    // The ratio ends one unit below 1 there, which large factors would show.
    if x.abs() >= 4.0 {
        return x.signum();
    }
    let square = x * x;
    let (mut upper, mut lower) = (0.0, 0.0);
    for coefficient in UPPER {
        upper = upper * square + coefficient;
    }
    for coefficient in LOWER {
        lower = lower * square + coefficient;
    }
    x * upper / lower
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erf_is_exact_to_a_few_units_in_the_last_place() {
        // Abramowitz and Stegun, table 7.1, and the limits.
        let known = [
            (0.0, 0.0),
            (0.1, 0.112_462_916),
            (0.5, 0.520_499_9),
            (1.0, 0.842_700_8),
            (1.5, 0.966_105_15),
            (2.0, 0.995_322_3),
            (3.0, 0.999_977_9),
            (9.0, 1.0),
        ];
        for (x, want) in known {
            for sign in [1.0, -1.0] {
                let got = erf(sign * x);
                assert!((got - sign * want).abs() < 3e-7, "erf({x}) is {got}, not {want}");
            }
        }
    }
}
