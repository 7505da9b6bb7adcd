//! What was found wrong with a source, and what became of it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// Worth knowing; nothing is lost.
    #[serde(rename = "I")]
    Information,
    /// Something small is left out.
    #[serde(rename = "W")]
    Warning,
    /// Something is broken and left out; a strict build stops.
    #[serde(rename = "E")]
    Error,
}

/// The kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// The picture's file is not there; the image is skipped.
    ImgMissing,
    /// The picture cannot be decoded; the image is skipped.
    ImgDecode,
    /// The picture has another size than its record; the image is skipped.
    ImgSize,
    /// The picture is grey, CMYK or has alpha; it is converted to RGB.
    ImgMode,
    /// An image id or file is listed twice; the first is kept.
    ImgDup,
    /// A path of a picture leaves its root or is absolute; the image is skipped.
    ImgPath,
    /// A side of the picture is below the limit, or it has too many pixels; the image is skipped.
    ImgLimit,
    /// A JSON file is cut, not JSON, or of another shape; the split is left out.
    JsonBad,
    /// An annotation id is repeated; the first is kept.
    AnnDup,
    /// An annotation belongs to no listed image; it is dropped.
    AnnImage,
    /// A category is in neither the file nor the vocabulary; the annotation is dropped.
    CatUnknown,
    /// A part of another object class; it is dropped.
    CatOwner,
    /// A part's object is missing, or in another image; the part is dropped.
    LinkBroken,
    /// A crowd annotation; it is dropped.
    Crowd,
    /// A mask without a pixel; the annotation is dropped.
    MaskEmpty,
    /// Runs that do not fill the size; the annotation is dropped, an object with its parts.
    RleLength,
    /// A mask of another size than its image; the annotation is dropped.
    RleSize,
    /// A bad character, a cut value or a negative run; the annotation is dropped.
    RleChar,
    /// A polygon of fewer than six or an odd count of numbers; it is dropped.
    PolyShort,
    /// A polygon that leaves the image; it is clipped.
    PolyRange,
    /// A part picture is not there.
    PngMissing,
    /// A part picture has another size than its image.
    PngSize,
    /// A part picture has another bit depth than 16.
    PngDepth,
    /// A part picture holds a value outside the classes; its pixels count as unlabelled.
    PngValue,
    /// A file name without a known synset; the image is skipped.
    NameSynset,
    /// A listed part without pixels; it is ignored.
    PartAbsent,
}

impl Code {
    /// The level of the finding.
    pub fn level(self) -> Level {
        match self {
            Self::ImgMode | Self::Crowd | Self::PolyRange | Self::PartAbsent => Level::Information,
            Self::ImgDup
            | Self::ImgLimit
            | Self::AnnImage
            | Self::CatOwner
            | Self::LinkBroken
            | Self::MaskEmpty
            | Self::PolyShort
            | Self::PngValue => Level::Warning,
            Self::ImgMissing
            | Self::ImgDecode
            | Self::ImgSize
            | Self::ImgPath
            | Self::JsonBad
            | Self::AnnDup
            | Self::CatUnknown
            | Self::RleLength
            | Self::RleSize
            | Self::RleChar
            | Self::PngMissing
            | Self::PngSize
            | Self::PngDepth
            | Self::NameSynset => Level::Error,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The spelling of the files: serde's.
        self.serialize(formatter)
    }
}

/// A finding: a line of `problems.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// How much it matters.
    pub level: Level,
    /// Its kind.
    pub code: Code,
    /// The source.
    pub source: String,
    /// The split, as the source names it.
    pub split: String,
    /// The image's file name; `None` when the finding is about a whole file.
    pub image: Option<String>,
    /// The annotation's id.
    pub annotation: Option<i64>,
    /// What was found, what was expected.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_written_as_in_the_documentation() {
        assert_eq!(Code::RleLength.to_string(), "RLE_LENGTH");
        assert_eq!(serde_json::to_value(Code::ImgDup).unwrap(), "IMG_DUP");
        assert_eq!(serde_json::to_value(Code::ImgDup.level()).unwrap(), "W");
    }
}
