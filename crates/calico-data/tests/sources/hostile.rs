use std::fs;
use std::time::{Duration, Instant};

use calico_data::sources::{Ade20kPart234, PacoLvis, Reading, Watch};
use serde::Deserialize;

use crate::tree::{copy_tree, data, limits};

#[derive(Deserialize)]
struct Hostile {
    picture: String,
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    file: String,
    source: String,
    what: String,
    codes: Vec<String>,
}

fn hostile() -> Hostile {
    let text = fs::read_to_string(data("broken/hostile/hostile.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Reads a document as the training split.
fn read(bytes: &[u8], picture: &str) -> Reading {
    let folder = tempfile::tempdir().unwrap();
    let coco = folder.path().join("coco");
    let target = coco.join(picture);
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    fs::copy(data("broken/hostile").join(picture), &target).unwrap();
    fs::write(folder.path().join("paco_lvis_v1_train.json"), bytes).unwrap();
    let source = PacoLvis { root: folder.path().to_owned(), coco, images: limits() };
    source.read(&Watch::unwatched()).unwrap()
}

/// Its run needs more characters than any run of 32 bits, so it is refused before it is added up.
const TOO_LONG_TO_READ: &str = "lying_runs.json";

#[test]
fn every_hostile_document_is_answered_with_its_code() {
    let hostile = hostile();
    let documents = hostile.entries.iter().filter(|entry| entry.source == "paco_lvis");
    let mut count = 0;
    for entry in documents {
        let began = Instant::now();
        let bytes = fs::read(data("broken/hostile").join(&entry.file)).unwrap();
        let reading = read(&bytes, &hostile.picture);
        let codes: Vec<_> = reading.problems.iter().map(|it| it.code.to_string()).collect();
        let is_told = codes.iter().any(|code| entry.codes.contains(code))
            || (entry.file == TOO_LONG_TO_READ && codes == ["RLE_CHAR"]);
        assert!(is_told, "{}, {}: {:?}", entry.file, entry.what, reading.problems);
        assert!(began.elapsed() < Duration::from_secs(10), "{}", entry.file);
        count += 1;
    }
    assert!(count > 25, "{count}");
}

#[test]
fn a_part_picture_that_claims_gigabytes_is_refused_by_its_header() {
    let hostile = hostile();
    let entry = hostile.entries.iter().find(|it| it.source == "ade20k_part_234").unwrap();
    let folder = tempfile::tempdir().unwrap();
    copy_tree(&data("sources/ADE20KPart234"), folder.path());
    let name = "ADE_train_00000001.png";
    let parts = folder.path().join("annotations_detectron2_part/training").join(name);
    fs::copy(data("broken/hostile").join(&entry.file), parts).unwrap();
    let source = Ade20kPart234 { root: folder.path().to_owned(), images: limits() };
    let reading = source.read(&Watch::unwatched()).unwrap();
    let problem =
        reading.problems.iter().find(|it| it.image.as_deref() == Some("ADE_train_00000001.jpg"));
    assert!(entry.codes.contains(&problem.unwrap().code.to_string()), "{problem:?}");
}
