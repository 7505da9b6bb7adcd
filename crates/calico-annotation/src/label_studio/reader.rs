use calico_image::Size;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::results::Entry;
use crate::draft::{self, DraftImage, DraftRegion};
use crate::findings::quoted;
use crate::scalar::Scalar;
use crate::{AnnotationError, Findings, Imported, Origin};

#[derive(Deserialize)]
struct Task<'a> {
    #[serde(default)]
    id: Scalar,
    #[serde(borrow)]
    data: Option<Data<'a>>,
    #[serde(borrow, default)]
    annotations: Option<&'a RawValue>,
    #[serde(borrow, default)]
    predictions: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(default)]
    image: Scalar,
    #[serde(default)]
    image_id: Scalar,
    #[serde(default)]
    file_name: Scalar,
    #[serde(default)]
    width: Scalar,
    #[serde(default)]
    height: Scalar,
    #[serde(borrow, default)]
    notes: Option<&'a RawValue>,
}

/// An annotation, or a prediction.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(default)]
    was_cancelled: bool,
    #[serde(borrow, default)]
    result: Vec<Entry<'a>>,
}

/// Reads Label Studio's export "JSON".
///
/// Of a task with annotations, the last one that was not skipped counts, and predictions do not;
/// of any other task, the last prediction.
/// The kind of a region is that of its tool in [`labeling_config`](super::labeling_config).
/// Polygons and rectangles become masks.
/// Every other type of result is left out and listed.
pub fn read(json: &[u8]) -> Result<Imported, AnnotationError> {
    const FORMAT: &str = "a JSON export of Label Studio";
    let tasks: Vec<Task<'_>> = serde_json::from_slice(json)
        .map_err(|source| AnnotationError::Json { format: FORMAT, source })?;
    let mut findings = Findings::default();
    let mut drafts = Vec::with_capacity(tasks.len());
    for task in &tasks {
        let Some(data) = &task.data else {
            let found = "a task without `data`".to_owned();
            let expected = "the export \"JSON\" of Label Studio, not \"JSON-MIN\"";
            return Err(AnnotationError::Format { found, expected });
        };
        let place = format!("task {}", quoted(task.id.as_str()));
        match image(task, data, &place, &mut findings) {
            Ok(draft) => drafts.push(draft),
            Err(fault) => findings.add(format!("{place}: {fault}: left out")),
        }
    }
    draft::finish("", Vec::new(), drafts, findings)
}

fn image(
    task: &Task<'_>,
    data: &Data<'_>,
    place: &str,
    findings: &mut Findings,
) -> Result<DraftImage, String> {
    let file_name = data.file_name.some().or(data.image.some());
    let file_name = file_name.ok_or("its data has no `image`")?.to_owned();
    let (answer, origin) = answer(task, place, findings)?;
    let entries = answer.map(|answer| answer.result).unwrap_or_default();
    let told = data.height.number().zip(data.width.number());
    let size = told.map(|(height, width)| Size::new(height, width));
    let size = size.or_else(|| entries.iter().find_map(Entry::size));
    let size = size.ok_or("neither its data nor a result tells the size of the image")?;
    let mut regions: Vec<DraftRegion> = Vec::new();
    for entry in &entries {
        let place = format!("{place}: result {}", entry.name());
        match entry.region(size, origin, &place, findings) {
            Ok(region) => regions.push(region),
            Err(fault) => findings.add(format!("{place}: {fault}: left out")),
        }
    }
    let notes = data.notes.and_then(|notes| serde_json::from_str(notes.get()).ok());
    Ok(DraftImage {
        id: data.image_id.as_str().to_owned(),
        file_name,
        size,
        notes: notes.unwrap_or_default(),
        regions,
    })
}

/// What counts of a task.
fn answer<'a>(
    task: &Task<'a>,
    place: &str,
    findings: &mut Findings,
) -> Result<(Option<Answer<'a>>, Origin), String> {
    let mut annotations = answers(task.annotations, "annotations")?;
    annotations.retain(|answer| !answer.was_cancelled);
    // Older exports list predictions by number only; they matter only where nothing was drawn.
    let predictions = match answers(task.predictions, "predictions") {
        Err(fault) if annotations.is_empty() => return Err(fault),
        found => found.unwrap_or_default(),
    };
    let (mut found, origin, what) = if annotations.is_empty() {
        (predictions, Origin::Prediction, "predictions")
    } else {
        (annotations, Origin::Human, "annotations")
    };
    if found.len() > 1 {
        findings.add(format!("{place}: it has {} {what}: only the last is kept", found.len()));
    }
    Ok((found.pop(), origin))
}

fn answers<'a>(list: Option<&'a RawValue>, what: &str) -> Result<Vec<Answer<'a>>, String> {
    let Some(list) = list else { return Ok(Vec::new()) };
    serde_json::from_str(list.get()).map_err(|error| format!("its {what} cannot be read ({error})"))
}
