//! What is written in a format comes back from it.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod random;

use calico_annotation::{AnnotationError, Document, Imported, coco, cvat, fiftyone, label_studio};
use proptest::prelude::*;

type Written = Result<(), AnnotationError>;

fn bytes(write: impl FnOnce(&mut Vec<u8>) -> Written) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes).unwrap();
    bytes
}

/// The images of a file in which everything was understood.
fn document(read: Result<Imported, AnnotationError>) -> Document {
    let imported = read.unwrap();
    assert_eq!(imported.findings.messages(), [""; 0]);
    imported.document
}

proptest! {
    #[test]
    fn coco_gives_back_the_whole_document(mut expected in random::documents()) {
        expected.notes.push("on the whole".to_owned());
        for image in &mut expected.images {
            image.notes = vec!["two\nlines".to_owned(), "\"one\"".to_owned()];
        }
        let file = bytes(|out| coco::write(&expected, out));
        prop_assert_eq!(document(coco::read(&file)), expected.clone());
        let labels = bytes(|out| fiftyone::write(&expected, out));
        prop_assert_eq!(document(coco::read(&labels)), expected);
    }

    #[test]
    fn label_studio_gives_back_the_images(
        mut expected in random::documents(),
        prefix in "(|/data/local-files/\\?d=)",
    ) {
        for image in &mut expected.images {
            image.notes = vec!["two\nlines".to_owned(), "\"one\"".to_owned()];
        }
        let file = bytes(|out| label_studio::write(&expected, &prefix, out));
        prop_assert_eq!(document(label_studio::read(&file)).images, expected.images);
    }

    #[test]
    fn cvat_gives_back_the_images_and_the_name(expected in random::documents()) {
        let file = bytes(|out| cvat::write(&expected, out));
        prop_assert_eq!(document(cvat::read(&file)), expected);
    }

    #[test]
    fn equal_documents_are_written_as_equal_bytes(document in random::documents()) {
        let again = document.clone();
        prop_assert_eq!(
            bytes(|out| coco::write(&document, out)),
            bytes(|out| coco::write(&again, out))
        );
        prop_assert_eq!(
            bytes(|out| label_studio::write(&document, "", out)),
            bytes(|out| label_studio::write(&again, "", out))
        );
        prop_assert_eq!(
            bytes(|out| cvat::write(&document, out)),
            bytes(|out| cvat::write(&again, out))
        );
    }
}

#[test]
fn a_document_that_breaks_its_promises_is_written_by_no_one() {
    let mut document = Document { name: "a\nb".to_owned(), ..Document::default() };
    let mut out = Vec::new();
    assert!(coco::write(&document, &mut out).is_err());
    assert!(label_studio::write(&document, "", &mut out).is_err());
    assert!(label_studio::labeling_config(&document).is_err());
    assert!(cvat::write(&document, &mut out).is_err());
    assert!(cvat::labels_json(&document).is_err());
    assert!(out.is_empty());
    document.name.clear();
    assert!(cvat::write(&document, &mut out).is_ok());
}

#[test]
fn a_full_disk_is_an_error() {
    struct FullDisk;

    impl std::io::Write for FullDisk {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let document = Document::default();
    for result in [
        coco::write(&document, FullDisk),
        label_studio::write(&document, "", FullDisk),
        cvat::write(&document, FullDisk),
    ] {
        assert!(matches!(result, Err(AnnotationError::Write { .. })));
    }
}
