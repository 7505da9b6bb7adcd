//! A user's own pictures, in both forms.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs::{self, File};
use std::path::Path;

use calico_data::sources::{OwnData, Reading, SourceObject, Watch};
use calico_data::{Code, DataError, ImageCheck, ImageLimits, Split};
use serde_json::json;

/// Reads a folder without looking at pictures.
fn read(root: &Path) -> Result<Reading, DataError> {
    let images = ImageLimits { check: ImageCheck::None, min_side: 8, ..ImageLimits::default() };
    OwnData { name: "tools".to_owned(), root: root.to_owned(), images }.read(&Watch::unwatched())
}

/// Label, area, and label and area of each part.
fn shown(reading: &Reading, object: &SourceObject) -> (String, u64, Vec<(String, u64)>) {
    let names = &reading.vocabulary;
    let part = |part: &calico_data::sources::SourcePart| {
        (names.part_label(part.part).to_owned(), part.mask.area())
    };
    let parts = object.parts.iter().map(part).collect();
    (names.class_label(object.class).to_owned(), object.mask.area(), parts)
}

fn write(root: &Path, name: &str, text: &str) {
    fs::write(root.join(name), text).unwrap();
}

fn square(x: u32, y: u32, side: u32) -> serde_json::Value {
    json!([[x, y, x + side, y, x + side, y + side, x, y + side]])
}

/// A hammer with a handle, and whatever else is given.
fn coco(more: &[serde_json::Value]) -> String {
    let mut annotations = vec![
        json!({"id": 1, "image_id": 1, "category_id": 1, "segmentation": square(0, 0, 20)}),
        json!({"id": 2, "image_id": 1, "category_id": 2, "parent_id": 1, "segmentation": square(0, 0, 5)}),
    ];
    annotations.extend(more.iter().cloned());
    json!({
        "images": [{"id": 1, "file_name": "a/one.jpg", "width": 40, "height": 30}],
        "categories": [
            {"id": 1, "name": "hammer"},
            {"id": 2, "name": "hammer:handle"},
            {"id": 3, "name": "axe", "supercategory": "tool"},
        ],
        "annotations": annotations,
    })
    .to_string()
}

fn codes(reading: &Reading) -> Vec<(Code, Option<i64>)> {
    reading.problems.iter().map(|problem| (problem.code, problem.annotation)).collect()
}

#[test]
fn coco_files_give_objects_with_the_parts_that_name_them() {
    let folder = tempfile::tempdir().unwrap();
    let second =
        json!({"id": 3, "image_id": 1, "category_id": 1, "segmentation": square(20, 0, 10)});
    write(folder.path(), "train.json", &coco(&[second]));
    let reading = read(folder.path()).unwrap();
    assert_eq!(codes(&reading), []);
    let image = &reading.images[0];
    assert_eq!(
        (image.image_id.as_str(), image.file_name.as_str()),
        ("tools/a/one", "images/a/one.jpg")
    );
    assert_eq!(image.split, Split::Train);
    let objects: Vec<_> = image.objects.iter().map(|object| shown(&reading, object)).collect();
    assert_eq!(objects, [("hammer".to_owned(), 500, vec![("handle".to_owned(), 25)])]);
    assert_eq!(image.objects[0].raw_ids, [1, 3]);
}

#[test]
fn what_is_wrong_with_an_annotation_is_told_and_the_rest_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = [
        json!({"id": 3, "image_id": 1, "category_id": 9, "segmentation": square(0, 0, 9)}),
        json!({"id": 4, "image_id": 1, "category_id": 2, "parent_id": 77, "segmentation": square(0, 0, 9)}),
        json!({"id": 2, "image_id": 1, "category_id": 2, "parent_id": 1, "segmentation": square(0, 0, 9)}),
        json!({"id": 5, "image_id": 1, "category_id": 3, "segmentation": []}),
        json!({"id": 6, "image_id": 1, "category_id": 2, "parent_id": 5, "segmentation": square(0, 0, 9)}),
        json!({"id": 7, "image_id": 8, "category_id": 1, "segmentation": square(0, 0, 9)}),
    ];
    write(folder.path(), "test.json", &coco(&wrong));
    let reading = read(folder.path()).unwrap();
    let expected = [
        (Code::CatUnknown, Some(3)),
        (Code::LinkBroken, Some(4)),
        (Code::AnnDup, Some(2)),
        (Code::MaskEmpty, Some(5)),
        (Code::AnnImage, Some(7)),
    ];
    assert_eq!(codes(&reading), expected);
    let lost = &reading.images[0].lost_classes;
    let lost: Vec<&str> = lost.iter().map(|class| reading.vocabulary.class_label(*class)).collect();
    assert_eq!(lost, ["axe"], "what is lost is not absent");
    // The part of the lost axe goes along with it.
    assert_eq!(reading.annotations_skipped, 6);
    let objects: Vec<_> =
        reading.images[0].objects.iter().map(|object| shown(&reading, object)).collect();
    assert_eq!(objects, [("hammer".to_owned(), 400, vec![("handle".to_owned(), 25)])]);
}

#[test]
fn classes_are_compared_as_the_labels_file_says() {
    let folder = tempfile::tempdir().unwrap();
    let axe = json!({"id": 3, "image_id": 1, "category_id": 3, "segmentation": square(20, 0, 10)});
    write(folder.path(), "train.json", &coco(&[axe]));
    assert_eq!(read(folder.path()).unwrap().vocabulary.comparable.len(), 2);
    write(folder.path(), "labels.toml", "comparable = [[\"axe\", \"hammer\"]]\n");
    assert_eq!(read(folder.path()).unwrap().vocabulary.comparable.len(), 3);
    write(folder.path(), "labels.toml", "comparable = [[\"axe\", \"spade\"]]\n");
    let message = read(folder.path()).unwrap_err().to_string();
    assert!(message.contains("spade") && message.contains("labels.toml"), "{message}");
}

#[test]
fn a_name_that_cannot_stand_in_an_answer_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "train.json", &coco(&[]).replace("hammer\"", "ham[SEG]mer\""));
    let message = read(folder.path()).unwrap_err().to_string();
    assert!(message.contains("ham[SEG]mer"), "{message}");
}

#[test]
fn a_cut_file_leaves_nothing_out_silently() {
    let folder = tempfile::tempdir().unwrap();
    let text = coco(&[]);
    write(folder.path(), "train.json", &text[..text.len() / 2]);
    let reading = read(folder.path()).unwrap();
    assert_eq!(codes(&reading), [(Code::JsonBad, None)]);
    assert!(reading.images.is_empty());
}

/// Writes a grey picture with these rectangles: left, top, width, height and value.
fn label_picture(root: &Path, name: &str, depth: png::BitDepth, rectangles: &[[usize; 5]]) {
    let (width, height) = (40, 30);
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut values = vec![0_u16; width * height];
    for &[x, y, columns, rows, value] in rectangles {
        for row in y..y + rows {
            values[row * width + x..row * width + x + columns].fill(value as u16);
        }
    }
    let bytes: Vec<u8> = match depth {
        png::BitDepth::Sixteen => values.iter().flat_map(|value| value.to_be_bytes()).collect(),
        _ => values.iter().map(|&value| value as u8).collect(),
    };
    let mut encoder = png::Encoder::new(File::create(path).unwrap(), width as u32, height as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(depth);
    encoder.write_header().unwrap().write_image_data(&bytes).unwrap();
}

const LABELS: &str =
    "[objects]\n1 = \"hammer\"\n900 = \"axe\"\n[parts]\n1 = \"handle\"\n2 = \"head\"\n";

#[test]
fn label_pictures_give_each_object_the_parts_that_lie_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "labels.toml", LABELS);
    fs::create_dir_all(root.join("images/train")).unwrap();
    write(root, "images/train/one.jpg", "not looked at");
    let objects = [[0, 0, 10, 10, 1], [20, 0, 10, 10, 900]];
    label_picture(root, "objects/train/one.png", png::BitDepth::Sixteen, &objects);
    let parts = [[0, 0, 25, 4, 1], [0, 20, 5, 5, 2], [39, 29, 1, 1, 7]];
    label_picture(root, "parts/train/one.png", png::BitDepth::Eight, &parts);
    let reading = read(root).unwrap();
    let image = &reading.images[0];
    assert_eq!(image.image_id, "tools/train/one");
    let objects: Vec<_> = image.objects.iter().map(|object| shown(&reading, object)).collect();
    let handle = |area| vec![("handle".to_owned(), area)];
    let expected = [("axe".to_owned(), 100, handle(20)), ("hammer".to_owned(), 100, handle(40))];
    assert_eq!(objects, expected);
    assert_eq!(codes(&reading), [(Code::PngValue, None)]);
    assert_eq!(reading.files.len(), 3, "labels.toml and two pictures are digested");
}

#[test]
fn a_picture_without_labels_is_told() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "labels.toml", LABELS);
    fs::create_dir_all(folder.path().join("images/dev")).unwrap();
    fs::create_dir_all(folder.path().join("objects/dev")).unwrap();
    write(folder.path(), "images/dev/one.jpg", "");
    let reading = read(folder.path()).unwrap();
    assert_eq!(codes(&reading), [(Code::PngMissing, None)]);
    assert_eq!((reading.images_listed, reading.images_skipped), (1, 1));
}

#[test]
fn a_folder_with_neither_form_is_refused_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let message = read(folder.path()).unwrap_err().to_string();
    assert!(message.contains("train.json") && message.contains("objects/train/"), "{message}");
}
