use std::{
    io::{BufRead, BufReader, Cursor, Seek, SeekFrom},
    path::Path,
};

use image::{ExtendedColorType, ImageDecoder, ImageFormat, ImageReader, Limits};

use crate::{
    ColorMode, DecodeOptions, ImageError, Orientation, PictureInfo, Size, file::PictureFile,
    format::Format, jpeg,
};

/// Reads what the header of a picture file says, and little more of the file.
///
/// The pixels may still be damaged or missing, so a file that passes here can fail in
/// [`open`](crate::open); one that fails here fails there.
pub fn inspect(path: &Path, options: &DecodeOptions) -> Result<PictureInfo, ImageError> {
    let mut file = PictureFile::open(path, options)?;
    let format = file.format();
    if format.kind == ImageFormat::Jpeg {
        // The decoder takes all that it is given into memory, so it is given the header only.
        while !jpeg::has_header(file.bytes()) {
            if file.read_on(JPEG_BLOCK)? == 0 {
                return Err(file.error(ImageError::Truncated { format: format.name }));
            }
        }
        let source = Cursor::new(file.bytes());
        return info(source, format, file.bytes(), options).map_err(|error| file.error(error));
    }
    let mut source = BufReader::new(file.file());
    source
        .seek(SeekFrom::Start(0))
        .map_err(|error| file.error(format.fault(image::ImageError::IoError(error))))?;
    info(source, format, file.bytes(), options).map_err(|error| file.error(error))
}

/// As [`inspect`], of a file that is in memory.
pub fn inspect_bytes(bytes: &[u8], options: &DecodeOptions) -> Result<PictureInfo, ImageError> {
    let format = Format::recognise(bytes)?;
    if format.kind == ImageFormat::Jpeg && !jpeg::has_header(bytes) {
        return Err(ImageError::Truncated { format: format.name });
    }
    info(Cursor::new(bytes), format, bytes, options)
}

/// Enough for the metadata of most photographs.
const JPEG_BLOCK: u64 = 1 << 16;

fn info(
    source: impl BufRead + Seek,
    format: Format,
    bytes: &[u8],
    options: &DecodeOptions,
) -> Result<PictureInfo, ImageError> {
    let mut decoder = decoder(source, format, options)?;
    Header::read(&mut decoder, format, bytes, options).map(|header| header.info)
}

/// A decoder that has read the header.
pub(crate) fn decoder<'a>(
    source: impl BufRead + Seek + 'a,
    format: Format,
    options: &DecodeOptions,
) -> Result<impl ImageDecoder + 'a, ImageError> {
    let mut reader = ImageReader::with_format(source, format.kind);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(options.max_bytes());
    reader.limits(limits);
    reader.into_decoder().map_err(|error| format.fault(error))
}

/// A header whose size is within the options.
pub(crate) struct Header {
    /// The size before the orientation is applied.
    pub(crate) stored: Size,
    /// How to turn the picture.
    pub(crate) turn: image::metadata::Orientation,
    pub(crate) info: PictureInfo,
}

impl Header {
    /// Asks a decoder; `bytes` are those of the file, at least its first 64 or all of them, and
    /// of a JPEG file the whole header.
    pub(crate) fn read(
        decoder: &mut impl ImageDecoder,
        format: Format,
        bytes: &[u8],
        options: &DecodeOptions,
    ) -> Result<Self, ImageError> {
        use image::metadata::Orientation::{
            NoTransforms, Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH,
        };
        let (width, height) = decoder.dimensions();
        let stored = Size::new(height, width);
        options.check_size(stored)?;
        let turn = match options.orientation {
            Orientation::Apply => decoder.orientation().map_err(|error| format.fault(error))?,
            Orientation::Ignore => NoTransforms,
        };
        let lies = matches!(turn, Rotate90 | Rotate90FlipH | Rotate270 | Rotate270FlipH);
        let size = if lies { Size::new(width, height) } else { stored };
        let mode = mode(format.kind, bytes, decoder.original_color_type());
        Ok(Self { stored, turn, info: PictureInfo { size, mode } })
    }
}

/// What a pixel holds in the file; `color` is what the decoder says, which turns palettes and
/// inks into colours without a word.
fn mode(kind: ImageFormat, bytes: &[u8], color: ExtendedColorType) -> ColorMode {
    let number = |at: usize| bytes.get(at).copied().unwrap_or_default();
    let has_palette = match kind {
        ImageFormat::Gif => true,
        // The colour type of the header chunk.
        ImageFormat::Png => number(25) == 3,
        // Bits per pixel, behind a header of 12 bytes or a longer one.
        ImageFormat::Bmp => number(if number(14) == 12 { 24 } else { 28 }) <= 8,
        _ => false,
    };
    if has_palette {
        return ColorMode::Palette;
    }
    if kind == ImageFormat::Jpeg && jpeg::components(bytes) == Some(4) {
        return ColorMode::Cmyk;
    }
    match color {
        ExtendedColorType::L1
        | ExtendedColorType::L2
        | ExtendedColorType::L4
        | ExtendedColorType::L8
        | ExtendedColorType::L16 => ColorMode::Grey,
        ExtendedColorType::Cmyk8 | ExtendedColorType::Cmyk16 => ColorMode::Cmyk,
        ExtendedColorType::La8
        | ExtendedColorType::La16
        | ExtendedColorType::Rgba8
        | ExtendedColorType::Rgba16 => ColorMode::Alpha,
        _ => ColorMode::Rgb,
    }
}
