use calico_data::sources::{Reading, Watch};
use calico_data::{Code, Level};

use crate::expected::{Expected, ExpectedProblem, areas, found, visible};
use crate::tree::{by_png, readings};

fn read_all() -> Vec<(&'static str, Reading)> {
    let mut all = readings("broken");
    all.push(("part_imagenet", by_png("broken").read(&Watch::unwatched()).unwrap()));
    all
}

#[test]
fn every_planted_fault_is_reported_under_its_code_with_the_defaults() {
    let expected = Expected::load("broken/broken.json");
    let readings = readings("broken");
    let faults = expected.entries.iter().filter_map(|it| Some((it, it.code.as_deref()?)));
    let mut count = 0;
    for (fault, code) in faults {
        let reading = readings.iter().find(|(dataset, _)| *dataset == fault.dataset);
        let (_, reading) = reading.unwrap();
        let is_told = reading.problems.iter().any(|problem| found(problem) == fault.found(code));
        assert!(is_told, "{fault:?}: {:#?}", reading.problems);
        count += 1;
    }
    assert!(count > 50, "{count}");
}

#[test]
fn nothing_is_reported_but_what_was_planted() {
    let expected = Expected::load("broken/broken.json");
    for (dataset, reading) in readings("broken") {
        let faults: Vec<&ExpectedProblem> =
            expected.entries.iter().filter(|fault| fault.dataset == dataset).collect();
        for problem in &reading.problems {
            let told = found(problem);
            let is_planted = faults.iter().any(|fault| {
                let mut codes = fault.code.iter().chain(&fault.may_also);
                codes.any(|code| fault.found(code) == told)
            });
            assert!(is_planted, "{problem:?}");
        }
    }
}

#[test]
fn label_pictures_with_faults_are_replaced_by_polygons() {
    let expected = Expected::load("broken/broken.json");
    let by_png = by_png("broken").read(&Watch::unwatched()).unwrap();
    let faults: Vec<_> = expected.entries.iter().filter(|fault| !fault.when.is_empty()).collect();
    assert_eq!(faults.len(), 3);
    for fault in faults {
        let code = fault.code.as_deref().unwrap();
        assert!(by_png.problems.iter().any(|problem| found(problem) == fault.found(code)));
        let name = fault.image.as_deref().unwrap();
        let image = by_png.images.iter().find(|image| image.file_name.ends_with(name)).unwrap();
        let expected = expected.images.iter().find(|image| image.image.ends_with(name)).unwrap();
        let parts = areas(&by_png, image).1;
        if code == "PNG_VALUE" {
            assert_eq!(
                parts.keys().collect::<Vec<_>>(),
                expected.part_union_area.keys().collect::<Vec<_>>()
            );
        } else {
            let polygons = expected.part_polygon_area.as_ref().unwrap_or(&expected.part_union_area);
            assert_eq!(parts, visible(polygons), "{name}");
        }
    }
}

#[test]
fn every_sound_item_survives() {
    let expected = Expected::load("broken/broken.json");
    for (dataset, reading) in readings("broken") {
        let mut count = 0;
        for expected in expected.images_of(dataset) {
            let is_it = |file_name: &str| file_name == expected.image;
            let image = reading.images.iter().find(|image| is_it(&image.file_name));
            let image = image.unwrap_or_else(|| panic!("no {}", expected.image));
            let (objects, parts) = areas(&reading, image);
            assert_eq!(objects, visible(&expected.object_union_area), "{}", expected.image);
            let expected_parts =
                expected.part_polygon_area.as_ref().unwrap_or(&expected.part_union_area);
            assert_eq!(parts, visible(expected_parts), "{}", expected.image);
            count += 1;
        }
        assert!(count > 0, "{dataset}");
        assert_eq!(count, reading.images.len(), "{dataset}");
    }
}

#[test]
fn what_an_object_takes_along_is_counted_and_not_reported() {
    let expected = Expected::load("broken/broken.json");
    let fault = expected.entries.iter().find(|fault| !fault.takes_along.is_empty()).unwrap();
    let readings = readings("broken");
    let (_, reading) = readings.iter().find(|(dataset, _)| *dataset == fault.dataset).unwrap();
    for part in &fault.takes_along {
        assert!(!reading.problems.iter().any(|problem| problem.annotation == Some(*part)));
    }
    // What is worth knowing only, such as a crowd, is no fault of the source.
    let drops = |code: Code| code.level() > Level::Information;
    let reported = reading.problems.iter();
    let reported = reported.filter(|it| it.annotation.is_some() && drops(it.code)).count() as u64;
    assert_eq!(reading.annotations_skipped, reported + fault.takes_along.len() as u64);
}

#[test]
fn a_part_that_is_lost_is_not_taken_for_absent() {
    let readings = readings("broken");
    let reading = &readings[0].1;
    for (stem, code) in [("000000000904", "MASK_EMPTY"), ("000000000909", "LINK_BROKEN")] {
        let id = format!("paco_lvis/{stem}");
        let image = reading.images.iter().find(|image| image.image_id == id).unwrap();
        let object = &image.objects[0];
        assert_eq!(object.unreadable_parts.len(), 1, "{stem}: {code}");
        let lost = object.unreadable_parts[0];
        assert!(object.parts.iter().all(|part| part.part != lost), "{stem}");
    }
}

#[test]
fn a_crowd_leaves_its_class_incomplete() {
    let readings = readings("broken");
    let reading = &readings[2].1;
    let id = "ade20k_part_234/ADE_train_00000914";
    let image = reading.images.iter().find(|image| image.image_id == id).unwrap();
    assert!(image.objects.iter().any(|object| !object.is_complete));
}

#[test]
fn a_cut_file_costs_its_split_and_says_where() {
    let readings = readings("broken");
    let reading = &readings[0].1;
    let problem = reading.problems.iter().find(|it| it.code == Code::JsonBad).unwrap();
    assert_eq!(problem.level, Level::Error);
    assert!(problem.detail.contains("annotations/paco_lvis_v1_val.json"), "{}", problem.detail);
    assert!(problem.detail.contains("byte "), "{}", problem.detail);
    assert!(problem.detail.contains("line 1 column "), "{}", problem.detail);
    assert!(!reading.files.iter().any(|(name, _)| name.contains("val")));
}

#[test]
fn no_message_names_the_folder_of_the_sources() {
    for (_, reading) in read_all() {
        for problem in &reading.problems {
            assert!(!problem.detail.contains(env!("CARGO_MANIFEST_DIR")), "{problem:?}");
        }
    }
}
