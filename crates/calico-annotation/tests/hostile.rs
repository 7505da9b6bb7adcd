//! Files that are cut off, damaged, of another kind or lie give typed errors or findings, never a
//! panic and never much memory.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod random;

use calico_annotation::{AnnotationError, Document, Findings, Imported, coco, cvat, label_studio};
use proptest::prelude::*;
use serde_json::json;

type Read = fn(&[u8]) -> Result<Imported, AnnotationError>;

const READERS: [Read; 3] = [coco::read, label_studio::read, cvat::read];

/// The document in the format of each reader.
fn files(document: &Document) -> [Vec<u8>; 3] {
    let mut files = [const { Vec::new() }; 3];
    let [coco, label_studio, cvat] = &mut files;
    coco::write(document, coco).unwrap();
    label_studio::write(document, "", label_studio).unwrap();
    cvat::write(document, cvat).unwrap();
    files
}

/// What the reader of a file with only this much to complain about says.
fn only_message(imported: &Imported) -> &str {
    let [message] = imported.findings.messages() else { panic!("{:?}", imported.findings) };
    message
}

proptest! {
    #[test]
    fn a_cut_file_is_refused(document in random::documents(), share in 0.0..1.0) {
        for (file, read) in files(&document).iter().zip(READERS) {
            // Behind the last bracket there is a line break.
            let kept = ((file.len() - 1) as f64 * share) as usize;
            let error = read(&file[..kept]).unwrap_err();
            prop_assert!(
                matches!(error, AnnotationError::Json { .. } | AnnotationError::Xml { .. }),
                "{error}"
            );
        }
    }

    #[test]
    fn whatever_changes_nothing_panics(
        document in random::documents(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        for (mut file, read) in files(&document).into_iter().zip(READERS) {
            for (at, byte) in &changes {
                let at = at.index(file.len());
                file[at] = *byte;
            }
            if let Ok(imported) = read(&file) {
                imported.document.check().unwrap();
            }
        }
    }

    #[test]
    fn whatever_the_bytes_nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        for read in READERS {
            let _ = read(&bytes);
        }
    }
}

#[test]
fn files_of_another_format_are_refused_by_name() {
    for (read, text, part) in [
        (coco::read as Read, "{}", "without `images`"),
        (coco::read, r#"{"annotations": []}"#, "without `images`"),
        (coco::read, "[]", "without `images`"),
        (label_studio::read, r#"[{"image": "a.jpg", "tag": []}]"#, "not \"JSON-MIN\""),
        (cvat::read, "<annotation><folder/></annotation>", "element `annotation`"),
        (cvat::read, "<annotations><track id='0'/></annotations>", "CVAT for video"),
    ] {
        let error = read(text.as_bytes()).unwrap_err();
        assert!(matches!(error, AnnotationError::Format { .. }), "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn values_of_the_wrong_kind_are_typed_errors() {
    for text in ["", "null", "7", "[7]", r#"{"images": 3}"#, r#"{"images": [{"id": 1}]}"#] {
        let error = coco::read(text.as_bytes()).unwrap_err();
        assert!(matches!(error, AnnotationError::Json { .. }), "{text} gave {error}");
    }
    for text in ["", "null", "{}", "[7]", r#"[{"data": 3}]"#] {
        let error = label_studio::read(text.as_bytes()).unwrap_err();
        assert!(matches!(error, AnnotationError::Json { .. }), "{text} gave {error}");
    }
    for text in ["", "text", "{}", "<a", "<annotations>", "<annotations><image></annotations>"] {
        let error = cvat::read(text.as_bytes()).unwrap_err();
        assert!(matches!(error, AnnotationError::Xml { .. }), "{text} gave {error}");
    }
    let error = cvat::read(b"<annotations>\xff</annotations>").unwrap_err();
    assert!(matches!(error, AnnotationError::Xml { at: 13, .. }), "{error}");
}

#[test]
fn entities_of_the_files_own_are_not_expanded() {
    let xml = r#"<!DOCTYPE annotations [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;">]>
        <annotations><meta><task><name>&b;</name></task></meta></annotations>"#;
    let error = cvat::read(xml.as_bytes()).unwrap_err();
    assert!(matches!(error, AnnotationError::Xml { .. }), "{error}");
}

#[test]
fn sizes_beyond_all_memory_take_none() {
    let side = 1_000_000_000_u32;
    let coco = json!({
        "images": [{"id": 1, "file_name": "a.jpg", "width": side, "height": side}],
        "categories": [{"id": 1, "name": "chair"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1,
            "segmentation": {"size": [side, side], "counts": "0"}}],
    });
    let imported = coco::read(coco.to_string().as_bytes()).unwrap();
    assert!(imported.document.images.is_empty());
    assert_eq!(imported.findings.messages().len(), 2);

    let code = vec![0xff; 40];
    let result = json!({"id": "a", "type": "brushlabels", "from_name": "object",
        "original_width": side, "original_height": side,
        "value": {"rle": code, "brushlabels": ["chair"]}});
    let tasks = json!([{"data": {"image": "a.jpg"}, "annotations": [{"result": [result]}]}]);
    let imported = label_studio::read(tasks.to_string().as_bytes()).unwrap();
    assert!(imported.document.images.is_empty());
    assert_eq!(imported.findings.messages().len(), 2);

    let xml = format!(
        r#"<annotations><image name="a.jpg" width="{side}" height="{side}"><mask label="chair"
        rle="1" left="0" top="0" width="{side}" height="{side}"/></image></annotations>"#
    );
    let imported = cvat::read(xml.as_bytes()).unwrap();
    assert!(imported.document.images.is_empty());
    assert_eq!(imported.findings.messages().len(), 2);
}

#[test]
fn what_is_nested_deeply_is_read_over() {
    let deep = "[".repeat(300_000) + &"]".repeat(300_000);
    let coco = format!(r#"{{"images": [], "licenses": {deep}}}"#);
    assert!(coco::read(coco.as_bytes()).unwrap().findings.is_empty());
    let tasks = format!(r#"[{{"data": {{"image": "a.jpg"}}, "annotations": [], "meta": {deep}}}]"#);
    assert!(label_studio::read(tasks.as_bytes()).is_ok());
    let result = format!(r#"{{"type": "brushlabels", "value": {deep}}}"#);
    let tasks = format!(
        r#"[{{"data": {{"image": "a.jpg", "width": 2, "height": 2}},
        "annotations": [{{"result": [{result}]}}]}}]"#
    );
    let imported = label_studio::read(tasks.as_bytes()).unwrap();
    assert!(only_message(&imported).contains("cannot be read"));
    let xml = "<a>".repeat(300_000) + &"</a>".repeat(300_000);
    let imported = cvat::read(format!("<annotations>{xml}</annotations>").as_bytes()).unwrap();
    assert_eq!(only_message(&imported), "element `a`: left out");
}

#[test]
fn a_file_full_of_faults_gives_a_bounded_list_of_them() {
    let bad = r#"{"id": 1, "image_id": 9, "category_id": 9, "segmentation": []},"#;
    let coco = format!(r#"{{"images": [], "annotations": [{}{{}}]}}"#, bad.repeat(20_000));
    assert!(matches!(coco::read(coco.as_bytes()), Err(AnnotationError::Json { .. })));
    let coco = coco.replace(",{}]", "]");
    let findings = coco::read(coco.as_bytes()).unwrap().findings;
    assert_eq!(findings.messages().len(), Findings::MAX_MESSAGES);
    assert_eq!(findings.unlisted(), 20_000 - Findings::MAX_MESSAGES);
}

#[test]
fn an_element_of_many_attributes_is_read_in_linear_time() {
    use std::fmt::Write;

    let mut xml = "<annotations><image name='a.jpg' width='2' height='2'".to_owned();
    for number in 0..200_000 {
        write!(xml, " a{number}=''").unwrap();
    }
    let imported = cvat::read((xml + "/></annotations>").as_bytes()).unwrap();
    assert_eq!(imported.document.images.len(), 1);
}
