use super::Rgb;
use crate::Pose;

/// The turn by which following hues differ most: 360° times the square of the golden ratio.
const GOLDEN: f32 = 137.507_77;

/// Hue in degrees that is typical of a label: the same in every scene.
pub(super) fn hue(label: &str) -> f32 {
    (hash(label) % 4096) as f32 * GOLDEN % 360.0
}

/// A colour of the hue typical of a label, and of about its typical depth.
pub(super) fn color(label: &str, pose: &mut Pose<'_>) -> Rgb {
    // Labels of near hues mostly differ in depth.
    let [saturation, value] = match hash(label) / 4096 % 3 {
        0 => [0.62, 0.86],
        1 => [0.56, 0.6],
        _ => [0.36, 0.92],
    };
    let saturation = saturation * pose.between(0.85, 1.15);
    Rgb::from_hsv(hue(label), saturation, (value * pose.between(0.86, 1.08)).min(1.0))
}

/// FNV-1a, 32 bits, and a finaliser, since near labels differ in the last bits alone.
fn hash(label: &str) -> u32 {
    let folded = label
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let mixed = (folded ^ (folded >> 16)).wrapping_mul(0x7feb_352d);
    mixed ^ (mixed >> 15)
}
