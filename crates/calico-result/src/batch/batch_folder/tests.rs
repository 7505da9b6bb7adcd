use std::fs;
use std::path::PathBuf;

use super::*;
use crate::batch::SCHEMA_ID;
use crate::sample;

fn identity(shards: u32) -> BatchIdentity {
    BatchIdentity {
        schema: SCHEMA_ID.to_owned(),
        items: 3,
        list_digest: "l".to_owned(),
        folder: Some("/a".to_owned()),
        model: "m".to_owned(),
        model_digest: "d".to_owned(),
        settings: [("seed".to_owned(), 0.into())].into(),
        shards,
    }
}

fn open(path: &Path) -> Result<BatchFolder, BatchError> {
    BatchFolder::open(path, &identity(1), Shard::default(), &BTreeSet::from(["a", "b", "c"]))
}

fn result(id: &str) -> ResultLine {
    let result = sample::segmentation();
    ResultLine { id: id.to_owned(), line: 1, images: vec!["x.png".to_owned()], result }
}

fn failure(id: &str) -> FailureLine {
    let message = "it is empty".to_owned();
    let images = vec!["x.png".to_owned()];
    FailureLine { id: id.to_owned(), line: 2, images, image: Some(1), message }
}

fn ids(path: PathBuf) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let id = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].clone();
    text.lines().map(|line| id(line).as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_item_is_open_until_it_has_a_result_or_a_failure() {
    let scratch = tempfile::tempdir().unwrap();
    let mut batch = open(scratch.path()).unwrap();
    batch.add_result(&result("a")).unwrap();
    batch.add_failure(&failure("b")).unwrap();
    drop(batch);
    let mut batch = open(scratch.path()).unwrap();
    assert_eq!(batch.progress(), Progress { total: 3, done: 1, failed: 1 });
    assert_eq!(batch.progress().open(), 1);
    assert_eq!(["a", "b", "c"].map(|id| batch.is_open(id)), [false, false, true]);
    batch.reopen_failed().unwrap();
    assert_eq!(["a", "b", "c"].map(|id| batch.is_open(id)), [false, true, true]);
    batch.add_result(&result("b")).unwrap();
    drop(batch);
    assert_eq!(ids(scratch.path().join("results.jsonl")), ["a", "b"]);
    assert!(ids(scratch.path().join("failures.jsonl")).is_empty());
}

#[test]
fn whatever_end_of_the_last_line_is_lost_only_its_item_is_open_again() {
    let scratch = tempfile::tempdir().unwrap();
    let mut batch = open(scratch.path()).unwrap();
    batch.add_result(&result("a")).unwrap();
    batch.add_result(&result("b")).unwrap();
    drop(batch);
    let path = scratch.path().join("results.jsonl");
    let whole = fs::read(&path).unwrap();
    let first = whole.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    for end in [first, first + 1, whole.len() - 2, whole.len() - 1] {
        fs::write(&path, &whole[..end]).unwrap();
        let mut batch = open(scratch.path()).unwrap();
        assert!(!batch.is_open("a") && batch.is_open("b"), "{end}");
        batch.add_result(&result("b")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), whole);
    }
}

#[test]
fn a_line_gives_back_the_result() {
    let scratch = tempfile::tempdir().unwrap();
    open(scratch.path()).unwrap().add_result(&result("a")).unwrap();
    let text = fs::read_to_string(scratch.path().join("results.jsonl")).unwrap();
    let line: ResultLine = serde_json::from_str(text.trim_end()).unwrap();
    assert_eq!(line, result("a"));
}

#[test]
fn a_batch_goes_on_only_with_what_it_was_begun_with() {
    let scratch = tempfile::tempdir().unwrap();
    drop(open(scratch.path()).unwrap());
    let other = |change: fn(&mut BatchIdentity)| {
        let mut other = identity(1);
        change(&mut other);
        BatchFolder::open(scratch.path(), &other, Shard::default(), &BTreeSet::new())
            .unwrap_err()
            .to_string()
    };
    let told = other(|other| other.items = 4);
    assert!(told.contains("its list has 3 items, and yours 4"), "{told}");
    let told = other(|other| other.list_digest = "x".to_owned());
    assert!(told.contains("other items"), "{told}");
    let told = other(|other| other.folder = Some("/b".to_owned()));
    assert!(told.contains("its list lead from \"/a\", not from \"/b\""), "{told}");
    assert!(!told.contains("other items"), "{told}");
    let told = other(|other| other.model_digest = "x".to_owned());
    assert!(told.contains("other contents"), "{told}");
    let told = other(|other| {
        other.settings = [("seed".to_owned(), 7.into()), ("new".to_owned(), true.into())].into();
        other.model = "n".to_owned();
        other.shards = 4;
    });
    for word in ["seed is 0, not 7", "new is nothing, not true", "\"m\", not \"n\"", "in 4 parts"] {
        assert!(told.contains(word), "{word}: {told}");
    }
    drop(open(scratch.path()).unwrap());
}

#[test]
fn parts_have_files_of_their_own_and_are_written_at_once() {
    let scratch = tempfile::tempdir().unwrap();
    let open = |number, ids: &[&str]| {
        let shard = Shard::new(number, 2).unwrap();
        let ids = ids.iter().copied().collect();
        BatchFolder::open(scratch.path(), &identity(2), shard, &ids)
    };
    let mut first = open(1, &["a", "c"]).unwrap();
    let mut second = open(2, &["b"]).unwrap();
    assert!(matches!(open(2, &["b"]), Err(BatchError::Busy { what, .. }) if what == "part 2/2"));
    first.add_result(&result("a")).unwrap();
    second.add_result(&result("b")).unwrap();
    first.add_result(&result("c")).unwrap();
    assert_eq!(ids(scratch.path().join("results-1-of-2.jsonl")), ["a", "c"]);
    assert_eq!(ids(scratch.path().join("results-2-of-2.jsonl")), ["b"]);
}

#[test]
fn lines_of_another_batch_are_refused_and_left_alone() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("results.jsonl");
    let line = |id: &str| serde_json::to_string(&result(id)).unwrap() + "\n";
    for (text, word) in [
        (line("z"), "\"z\""),
        (line("a") + &line("b") + &line("a"), "line 3"),
        ("{}\n".to_owned(), "missing field"),
        ("pixels\n".to_owned(), "expected value"),
    ] {
        drop(fs::remove_file(&path));
        drop(open(scratch.path()).unwrap());
        fs::write(&path, &text).unwrap();
        let error = open(scratch.path()).unwrap_err().to_string();
        assert!(error.contains(word), "{word}: {error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn a_folder_with_results_of_unknown_origin_is_left_alone() {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("results-of-my-life.jsonl"), "x").unwrap();
    let error = open(scratch.path()).unwrap_err();
    assert!(matches!(&error, BatchError::NoBatch { .. }), "{error}");
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
    fs::remove_file(scratch.path().join("results-of-my-life.jsonl")).unwrap();
    for text in ["", "{}", "pixels"] {
        fs::write(scratch.path().join("batch.json"), text).unwrap();
        assert!(matches!(open(scratch.path()), Err(BatchError::Identity { .. })), "{text}");
    }
}

#[test]
fn an_item_has_a_folder_of_its_own_whatever_its_id() {
    assert_eq!(item_name(7, "kitchen/cups:1"), "000007-kitchen_cups_1");
    assert_eq!(item_name(7, "../.."), "000007-.._..");
    assert!(item_name(7, &"ü".repeat(500)).len() < 120);
    let scratch = tempfile::tempdir().unwrap();
    let batch = open(scratch.path()).unwrap();
    let folder = batch.item_folder(1, "a").unwrap();
    folder.write("sheet.png", b"x").unwrap();
    fs::write(folder.path().join(".calico-1234.tmp"), "half").unwrap();
    let folder = batch.item_folder(1, "a").unwrap();
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["sheet.png"]);
}
