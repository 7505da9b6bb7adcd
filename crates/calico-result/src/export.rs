//! The segments in the formats of other tools.

mod bundle;
mod coco;
mod masks;
mod npz;
mod svg;

use std::fmt;
use std::path::PathBuf;

use calico_image::Mask;

pub use bundle::{Bundle, bundle};
pub(crate) use coco::COCO_NAME;
pub(crate) use masks::{LEGEND_NAME, MASKS_FOLDER};

use crate::{OutputFolder, ResultError, Segment, Segmentation};

/// A format to export to. Equal results give equal bytes in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ExportFormat {
    /// `coco.json`: images, categories and run-length annotations, for pycocotools.
    Coco,
    /// `masks/`: per image a label map, per segment a binary picture, and `legend.json`.
    Masks,
    /// `image1.npz`, …: Boolean arrays `[segments, height, width]` with their labels, for numpy.
    Npz,
    /// `image1.svg`, …: the outlines as paths.
    Svg,
}

impl ExportFormat {
    /// All formats.
    pub const ALL: [Self; 4] = [Self::Coco, Self::Masks, Self::Npz, Self::Svg];

    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Coco => "coco",
            Self::Masks => "masks",
            Self::Npz => "npz",
            Self::Svg => "svg",
        }
    }
}

impl fmt::Display for ExportFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// Writes a result in one format; returns the paths of the files written.
pub fn write(
    result: &Segmentation,
    format: ExportFormat,
    folder: &OutputFolder,
) -> Result<Vec<PathBuf>, ResultError> {
    match format {
        ExportFormat::Coco => coco::write(result, folder),
        ExportFormat::Masks => masks::write(result, folder),
        ExportFormat::Npz => npz::write(result, folder),
        ExportFormat::Svg => svg::write(result, folder),
    }
}

/// The segments of an image with their masks, in the order of the result.
fn decoded(result: &Segmentation, image: u32) -> Result<Vec<(&Segment, Mask)>, ResultError> {
    result.segments_in(image).map(|segment| Ok((segment, segment.decode_mask()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_gives_the_same_bytes_twice() {
        let result = crate::sample::segmentation();
        for format in ExportFormat::ALL {
            let bytes = || {
                let scratch = tempfile::tempdir().unwrap();
                let folder = crate::create_output_folder(scratch.path()).unwrap();
                let paths = write(&result, format, &folder).unwrap();
                paths.iter().map(|path| std::fs::read(path).unwrap()).collect::<Vec<_>>()
            };
            assert_eq!(bytes(), bytes(), "{format}");
        }
    }
}
