//! The pictures that a source names.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use calico_image::{
    ColorMode, DecodeOptions, ImageError, Orientation, Size, inspect, open_with_info,
};
use sha2::{Digest as _, Sha256};

use super::skip::Skip;
use crate::{Code, ImageCheck, ImageLimits};

/// What is known of a picture after it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) sha256: Option<[u8; 32]>,
    /// What a pixel holds, unless the picture was not opened.
    pub(super) mode: Option<ColorMode>,
}

/// The size in a record, if it is within the limits. Nothing is taken memory for before that.
pub(super) fn listed_size(width: u64, height: u64, limits: &ImageLimits) -> Result<Size, Skip> {
    let refuse = |expected: String| {
        let detail = format!("found {width}x{height} in the record, expected {expected}");
        Err(Skip::new(Code::ImgLimit, detail))
    };
    let (Ok(columns), Ok(rows)) = (u32::try_from(width), u32::try_from(height)) else {
        return refuse("sides of 32 bits".to_owned());
    };
    let size = Size::new(rows, columns);
    let min_side = limits.min_side.max(1);
    if rows.min(columns) < min_side {
        return refuse(format!("sides of {min_side} or more"));
    }
    if size.pixels() > limits.max_pixels {
        return refuse(format!("{} pixels or fewer", limits.max_pixels));
    }
    Ok(size)
}

/// Looks at a picture as closely as the limits say; its size must be that of its record.
///
/// An orientation noted in the file is ignored, since masks follow the stored pixels.
pub(super) fn look_at(path: &Path, size: Size, limits: &ImageLimits) -> Result<Picture, Skip> {
    let options = DecodeOptions {
        max_pixels: limits.max_pixels,
        orientation: Orientation::Ignore,
        ..DecodeOptions::default()
    };
    let info = match limits.check {
        ImageCheck::Decode => open_with_info(path, &options).map(|(_, info)| info),
        ImageCheck::Header => inspect(path, &options),
        ImageCheck::None => return Ok(Picture { sha256: None, mode: None }),
    };
    let info = info.map_err(unusable)?;
    if info.size != size {
        let detail = format!("found a picture of {}, expected {size} as in its record", info.size);
        return Err(Skip::new(Code::ImgSize, detail));
    }
    let sha256 = sha256(path).map_err(|error| {
        Skip::new(Code::ImgDecode, format!("found a file that cannot be read: {error}"))
    })?;
    Ok(Picture { sha256: Some(sha256), mode: Some(info.mode) })
}

/// SHA-256 of a file's bytes, read in blocks.
pub fn sha256(path: &Path) -> io::Result<[u8; 32]> {
    let (mut file, mut hash, mut block) = (File::open(path)?, Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut block) {
            Ok(0) => return Ok(hash.finalize().into()),
            Ok(read) => hash.update(&block[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Messages leave out the folder, so that equal sources have equal reports wherever they are.
fn unusable(error: ImageError) -> Skip {
    match error {
        ImageError::InFile { error, .. } => unusable(*error),
        ImageError::NotFound { .. } => {
            Skip::new(Code::ImgMissing, "found no file, expected a picture: fetch it")
        }
        ImageError::NotAFile { .. } => Skip::new(Code::ImgMissing, "found no regular file"),
        ImageError::Unreadable { source, .. } => {
            Skip::new(Code::ImgDecode, format!("found a file that cannot be read: {source}"))
        }
        ImageError::TooLarge { .. } | ImageError::SideTooLong { .. } => {
            Skip::new(Code::ImgLimit, error.to_string())
        }
        error => Skip::new(Code::ImgDecode, error.to_string()),
    }
}
