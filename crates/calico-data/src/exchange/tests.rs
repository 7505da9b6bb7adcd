use std::path::Path;

use calico_annotation::coco;
use calico_image::{Mask, Rle};
use tempfile::TempDir;

use super::*;
use crate::build::Destination;
use crate::example::{Example, tables};
use crate::{Split, TableFormat};

fn dataset(folder: &Path) -> Dataset {
    Example::new(2).write(folder, &tables(TableFormat::Parquet));
    Dataset::open(folder).unwrap()
}

/// A data set, what became of it, and the folder of both.
struct Corrected {
    before: Dataset,
    after: Dataset,
    corrections: Corrections,
    _folder: TempDir,
}

/// Corrects the test split of the example and opens what comes of it.
fn corrected(change: impl FnOnce(&mut Document)) -> Corrected {
    let folder = tempfile::tempdir().unwrap();
    let before = dataset(&folder.path().join("before"));
    let mut document = of_split(&before, Split::Test).unwrap();
    change(&mut document);
    let destination = Destination::new(&folder.path().join("after")).unwrap();
    let corrections = correct(&before, Split::Test, &document, &destination).unwrap();
    let after = Dataset::open(destination.path()).unwrap();
    Corrected { before, after, corrections, _folder: folder }
}

fn samples(dataset: &Dataset) -> Vec<crate::SampleRecord> {
    dataset.samples(Split::Test).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_split_becomes_a_document_whose_parts_name_their_objects() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(folder.path());
    let document = of_split(&dataset, Split::Dev).unwrap();
    document.check().unwrap();
    assert_eq!((document.images.len(), document.regions().count()), (4, 16));
    for image in &document.images {
        let object = image.regions.iter().find(|region| region.kind == Kind::Object).unwrap();
        let parts = image.regions.iter().filter(|region| region.kind == Kind::Part);
        assert!(parts.clone().all(|part| part.parent == Some(object.id)));
        assert_eq!(parts.count(), 3);
    }
}

#[test]
fn a_document_that_was_not_changed_changes_nothing() {
    let Corrected { before, after, corrections, _folder } = corrected(|document| {
        let mut bytes = Vec::new();
        coco::write(document, &mut bytes).unwrap();
        *document = coco::read(&bytes).unwrap().document;
    });
    assert_eq!(corrections, Corrections::default());
    assert_eq!(samples(&before), samples(&after));
    for split in Split::ALL {
        let regions = |dataset: &Dataset| -> Vec<_> {
            dataset.regions(split).unwrap().map(Result::unwrap).collect()
        };
        assert_eq!(regions(&before), regions(&after));
    }
}

#[test]
fn a_mask_that_was_painted_anew_replaces_the_old_one() {
    let mut painted = None;
    let Corrected { after, corrections, _folder, .. } = corrected(|document| {
        let region = &mut document.images[0].regions[1];
        let size = region.mask.size();
        let mut bits = vec![false; size.pixels() as usize];
        bits[3 * size.width as usize + 2] = true;
        region.mask = Rle::from_mask(&Mask::new(size, bits).unwrap());
        painted = Some(region.id);
    });
    assert_eq!((corrections.changed, corrections.removed), (1, 0));
    let tables = after.split(Split::Test).unwrap();
    let region = tables.regions.get(painted.unwrap()).unwrap();
    assert_eq!((region.area, region.bbox), (1, [2, 3, 1, 1]));
    assert_eq!(region.runs().unwrap().area(), 1);
}

#[test]
fn a_sample_that_names_a_region_that_is_gone_is_left_out() {
    let Corrected { before, after, corrections, _folder } = corrected(|document| {
        // The back of the first chair is only asked for as a common part.
        document.images[0].regions.retain(|region| region.label != "back");
        document.images[1].id = "unknown".to_owned();
        document.images[1].file_name = "unknown.jpg".to_owned();
    });
    assert_eq!((corrections.removed, corrections.samples_left_out), (1, 1));
    assert_eq!(corrections.statements.len(), 2, "{:?}", corrections.statements);
    let (before, after) = (samples(&before), samples(&after));
    assert_eq!(after.len(), before.len() - 1);
    assert!(after.iter().all(|sample| before.contains(sample)));
}

#[test]
fn a_part_drawn_in_the_other_image_is_not_unique_any_more() {
    let Corrected { corrections, .. } = corrected(|document| {
        let (first, second) = document.images.split_at_mut(1);
        let leg = first[0].regions.iter().find(|region| region.label == "leg").unwrap();
        second[0].regions.push(Region { id: 90_000, parent: None, ..leg.clone() });
    });
    assert_eq!((corrections.added, corrections.samples_left_out), (1, 1));
}

#[test]
fn an_answer_about_nothing_is_left_out_once_something_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let mut example = Example::new(2);
    // The second pair of the test split stays what the document is about.
    example.say_nothing(12);
    example.write(&folder.path().join("before"), &tables(TableFormat::Parquet));
    let before = Dataset::open(&folder.path().join("before")).unwrap();
    let mut document = of_split(&before, Split::Test).unwrap();
    let silent = &example.samples[12].1.image_ids[0];
    let leg = document.regions().find(|region| region.label == "leg").cloned().unwrap();
    let image = document.images.iter_mut().find(|image| image.id == *silent).unwrap();
    image.regions.push(Region { id: 90_000, parent: None, ..leg });
    let destination = Destination::new(&folder.path().join("after")).unwrap();
    let corrections = correct(&before, Split::Test, &document, &destination).unwrap();
    // Two samples show the image, and say that nothing is shared.
    assert_eq!((corrections.added, corrections.samples_left_out), (1, 2));
}

#[test]
fn a_document_about_other_images_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let before = dataset(&folder.path().join("before"));
    let document = of_split(&before, Split::Train).unwrap();
    let destination = Destination::new(&folder.path().join("after")).unwrap();
    let refused = correct(&before, Split::Test, &document, &destination);
    assert!(matches!(refused, Err(DataError::NothingCorrected { .. })));
    assert!(!destination.path().exists());
}
