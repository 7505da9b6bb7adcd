use std::collections::HashMap;
use std::collections::hash_map::Entry;

use calico_image::Size;
use serde::Deserialize;

use crate::draft::{self, DraftImage, DraftRegion};
use crate::findings::quoted;
use crate::scalar::Scalar;
use crate::{AnnotationError, Findings, Imported, Kind, Origin, Segmentation, SegmentationError};

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    info: Option<Info>,
    #[serde(default)]
    images: Option<Vec<Image>>,
    #[serde(default)]
    annotations: Option<Vec<Annotation>>,
    #[serde(default)]
    categories: Option<Vec<Category>>,
}

#[derive(Default, Deserialize)]
struct Info {
    #[serde(default)]
    description: Scalar,
    #[serde(default)]
    notes: Vec<String>,
}

#[derive(Deserialize)]
struct Image {
    id: Scalar,
    file_name: String,
    width: u32,
    height: u32,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    notes: Vec<String>,
}

#[derive(Deserialize)]
struct Category {
    id: Scalar,
    name: String,
    #[serde(default)]
    label: Option<String>,
}

#[derive(Deserialize)]
struct Annotation {
    #[serde(default)]
    id: Scalar,
    image_id: Scalar,
    category_id: Scalar,
    #[serde(default)]
    segmentation: Option<Segmentation>,
    #[serde(default)]
    iscrowd: Scalar,
    #[serde(default)]
    parent_id: Scalar,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    group: Scalar,
    #[serde(default)]
    score: Option<f64>,
    #[serde(default)]
    origin: Option<String>,
}

/// Reads a COCO file.
///
/// Annotations without a usable mask, of an unknown image or category, or of a crowd, are left
/// out and listed.
/// An annotation without `kind` is a part if it has a `parent_id`, else an object; one without
/// `origin` is a prediction if it has a `score`.
/// Ids of images are texts, those of regions 32-bit numbers, given anew where they are not.
pub fn read(json: &[u8]) -> Result<Imported, AnnotationError> {
    let file: File = serde_json::from_slice(json)
        .map_err(|source| AnnotationError::Json { format: "a COCO file", source })?;
    let Some(images) = file.images else {
        let found = "an object without `images`".to_owned();
        return Err(AnnotationError::Format { found, expected: "a COCO file" });
    };
    let mut findings = Findings::default();
    let mut drafts = Drafts::new(images, file.categories.unwrap_or_default(), &mut findings);
    for annotation in file.annotations.unwrap_or_default() {
        let id = annotation.id.as_str().to_owned();
        if let Err(fault) = drafts.add(annotation, &mut findings) {
            findings.add(format!("annotation {}: {fault}: left out", quoted(&id)));
        }
    }
    let info = file.info.unwrap_or_default();
    draft::finish(info.description.as_str(), info.notes, drafts.images, findings)
}

struct Drafts {
    images: Vec<DraftImage>,
    /// Positions in `images`.
    by_id: HashMap<String, usize>,
    labels: HashMap<String, String>,
}

impl Drafts {
    fn new(images: Vec<Image>, categories: Vec<Category>, findings: &mut Findings) -> Self {
        let mut drafts = Self {
            images: Vec::with_capacity(images.len()),
            by_id: HashMap::new(),
            labels: HashMap::new(),
        };
        for category in categories {
            let id = category.id.as_str().to_owned();
            let label = category.label.unwrap_or(category.name);
            match drafts.labels.entry(id) {
                Entry::Vacant(entry) => drop(entry.insert(label)),
                Entry::Occupied(entry) => {
                    let id = quoted(entry.key());
                    findings.add(format!("category {id} comes a second time: left out"));
                }
            }
        }
        for image in images {
            let id = image.id.as_str().to_owned();
            if drafts.by_id.contains_key(&id) {
                findings.add(format!("image {} comes a second time: left out", quoted(&id)));
                continue;
            }
            drafts.by_id.insert(id.clone(), drafts.images.len());
            drafts.images.push(DraftImage {
                id: image.key.unwrap_or(id),
                file_name: image.file_name,
                size: Size::new(image.height, image.width),
                notes: image.notes,
                regions: Vec::new(),
            });
        }
        drafts
    }

    /// Adds an annotation to its image, or says why not.
    fn add(&mut self, annotation: Annotation, findings: &mut Findings) -> Result<(), String> {
        if annotation.iscrowd.number() == Some(1) {
            return Err("shows a crowd".to_owned());
        }
        let position = self.by_id.get(annotation.image_id.as_str());
        let image = position.and_then(|&position| self.images.get_mut(position));
        let Some(image) = image else {
            return Err(format!(
                "names the unknown image {}",
                quoted(annotation.image_id.as_str())
            ));
        };
        let Some(label) = self.labels.get(annotation.category_id.as_str()) else {
            let category = quoted(annotation.category_id.as_str());
            return Err(format!("names the unknown category {category}"));
        };
        let key = annotation.id.as_str().to_owned();
        let segmentation = annotation.segmentation.ok_or("has no `segmentation`")?;
        let decoded =
            segmentation.decode_or_empty(image.size).map_err(|error| error.to_string())?;
        if decoded.mask.is_empty() && matches!(segmentation, Segmentation::Polygons(_)) {
            return Err(SegmentationError::Empty.to_string());
        }
        let place = format!("annotation {}", quoted(&key));
        if decoded.dropped_polygons > 0 {
            let count = decoded.dropped_polygons;
            findings.add(format!("{place}: dropped {count} polygons of less than three corners"));
        }
        if decoded.clipped {
            findings.add(format!("{place}: cut at the edge of the image"));
        }
        let parent = annotation.parent_id.some().map(str::to_owned);
        let kind = match &annotation.kind {
            Some(name) => draft::kind(name, &place, findings),
            None if parent.is_some() => Kind::Part,
            None => Kind::Object,
        };
        let origin = match annotation.origin.as_deref().and_then(Origin::from_name) {
            Some(origin) => origin,
            None if annotation.score.is_some() => Origin::Prediction,
            None => Origin::Human,
        };
        image.regions.push(DraftRegion {
            number: annotation.id.number(),
            key,
            label: label.clone(),
            kind,
            parent,
            group: annotation.group.number(),
            mask: decoded.mask,
            score: annotation.score,
            origin,
        });
        Ok(())
    }
}
