/// What a pixel of a file holds, before it becomes RGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColorMode {
    /// Three colours.
    Rgb,
    /// One brightness, of any number of bits.
    Grey,
    /// Four inks.
    Cmyk,
    /// Grey or colour with opacity.
    Alpha,
    /// A place in a list of colours.
    Palette,
}
