use std::collections::BTreeSet;

use calico_data::sources::{PacoLvis, PartImageNet, Reading, SourceImage, Watch};
use calico_data::{
    ImageCheck, ImageLimits, PartImageNetMasks, PartImageNetObjects, PartImageNetParts, Split,
};

use crate::expected::{Areas, Expected, ExpectedImage, areas, found, visible};
use crate::tree::{ade20k_of, by_png, data, limits, paco_of, part_imagenet_of, readings, unopened};

fn split_of(expected: &ExpectedImage) -> Split {
    match expected.split.as_str() {
        "train" | "training" => Split::Train,
        "test" | "validation" => Split::Test,
        _ => Split::Dev,
    }
}

fn image_of<'a>(reading: &'a Reading, expected: &ExpectedImage) -> &'a SourceImage {
    let is_it = |image: &&SourceImage| {
        image.file_name == expected.image && image.split == split_of(expected)
    };
    reading.images.iter().find(is_it).unwrap_or_else(|| panic!("no {}", expected.image))
}

/// Compares a reading with all images of its source, the parts by `parts_of`.
fn check(reading: &Reading, dataset: &str, parts_of: impl Fn(&ExpectedImage) -> Areas) {
    let expected = Expected::load("sources/expected.json");
    let left_out: BTreeSet<_> = expected
        .problems
        .iter()
        .filter(|it| it.code.as_deref() == Some("IMG_LIMIT"))
        .filter_map(|it| it.image.clone())
        .collect();
    let mut count = 0;
    for expected in expected.images_of(dataset).filter(|it| !left_out.contains(&it.image)) {
        let image = image_of(reading, expected);
        let (objects, parts) = areas(reading, image);
        assert_eq!(objects, visible(&expected.object_union_area), "{}", expected.image);
        assert_eq!(parts, parts_of(expected), "{}", expected.image);
        assert_eq!((image.size.width, image.size.height), (expected.width, expected.height));
        let instances: u32 = image.objects.iter().map(|object| object.instances).sum();
        assert_eq!(Some(instances), expected.instances, "{}", expected.image);
        count += 1;
    }
    assert_eq!(reading.images.len(), count, "{dataset}");
}

#[test]
fn every_area_of_paco_lvis_is_as_expected() {
    let reading = paco_of("sources").read(&Watch::unwatched()).unwrap();
    check(&reading, "paco_lvis", |image| visible(&image.part_union_area));
}

#[test]
fn every_area_of_part_imagenet_by_polygons_is_as_expected() {
    let reading = part_imagenet_of("sources").read(&Watch::unwatched()).unwrap();
    check(&reading, "part_imagenet", |image| visible(image.part_polygon_area.as_ref().unwrap()));
}

#[test]
fn every_area_of_part_imagenet_by_label_pictures_is_as_expected() {
    let reading = by_png("sources").read(&Watch::unwatched()).unwrap();
    let without: BTreeSet<_> = reading
        .problems
        .iter()
        .filter(|problem| problem.code.to_string() == "PNG_MISSING")
        .filter_map(|problem| problem.image.clone())
        .collect();
    check(&reading, "part_imagenet", |image| {
        let falls_back = without.contains(image.image.rsplit('/').next().unwrap());
        let polygons = image.part_polygon_area.as_ref().filter(|_| falls_back);
        visible(polygons.unwrap_or(&image.part_union_area))
    });
}

#[test]
fn every_area_of_ade20k_part_234_is_as_expected() {
    let reading = ade20k_of("sources").read(&Watch::unwatched()).unwrap();
    check(&reading, "ade20k_part_234", |image| visible(&image.part_union_area));
}

#[test]
fn sound_sources_have_the_expected_problems_and_no_others() {
    let expected = Expected::load("sources/expected.json");
    for (dataset, reading) in readings("sources") {
        let mut ours: Vec<_> = reading.problems.iter().map(found).collect();
        let of_it = expected.problems.iter().filter(|problem| problem.dataset == dataset);
        let mut theirs: Vec<_> =
            of_it.map(|problem| problem.found(problem.code.as_deref().unwrap())).collect();
        ours.sort();
        theirs.sort();
        assert_eq!(ours, theirs, "{dataset}");
    }
}

#[test]
fn an_object_without_its_own_mask_is_the_union_of_its_parts() {
    let masks = PartImageNetMasks {
        parts: PartImageNetParts::Polygons,
        objects: PartImageNetObjects::Union,
    };
    let source = PartImageNet { masks, ..part_imagenet_of("sources") };
    let reading = source.read(&Watch::unwatched()).unwrap();
    assert!(reading.images.iter().any(|image| !image.objects.is_empty()));
    for object in reading.images.iter().flat_map(|image| &image.objects) {
        let parts = object.parts.iter().map(|part| &part.mask);
        let union = calico_image::Rle::union(object.mask.size(), parts).unwrap();
        assert_eq!(object.mask, union);
    }
}

#[test]
fn the_numbers_of_a_reading_add_up() {
    for (dataset, reading) in readings("sources") {
        assert_eq!(
            reading.images_listed,
            reading.images.len() as u64 + reading.images_skipped,
            "{dataset}"
        );
        assert!(reading.annotations_listed > 0, "{dataset}");
        let mut ids: Vec<_> =
            reading.images.iter().map(|image| (&image.image_id, image.split)).collect();
        assert!(ids.is_sorted(), "{dataset}");
        ids.dedup();
        assert_eq!(ids.len(), reading.images.len(), "{dataset}");
        assert!(reading.files.is_sorted());
        let prefix = format!("{dataset}/");
        assert!(reading.images.iter().all(|image| image.image_id.starts_with(&prefix)));
    }
}

#[test]
fn two_readings_are_equal() {
    let (once, again) = (readings("sources"), readings("sources"));
    for ((dataset, once), (_, again)) in once.into_iter().zip(again) {
        assert_eq!(once.images, again.images, "{dataset}");
        assert_eq!(once.problems, again.problems, "{dataset}");
        assert_eq!(once.files, again.files, "{dataset}");
    }
    let (once, again) = (readings("broken"), readings("broken"));
    for ((dataset, once), (_, again)) in once.into_iter().zip(again) {
        assert_eq!(once.images, again.images, "{dataset}");
        assert_eq!(once.problems, again.problems, "{dataset}");
    }
}

#[test]
fn a_header_is_enough_to_hash_and_measure_a_picture() {
    let images = ImageLimits { check: ImageCheck::Header, ..limits() };
    let source = PacoLvis { images, ..paco_of("sources") };
    let (by_header, decoded) = (
        source.read(&Watch::unwatched()).unwrap(),
        paco_of("sources").read(&Watch::unwatched()).unwrap(),
    );
    assert_eq!(by_header.images, decoded.images);
    assert!(decoded.images.iter().all(|image| image.sha256.is_some()));
}

#[test]
fn pictures_that_nobody_opens_may_be_absent() {
    let coco = data("no such folder");
    let source = PacoLvis { coco, images: unopened(), ..paco_of("sources") };
    let reading = source.read(&Watch::unwatched()).unwrap();
    let decoded = paco_of("sources").read(&Watch::unwatched()).unwrap();
    assert_eq!(reading.images.len(), decoded.images.len());
    for (image, decoded) in reading.images.iter().zip(&decoded.images) {
        assert_eq!(image.sha256, None);
        assert_eq!((&image.image_id, &image.objects), (&decoded.image_id, &decoded.objects));
    }
}

#[test]
fn files_are_named_with_their_hashes() {
    let reading = paco_of("sources").read(&Watch::unwatched()).unwrap();
    let names: Vec<_> = reading.files.iter().map(|(name, _)| name.as_str()).collect();
    let expected = ["test", "train", "val"].map(|it| format!("annotations/paco_lvis_v1_{it}.json"));
    assert_eq!(names, expected);
    for (name, hash) in &reading.files {
        let bytes = std::fs::read(data("sources/paco").join(name)).unwrap();
        let expected: [u8; 32] = <sha2::Sha256 as sha2::Digest>::digest(&bytes).into();
        assert_eq!(*hash, expected, "{name}");
    }
}
