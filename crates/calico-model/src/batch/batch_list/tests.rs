use std::fs;

use calico_result::Task;
use serde_json::Value;

use super::*;
use crate::batch::JSON_SCHEMA;

/// Everything can be asked, but for prompts that say no.
fn check(images: usize, question: Option<&Question>) -> Result<(), SegmentError> {
    match question {
        Some(Question::Prompt(prompt)) if prompt == "no" => {
            Err(SegmentError::Context { needed: 9, context: 8, images })
        }
        _ => Ok(()),
    }
}

fn read(text: &str) -> Result<BatchList, ListError> {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("list.jsonl");
    fs::write(&path, text).unwrap();
    BatchList::read(&path, &check)
}

#[test]
fn a_line_says_what_to_ask_about_which_images() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("list.jsonl");
    let text = "\u{feff}{\"images\":[\"a.png\",\"deep/b.png\"]}\r\n\n\
        {\"id\":\"x\",\"images\":[\"a.png\"],\"task\":\"common_parts\"}\n\
        {\"images\":[\"a.png\"],\"task\":\"unique-parts\"}\n\
        {\"images\":[\"a.png\"],\"task\":\"all\",\"prompt\":null}\n\
        {\"images\":[\"a.png\"],\"prompt\":\"What?\"}\n\
        {\"images\":[\"a.png\"],\"answer\":\"This.\"}";
    fs::write(&path, text).unwrap();
    let list = BatchList::read(&path, &check).unwrap();
    let ids: Vec<&str> = list.items.iter().map(|item| item.id.as_str()).collect();
    assert_eq!(ids, ["line-1", "x", "line-4", "line-5", "line-6", "line-7"]);
    let questions: Vec<Option<Question>> =
        list.items.iter().map(|item| item.question.clone()).collect();
    assert_eq!(
        questions,
        [
            None,
            Some(Question::Task(Task::CommonParts)),
            Some(Question::Task(Task::UniqueParts)),
            Some(Question::AllTasks),
            Some(Question::Prompt("What?".to_owned())),
            Some(Question::Answer("This.".to_owned())),
        ]
    );
    let first = &list.items[0];
    assert_eq!((first.line, list.items[1].line), (1, 3));
    assert_eq!(first.images, ["a.png", "deep/b.png"]);
    assert_eq!(first.paths[1], scratch.path().join("deep/b.png"));
}

#[test]
fn all_faults_are_told_at_once_with_their_lines() {
    let long = "x".repeat(201);
    let text = format!(
        "{{\"images\":[\"a.png\"],\"id\":\"twice\"}}\n\
        not json\n\
        {{\"images\":[\"a.png\"],\"colour\":1}}\n\
        {{\"images\":[]}}\n\
        {{\"images\":[\"a.png\",\" \"]}}\n\
        {{\"images\":[\"a.png\"],\"id\":\"twice\"}}\n\
        {{\"images\":[\"a.png\"],\"task\":\"parts\"}}\n\
        {{\"images\":[\"a.png\"],\"task\":\"all\",\"answer\":\"x\"}}\n\
        {{\"images\":[\"a.png\"],\"prompt\":\"no\"}}\n\
        {{\"images\":\"a.png\"}}\n\
        {{}}\n\
        [null,[\"a.png\"]]\n\
        {{\"images\":[\"a.png\"],\"id\":\"\"}}\n\
        {{\"images\":[\"a.png\"],\"id\":\"{long}\"}}\n\
        {{\"images\":[\"a.png\"],\"id\":\"a\\u001bb\"}}\n\
        {{\"images\":[\"a.png\"],\"id\":\"good\"}}\n"
    );
    let told = read(&text).unwrap_err().to_string();
    let lines: Vec<&str> = told.lines().skip(1).collect();
    for (line, (number, words)) in lines.iter().zip([
        (2, "\"not json\", expected an object"),
        (3, "unknown field `colour`, expected one of `id`, `images`"),
        (4, "one image or more"),
        (5, "image 2 is empty"),
        (6, "is that of line 1, too"),
        (7, "\"parts\", expected common-objects"),
        (8, "`task` and `answer`"),
        (9, "positions"),
        (10, "expected a sequence"),
        (11, "missing field `images`"),
        (12, "expected an object"),
        (13, "is empty"),
        (14, "201 bytes"),
        (15, "control characters"),
    ]) {
        assert!(line.starts_with(&format!("  line {number}: ")), "{line}");
        assert!(line.contains(words), "{words}: {line}");
    }
    assert_eq!(lines.len(), 14, "{told}");
}

#[test]
fn faults_without_end_are_counted_and_an_endless_line_is_not_read() {
    let told = read(&"x\n".repeat(1234)).unwrap_err().to_string();
    assert!(told.ends_with("and 1134 more"), "{told}");
    assert_eq!(told.lines().count(), 102);
    let told = read(&"x".repeat(5 << 20)).unwrap_err().to_string();
    assert!(told.contains("line 1: found more than 1048576 bytes"), "{told}");
    assert_eq!(told.lines().count(), 2);
}

#[test]
fn a_picture_is_no_list() {
    let scratch = tempfile::tempdir().unwrap();
    for start in [&b"\x89PNG\r\n\x1a\n\0\0"[..], b"RIFF\x10\0\0\0WEBP"] {
        let path = scratch.path().join("a.jpg");
        fs::write(&path, start).unwrap();
        assert!(matches!(BatchList::read(&path, &check), Err(ListError::NoText { .. })));
    }
}

#[test]
fn a_list_of_nothing_is_refused() {
    for text in ["", "\n \n"] {
        assert!(matches!(read(text), Err(ListError::Empty { .. })));
    }
    let scratch = tempfile::tempdir().unwrap();
    let nothing = BatchList::read(scratch.path(), &check);
    assert!(matches!(nothing, Err(ListError::Empty { .. })));
    let missing = BatchList::read(&scratch.path().join("none"), &check);
    assert!(matches!(missing, Err(ListError::Read { .. })));
}

#[test]
fn the_digest_is_that_of_what_is_asked() {
    let digest = |text: &str| read(text).unwrap().digest();
    let one = digest("{\"images\":[\"a.png\"],\"task\":\"all\"}\n");
    assert_eq!(one, digest("{ \"task\": \"all\",  \"images\": [\"a.png\"] }"));
    for other in [
        "{\"images\":[\"a.png\"]}",
        "{\"images\":[\"b.png\"],\"task\":\"all\"}",
        "{\"images\":[\"a.png\"],\"task\":\"all\",\"id\":\"a\"}",
        "{\"images\":[\"a.png\"],\"prompt\":\"all\"}",
        "\n{\"images\":[\"a.png\"],\"task\":\"all\"}",
    ] {
        assert_ne!(one, digest(other), "{other}");
    }
}

#[test]
fn only_relative_paths_depend_on_where_the_list_is() {
    let root = std::env::temp_dir().join("b.png");
    let absolute = serde_json::json!({ "images": [root] }).to_string();
    assert!(!read(&absolute).unwrap().has_relative_paths());
    let mixed = serde_json::json!({ "images": [root, "a.png"] }).to_string();
    assert!(read(&mixed).unwrap().has_relative_paths());
}

#[test]
fn every_entry_of_a_folder_is_an_item() {
    let scratch = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let path = scratch.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    };
    for name in ["b/2.png", "b/10.JPG", "b/notes.txt", "b/deeper/x.png", "a.tiff", "c.webp"] {
        write(name);
    }
    for name in [".hidden.png", "notes.txt", "empty/readme", "b/.x.png", ".git/x.png"] {
        write(name);
    }
    let list = BatchList::read(scratch.path(), &check).unwrap();
    let found: Vec<(usize, &str, Vec<&str>)> = list
        .items
        .iter()
        .map(|item| (item.line, item.id.as_str(), item.images.iter().map(String::as_str).collect()))
        .collect();
    assert_eq!(
        found,
        [
            (1, "a.tiff", vec!["a.tiff"]),
            (2, "b", vec!["b/10.JPG", "b/2.png"]),
            (3, "c.webp", vec!["c.webp"]),
        ]
    );
    assert_eq!(list.items[1].paths[0], scratch.path().join("b/10.JPG"));
    assert_eq!(list.left_out, ["empty", "notes.txt"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_no_list_can_hold_is_told() {
    use std::os::unix::ffi::OsStrExt as _;
    let scratch = tempfile::tempdir().unwrap();
    let name = std::ffi::OsStr::from_bytes(b"a\xff.png");
    fs::write(scratch.path().join(name), "x").unwrap();
    fs::write(scratch.path().join("b\u{7}.png"), "x").unwrap();
    let told = BatchList::read(scratch.path(), &check).unwrap_err().to_string();
    assert!(told.contains("not Unicode") && told.contains("control characters"), "{told}");
    assert!(!told.contains('\u{7}'));
}

#[test]
fn the_schema_has_the_fields_that_are_read() {
    let schema: Value = serde_json::from_str(JSON_SCHEMA).unwrap();
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["required"], serde_json::json!(["images"]));
    let told = read("{\"images\":[\"a.png\"],\"colour\":1}").unwrap_err().to_string();
    let keys = schema["properties"].as_object().unwrap().keys();
    assert_eq!(keys.len(), 5);
    for key in keys {
        assert!(told.contains(&format!("`{key}`")), "{key}: {told}");
    }
    for task in schema["properties"]["task"]["enum"].as_array().unwrap() {
        let line = serde_json::json!({ "images": ["a.png"], "task": task });
        read(&line.to_string()).unwrap();
    }
}
