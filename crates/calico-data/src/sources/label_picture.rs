use std::path::Path;

use calico_image::{DecodeOptions, ImageError, LabelMap, Orientation, Size, open_label_map};

use super::skip::Skip;
use crate::Code;

/// Opens a picture of labels, which must have the size of its image; `shown` is its path below
/// the root, for the messages.
pub(super) fn open_labels(path: &Path, shown: &str, size: Size) -> Result<LabelMap, Skip> {
    let options = DecodeOptions {
        // A larger one is refused before memory is taken for it.
        max_pixels: size.pixels(),
        max_side: size.height.max(size.width),
        orientation: Orientation::Ignore,
    };
    let labels = open_label_map(path, &options).map_err(|error| unusable(error, shown, size))?;
    if labels.size() == size { Ok(labels) } else { Err(other_size(labels.size(), shown, size)) }
}

/// Opens a picture of labels of any size up to a number of pixels.
pub(super) fn open_any_labels(path: &Path, shown: &str, max_pixels: u64) -> Result<LabelMap, Skip> {
    let orientation = Orientation::Ignore;
    let options = DecodeOptions { max_pixels, orientation, ..DecodeOptions::default() };
    open_label_map(path, &options).map_err(|error| match error {
        ImageError::InFile { error, .. } if is_too_large(&error) => {
            Skip::new(Code::ImgLimit, format!("{error} in `{shown}`"))
        }
        error => unusable(error, shown, Size::new(0, 0)),
    })
}

fn is_too_large(error: &ImageError) -> bool {
    matches!(
        error,
        ImageError::TooLarge { .. } | ImageError::SideTooLong { .. } | ImageError::NoPixels { .. }
    )
}

fn other_size(found: Size, shown: &str, expected: Size) -> Skip {
    let detail = format!("found {found} in `{shown}`, expected {expected} as in its image");
    Skip::new(Code::PngSize, detail)
}

fn unusable(error: ImageError, shown: &str, expected: Size) -> Skip {
    let skip = |code, what: String| Skip::new(code, format!("{what} in `{shown}`"));
    match error {
        ImageError::InFile { error, .. } => unusable(*error, shown, expected),
        ImageError::NotFound { .. } | ImageError::NotAFile { .. } => {
            Skip::new(Code::PngMissing, format!("found no file `{shown}`, expected a part picture"))
        }
        ImageError::TooLarge { size, .. }
        | ImageError::SideTooLong { size, .. }
        | ImageError::NoPixels { size } => other_size(size, shown, expected),
        ImageError::NotLabels { mode } => {
            skip(Code::PngDepth, format!("found {mode:?} pixels, expected one number a pixel"))
        }
        ImageError::Unreadable { source, .. } => skip(Code::ImgDecode, source.to_string()),
        error => skip(Code::ImgDecode, error.to_string()),
    }
}
