use ab_glyph::{Font as _, FontRef, Glyph, Point, PxScale, ScaleFont as _};

use crate::ResultError;

/// The one typeface of the pictures, `DejaVu` Sans: Latin, Greek, Cyrillic and more.
///
/// Characters without a glyph show as an empty box. Its licence, which must travel with every copy,
/// is `DEJAVU-LICENSE.txt` beside this crate's manifest.
pub(super) struct Typeface {
    font: FontRef<'static>,
}

impl Typeface {
    pub(super) fn embedded() -> Result<Self, ResultError> {
        Ok(Self { font: FontRef::try_from_slice(dejavu::sans::regular())? })
    }

    /// Width of a line in pixels at a size in pixels per em.
    pub(super) fn width(&self, text: &str, size: f32) -> f32 {
        self.glyphs(text, size).1
    }

    /// Height of a capital letter, about, in pixels.
    pub(super) fn cap_height(size: f32) -> f32 {
        0.73 * size
    }

    /// The text, shortened with an ellipsis until it is at most `limit` pixels wide; empty if not
    /// even one letter fits.
    pub(super) fn fitted(&self, text: &str, size: f32, limit: f32) -> String {
        if self.width(text, size) <= limit {
            return text.to_owned();
        }
        let letters: Vec<char> = text.chars().collect();
        let shortened = |kept: usize| {
            let start: String = letters[..kept].iter().collect();
            format!("{}…", start.trim_end())
        };
        let kept = (1..letters.len()).rev().find(|&k| self.width(&shortened(k), size) <= limit);
        kept.map(shortened).unwrap_or_default()
    }

    /// Calls `put(x, y, coverage)` for every pixel that a line touches, coverage 0 to 1, for a
    /// line that begins at `(x, baseline)`.
    pub(super) fn draw(
        &self,
        text: &str,
        size: f32,
        (x, baseline): (f32, f32),
        mut put: impl FnMut(i64, i64, f32),
    ) {
        for mut glyph in self.glyphs(text, size).0 {
            glyph.position = Point { x: glyph.position.x + x, y: baseline };
            let Some(outline) = self.font.outline_glyph(glyph) else { continue };
            let bounds = outline.px_bounds();
            let (left, top) = (bounds.min.x as i64, bounds.min.y as i64);
            outline.draw(|column, row, coverage| {
                put(left + i64::from(column), top + i64::from(row), coverage);
            });
        }
    }

    /// The glyphs of a line from x = 0, and its width.
    fn glyphs(&self, text: &str, size: f32) -> (Vec<Glyph>, f32) {
        let units = self.font.units_per_em().unwrap_or(2048.0);
        // The crate scales by the height of a line, people by the em.
        let scale = PxScale::from(size * self.font.height_unscaled() / units);
        let scaled = self.font.as_scaled(scale);
        let mut x = 0.0;
        let mut glyphs: Vec<Glyph> = Vec::new();
        for character in text.chars() {
            let visible = if character.is_control() { ' ' } else { character };
            let id = self.font.glyph_id(visible);
            if let Some(last) = glyphs.last() {
                x += scaled.kern(last.id, id);
            }
            glyphs.push(id.with_scale_and_position(scale, Point { x, y: 0.0 }));
            x += scaled.h_advance(id);
        }
        (glyphs, x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_character_has_a_width_and_draws() {
        let typeface = Typeface::embedded().unwrap();
        for text in ["", "dog", "žluťoučký", "собака", "犬", "🐕", "\u{7}\n\u{202e}", "a\u{301}"]
        {
            assert!(typeface.width(text, 16.0) >= 0.0);
            typeface.draw(text, 16.0, (-3.0, -2.0), |_, _, coverage| assert!(coverage < 1.1));
        }
    }

    #[test]
    fn a_long_text_is_shortened_to_the_limit() {
        let typeface = Typeface::embedded().unwrap();
        let short = typeface.fitted("steering wheel", 16.0, 60.0);
        assert!(short.starts_with("st") && short.ends_with('…'), "{short}");
        assert!(typeface.width(&short, 16.0) <= 60.0);
        assert_eq!(typeface.fitted("dog", 16.0, 100.0), "dog");
        assert_eq!(typeface.fitted("dog", 16.0, 1.0), "");
    }
}
