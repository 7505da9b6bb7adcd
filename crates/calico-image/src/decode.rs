use std::{io::Cursor, path::Path};

use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, RgbImage};

use crate::{
    Frame, ImageError, PictureInfo, Size,
    file::PictureFile,
    format::Format,
    header::{self, Header},
    jpeg,
};

/// What to accept and how to turn it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeOptions {
    /// The most pixels a picture may have; checked before memory is taken for them.
    /// By default 100 million, about 300 MB as a [`Frame`].
    pub max_pixels: u64,
    /// The most pixels a side may have, since a picture of few pixels but one long side costs as
    /// much to resize as a huge one. By default 65,535, the most that JPEG can say.
    pub max_side: u32,
    /// What to do with the orientation noted in the file; by default it is applied.
    pub orientation: Orientation,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self { max_pixels: 100_000_000, max_side: 65_535, orientation: Orientation::Apply }
    }
}

impl DecodeOptions {
    /// The most bytes a file or a decoder's buffers may take: those of 16-bit RGBA, and some
    /// room for metadata.
    pub(crate) fn max_bytes(&self) -> u64 {
        self.max_pixels.saturating_mul(8).saturating_add(64 << 20)
    }

    /// Refuses a size without pixels or beyond the limits.
    pub(crate) fn check_size(&self, size: Size) -> Result<(), ImageError> {
        if size.is_empty() {
            return Err(ImageError::NoPixels { size });
        }
        if size.pixels() > self.max_pixels {
            return Err(ImageError::TooLarge { size, max_pixels: self.max_pixels });
        }
        if size.width.max(size.height) > self.max_side {
            return Err(ImageError::SideTooLong { size, max_side: self.max_side });
        }
        Ok(())
    }
}

/// What to do with the orientation noted in a file, as by EXIF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orientation {
    /// Turn and mirror the picture upright.
    Apply,
    /// Leave the pixels as they are stored.
    Ignore,
}

/// Reads the picture in a file; see [`decode`].
pub fn open(path: &Path, options: &DecodeOptions) -> Result<Frame, ImageError> {
    open_with_info(path, options).map(|(frame, _)| frame)
}

/// Reads the picture in a file, and what its header says; see [`decode`].
pub fn open_with_info(
    path: &Path,
    options: &DecodeOptions,
) -> Result<(Frame, PictureInfo), ImageError> {
    let mut file = PictureFile::open(path, options)?;
    file.read_on(u64::MAX)?;
    decode_with_info(file.bytes(), options).map_err(|error| file.error(error))
}

/// Decodes a PNG, JPEG, WebP, BMP, TIFF or GIF picture, recognised by its content.
///
/// * Only the first picture of an animation or a multi-page file is decoded.
/// * Alpha is dropped, not blended, as Pillow's `convert("RGB")` does.
/// * Grey and palette pictures become RGB; of 16-bit samples, the high byte is kept.
/// * CMYK becomes RGB without a colour profile.
/// * Floating-point samples are refused.
/// * A file that ends early is refused, unless all pixels are there.
///
/// JPEG samples differ from those of Pillow (libjpeg-turbo 3.2) because the inverse transform
/// and the chroma upsampling round differently.
/// Over the example photographs and four more at several qualities, the largest difference is
/// 3 of 255 and the mean 0.01 without chroma subsampling (4:4:4), 3 and 0.09 with 4:2:2, and 4
/// and 0.08 to 0.18 with 4:2:0; synthetic patterns and noise stay at 4 at most, with a mean
/// below 0.4.
/// The other formats, lossy WebP included, decode to the same bytes as in Pillow, except that
/// Pillow clips 16-bit grey.
pub fn decode(bytes: &[u8], options: &DecodeOptions) -> Result<Frame, ImageError> {
    decode_with_info(bytes, options).map(|(frame, _)| frame)
}

fn decode_with_info(
    bytes: &[u8],
    options: &DecodeOptions,
) -> Result<(Frame, PictureInfo), ImageError> {
    let format = Format::recognise(bytes)?;
    if format.kind == ImageFormat::Jpeg && !jpeg::is_complete(bytes) {
        return Err(ImageError::Truncated { format: format.name });
    }
    let mut decoder = header::decoder(Cursor::new(bytes), format, options)?;
    let Header { stored, turn, info } = Header::read(&mut decoder, format, bytes, options)?;
    let samples = Samples::new(decoder.color_type()).ok_or_else(|| ImageError::Unsupported {
        format: format.name,
        reason: format!("samples of kind {:?}", decoder.color_type()),
    })?;

    let mut buffer = vec![0; decoder.total_bytes() as usize];
    decoder.read_image(&mut buffer).map_err(|error| format.fault(error))?;
    let pixels = samples.into_rgb8(buffer);
    let picture = RgbImage::from_raw(stored.width, stored.height, pixels)
        .ok_or(ImageError::OutOfMemory { size: stored })?;
    let mut upright = DynamicImage::ImageRgb8(picture);
    upright.apply_orientation(turn);
    let frame = Frame::new(info.size, upright.into_rgb8().into_raw())?;
    Ok((frame, info))
}

/// How a decoder lays out a pixel.
struct Samples {
    /// Samples per pixel: grey, grey and alpha, RGB or RGBA.
    channels: usize,
    /// Whether a sample has 16 bits instead of 8.
    wide: bool,
}

impl Samples {
    fn new(color: ColorType) -> Option<Self> {
        let wide = match color {
            ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8 => false,
            ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16 => true,
            _ => return None,
        };
        Some(Self { channels: usize::from(color.channel_count()), wide })
    }

    fn into_rgb8(self, buffer: Vec<u8>) -> Vec<u8> {
        let samples: Vec<u8> = if self.wide {
            let high = |&sample: &[u8; 2]| (u16::from_ne_bytes(sample) >> 8) as u8;
            buffer.as_chunks().0.iter().map(high).collect()
        } else {
            buffer
        };
        if self.channels == Frame::CHANNELS {
            return samples;
        }
        let pixels = samples.chunks_exact(self.channels);
        let mut rgb = vec![0; pixels.len() * Frame::CHANNELS];
        for (target, pixel) in rgb.as_chunks_mut().0.iter_mut().zip(pixels) {
            *target = match *pixel {
                [red, green, blue, ..] => [red, green, blue],
                [grey, ..] => [grey; Frame::CHANNELS],
                [] => [0; Frame::CHANNELS],
            };
        }
        rgb
    }
}
