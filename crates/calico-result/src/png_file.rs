//! PNG encodings: colour pictures, label maps and binary masks.

use std::io::Write;

use calico_image::{Frame, Mask, Size};
use png::{BitDepth, ColorType, Encoder, EncodingError};

/// A colour picture.
pub(crate) fn colors(to: impl Write, picture: &Frame) -> Result<(), EncodingError> {
    let encoder = encoder(to, picture.size(), ColorType::Rgb, BitDepth::Eight);
    finish(encoder, picture.pixels())
}

/// One byte per pixel, row-major, and the colour of every value in use.
pub(crate) fn label_map(
    to: impl Write,
    size: Size,
    values: &[u8],
    palette: &[[u8; 3]],
) -> Result<(), EncodingError> {
    let mut encoder = encoder(to, size, ColorType::Indexed, BitDepth::Eight);
    encoder.set_palette(palette.concat());
    finish(encoder, values)
}

/// Two bytes per pixel, the value as a grey, row-major.
pub(crate) fn wide_label_map(
    to: impl Write,
    size: Size,
    values: &[u16],
) -> Result<(), EncodingError> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_be_bytes()).collect();
    finish(encoder(to, size, ColorType::Grayscale, BitDepth::Sixteen), &bytes)
}

/// One bit per pixel, white is foreground.
pub(crate) fn binary(to: impl Write, mask: &Mask) -> Result<(), EncodingError> {
    let size = mask.size();
    let encoder = encoder(to, size, ColorType::Grayscale, BitDepth::One);
    let pack = |bits: &[bool]| {
        bits.iter().enumerate().fold(0, |byte, (at, &bit)| byte | u8::from(bit) << (7 - at))
    };
    let rows = mask.bits().chunks(size.width.max(1) as usize);
    let bytes: Vec<u8> = rows.flat_map(|row| row.chunks(8).map(pack)).collect();
    finish(encoder, &bytes)
}

fn encoder<W: Write>(to: W, size: Size, color: ColorType, depth: BitDepth) -> Encoder<'static, W> {
    let mut encoder = Encoder::new(to, size.width, size.height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    encoder
}

fn finish(encoder: Encoder<'_, impl Write>, bytes: &[u8]) -> Result<(), EncodingError> {
    let mut writer = encoder.write_header()?;
    writer.write_image_data(bytes)?;
    writer.finish()
}
