use std::fs;
use std::path::{Path, PathBuf};

use calico_image::{Frame, Size};
use serde::{Deserialize, Deserializer, Serialize};

use crate::{Answer, OutputFolder, ResultError, Segment, validation};

/// The identifier of the format, the first field of every result.
pub const SCHEMA_ID: &str = "calico.result/1";

/// The name of the result in an output folder.
pub const FILE_NAME: &str = "result.json";

/// Everything that one run found: the content of `result.json`.
///
/// It holds neither times nor paths, and its numbers are rounded to six significant digits, so
/// equal runs give equal bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segmentation {
    /// Always [`SCHEMA_ID`].
    pub schema: String,
    /// What answered.
    pub model: Model,
    /// The images, in the order in which they were shown.
    pub images: Vec<ImageEntry>,
    /// One answer per question.
    pub answers: Vec<Answer>,
    /// What the reader should know about the whole run, one statement each.
    pub warnings: Vec<String>,
}

/// The model that answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Name of the checkpoint.
    pub name: String,
    /// Name of the configuration preset, if the model was built from one.
    #[serde(
        default,
        deserialize_with = "name_that_is_there",
        skip_serializing_if = "Option::is_none"
    )]
    pub preset: Option<String>,
}

/// The schema has no null: a name that is not known is left out.
fn name_that_is_there<'de, D>(deserializer: D) -> Result<Option<String>, D::Error>
where
    D: Deserializer<'de>,
{
    String::deserialize(deserializer).map(Some)
}

/// One of the images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageEntry {
    /// Number of the image, from 1, as in `(IMAGE1)`.
    pub index: u32,
    /// Base name of the file, never a path.
    pub file_name: String,
    /// Columns of the original image.
    pub width: u32,
    /// Rows of the original image.
    pub height: u32,
}

impl ImageEntry {
    /// An entry that keeps only the base name of the path, whichever system wrote it.
    pub fn new(index: u32, path: &Path, size: Size) -> Self {
        let name = path.to_string_lossy();
        let base = name.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or("image");
        Self { index, file_name: base.to_owned(), width: size.width, height: size.height }
    }

    /// Height and width of the original image.
    pub fn size(&self) -> Size {
        Size::new(self.height, self.width)
    }
}

impl Segmentation {
    /// A result without answers yet.
    pub fn new(model: Model, images: Vec<ImageEntry>) -> Self {
        Self {
            schema: SCHEMA_ID.to_owned(),
            model,
            images,
            answers: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// All segments, answer by answer.
    pub fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.answers.iter().flat_map(|answer| &answer.segments)
    }

    /// The segments of one image, `index` from 1.
    pub fn segments_in(&self, index: u32) -> impl Iterator<Item = &Segment> {
        self.segments().filter(move |segment| segment.image == index)
    }

    /// Checks that the fields agree with each other, and that every mask decodes to the numbers
    /// beside it.
    pub fn validate(&self) -> Result<(), ResultError> {
        validation::validate(self)
    }

    /// The bytes of `result.json`, indented, with a newline at the end.
    pub fn to_json(&self) -> Result<String, ResultError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Parses and validates.
    pub fn from_json(text: &str) -> Result<Self, ResultError> {
        #[derive(Deserialize)]
        struct Header {
            schema: String,
        }
        // The version comes first: of another version's file, no other complaint makes sense.
        let Header { schema: found } = serde_json::from_str(text)?;
        if found != SCHEMA_ID {
            return Err(ResultError::Schema { found });
        }
        let result: Self = serde_json::from_str(text)?;
        result.validate()?;
        Ok(result)
    }

    /// Reads and validates a `result.json`.
    pub fn read(path: &Path) -> Result<Self, ResultError> {
        let text = fs::read_to_string(path)
            .map_err(|source| ResultError::Read { path: path.to_owned(), source })?;
        Self::from_json(&text)
    }

    /// Validates, then writes `result.json`; returns its path.
    pub fn write(&self, folder: &OutputFolder) -> Result<PathBuf, ResultError> {
        self.validate()?;
        folder.write(FILE_NAME, self.to_json()?.as_bytes())
    }

    /// Checks that the photographs are those of the result, in order and original size.
    pub(crate) fn check_photographs(&self, photographs: &[Frame]) -> Result<(), ResultError> {
        if photographs.len() != self.images.len() {
            return Err(ResultError::PhotographCount {
                found: photographs.len(),
                expected: self.images.len(),
            });
        }
        for (image, photograph) in self.images.iter().zip(photographs) {
            let found = photograph.size();
            if found != image.size() {
                return Err(ResultError::PhotographSize {
                    image: image.index,
                    found: [found.height, found.width],
                    expected: [image.height, image.width],
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_result_reads_back_equal_and_writes_the_same_bytes() {
        let result = sample::segmentation();
        let json = result.to_json().unwrap();
        let again = Segmentation::from_json(&json).unwrap();
        assert_eq!(again, result);
        assert_eq!(again.to_json().unwrap(), json);
    }

    #[test]
    fn a_written_result_reads_back() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = crate::create_output_folder(scratch.path()).unwrap();
        let path = sample::segmentation().write(&folder).unwrap();
        assert_eq!(Segmentation::read(&path).unwrap(), sample::segmentation());
    }

    #[test]
    fn only_the_base_name_of_an_image_is_kept() {
        let name = |path: &str| ImageEntry::new(1, Path::new(path), Size::new(1, 1)).file_name;
        assert_eq!(name("/pictures/dog.png"), "dog.png");
        assert_eq!(name(r"C:\pictures\dog.png"), "dog.png");
        assert_eq!(name("dog.png"), "dog.png");
        assert_eq!(name("/"), "image");
    }

    #[test]
    fn a_name_that_is_not_known_is_left_out_and_not_null() {
        let json = sample::segmentation().to_json().unwrap();
        let null = json.replace("\"preset\": \"tiny\"", "\"preset\": null");
        assert!(Segmentation::from_json(&null).is_err());
    }

    #[test]
    fn another_version_is_refused_before_its_fields_are_read() {
        let error = Segmentation::from_json(r#"{"schema": "calico.result/9", "x": 1}"#);
        assert!(matches!(error, Err(ResultError::Schema { found }) if found.ends_with("/9")));
    }

    #[test]
    fn broken_files_give_typed_errors() {
        let missing = Segmentation::read(Path::new("no/such/result.json"));
        assert!(matches!(missing, Err(ResultError::Read { .. })));
        for text in ["", "[]", "{", r#"{"schema": "calico.result/1"}"#] {
            let error = Segmentation::from_json(text);
            assert!(matches!(error, Err(ResultError::Malformed { .. })), "{text}");
        }
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let json = sample::segmentation().to_json().unwrap();
        let json = json.replacen("\"truncated\"", "\"time\": 1, \"truncated\"", 1);
        let error = Segmentation::from_json(&json).unwrap_err().to_string();
        assert!(error.contains("unknown field `time`"), "{error}");
    }
}
