//! Predictions as a document of masks, which [`calico_annotation`] writes in the formats of other
//! tools.

use std::io::BufRead;
use std::path::Path;

use calico_annotation::{AnnotatedImage, Document, Kind, Origin, Region};
use calico_result::Task;

use crate::predictions::PredictionReader;
use crate::{EvalError, PairPrediction, PairTruth, Truths, normalized_label};

/// Reads a predictions file; `path` names it in errors.
///
/// An image is there once for each pair that shows it, as `SAMPLE#1`, since a model may answer
/// differently each time.
///
/// # Errors
///
/// Those of [`Evaluation::of_file`](crate::Evaluation::of_file).
pub fn document(path: &Path, from: impl BufRead, truths: &Truths) -> Result<Document, EvalError> {
    let mut document = Document::default();
    let mut next_id = 0;
    let reader = PredictionReader::new(from, truths);
    let header = reader.read_all(path, |index, prediction| {
        document.images.extend(images(&truths.samples()[index], &prediction, &mut next_id));
        Ok(())
    })?;
    let model = header.and_then(|header| header.model);
    document.name = model.unwrap_or_else(|| "predictions".to_owned());
    Ok(document)
}

fn images(
    truth: &PairTruth,
    prediction: &PairPrediction,
    next_id: &mut u32,
) -> Vec<AnnotatedImage> {
    let answer = prediction.answer.as_deref().unwrap_or_default();
    let note = answer.split_whitespace().collect::<Vec<_>>().join(" ");
    let notes = || if note.is_empty() { Vec::new() } else { vec![note.clone()] };
    let images = truth.images.iter().enumerate().map(|(index, image)| AnnotatedImage {
        id: format!("{}#{}", truth.sample_id, index + 1),
        file_name: image.file_name.clone(),
        size: image.size,
        regions: regions(truth, prediction, index, next_id),
        notes: notes(),
    });
    images.collect()
}

fn regions(
    truth: &PairTruth,
    prediction: &PairPrediction,
    index: usize,
    next_id: &mut u32,
) -> Vec<Region> {
    let is_object =
        |label: &str| truth.classes.iter().any(|class| normalized_label(class) == label);
    let mut regions = Vec::new();
    for found in prediction.image(index) {
        // A label is shown without its article, and one without a word by a stroke.
        let label = normalized_label(&found.label);
        *next_id += 1;
        regions.push(Region {
            id: *next_id,
            kind: match truth.subtask {
                _ if is_object(&label) => Kind::Object,
                Task::CommonObjects => Kind::Object,
                Task::CommonParts => Kind::CommonPart,
                Task::UniqueParts => Kind::UniquePart,
            },
            label: if label.is_empty() { "-".to_owned() } else { label },
            parent: None,
            group: None,
            mask: found.mask.clone(),
            score: found.score,
            origin: Origin::Prediction,
        });
    }
    regions
}
