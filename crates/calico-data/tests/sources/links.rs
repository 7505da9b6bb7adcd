//! How annotations of PACO-LVIS belong together, in documents of a few lines.

use std::fs;

use calico_data::sources::{PacoLvis, Reading, SourceImage, Watch};
use calico_data::{Code, ImageCheck, ImageLimits};
use serde_json::{Value, json};

const MUG: i64 = 1;
const HANDLE: i64 = 2;
const RIM: i64 = 3;

fn categories() -> Value {
    json!([
        {"id": MUG, "name": "mug"},
        {"id": HANDLE, "name": "mug:handle"},
        {"id": RIM, "name": "mug:rim"},
    ])
}

fn image(changes: &Value) -> Value {
    let image =
        json!({"id": 7, "file_name": "train2017/000000000007.jpg", "width": 64, "height": 48});
    changed(image, changes)
}

fn changed(mut value: Value, changes: &Value) -> Value {
    for (key, change) in changes.as_object().unwrap() {
        value[key] = change.clone();
    }
    value
}

/// An annotation whose mask is ten columns wide and begins at a column.
fn annotation(id: i64, category: i64, object: i64, left: u32) -> Value {
    let right = left + 10;
    json!({
        "id": id, "image_id": 7, "category_id": category, "obj_ann_id": object,
        "segmentation": [[left, 0, right, 0, right, 48, left, 48]],
    })
}

fn broken(annotation: Value) -> Value {
    changed(annotation, &json!({"segmentation": {"size": [48, 64], "counts": [5]}}))
}

fn read_document(images: &Value, annotations: &Value) -> Reading {
    let folder = tempfile::tempdir().unwrap();
    let document =
        json!({"images": images, "annotations": annotations, "categories": categories()});
    fs::write(folder.path().join("paco_lvis_v1_train.json"), document.to_string()).unwrap();
    let root = folder.path().to_owned();
    let images = ImageLimits { check: ImageCheck::None, min_side: 1, ..ImageLimits::default() };
    PacoLvis { coco: root.clone(), root, images }.read(&Watch::unwatched()).unwrap()
}

/// A reading of one image.
fn read(annotations: &Value) -> Reading {
    read_document(&json!([image(&json!({}))]), annotations)
}

fn only(reading: &Reading) -> &SourceImage {
    let [image] = reading.images.as_slice() else { panic!("{:?}", reading.images) };
    image
}

fn codes(reading: &Reading) -> Vec<(Code, Option<i64>)> {
    reading.problems.iter().map(|problem| (problem.code, problem.annotation)).collect()
}

#[test]
fn instances_of_a_class_and_their_parts_are_joined() {
    let reading = read(&json!([
        annotation(4, MUG, 4, 30),
        annotation(1, MUG, 1, 0),
        annotation(6, HANDLE, 4, 30),
        annotation(2, HANDLE, 1, 5),
        annotation(3, RIM, 1, 0),
    ]));
    let [mug] = only(&reading).objects.as_slice() else { panic!("one class") };
    assert_eq!((mug.instances, mug.is_complete, mug.raw_ids.as_slice()), (2, true, &[1, 4][..]));
    assert_eq!(mug.mask.area(), 2 * 10 * 48);
    let labels: Vec<_> =
        mug.parts.iter().map(|part| reading.vocabulary.part_label(part.part)).collect();
    assert_eq!(labels, ["handle", "rim"]);
    assert_eq!(mug.parts[0].raw_ids, [2, 6]);
    assert_eq!(mug.parts[0].mask.area(), 2 * 10 * 48);
    assert_eq!(reading.problems, []);
}

#[test]
fn parts_may_come_before_their_object() {
    let reading = read(&json!([annotation(2, HANDLE, 1, 0), annotation(1, MUG, 1, 0)]));
    assert_eq!(only(&reading).objects[0].parts.len(), 1);
    assert_eq!(reading.problems, []);
}

#[test]
fn problems_come_in_the_order_of_the_file() {
    let reading = read(&json!([
        annotation(2, HANDLE, 9, 0),
        broken(annotation(1, MUG, 1, 0)),
        annotation(3, RIM, 9, 0),
        annotation(4, 99, 4, 0),
        changed(annotation(5, MUG, 5, 0), &json!({"image_id": 8})),
    ]));
    let expected = [
        (Code::LinkBroken, Some(2)),
        (Code::RleLength, Some(1)),
        (Code::LinkBroken, Some(3)),
        (Code::CatUnknown, Some(4)),
        (Code::AnnImage, Some(5)),
    ];
    assert_eq!(codes(&reading), expected);
    assert_eq!(reading.annotations_skipped, 5);
}

#[test]
fn a_class_with_more_instances_than_annotations_is_incomplete() {
    let images = json!([image(&json!({"not_exhaustive_category_ids": [MUG, 12345]}))]);
    let reading = read_document(&images, &json!([annotation(1, MUG, 1, 0)]));
    assert!(!only(&reading).objects[0].is_complete);
    assert_eq!(reading.problems, []);
}

#[test]
fn an_instance_without_a_mask_takes_its_parts_along_and_leaves_its_class_incomplete() {
    let reading = read(&json!([
        annotation(1, MUG, 1, 0),
        annotation(2, RIM, 1, 0),
        broken(annotation(3, MUG, 3, 30)),
        annotation(4, HANDLE, 3, 30),
    ]));
    let mug = &only(&reading).objects[0];
    assert_eq!((mug.instances, mug.is_complete, mug.raw_ids.as_slice()), (2, false, &[1][..]));
    let label = |part| reading.vocabulary.part_label(part);
    assert_eq!(mug.parts.iter().map(|part| label(part.part)).collect::<Vec<_>>(), ["rim"]);
    assert_eq!(
        mug.unreadable_parts.iter().map(|&part| label(part)).collect::<Vec<_>>(),
        ["handle"]
    );
    assert_eq!(codes(&reading), [(Code::RleLength, Some(3))]);
    assert_eq!(reading.annotations_skipped, 2);
}

#[test]
fn a_part_that_one_instance_lost_is_known_to_be_there() {
    let reading = read(&json!([
        annotation(1, MUG, 1, 0),
        annotation(2, HANDLE, 1, 0),
        annotation(3, MUG, 3, 30),
        broken(annotation(4, HANDLE, 3, 30)),
    ]));
    let mug = &only(&reading).objects[0];
    assert_eq!(mug.parts.len(), 1);
    assert_eq!(mug.unreadable_parts, [mug.parts[0].part]);
}

#[test]
fn a_class_without_any_mask_is_no_object() {
    let reading = read(&json!([broken(annotation(1, MUG, 1, 0)), annotation(2, RIM, 1, 0)]));
    assert_eq!(only(&reading).objects, []);
}

#[test]
fn a_part_cannot_be_its_own_object_and_an_object_no_part() {
    let reading = read(&json!([
        annotation(1, MUG, 1, 0),
        annotation(2, HANDLE, 2, 0),
        annotation(3, MUG, 1, 30),
    ]));
    let expected = [(Code::LinkBroken, Some(2)), (Code::CatOwner, Some(3))];
    assert_eq!(codes(&reading), expected);
    assert_eq!(only(&reading).objects[0].instances, 1);
}

#[test]
fn a_name_without_a_folder_is_replaced_by_the_end_of_the_url() {
    let url = "http://images.cocodataset.org/val2017/000000000007.jpg";
    let images =
        json!([image(&json!({"file_name": "COCO_val2014_000000000007.jpg", "coco_url": url}))]);
    let reading = read_document(&images, &json!([]));
    assert_eq!(only(&reading).file_name, "val2017/000000000007.jpg");
    assert_eq!(only(&reading).image_id, "paco_lvis/000000000007");
}

#[test]
fn annotations_of_a_repeated_picture_are_no_strays() {
    let images = json!([
        image(&json!({})),
        image(&json!({"id": 8, "file_name": "val2017/000000000007.jpg"}))
    ]);
    let second = changed(annotation(2, MUG, 2, 0), &json!({"image_id": 8}));
    let reading = read_document(&images, &json!([annotation(1, MUG, 1, 0), second]));
    assert_eq!(codes(&reading), [(Code::ImgDup, None)]);
    assert_eq!(only(&reading).objects[0].raw_ids, [1]);
    assert_eq!((reading.images_listed, reading.images_skipped), (2, 1));
}

#[test]
fn an_image_without_any_name_is_skipped() {
    let images = json!([image(&json!({"file_name": null}))]);
    let reading = read_document(&images, &json!([annotation(1, MUG, 1, 0)]));
    assert_eq!(codes(&reading), [(Code::ImgPath, None)]);
    assert_eq!(reading.images, []);
}
