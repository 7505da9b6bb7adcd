/// The colour of the label at this position of a list, as `#rrggbb`.
///
/// Hues go round by the golden angle, so that neighbours differ and any number of labels has
/// colours.
pub(crate) fn of_label(position: usize) -> String {
    const GOLDEN_ANGLE: f64 = 137.507_764;
    let hue = position as f64 * GOLDEN_ANGLE % 360.0;
    // Saturation 65 %, lightness 50 %.
    let channel = |offset: f64| {
        let sector = (offset + hue / 30.0) % 12.0;
        let value = 0.5 - 0.325 * (sector - 3.0).min(9.0 - sector).clamp(-1.0, 1.0);
        (value * 255.0).round() as u8
    };
    format!("#{:02x}{:02x}{:02x}", channel(0.0), channel(8.0), channel(4.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_hundred_labels_have_colours_of_their_own() {
        let colors: std::collections::HashSet<_> = (0..100).map(of_label).collect();
        assert_eq!(colors.len(), 100);
        assert_eq!(of_label(0), "#d22d2d");
    }
}
