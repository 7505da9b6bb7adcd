use super::Palette;

/// How objects are coloured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// Share from 0 to 1 of parts that wear the colour typical of their label.
    pub cue: f32,
    /// Where all other colours, and the textures, come from.
    pub palette: Palette,
    /// Whether all parts of an object wear one paint, so that only shape and place tell them
    /// apart; no part wears its typical colour then.
    pub is_uniform: bool,
}
