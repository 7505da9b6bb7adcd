//! Text and outlines for XML and HTML.

use std::fmt::Write as _;

use calico_image::{Mask, outlines};

/// Text for XML: the five special characters escaped, those that XML forbids replaced.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&apos;"),
            '\n' | '\t' => safe.push(character),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                safe.push(char::REPLACEMENT_CHARACTER);
            }
            c => safe.push(c),
        }
    }
    safe
}

/// The data of a path around a mask: one closed line per boundary; the even-odd rule cuts the
/// holes out.
pub(crate) fn path_data(mask: &Mask) -> String {
    let mut data = String::new();
    for polygon in outlines(mask) {
        for ring in std::iter::once(&polygon.exterior).chain(&polygon.holes) {
            for (index, (x, y)) in ring.iter().enumerate() {
                let command = if index == 0 { 'M' } else { 'L' };
                // Writing to a string cannot fail.
                let _ = write!(data, "{command}{x} {y}");
            }
            data.push('Z');
        }
    }
    data
}

/// A colour as `#rrggbb`.
pub(crate) fn hex([red, green, blue]: [u8; 3]) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_xml_forbids_are_replaced() {
        assert_eq!(escaped("a\u{1b}<b>\n"), "a\u{fffd}&lt;b&gt;\n");
    }
}
