//! Data sets and results as documents of masks, which [`calico_annotation`] writes in the formats
//! of other tools, and corrected documents back into data sets.

mod correct;

use std::collections::HashMap;

use calico_annotation::{AnnotatedImage, Document, Kind, Origin, Region};
use calico_image::Size;
use calico_result::{Answer, Role, Segment, Segmentation};

use crate::{DataError, Dataset, SplitTables};

pub use correct::{Corrections, correct};

/// The images of a split with all regions of the tables; the ids of regions are those of the
/// tables, so that a corrected document finds its way back.
///
/// # Errors
///
/// What reading the tables comes to, and masks that cannot be decoded.
pub fn of_split(dataset: &Dataset, split: crate::Split) -> Result<Document, DataError> {
    let SplitTables { images, regions } = dataset.split(split)?;
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut document = Document { name: name_of(dataset, split), ..Document::default() };
    for image in images.iter() {
        places.insert(&image.image_id, document.images.len());
        document.images.push(AnnotatedImage {
            id: image.image_id.clone(),
            file_name: image.file_name.clone(),
            size: Size::new(image.height, image.width),
            regions: Vec::new(),
            notes: Vec::new(),
        });
    }
    let objects = regions.iter().filter(|region| region.part_label.is_none());
    let objects: HashMap<(&str, &str), u32> =
        objects.map(|region| ((region.image_id, region.object_label), region.region_id)).collect();
    for region in regions.iter() {
        let mask = region.runs().map_err(|error| DataError::Mask {
            region_id: region.region_id,
            reason: error.to_string(),
        })?;
        let missing = || DataError::RegionImage {
            region_id: region.region_id,
            image_id: region.image_id.into(),
        };
        let place = *places.get(region.image_id).ok_or_else(missing)?;
        let is_part = region.part_label.is_some();
        let parent = objects.get(&(region.image_id, region.object_label)).filter(|_| is_part);
        document.images[place].regions.push(Region {
            id: region.region_id,
            label: region.label().to_owned(),
            kind: if is_part { Kind::Part } else { Kind::Object },
            parent: parent.copied(),
            group: None,
            mask,
            score: None,
            origin: Origin::Human,
        });
    }
    Ok(document)
}

fn name_of(dataset: &Dataset, split: crate::Split) -> String {
    let folder = dataset.folder().file_name().map(|name| name.to_string_lossy().into_owned());
    format!("{} {split}", folder.unwrap_or_else(|| "data set".to_owned()))
}

/// Results of `calico segment`, each with a name that tells its images from those of the others.
///
/// # Errors
///
/// If a mask cannot be decoded.
pub fn of_results(results: &[(String, Segmentation)]) -> Result<Document, DataError> {
    let mut document = Document::default();
    for (name, result) in results {
        if document.name.is_empty() {
            document.name.clone_from(&result.model.name);
        }
        // Ids of a result are any numbers; here they are counted anew.
        let first = document.regions().count() as u32;
        let ids: HashMap<u32, u32> =
            result.segments().map(|segment| segment.id).zip(first + 1..).collect();
        for image in &result.images {
            let prefix = if name.is_empty() { String::new() } else { format!("{name}/") };
            let of_image = |segment: &&Segment| segment.image == image.index;
            let regions = result.segments().filter(of_image);
            document.images.push(AnnotatedImage {
                id: format!("{prefix}{}", image.index),
                file_name: image.file_name.clone(),
                size: image.size(),
                regions: regions.map(|segment| region(segment, &ids)).collect::<Result<_, _>>()?,
                notes: result.answers.iter().map(note).collect(),
            });
        }
    }
    Ok(document)
}

fn note(answer: &Answer) -> String {
    let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{} {}", line(&answer.prompt), line(&answer.plain_text))
}

fn region(segment: &Segment, ids: &HashMap<u32, u32>) -> Result<Region, DataError> {
    let mask = segment
        .mask
        .runs()
        .map_err(|error| DataError::Mask { region_id: segment.id, reason: error.to_string() })?;
    Ok(Region {
        id: ids.get(&segment.id).copied().unwrap_or_default(),
        label: segment.label.clone(),
        kind: match segment.role {
            Role::Object => Kind::Object,
            Role::CommonPart => Kind::CommonPart,
            Role::UniquePart => Kind::UniquePart,
            Role::Other => Kind::Other,
        },
        parent: segment.parent.and_then(|parent| ids.get(&parent).copied()),
        group: Some(segment.group),
        mask,
        score: segment.scores.mean_foreground_probability.map(f64::from),
        origin: Origin::Prediction,
    })
}

#[cfg(test)]
mod tests;
