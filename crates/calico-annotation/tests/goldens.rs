//! The codes of Label Studio and CVAT are those of their own packages, and files that other
//! programs wrote are read.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::PathBuf;

use calico_annotation::{
    AnnotatedImage, Document, Imported, Kind, Origin, Region, cvat, label_studio,
};
use calico_image::{Mask, Rle, Size};
use serde::Deserialize;
use serde_json::{Value, json};

fn golden(name: &str) -> Vec<u8> {
    let goldens = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../goldens/annotation");
    fs::read(goldens.join(name)).unwrap()
}

fn parsed<T: for<'de> Deserialize<'de>>(name: &str) -> T {
    serde_json::from_slice(&golden(name)).unwrap()
}

#[derive(Deserialize)]
struct Case {
    height: u32,
    width: u32,
    compressed: String,
    brush: Vec<u8>,
    cvat: Cvat,
}

#[derive(Deserialize)]
struct Cvat {
    runs: Vec<u64>,
    #[serde(rename = "box")]
    corners: [u32; 4],
}

impl Case {
    fn mask(&self) -> Rle {
        Rle::from_compressed(Size::new(self.height, self.width), &self.compressed).unwrap()
    }

    /// A document of the mask alone.
    fn document(&self) -> Document {
        let region = Region {
            id: 1,
            label: "thing".to_owned(),
            kind: Kind::Object,
            parent: None,
            group: None,
            mask: self.mask(),
            score: None,
            origin: Origin::Human,
        };
        let image = AnnotatedImage {
            id: "1".to_owned(),
            file_name: "1.jpg".to_owned(),
            size: Size::new(self.height, self.width),
            regions: vec![region],
            notes: Vec::new(),
        };
        Document { images: vec![image], ..Document::default() }
    }
}

#[test]
fn brushes_are_to_the_byte_those_of_label_studio() {
    for case in parsed::<Vec<Case>>("masks.json") {
        let mut file = Vec::new();
        label_studio::write(&case.document(), "", &mut file).unwrap();
        let file: Value = serde_json::from_slice(&file).unwrap();
        let value = &file[0]["annotations"][0]["result"][0]["value"];
        assert_eq!(value, &json!({"format": "rle", "rle": case.brush, "brushlabels": ["thing"]}));
    }
}

/// The mask of a brush in a file of Label Studio.
fn read_brush(brush: &[u8], size: Size) -> Rle {
    let result = json!({
        "id": "a", "type": "brushlabels", "from_name": "object", "to_name": "image",
        "original_width": size.width, "original_height": size.height,
        "value": {"format": "rle", "rle": brush, "brushlabels": ["thing"]},
    });
    let tasks = json!([{"data": {"image": "1.jpg"}, "annotations": [{"result": [result]}]}]);
    let imported = label_studio::read(tasks.to_string().as_bytes()).unwrap();
    assert!(imported.findings.is_empty());
    imported.document.regions().next().unwrap().mask.clone()
}

#[test]
fn brushes_of_label_studio_are_read() {
    for case in parsed::<Vec<Case>>("masks.json") {
        assert_eq!(read_brush(&case.brush, Size::new(case.height, case.width)), case.mask());
    }
}

/// A brush as the editor packs it, and the pixels that are not wholly transparent.
#[derive(Deserialize)]
struct Drawn {
    rows: Vec<String>,
    brush: Vec<u8>,
}

#[test]
fn coloured_brushes_with_soft_edges_of_the_editor_are_read() {
    for Drawn { rows, brush } in parsed::<Vec<Drawn>>("editor_brushes.json") {
        let size = Size::new(rows.len() as u32, rows[0].len() as u32);
        let bits = rows.concat().bytes().map(|pixel| pixel == b'#').collect();
        let mask = Rle::from_mask(&Mask::new(size, bits).unwrap());
        assert_eq!(read_brush(&brush, size), mask);
    }
}

#[test]
fn masks_are_those_of_cvat() {
    for case in parsed::<Vec<Case>>("masks.json") {
        let mut file = Vec::new();
        cvat::write(&case.document(), &mut file).unwrap();
        let runs: Vec<_> = case.cvat.runs.iter().map(u64::to_string).collect();
        let [left, top, width, height] = case.cvat.corners;
        let expected = format!(
            r#"rle="{}" left="{left}" top="{top}" width="{width}" height="{height}""#,
            runs.join(", ")
        );
        assert!(String::from_utf8(file).unwrap().contains(&expected), "{expected}");
    }
}

/// A region that another program drew.
#[derive(Deserialize)]
struct Expected {
    label: String,
    kind: Option<String>,
    group: Option<u32>,
    compressed: String,
}

/// Compares the regions of a file, and returns its messages.
fn check(imported: &Imported, expected: &str) -> Vec<String> {
    let expected: Vec<Expected> = parsed(expected);
    let [image] = &*imported.document.images else { panic!("found more or less than one image") };
    assert_eq!(image.size, Size::new(48, 64));
    assert_eq!(image.regions.len(), expected.len());
    for (found, expected) in image.regions.iter().zip(expected) {
        assert_eq!(found.label, expected.label);
        assert_eq!(found.kind.name(), expected.kind.as_deref().unwrap_or("object"));
        assert_eq!(found.group, expected.group);
        assert_eq!(found.origin, Origin::Human);
        let mask = Rle::from_compressed(image.size, &expected.compressed).unwrap();
        assert_eq!(found.mask, mask, "{} differs", found.label);
    }
    imported.findings.messages().to_vec()
}

#[test]
fn a_corrected_export_of_label_studio_is_read_and_the_rest_listed() {
    let imported = label_studio::read(&golden("label_studio_export.json")).unwrap();
    let image = &imported.document.images[0];
    assert_eq!(image.file_name, "/data/upload/1/0f3c-chair.jpg");
    let links: Vec<_> = image.regions.iter().map(|region| (region.id, region.parent)).collect();
    assert_eq!(links, [(1, None), (2, Some(1)), (3, None), (4, None)]);
    let messages = check(&imported, "label_studio_export.expected.json");
    assert_eq!(messages.len(), 4);
    for (message, kind) in messages.iter().zip(["ellipse", "keypoint", "choices", "relation"]) {
        assert!(message.contains("task `7`") && message.contains(kind), "{message}");
    }
}

#[test]
fn a_cvat_file_of_datumaro_is_read_and_the_rest_listed() {
    let imported = cvat::read(&golden("cvat_export.xml")).unwrap();
    assert_eq!(imported.document.name, "default");
    assert_eq!(imported.document.images[0].file_name, "a/chair 1.jpg");
    let messages = check(&imported, "cvat_export.expected.json");
    assert_eq!(messages.len(), 2);
    for (message, kind) in messages.iter().zip(["polyline", "points"]) {
        assert!(message.contains("`a/chair 1.jpg`") && message.contains(kind), "{message}");
    }
}
