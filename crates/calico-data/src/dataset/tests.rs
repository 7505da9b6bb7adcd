use std::fs;

use super::*;
use crate::Tables;
use crate::example::{Example, tables};

const FORMATS: [TableFormat; 2] = [TableFormat::Parquet, TableFormat::JsonLines];

fn opened(example: &Example, format: TableFormat) -> (tempfile::TempDir, Dataset) {
    let scratch = tempfile::tempdir().unwrap();
    example.write(scratch.path(), &tables(format));
    let dataset = Dataset::open(scratch.path()).unwrap();
    (scratch, dataset)
}

fn message(folder: &Path) -> String {
    Dataset::open(folder).unwrap_err().to_string()
}

#[test]
fn a_data_set_is_found_and_read_in_both_formats() {
    let example = Example::new(5);
    for format in FORMATS {
        let (_scratch, dataset) = opened(&example, format);
        assert_eq!(dataset.format(), format);
        assert!(dataset.splits().eq(Split::ALL));
        assert_eq!(dataset.sample_count(Split::Dev).unwrap(), 15);
        let samples: Vec<_> = dataset.samples(Split::Dev).unwrap().map(Result::unwrap).collect();
        let expected: Vec<_> = example.samples[15..30].iter().map(|(_, row)| row.clone()).collect();
        assert_eq!(samples, expected);
        let tables = dataset.split(Split::Train).unwrap();
        assert!(tables.images.iter().eq(&example.images[..10]));
        let regions: Vec<_> = tables.regions.iter().map(|region| region.to_record()).collect();
        let expected: Vec<_> = example.regions[..40].iter().map(|(_, row)| row.clone()).collect();
        assert_eq!(regions, expected);
        assert_eq!((dataset.build(), dataset.roots().len()), (None, 0));
    }
}

#[test]
fn rows_are_found_by_id_whatever_their_order() {
    let mut example = Example::new(3);
    example.regions.reverse();
    example.images.reverse();
    let (_scratch, dataset) = opened(&example, TableFormat::Parquet);
    let tables = dataset.split(Split::Test).unwrap();
    for (_, row) in example.regions.iter().filter(|(split, _)| *split == Split::Test) {
        let region = tables.regions.get(row.region_id).unwrap();
        assert_eq!(region.to_record(), *row);
        assert_eq!(region.mask().unwrap().area(), u64::from(row.area));
        let image = tables.images.get(region.image_id).unwrap();
        assert_eq!((region.size.height, region.size.width), (image.height, image.width));
    }
    assert!(tables.regions.get(0).is_none() && tables.images.get("paco_lvis/1").is_none());
}

#[test]
fn a_repeated_id_is_refused_by_name() {
    let mut example = Example::new(2);
    example.images[3].image_id = example.images[1].image_id.clone();
    let (_scratch, dataset) = opened(&example, TableFormat::Parquet);
    let message = dataset.split(Split::Train).unwrap_err().to_string();
    assert!(message.contains("000000000002") && message.contains("images"), "{message}");
    let mut example = Example::new(2);
    example.regions[7].1.region_id = 2;
    let (_scratch, dataset) = opened(&example, TableFormat::JsonLines);
    let message = dataset.split(Split::Train).unwrap_err().to_string();
    assert!(message.contains("regions"), "{message}");
}

#[test]
fn what_is_missing_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    assert!(message(scratch.path()).contains("no data set"), "{}", message(scratch.path()));
    Example::new(5).write(scratch.path(), &tables(TableFormat::Parquet));
    let part = scratch.path().join("samples/dev-00000-of-00002.parquet");
    let kept = fs::read(&part).unwrap();
    fs::remove_file(&part).unwrap();
    assert!(message(scratch.path()).contains("dev-00000-of-00002.parquet"));
    fs::write(scratch.path().join("samples/dev-00000-of-00003.parquet"), &kept).unwrap();
    assert!(message(scratch.path()).contains("different numbers of parts"));
    fs::remove_file(scratch.path().join("samples/dev-00000-of-00003.parquet")).unwrap();
    fs::write(&part, &kept).unwrap();
    fs::write(scratch.path().join("images/dev.jsonl"), "").unwrap();
    assert!(message(scratch.path()).contains("two formats"));
    fs::remove_file(scratch.path().join("images/dev.jsonl")).unwrap();
    fs::remove_file(scratch.path().join("regions/dev.parquet")).unwrap();
    assert!(message(scratch.path()).contains("dev.parquet"));
    for folder in ["images", "samples"] {
        for name in fs::read_dir(scratch.path().join(folder)).unwrap() {
            let path = name.unwrap().path();
            if path.file_name().unwrap().to_str().unwrap().starts_with("dev") {
                fs::remove_file(path).unwrap();
            }
        }
    }
    let dataset = Dataset::open(scratch.path()).unwrap();
    assert!(dataset.splits().eq([Split::Train, Split::Test]));
    assert!(matches!(dataset.samples(Split::Dev).err(), Some(DataError::NoSplit { .. })));
}

#[test]
fn pictures_are_found_below_the_root_of_their_source() {
    let scratch = tempfile::tempdir().unwrap();
    let mut example = Example::new(1);
    example.write(scratch.path(), &Tables::default());
    let roots = "[roots]\npaco_lvis = \"pictures/coco\"\n";
    fs::write(scratch.path().join("roots.toml"), roots).unwrap();
    let dataset = Dataset::open(scratch.path()).unwrap();
    let image = &mut example.images[0];
    let below = scratch.path().join("pictures/coco").join("train2017/000000000001.jpg");
    assert_eq!(dataset.picture_path(image).unwrap(), below);
    let moved = dataset.clone().with_root("paco_lvis", "elsewhere");
    let below = Path::new("elsewhere").join("train2017/000000000001.jpg");
    assert_eq!(moved.picture_path(image).unwrap(), below);
    for name in ["../x.jpg", "/etc/passwd", "a/../../x", "C:/x", "a\\..\\x", "", "a/./b"] {
        image.file_name = name.to_owned();
        let error = dataset.picture_path(image).unwrap_err();
        assert!(matches!(error, DataError::PicturePath { .. }), "{name}");
    }
    image.file_name = "x.jpg".to_owned();
    image.source = "own".to_owned();
    assert!(matches!(dataset.picture_path(image), Err(DataError::NoRoot { .. })));
}

#[test]
fn bad_documents_are_named() {
    let scratch = tempfile::tempdir().unwrap();
    Example::new(1).write(scratch.path(), &Tables::default());
    fs::write(scratch.path().join("roots.toml"), "[root]\nx = 1\n").unwrap();
    assert!(message(scratch.path()).contains("roots.toml"));
    fs::write(scratch.path().join("roots.toml"), "").unwrap();
    fs::write(scratch.path().join("build.json"), "{\"format\": \"calico").unwrap();
    assert!(message(scratch.path()).contains("build.json"));
}

#[test]
fn after_a_damaged_block_comes_one_error_and_nothing() {
    let (scratch, dataset) = opened(&Example::new(5), TableFormat::JsonLines);
    let path = scratch.path().join("samples/train-00000-of-00002.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("common_parts", "common_part", 1)).unwrap();
    let rows: Vec<_> = dataset.samples(Split::Train).unwrap().collect();
    assert_eq!(rows.len(), 1);
    assert!(rows[0].is_err());
}
