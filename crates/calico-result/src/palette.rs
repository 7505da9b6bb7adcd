//! One colour per phrase, the same in every picture, in the text and in the terminal.

/// Okabe and Ito's seven colours, then five of Paul Tol's "muted" set: told apart with the common
/// kinds of colour blindness, and ordered so that the first few also differ in lightness.
const COLORS: [[u8; 3]; 12] = [
    [230, 159, 0],   // orange
    [86, 180, 233],  // sky blue
    [0, 158, 115],   // bluish green
    [204, 121, 167], // reddish purple
    [240, 228, 66],  // yellow
    [213, 94, 0],    // vermilion
    [0, 114, 178],   // blue
    [136, 34, 85],   // wine
    [153, 153, 51],  // olive
    [68, 170, 153],  // teal
    [51, 34, 136],   // indigo
    [221, 204, 119], // sand
];

/// The colours of the lines of a chart, each for light and for dark paper: apart in lightness or
/// hue with the common kinds of colour blindness, and none too pale for a thin line.
pub(crate) const LINES: [[[u8; 3]; 2]; 7] = [
    [[0, 114, 178], [86, 180, 233]],   // blue
    [[213, 94, 0], [255, 145, 66]],    // vermilion
    [[0, 142, 104], [60, 200, 155]],   // bluish green
    [[176, 84, 137], [226, 150, 195]], // reddish purple
    [[166, 124, 0], [232, 190, 70]],   // ochre
    [[104, 34, 139], [178, 130, 230]], // violet
    [[90, 90, 90], [190, 190, 190]],   // grey
];

/// The colour of a group as red, green, blue. Groups count from 1; after twelve the colours
/// repeat, and the labels alone tell the groups apart.
pub fn color(group: u32) -> [u8; 3] {
    COLORS[group.saturating_sub(1) as usize % COLORS.len()]
}

/// Black or white, whichever reads better on a background (W3C relative luminance).
pub fn text_color(background: [u8; 3]) -> [u8; 3] {
    let [red, green, blue] = background.map(|channel| {
        let value = f64::from(channel) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    });
    let luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    // Where both contrasts are equal: 1.05 / (l + 0.05) = (l + 0.05) / 0.05.
    if luminance > 0.179 { [0, 0, 0] } else { [255, 255, 255] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_twelve_groups_differ_and_then_repeat() {
        let all: std::collections::HashSet<_> = (1..=12).map(color).collect();
        assert_eq!(all.len(), 12);
        assert_eq!(color(13), color(1));
        assert_eq!(color(0), color(1));
    }

    #[test]
    fn text_is_dark_on_yellow_and_light_on_indigo() {
        assert_eq!(text_color([240, 228, 66]), [0, 0, 0]);
        assert_eq!(text_color([51, 34, 136]), [255, 255, 255]);
    }
}
