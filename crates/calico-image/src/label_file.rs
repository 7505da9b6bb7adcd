use std::{io::Cursor, path::Path};

use image::ImageFormat;
use png::{BitDepth, ColorType, DecodingError};

use crate::{
    ColorMode, DecodeOptions, ImageError, LabelMap, Size, file::PictureFile, format::Format,
};

/// Reads the label map in a PNG file; see [`decode_label_map`].
pub fn open_label_map(path: &Path, options: &DecodeOptions) -> Result<LabelMap, ImageError> {
    let mut file = PictureFile::open(path, options)?;
    check_format(file.format()).map_err(|error| file.error(error))?;
    file.read_on(u64::MAX)?;
    decode_label_map(file.bytes(), options).map_err(|error| file.error(error))
}

/// Decodes a PNG file of grey levels or palette indices, of 1, 2, 4, 8 or 16 bits, as they are
/// stored.
///
/// Colours and opacity of a palette are ignored, and so are gamma and the orientation: the
/// values are numbers, and the tools that write them know no other order than that of the file.
/// Files with colours or an alpha channel are refused.
pub fn decode_label_map(bytes: &[u8], options: &DecodeOptions) -> Result<LabelMap, ImageError> {
    check_format(Format::recognise(bytes)?)?;
    let limits = png::Limits { bytes: usize::try_from(options.max_bytes()).unwrap_or(usize::MAX) };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);

    let header = decoder.read_header_info().map_err(fault)?;
    let (size, depth) = (Size::new(header.height, header.width), header.bit_depth);
    options.check_size(size)?;
    let mode = match header.color_type {
        ColorType::Grayscale => ColorMode::Grey,
        ColorType::Indexed => ColorMode::Palette,
        ColorType::Rgb => ColorMode::Rgb,
        ColorType::GrayscaleAlpha | ColorType::Rgba => ColorMode::Alpha,
    };
    if !matches!(mode, ColorMode::Grey | ColorMode::Palette) {
        return Err(ImageError::NotLabels { mode });
    }

    let mut reader = decoder.read_info().map_err(fault)?;
    let length = reader.output_buffer_size().ok_or(ImageError::OutOfMemory { size })?;
    let mut samples = vec![0; length];
    reader.next_frame(&mut samples).map_err(fault)?;
    LabelMap::new(size, depth as u8, unpack(size, depth, &samples))
}

fn check_format(format: Format) -> Result<(), ImageError> {
    if format.kind == ImageFormat::Png {
        Ok(())
    } else {
        Err(ImageError::NotPng { format: format.name })
    }
}

/// The values of rows that begin with a whole byte each.
fn unpack(size: Size, depth: BitDepth, samples: &[u8]) -> Vec<u16> {
    let width = size.width as usize;
    let per_byte = match depth {
        BitDepth::Sixteen => {
            return samples.as_chunks().0.iter().map(|&pair| u16::from_be_bytes(pair)).collect();
        }
        BitDepth::Eight => return samples.iter().map(|&byte| u16::from(byte)).collect(),
        BitDepth::One => 8,
        BitDepth::Two => 4,
        BitDepth::Four => 2,
    };
    let bits = 8 / per_byte;
    let mut values = Vec::with_capacity(size.pixels() as usize);
    for row in samples.chunks_exact(width.div_ceil(per_byte)) {
        // The first pixel is in the highest bits.
        values.extend((0..width).map(|x| {
            let shift = 8 - bits * (x % per_byte + 1);
            u16::from(row[x / per_byte] >> shift) & ((1 << bits) - 1)
        }));
    }
    values
}

/// Sorts a decoder's error.
fn fault(error: DecodingError) -> ImageError {
    let format = "PNG";
    match error {
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            ImageError::Truncated { format }
        }
        DecodingError::LimitsExceeded => ImageError::Memory { format },
        error => ImageError::Damaged { format, reason: error.to_string() },
    }
}
