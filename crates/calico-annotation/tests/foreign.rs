//! Files of other programs: what is understood of them, and what is said of the rest.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use calico_annotation::{Imported, Kind, Origin, coco, cvat, label_studio};
use calico_image::{Rle, Size};
use serde_json::{Value, json};

fn read_coco(mut changes: Value) -> Imported {
    let mut file = json!({
        "images": [{"id": 5, "file_name": "a.jpg", "width": 12, "height": 10, "license": 1}],
        "categories": [{"id": 3, "name": "chair", "supercategory": "furniture"}],
    });
    file.as_object_mut().unwrap().append(changes.as_object_mut().unwrap());
    coco::read(file.to_string().as_bytes()).unwrap()
}

fn annotation(id: u32, segmentation: &Value) -> Value {
    json!({"id": id, "image_id": 5, "category_id": 3, "iscrowd": 0, "area": 1.5,
        "bbox": [1.0, 2.0, 3.0, 4.0], "segmentation": segmentation})
}

/// Checks that there is one message per list of words, with all of them.
fn check_messages(imported: &Imported, expected: &[&[&str]]) {
    let messages = imported.findings.messages();
    assert_eq!(messages.len(), expected.len(), "{messages:?}");
    for (message, words) in messages.iter().zip(expected) {
        assert!(words.iter().all(|word| message.contains(word)), "{message} lacks {words:?}");
    }
}

#[test]
fn coco_masks_are_read_in_all_three_encodings() {
    let compressed = json!({"size": [10, 12], "counts": "e0191O1O1O1O1V1"});
    let size = Size::new(10, 12);
    let mask = Rle::from_compressed(size, "e0191O1O1O1O1V1").unwrap();
    let runs = json!({"size": [10, 12], "counts": mask.counts()});
    let polygons = json!([[1, 1, 8, 1, 8, 8]]);
    let encodings = [compressed, runs, polygons];
    let list = encodings.iter().zip(1..).map(|(value, id)| annotation(id, value));
    let list: Vec<_> = list.collect();
    let imported = read_coco(json!({ "annotations": list }));
    assert!(imported.findings.is_empty());
    let image = &imported.document.images[0];
    assert_eq!((&*image.id, &*image.file_name, image.size), ("5", "a.jpg", size));
    assert_eq!(image.regions.len(), 3);
    for region in &image.regions {
        assert_eq!(region.mask, mask);
        assert_eq!((&*region.label, region.kind), ("chair", Kind::Object));
    }
}

#[test]
fn a_parent_alone_makes_a_part_and_a_score_alone_a_prediction() {
    let square = json!([[1, 1, 8, 1, 8, 8, 1, 8]]);
    let mut part = annotation(4_000_000, &square);
    part["parent_id"] = json!(12_345_678_901_u64);
    part["score"] = json!(0.25);
    let mut object = annotation(0, &square);
    object["id"] = json!(12_345_678_901_u64);
    let imported = read_coco(json!({"annotations": [part, object]}));
    assert!(imported.findings.is_empty());
    let [part, object] = &*imported.document.images[0].regions else { panic!() };
    assert_eq!((part.id, part.kind, part.parent), (4_000_000, Kind::Part, Some(1)));
    assert_eq!((part.score, part.origin), (Some(0.25), Origin::Prediction));
    assert_eq!((object.id, object.kind, object.origin), (1, Kind::Object, Origin::Human));
}

#[test]
fn coco_annotations_that_cannot_be_used_are_listed() {
    let square = json!([[1, 1, 8, 1, 8, 8, 1, 8]]);
    let change = |id, key: &str, value: Value| {
        let mut changed = annotation(id, &square);
        changed[key] = value;
        changed
    };
    let imported = read_coco(json!({
        "images": [
            {"id": 5, "file_name": "a.jpg", "width": 12, "height": 10},
            {"id": 5, "file_name": "b.jpg", "width": 12, "height": 10},
            {"id": 6, "file_name": "", "width": 12, "height": 10},
        ],
        "categories": [{"id": 3, "name": "chair"}, {"id": 3, "name": "table"}],
        "annotations": [
            change(1, "image_id", json!(99)),
            change(2, "category_id", json!(99)),
            change(3, "iscrowd", json!(1)),
            change(4, "segmentation", json!(null)),
            change(5, "segmentation", json!([])),
            change(6, "segmentation", json!([[1, 2, 3]])),
            change(7, "segmentation", json!({"size": [10, 13], "counts": "0"})),
            change(8, "segmentation", json!([[1, 2, 3], [1, 1, 99, 1, 99, 8]])),
            change(9, "kind", json!("thing")),
            change(10, "parent_id", json!(77)),
        ],
    }));
    check_messages(
        &imported,
        &[
            &["category `3`", "second time"],
            &["image `5`", "second time"],
            &["annotation `1`", "unknown image `99`"],
            &["annotation `2`", "unknown category `99`"],
            &["annotation `3`", "crowd"],
            &["annotation `4`", "no `segmentation`"],
            &["annotation `5`", "without a pixel"],
            &["annotation `6`", "less than 6 numbers"],
            &["annotation `7`", "13x10"],
            &["annotation `8`", "dropped 1 polygons"],
            &["annotation `8`", "cut at the edge"],
            &["annotation `9`", "`thing`"],
            &["image `6`", "no file name"],
            &["region `10`", "`77`"],
        ],
    );
    let found: Vec<_> = imported.document.regions().map(|each| (each.id, each.kind)).collect();
    assert_eq!(found, [(8, Kind::Object), (9, Kind::Other), (10, Kind::Part)]);
}

/// A task of one image with these annotations and predictions.
fn read_tasks(annotations: &Value, predictions: &Value) -> Imported {
    let data = json!({"image": "a.jpg", "other": {"deep": [1]}});
    let task =
        json!({"id": 1, "data": data, "annotations": annotations, "predictions": predictions});
    label_studio::read(json!([task]).to_string().as_bytes()).unwrap()
}

fn polygon(id: &str) -> Value {
    json!({"id": id, "type": "polygonlabels", "from_name": "part_polygon", "to_name": "image",
        "original_width": 12, "original_height": 10,
        "value": {"points": [[0, 0], [50, 0], [50, 50], [0, 50]], "polygonlabels": ["leg"]}})
}

#[test]
fn the_last_annotation_that_was_not_skipped_counts() {
    let imported = read_tasks(
        &json!([
            {"result": [polygon("x")]},
            {"result": [polygon("y"), polygon("r7")]},
            {"result": [], "was_cancelled": true},
        ]),
        &json!([{"result": [polygon("p")]}]),
    );
    check_messages(&imported, &[&["task `1`", "2 annotations", "last"]]);
    let ids: Vec<_> = imported.document.regions().map(|region| region.id).collect();
    assert_eq!(ids, [1, 7]);
    assert!(imported.document.regions().all(|region| region.origin == Origin::Human));
}

#[test]
fn predictions_count_where_nothing_was_drawn() {
    let mut scored = polygon("p");
    scored["score"] = json!(0.5);
    let imported = read_tasks(&json!([]), &json!([{"result": [scored], "score": 0.5}]));
    assert!(imported.findings.is_empty());
    let region = imported.document.regions().next().unwrap();
    assert_eq!((region.score, region.origin), (Some(0.5), Origin::Prediction));
    assert_eq!((region.kind, region.mask.area()), (Kind::Part, 30));
}

#[test]
fn predictions_that_are_only_numbers_matter_where_nothing_was_drawn() {
    let imported = read_tasks(&json!([{"result": [polygon("x")]}]), &json!([4, 5]));
    assert!(imported.findings.is_empty());
    let imported = read_tasks(&json!([]), &json!([4, 5]));
    check_messages(&imported, &[&["task `1`", "predictions cannot be read"]]);
}

#[test]
fn label_studio_results_that_cannot_be_used_are_listed() {
    let change = |key: &str, value: Value| {
        let mut changed = polygon(key);
        changed[key] = value;
        changed
    };
    let labels = json!({"points": [[0, 0], [50, 0], [50, 50]], "polygonlabels": ["leg", "arm"]});
    let mut results = vec![
        polygon("sound"),
        change("original_width", json!(13)),
        change("image_rotation", json!(90)),
        change("value", json!({"polygonlabels": ["leg"]})),
        change("value", json!({"points": [[0, 0], [1, 1]], "polygonlabels": ["leg"]})),
        change("value", json!({"points": [[0, 0, 0]], "polygonlabels": ["leg"]})),
        change("value", json!({"rle": [256], "brushlabels": ["leg"]})),
        change("value", json!({"rle": [0, 0], "brushlabels": ["leg"]})),
        change("value", json!({"points": [[0, 0], [50, 0], [50, 50]], "polygonlabels": []})),
        change("value", labels),
        change("from_name", json!("tag")),
    ];
    for (result, number) in results.iter_mut().zip(0..) {
        result["id"] = json!(number.to_string());
    }
    let imported = read_tasks(&json!([{ "result": results }]), &json!([]));
    check_messages(
        &imported,
        &[
            &["result `1`", "another size", "12x10"],
            &["result `2`", "turned by `90`"],
            &["result `3`", "neither a brush nor a polygon nor a rectangle"],
            &["result `4`", "less than 6 numbers"],
            &["result `5`", "cannot be read"],
            &["result `6`", "cannot be read"],
            &["result `7`", "ends early"],
            &["result `8`", "no label"],
            &["result `9`", "2 labels", "`leg`"],
            &["result `10`", "tool `tag`", "`tag` is unknown"],
        ],
    );
    let kinds: Vec<_> = imported.document.regions().map(|region| region.kind).collect();
    assert_eq!(kinds, [Kind::Part, Kind::Part, Kind::Other]);
}

#[test]
fn a_task_without_an_image_or_a_size_is_listed() {
    let tasks = json!([
        {"id": 1, "data": {"text": "a.jpg"}},
        {"id": 2, "data": {"image": "a.jpg"}, "annotations": []},
    ]);
    let imported = label_studio::read(tasks.to_string().as_bytes()).unwrap();
    check_messages(&imported, &[&["task `1`", "no `image`"], &["task `2`", "size of the image"]]);
    assert!(imported.document.images.is_empty());
}

#[test]
fn cvat_shapes_that_cannot_be_used_are_listed() {
    let mask = |more: &str| {
        format!(r#"<mask label="leg" rle="0, 4" left="1" top="1" width="2" height="2" {more}/>"#)
    };
    let xml = format!(
        r#"<annotations><version>1.1</version><meta><job><id>1</id></job></meta><extra/>
        <image id="0" name="a.jpg" width="12" height="10">
        {sound}
        <mask label="leg" rle="4" left="11" top="1" width="2" height="2"/>
        <mask label="leg" left="1" top="1" width="2" height="2"/>
        <box label="leg" xtl="1" ytl="1" xbr="a" ybr="2"/>
        <polyline label="leg" points="1,1;2,2;3,1"><attribute name="id">3</attribute></polyline>
        <tag label="leg"/>
        <mask label="leg" rle="0, 4" left="1" top="1" width="2" height="2">
        <attribute name="colour">red</attribute><attribute name="score">high</attribute></mask>
        <mask label="" rle="0, 4" left="1" top="1" width="2" height="2"/>
        </image><image id="1" name="b.jpg" width="12"/></annotations>"#,
        sound = mask(r#"group_id="0" source="auto""#),
    );
    let imported = cvat::read(xml.as_bytes()).unwrap();
    check_messages(
        &imported,
        &[
            &["element `extra`"],
            &["`a.jpg`", "shape 2", "leaves the image"],
            &["shape 3", "no `rle`"],
            &["shape 4", "`xbr` is no number"],
            &["shape 5", "`polyline`", "only masks, polygons and boxes"],
            &["shape 6", "`tag`"],
            &["shape 7", "attribute `colour`"],
            &["shape 7", "score is no number"],
            &["image `b.jpg`", "no width and height"],
            &["image `a.jpg`", "no label"],
        ],
    );
    let [first, second] = &*imported.document.images[0].regions else { panic!() };
    assert_eq!((first.group, first.origin, first.mask.area()), (None, Origin::Prediction, 4));
    assert_eq!((second.id, second.kind, second.origin), (2, Kind::Object, Origin::Human));
}

#[test]
fn a_shape_copied_in_cvat_is_numbered_anew() {
    let shape = r#"<mask label="leg" rle="0,4" left="1" top="1" width="2" height="2">
        <attribute name="id">7</attribute><attribute name="kind">part</attribute>
        <attribute name="parent"></attribute></mask>"#;
    let image = format!(r#"<image name="a.jpg" width="12" height="10">{shape}{shape}</image>"#);
    let imported = cvat::read(format!("<annotations>{image}</annotations>").as_bytes()).unwrap();
    check_messages(&imported, &[&["region `7`", "numbered anew"]]);
    let found: Vec<_> = imported.document.regions().map(|each| (each.id, each.kind)).collect();
    assert_eq!(found, [(7, Kind::Part), (1, Kind::Part)]);
}
