use std::{error::Error, io};

use image::ImageFormat;

use crate::ImageError;

/// A format that is decoded here.
#[derive(Clone, Copy)]
pub(crate) struct Format {
    pub(crate) kind: ImageFormat,
    /// As users know it.
    pub(crate) name: &'static str,
}

impl Format {
    /// The format with the signature of these bytes.
    pub(crate) fn recognise(bytes: &[u8]) -> Result<Self, ImageError> {
        if bytes.is_empty() {
            return Err(ImageError::Empty);
        }
        let kind = image::guess_format(bytes).or(Err(ImageError::UnknownFormat))?;
        let name = match kind {
            ImageFormat::Png => "PNG",
            ImageFormat::Jpeg => "JPEG",
            ImageFormat::WebP => "WebP",
            ImageFormat::Bmp => "BMP",
            ImageFormat::Tiff => "TIFF",
            ImageFormat::Gif => "GIF",
            _ => return Err(ImageError::UnknownFormat),
        };
        Ok(Self { kind, name })
    }

    /// Sorts a decoder's error.
    pub(crate) fn fault(self, error: image::ImageError) -> ImageError {
        let format = self.name;
        if ends_early(&error) {
            return ImageError::Truncated { format };
        }
        match error {
            image::ImageError::Limits(_) => ImageError::Memory { format },
            image::ImageError::Unsupported(error) => {
                ImageError::Unsupported { format, reason: error.to_string() }
            }
            error => ImageError::Damaged { format, reason: error.to_string() },
        }
    }
}

/// Whether a decoder asked for more bytes than there are.
fn ends_early(error: &image::ImageError) -> bool {
    // `source` skips the error that this variant holds.
    let mut cause: Option<&(dyn Error + 'static)> = match error {
        image::ImageError::IoError(error) => Some(error),
        error => Some(error),
    };
    while let Some(current) = cause {
        let is_end = |error: &io::Error| error.kind() == io::ErrorKind::UnexpectedEof;
        if current.downcast_ref().is_some_and(is_end) {
            return true;
        }
        cause = current.source();
    }
    false
}
