use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use calico_data::sources::{Ade20kPart234, PacoLvis, PartImageNet, PartImageNetRelease, Watch};
use calico_data::{DataError, PartImageNetMasks, Split};

use crate::expected::{Expected, areas, visible};
use crate::tree::{ade20k_of, data, limits, paco_of, part_imagenet_of, unopened};

fn part_imagenet_in(root: &Path) -> PartImageNet {
    let masks = PartImageNetMasks::default();
    PartImageNet { root: root.to_owned(), images: unopened(), masks }
}

fn copy(from: &str, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(data("sources").join(from), to).unwrap();
}

#[test]
fn the_better_release_of_part_imagenet_is_preferred() {
    assert_eq!(part_imagenet_of("sources").release().unwrap(), PartImageNetRelease::Seg);
    let reading = part_imagenet_of("sources").read(&Watch::unwatched()).unwrap();
    assert!(reading.images.iter().all(|image| !image.file_name.contains("OOD")));
    let whole = part_imagenet_of("sources/PartImageNet").read(&Watch::unwatched()).unwrap();
    assert_eq!(whole.images, reading.images);
}

#[test]
fn the_first_release_of_part_imagenet_is_read_alone() {
    let source = part_imagenet_of("sources/PartImageNet_OOD");
    assert_eq!(source.release().unwrap(), PartImageNetRelease::Ood);
    let reading = source.read(&Watch::unwatched()).unwrap();
    let expected = Expected::load("sources/expected.json");
    let mut count = 0;
    for expected in expected.images_of("part_imagenet_ood") {
        let image = reading.images.iter().find(|image| image.file_name == expected.image).unwrap();
        let parts = areas(&reading, image).1;
        assert_eq!(parts, visible(expected.part_polygon_area.as_ref().unwrap()));
        count += 1;
    }
    assert_eq!((count, reading.images.len()), (3, 3));
    assert_eq!(reading.problems, []);
}

#[test]
fn releases_of_part_imagenet_are_never_mixed() {
    let folder = tempfile::tempdir().unwrap();
    let annotations = folder.path().join("annotations");
    copy("PartImageNet/annotations/train/train.json", &annotations.join("train/train.json"));
    copy("PartImageNet_OOD/annotations/test.json", &annotations.join("test.json"));
    let error = part_imagenet_in(folder.path()).read(&Watch::unwatched()).unwrap_err();
    assert!(matches!(error, DataError::MixedReleases { .. }), "{error}");
    assert!(error.to_string().contains("annotations/test.json"), "{error}");
}

#[test]
fn a_copy_of_a_split_beside_its_folder_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let annotations = folder.path().join("annotations");
    copy("PartImageNet/annotations/train/train.json", &annotations.join("train/train.json"));
    copy("PartImageNet/annotations/train/train.json", &annotations.join("train.json"));
    let reading = part_imagenet_in(folder.path()).read(&Watch::unwatched()).unwrap();
    assert_eq!(reading.files.len(), 1);
}

#[test]
fn annotations_may_lie_beside_the_folders_of_pictures() {
    let folder = tempfile::tempdir().unwrap();
    copy("PartImageNet_OOD/annotations/train.json", &folder.path().join("train.json"));
    let reading = part_imagenet_in(folder.path()).read(&Watch::unwatched()).unwrap();
    let [image] = reading.images.as_slice() else { panic!("{:?}", reading.images) };
    assert_eq!(image.file_name, "train/n02099601/n02099601_401.JPEG");
}

#[test]
fn ade20k_is_found_under_both_names() {
    let inside = ade20k_of("sources/ADE20KPart234").read(&Watch::unwatched()).unwrap();
    let above = ade20k_of("sources").read(&Watch::unwatched()).unwrap();
    assert_eq!(inside.images, above.images);
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("ADE20K-Part-234");
    copy("ADE20KPart234/ade20k_instance_val.json", &root.join("ade20k_instance_val.json"));
    let source = Ade20kPart234 { root: folder.path().to_owned(), images: unopened() };
    let reading = source.read(&Watch::unwatched()).unwrap();
    assert_eq!(reading.files.len(), 1);
    // Without part pictures there is nothing to read.
    assert_eq!(reading.images_listed, reading.images_skipped);
}

#[test]
fn a_split_may_be_absent() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let name = "annotations/paco_lvis_v1_val.json";
    copy(&format!("paco/{name}"), &root.join(name));
    let coco = data("sources/coco");
    let source = PacoLvis { root: root.to_owned(), coco, images: limits() };
    let reading = source.read(&Watch::unwatched()).unwrap();
    assert!(!reading.images.is_empty());
    assert!(reading.images.iter().all(|image| image.split == Split::Dev));
}

#[test]
fn a_folder_without_a_source_is_refused_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_owned();
    let watch = Watch::unwatched();
    let errors = [
        PacoLvis { root: root.clone(), ..paco_of("sources") }.read(&watch).unwrap_err(),
        PacoLvis { coco: root.join("none"), ..paco_of("sources") }.read(&watch).unwrap_err(),
        part_imagenet_in(&root).read(&watch).unwrap_err(),
        Ade20kPart234 { root: root.join("none"), images: limits() }.read(&watch).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, DataError::NoSource { .. }), "{error}");
        assert!(error.to_string().contains("name the folder"), "{error}");
    }
}

#[test]
fn progress_ends_where_it_said() {
    let told = Mutex::new(Vec::new());
    let progress = |done, total| told.lock().unwrap().push((done, total));
    let stop = AtomicBool::new(false);
    paco_of("sources").read(&Watch::new(&progress, &stop)).unwrap();
    let told = told.into_inner().unwrap();
    let total = told[0].1;
    assert!(total > 0 && told.iter().all(|&(done, all)| done <= all && all == total));
    assert_eq!(told.last().unwrap().0, total);
    assert!(told.len() > 40, "{}", told.len());
}

#[test]
fn a_reading_ends_when_it_is_asked_to() {
    let stop = AtomicBool::new(false);
    for limit in [0, 1, 2, 10, 30] {
        stop.store(false, Ordering::Relaxed);
        let count = Mutex::new(0);
        let progress = |_, _| {
            let mut count = count.lock().unwrap();
            *count += 1;
            stop.store(*count > limit, Ordering::Relaxed);
        };
        let answer = paco_of("sources").read(&Watch::new(&progress, &stop));
        assert!(matches!(answer, Err(DataError::Stopped)), "{limit}");
    }
}
