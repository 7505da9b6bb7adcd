use std::io::Write;

use serde::{Serialize, Serializer};

use super::{IMAGE, brush};
use crate::{AnnotatedImage, AnnotationError, Document, Origin, Region, json_file};

/// Writes a document as tasks to import.
///
/// Label Studio finds an image under `image_prefix` and its file name, in which all but letters,
/// digits, `-`, `_`, `.`, `~` and `/` is percent-encoded: `/data/local-files/?d=` for files that
/// it serves itself, or the beginning of a URL.
/// If the prefix is empty, the file name is written as it is.
pub fn write(
    document: &Document,
    image_prefix: &str,
    out: impl Write,
) -> Result<(), AnnotationError> {
    document.check()?;
    json_file::write(&Tasks { document, image_prefix }, out)
}

struct Tasks<'a> {
    document: &'a Document,
    image_prefix: &'a str,
}

#[derive(Serialize)]
struct Task<'a> {
    data: Data<'a>,
    annotations: Vec<Answer<'a>>,
    predictions: Vec<Answer<'a>>,
}

/// What Label Studio shows, and what it keeps for us.
#[derive(Serialize)]
struct Data<'a> {
    image: String,
    image_id: &'a str,
    file_name: &'a str,
    width: u32,
    height: u32,
    notes: &'a [String],
    /// The notes as the interface shows them.
    notes_text: String,
}

/// An annotation, or a prediction.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model_version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    result: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: String,
    r#type: &'static str,
    value: Value<'a>,
    origin: &'static str,
    to_name: &'static str,
    from_name: &'static str,
    image_rotation: u32,
    original_width: u32,
    original_height: u32,
    #[serde(rename = "parentID", skip_serializing_if = "Option::is_none")]
    parent_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Meta>,
}

#[derive(Serialize)]
struct Value<'a> {
    format: &'static str,
    rle: Vec<u8>,
    brushlabels: [&'a str; 1],
}

#[derive(Serialize)]
struct Meta {
    group: u32,
}

impl Serialize for Tasks<'_> {
    /// Task by task: only the masks of one image are encoded at a time.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = &*self.document.name;
        let tasks = self.document.images.iter().map(|image| {
            let predicted = answer(image, Origin::Prediction);
            let scores: Vec<f64> = predicted.iter().filter_map(|entry| entry.score).collect();
            let mean = scores.iter().sum::<f64>() / scores.len() as f64;
            let drawn = answer(image, Origin::Human);
            Task {
                data: data(image, self.image_prefix),
                annotations: some(Answer { model_version: None, score: None, result: drawn }),
                predictions: some(Answer {
                    model_version: Some(name),
                    // Label Studio refuses a prediction with any other score.
                    score: (!scores.is_empty()).then_some(mean.clamp(0.0, 1.0)),
                    result: predicted,
                }),
            }
        });
        serializer.collect_seq(tasks)
    }
}

/// An answer, unless it has no region.
fn some(answer: Answer<'_>) -> Vec<Answer<'_>> {
    if answer.result.is_empty() { Vec::new() } else { vec![answer] }
}

fn data<'a>(image: &'a AnnotatedImage, prefix: &str) -> Data<'a> {
    let location =
        if prefix.is_empty() { image.file_name.clone() } else { encoded(&image.file_name) };
    Data {
        image: format!("{prefix}{location}"),
        image_id: &image.id,
        file_name: &image.file_name,
        width: image.size.width,
        height: image.size.height,
        notes: &image.notes,
        notes_text: image.notes.join("\n"),
    }
}

/// A path for a URL.
fn encoded(path: &str) -> String {
    let digit = |value: u8| char::from(b"0123456789ABCDEF"[usize::from(value)]);
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                text.push(byte.into());
            }
            _ => text.extend(['%', digit(byte >> 4), digit(byte & 15)]),
        }
    }
    text
}

/// The regions of an image that a person drew, or a model.
fn answer(image: &AnnotatedImage, origin: Origin) -> Vec<Entry<'_>> {
    let regions = image.regions.iter().filter(|region| region.origin == origin);
    regions.map(entry).collect()
}

fn entry(region: &Region) -> Entry<'_> {
    let size = region.mask.size();
    Entry {
        id: format!("r{}", region.id),
        r#type: "brushlabels",
        value: Value {
            format: "rle",
            rle: brush::encode(&region.mask),
            brushlabels: [&region.label],
        },
        origin: match region.origin {
            Origin::Human => "manual",
            Origin::Prediction => "prediction",
        },
        to_name: IMAGE,
        from_name: region.kind.name(),
        image_rotation: 0,
        original_width: size.width,
        original_height: size.height,
        parent_id: region.parent.map(|id| format!("r{id}")),
        score: region.score,
        meta: region.group.map(|group| Meta { group }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_encoded_but_for_their_slashes() {
        assert_eq!(encoded("a b/ü&c.jpg"), "a%20b/%C3%BC%26c.jpg");
    }
}
