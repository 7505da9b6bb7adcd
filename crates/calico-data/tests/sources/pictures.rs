//! The label pictures of `PartImageNet` and ADE20K-Part-234.

use std::fs;
use std::path::Path;

use calico_data::sources::{Ade20kPart234, PartImageNet, Reading, SourceImage, Watch};
use calico_data::{Code, ImageCheck, ImageLimits, PartImageNetMasks, Problem};
use calico_image::Rle;
use tempfile::TempDir;

use crate::tree::{copy_tree, data, limits};

const IMAGE: &str = "n02099601_101";

/// `PartImageNet`, to be damaged.
fn part_imagenet() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy_tree(&data("sources/PartImageNet"), folder.path());
    folder
}

fn read(root: &Path, check: ImageCheck) -> Reading {
    let images = ImageLimits { check, ..limits() };
    let masks = PartImageNetMasks::default();
    PartImageNet { root: root.to_owned(), images, masks }.read(&Watch::unwatched()).unwrap()
}

fn image<'a>(reading: &'a Reading, stem: &str) -> &'a SourceImage {
    reading.images.iter().find(|image| image.image_id.ends_with(stem)).unwrap()
}

/// What is said about an image.
fn told<'a>(reading: &'a Reading, stem: &str) -> Vec<&'a Problem> {
    let is_it = |it: &&Problem| it.image.as_deref().is_some_and(|name| name.starts_with(stem));
    reading.problems.iter().filter(is_it).collect()
}

fn assert_is_union_of_parts(image: &SourceImage) {
    let [object] = image.objects.as_slice() else { panic!("{:?}", image.objects) };
    let parts = object.parts.iter().map(|part| &part.mask);
    assert_eq!(object.mask, Rle::union(image.size, parts).unwrap());
}

#[test]
fn an_object_whose_label_picture_is_missing_is_the_union_of_its_parts() {
    let folder = part_imagenet();
    let whole = format!("annotations/train_whole/{IMAGE}.png");
    fs::remove_file(folder.path().join(&whole)).unwrap();
    let reading = read(folder.path(), ImageCheck::None);
    assert_is_union_of_parts(image(&reading, IMAGE));
    let [problem] = told(&reading, IMAGE)[..] else { panic!("{:?}", reading.problems) };
    assert_eq!(problem.code, Code::PngMissing);
    assert!(problem.detail.contains(&whole), "{}", problem.detail);
}

#[test]
fn an_object_whose_label_picture_has_another_size_is_the_union_of_its_parts() {
    let folder = part_imagenet();
    let whole = folder.path().join("annotations/train_whole");
    fs::copy(whole.join("n02085782_102.png"), whole.join(format!("{IMAGE}.png"))).unwrap();
    let reading = read(folder.path(), ImageCheck::None);
    assert_is_union_of_parts(image(&reading, IMAGE));
    assert_eq!(told(&reading, IMAGE)[0].code, Code::PngSize);
}

#[test]
fn an_object_whose_label_picture_is_damaged_is_the_union_of_its_parts() {
    let folder = part_imagenet();
    let whole = folder.path().join(format!("annotations/train_whole/{IMAGE}.png"));
    let bytes = fs::read(&whole).unwrap();
    fs::write(&whole, &bytes[..bytes.len() / 2]).unwrap();
    let reading = read(folder.path(), ImageCheck::None);
    assert_is_union_of_parts(image(&reading, IMAGE));
    assert_eq!(told(&reading, IMAGE)[0].code, Code::ImgDecode);
}

#[test]
fn label_pictures_that_are_not_used_are_checked_with_the_pictures_only() {
    let folder = part_imagenet();
    fs::remove_file(folder.path().join(format!("annotations/train/{IMAGE}.png"))).unwrap();
    let decoded = read(folder.path(), ImageCheck::Decode);
    assert_eq!(told(&decoded, IMAGE)[0].code, Code::PngMissing);
    let unopened = read(folder.path(), ImageCheck::None);
    assert_eq!(told(&unopened, IMAGE).len(), 0);
    assert_eq!(image(&decoded, IMAGE).objects, image(&unopened, IMAGE).objects);
}

#[test]
fn a_release_without_label_pictures_is_not_complained_about() {
    let folder = part_imagenet();
    for split in ["train", "val", "test"] {
        let annotations = folder.path().join("annotations");
        fs::remove_dir_all(annotations.join(format!("{split}_whole"))).unwrap();
        for entry in fs::read_dir(annotations.join(split)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "png") {
                fs::remove_file(path).unwrap();
            }
        }
    }
    let reading = read(folder.path(), ImageCheck::Decode);
    assert!(reading.problems.iter().all(|problem| problem.code == Code::ImgMode));
    let with_parts = reading.images.iter().filter(|image| !image.objects.is_empty());
    with_parts.for_each(assert_is_union_of_parts);
}

#[test]
fn a_damaged_part_picture_of_ade20k_costs_its_image() {
    let folder = tempfile::tempdir().unwrap();
    copy_tree(&data("sources/ADE20KPart234"), folder.path());
    let stem = "ADE_train_00000003";
    let parts = folder.path().join(format!("annotations_detectron2_part/training/{stem}.png"));
    let bytes = fs::read(&parts).unwrap();
    fs::write(&parts, &bytes[..bytes.len() / 2]).unwrap();
    let source = Ade20kPart234 { root: folder.path().to_owned(), images: limits() };
    let reading = source.read(&Watch::unwatched()).unwrap();
    assert_eq!(told(&reading, stem)[0].code, Code::ImgDecode);
    assert!(!reading.images.iter().any(|image| image.image_id.ends_with(stem)));
    assert_eq!(reading.images_skipped, 1);
}
