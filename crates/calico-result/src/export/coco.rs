//! One JSON file in the annotation format of COCO.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::{
    EncodedMask, ImageEntry, OutputFolder, ResultError, Role, Scores, Segment, Segmentation,
};

/// The name of the file in an output folder.
pub(crate) const COCO_NAME: &str = "coco.json";

#[derive(Serialize)]
struct Dataset<'a> {
    info: Info<'a>,
    images: Vec<Image<'a>>,
    categories: Vec<Category<'a>>,
    annotations: Vec<Annotation<'a>>,
}

#[derive(Serialize)]
struct Info<'a> {
    description: String,
    version: &'a str,
}

#[derive(Serialize)]
struct Image<'a> {
    id: u32,
    file_name: &'a str,
    width: u32,
    height: u32,
}

#[derive(Serialize)]
struct Category<'a> {
    id: u32,
    name: &'a str,
}

/// COCO's fields, then ours, which its tools ignore.
#[derive(Serialize)]
struct Annotation<'a> {
    id: u32,
    image_id: u32,
    category_id: u32,
    segmentation: &'a EncodedMask,
    bbox: [u32; 4],
    area: u64,
    iscrowd: u8,
    parent_id: Option<u32>,
    role: Role,
    group: u32,
    scores: Scores,
}

pub(super) fn write(
    result: &Segmentation,
    folder: &OutputFolder,
) -> Result<Vec<PathBuf>, ResultError> {
    let json = serde_json::to_string_pretty(&dataset(result))? + "\n";
    Ok(vec![folder.write(COCO_NAME, json.as_bytes())?])
}

fn dataset(result: &Segmentation) -> Dataset<'_> {
    let ids = category_ids(result);
    Dataset {
        info: Info {
            description: format!("co-segmentation by {}", result.model.name),
            version: &result.schema,
        },
        images: result.images.iter().map(image).collect(),
        annotations: result.segments().map(|found| annotation(found, &ids)).collect(),
        categories: ids.into_iter().map(|(name, id)| Category { id, name }).collect(),
    }
}

fn image(entry: &ImageEntry) -> Image<'_> {
    Image { id: entry.index, file_name: &entry.file_name, width: entry.width, height: entry.height }
}

/// Labels in alphabetical order, numbered from 1.
fn category_ids(result: &Segmentation) -> BTreeMap<&str, u32> {
    let mut ids: BTreeMap<_, _> = result.segments().map(|found| (&*found.label, 0)).collect();
    for (id, number) in ids.values_mut().zip(1..) {
        *id = number;
    }
    ids
}

fn annotation<'a>(segment: &'a Segment, ids: &BTreeMap<&str, u32>) -> Annotation<'a> {
    Annotation {
        id: segment.id,
        image_id: segment.image,
        category_id: ids[&*segment.label],
        segmentation: &segment.mask,
        bbox: segment.bounding_box.unwrap_or_default(),
        area: segment.area,
        iscrowd: 0,
        parent_id: segment.parent,
        role: segment.role,
        group: segment.group,
        scores: segment.scores,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{EncodedMask, ExportFormat, create_output_folder, export, sample};

    #[test]
    fn the_file_reads_back_with_its_links_and_masks() {
        let result = sample::segmentation();
        let scratch = tempfile::tempdir().unwrap();
        let folder = create_output_folder(scratch.path()).unwrap();
        let paths = export::write(&result, ExportFormat::Coco, &folder).unwrap();
        let text = std::fs::read_to_string(&paths[0]).unwrap();
        let coco: Value = serde_json::from_str(&text).unwrap();

        assert_eq!(coco["categories"][1], json!({"id": 2, "name": "head"}));
        assert_eq!(coco["images"][1]["id"], 2);
        let annotations = coco["annotations"].as_array().unwrap();
        for (annotation, segment) in annotations.iter().zip(result.segments()) {
            let mask: EncodedMask =
                serde_json::from_value(annotation["segmentation"].clone()).unwrap();
            assert_eq!(mask.decode().unwrap(), segment.decode_mask().unwrap());
            assert_eq!(annotation["parent_id"], json!(segment.parent));
        }
        assert_eq!(annotations.len(), 6);
        assert_eq!(annotations[5]["bbox"], json!([0, 0, 0, 0]));
    }
}
