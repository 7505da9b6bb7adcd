use super::Rgb;
use crate::Pose;

/// The turn by which following hues differ most: 360° times the square of the golden ratio.
const GOLDEN: f32 = 137.507_77;

/// Chosen among the first numbers such that the parts of no class have colours that are alike.
const SALT: u32 = 0xcee5;

/// Hue in degrees that is typical of a label: the same in every scene.
pub(super) fn hue(label: &str) -> f32 {
    (hash(label) % 4096) as f32 * GOLDEN % 360.0
}

/// A colour of the hue typical of a label, and of about its typical depth.
pub(super) fn color(label: &str, pose: &mut Pose<'_>) -> Rgb {
    let [saturation, value] = depth(label);
    let saturation = saturation * pose.between(0.85, 1.15);
    Rgb::from_hsv(hue(label), saturation, (value * pose.between(0.86, 1.08)).min(1.0))
}

/// Saturation and value: labels of near hues mostly differ in them.
fn depth(label: &str) -> [f32; 2] {
    match hash(label) / 4096 % 3 {
        0 => [0.62, 0.86],
        1 => [0.56, 0.6],
        _ => [0.36, 0.92],
    }
}

/// FNV-1a, 32 bits, and a finaliser, since near labels differ in the last bits alone.
fn hash(label: &str) -> u32 {
    let folded = label
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let salted = folded ^ SALT;
    let mixed = (salted ^ (salted >> 16)).wrapping_mul(0x7feb_352d);
    mixed ^ (mixed >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::classes;

    #[test]
    fn parts_of_a_class_have_typical_colours_that_differ() {
        let typical = |label: &str| {
            let [saturation, value] = depth(label);
            Rgb::from_hsv(hue(label), saturation, value)
        };
        for class in classes() {
            for (number, part) in class.parts.iter().enumerate() {
                for other in &class.parts[..number] {
                    let distance = typical(part).distance(typical(other));
                    assert!(distance > 0.1, "{part} and {other} of {}: {distance}", class.label);
                }
            }
        }
    }
}
