use std::collections::BTreeSet;
use std::path::Path;

use calico_image::Size;
use calico_result::batch::{BatchIdentity, SCHEMA_ID, Shard};
use calico_result::{ImageEntry, Model};

use super::*;
use crate::Stage;

const IDS: [&str; 5] = ["a", "b", "c", "d", "e"];

fn items() -> Vec<BatchItem> {
    let item = |(id, line): (&&str, usize)| BatchItem {
        id: (*id).to_owned(),
        line,
        images: vec![format!("{id}.png")],
        paths: vec![format!("{id}.png").into()],
        question: None,
    };
    IDS.iter().zip(1..).map(item).collect()
}

fn open(path: &Path) -> BatchFolder {
    let identity = BatchIdentity {
        schema: SCHEMA_ID.to_owned(),
        items: IDS.len(),
        list_digest: String::new(),
        folder: None,
        model: String::new(),
        model_digest: String::new(),
        settings: [].into(),
        shards: 1,
    };
    BatchFolder::open(path, &identity, Shard::default(), &BTreeSet::from(IDS)).unwrap()
}

fn answered(item: &BatchItem) -> Segmentation {
    let entry = ImageEntry::new(1, &item.paths[0], Size::new(2, 2));
    Segmentation::new(Model { name: "m".to_owned(), preset: None }, vec![entry])
}

/// Runs all items with an answer; returns what was seen.
fn run(path: &Path, answer: &mut Answer<'_>, stop: &AtomicBool) -> Result<Vec<String>, BatchError> {
    struct Seen(Vec<String>);
    impl Observer for Seen {}
    impl BatchObserver for Seen {
        fn ended(&mut self, item: &BatchItem, failure: Option<&FailureLine>, _: Progress) {
            let message = failure.map_or_else(String::new, |line| format!(": {}", line.message));
            self.0.push(format!("{}{message}", item.id));
        }
    }
    let (mut seen, items) = (Seen(Vec::new()), items());
    drive(&mut items.iter(), &mut open(path), answer, &mut seen, stop)?;
    Ok(seen.0)
}

#[test]
fn whatever_fails_for_one_item_the_others_go_on() {
    let scratch = tempfile::tempdir().unwrap();
    let mut answer = |item: &BatchItem, _: &BatchFolder, _: &mut dyn BatchObserver| {
        assert_ne!(item.id, "b", "b is too much");
        if item.id == "d" {
            return Err(failed(Some(1), &SegmentError::NoImages));
        }
        Ok(answered(item))
    };
    let seen = run(scratch.path(), &mut answer, &AtomicBool::new(false)).unwrap();
    assert_eq!(seen.len(), IDS.len());
    assert!(seen[1].starts_with("b: calico itself failed"), "{}", seen[1]);
    assert!(seen[1].contains("b is too much"), "{}", seen[1]);
    assert!(seen[3].starts_with("d: no image was given"), "{}", seen[3]);
    let progress = open(scratch.path()).progress();
    assert_eq!(progress, Progress { total: 5, done: 3, failed: 2 });
    let again = run(scratch.path(), &mut answer, &AtomicBool::new(false)).unwrap();
    assert!(again.is_empty(), "{again:?}");
}

#[test]
fn an_item_that_has_begun_is_ended_before_a_stop() {
    let scratch = tempfile::tempdir().unwrap();
    let stop = AtomicBool::new(false);
    let mut answer = |item: &BatchItem, _: &BatchFolder, _: &mut dyn BatchObserver| {
        stop.store(item.id == "c", Ordering::Relaxed);
        Ok(answered(item))
    };
    assert_eq!(run(scratch.path(), &mut answer, &stop).unwrap(), ["a", "b", "c"]);
    stop.store(false, Ordering::Relaxed);
    assert_eq!(run(scratch.path(), &mut answer, &stop).unwrap(), ["d", "e"]);
}

#[test]
fn a_file_that_cannot_be_written_ends_the_run_and_its_item_is_open() {
    let scratch = tempfile::tempdir().unwrap();
    let mut answer = |item: &BatchItem, _: &BatchFolder, _: &mut dyn BatchObserver| {
        if item.id == "c" {
            let source = std::io::Error::other("no space");
            let path = "sheet.png".into();
            return Err(ItemError::of_file(ResultError::Write { path, source }));
        }
        Ok(answered(item))
    };
    let ended = run(scratch.path(), &mut answer, &AtomicBool::new(false));
    assert!(matches!(ended, Err(BatchError::Result(ResultError::Write { .. }))));
    let folder = open(scratch.path());
    assert_eq!(IDS.map(|id| folder.is_open(id)), [false, false, true, true, true]);
}

#[test]
fn a_picture_that_cannot_be_drawn_is_a_matter_of_its_item() {
    let error = ItemError::of_file(ResultError::Canvas { width: 40_000, height: 1 });
    assert!(matches!(error, ItemError::Failed { image: None, .. }));
}

#[test]
fn the_image_at_fault_is_named_where_there_is_one() {
    let stage = Stage::Dino { image: 2 };
    assert_eq!(image_at_fault(&SegmentError::NotFinite { stage }), Some(2));
    let stage = Stage::Language { task: None };
    assert_eq!(image_at_fault(&SegmentError::NotFinite { stage }), None);
    assert_eq!(image_at_fault(&SegmentError::NoTokens), None);
}
