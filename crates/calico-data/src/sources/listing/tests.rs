use std::io;

use calico_annotation::Segmentation;

use super::*;

fn read(text: &[u8]) -> Result<CocoListing, DataError> {
    CocoListing::read(text, Path::new("some.json"), &mut |_| true)
}

/// The position and the reason of a refusal.
fn refusal(source: impl Read) -> (u64, String) {
    match CocoListing::read(source, Path::new("some.json"), &mut |_| true) {
        Err(DataError::Json { offset, reason, .. }) => (offset, reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn keys_come_in_any_order_and_unknown_ones_are_read_over() {
    let listing = read(
        br#" {"info": {"a": [1, {"b": null}]},
        "annotations": [{"iscrowd": 1, "area": 2.5, "segmentation": [[0, 0, 2, 0, 2, 2]],
            "category_id": 3, "image_id": 7, "id": 4}],
        "images": [{"height": 2, "id": 7, "width": 3, "file_name": "a.jpg", "license": [1]}]} "#,
    )
    .unwrap();
    let image = &listing.images[0];
    assert_eq!((image.id, image.width, image.height), (7, 3, 2));
    assert_eq!(image.file_name.as_deref(), Some("a.jpg"));
    let annotation = &listing.annotations[0];
    assert_eq!((annotation.id, annotation.image_id, annotation.category_id), (4, 7, 3));
    assert!(annotation.is_crowd);
    assert_eq!(annotation.obj_ann_id, None);
    assert!(matches!(annotation.segmentation, Segmentation::Polygons(_)));
    assert!(listing.categories.is_empty());
}

#[test]
fn the_hash_is_that_of_the_whole_file() {
    let text = b"{\"images\": [], \"annotations\": []}  \n";
    let expected: [u8; 32] = sha2::Digest::finalize(sha2::Digest::chain_update(
        <sha2::Sha256 as sha2::Digest>::new(),
        text,
    ))
    .into();
    assert_eq!(read(text).unwrap().sha256, expected);
}

#[test]
fn a_mask_that_is_none_does_not_fail_the_file() {
    for mask in ["5", "null", "\"text\"", "[[\"a\"]]", "{\"size\": [1]}", "{}"] {
        let text = format!(
            "{{\"images\": [], \"annotations\": [{{\"id\": 1, \"image_id\": 1, \
             \"category_id\": 1, \"segmentation\": {mask}}}]}}"
        );
        let listing = read(text.as_bytes()).unwrap();
        let annotation = &listing.annotations[0];
        assert!(matches!(annotation.segmentation, Segmentation::Unreadable(_)), "{mask}");
    }
}

#[test]
fn a_cut_file_is_refused_at_its_end() {
    let text = br#"{"images": [], "annotations": [{"id": 1, "#;
    let (offset, reason) = refusal(&text[..]);
    assert_eq!(offset, text.len() as u64);
    assert!(reason.contains("line 1 column"), "{reason}");
}

#[test]
fn a_wrong_type_is_refused_where_it_stands() {
    let text = b"{\"images\": [],\n \"annotations\": {\"1\": []}}";
    let (offset, reason) = refusal(&text[..]);
    assert!(reason.contains("line 2"), "{reason}");
    let found = usize::try_from(offset).unwrap();
    assert!((30..34).contains(&found), "{found}: {:?}", &text[found..]);
}

#[test]
fn numbers_out_of_range_are_refused() {
    for number in ["-1", "1.5", "1e400", "18446744073709551616", "\"1\""] {
        let text = format!(
            "{{\"images\": [{{\"id\": 1, \"file_name\": \"a\", \"width\": {number}, \
             \"height\": 1}}], \"annotations\": []}}"
        );
        assert!(matches!(read(text.as_bytes()), Err(DataError::Json { .. })), "{number}");
    }
}

#[test]
fn deep_nesting_is_refused_also_where_it_is_read_over() {
    for key in ["images", "unknown"] {
        let text = format!("{{\"{key}\": {}", "[".repeat(1_000_000));
        let (offset, reason) = refusal(text.as_bytes());
        assert!(reason.contains("nested") || reason.contains("invalid type"), "{reason}");
        assert!(offset < 200, "{offset}");
    }
}

#[test]
fn a_message_never_quotes_a_long_text() {
    let text = format!("{{\"images\": \"{}\", \"annotations\": []}}", "a".repeat(1_000_000));
    let (_, reason) = refusal(text.as_bytes());
    assert!(reason.len() <= 1200, "{}", reason.len());
}

/// A start and then a piece repeated without end.
struct Endless {
    start: &'static [u8],
    /// Whole pieces, as many as a reader takes at once.
    pieces: Vec<u8>,
    given: usize,
}

impl Endless {
    fn new(start: &'static str, piece: &'static str) -> Self {
        Self { start: start.as_bytes(), pieces: piece.repeat(1 << 16).into_bytes(), given: 0 }
    }
}

impl Read for Endless {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        assert!(self.given < 1 << 30, "a gigabyte was read");
        let rest = match self.given.checked_sub(self.start.len()) {
            None => &self.start[self.given..],
            Some(given) => &self.pieces[given % self.pieces.len()..],
        };
        let length = rest.len().min(target.len());
        target[..length].copy_from_slice(&rest[..length]);
        self.given += length;
        Ok(length)
    }
}

#[test]
fn a_text_without_end_is_refused_before_it_fills_the_memory() {
    for start in [
        r#"{"images": [{"id": 1, "file_name": ""#,
        r#"{"images": [], "annotations": [{"id": 1, "segmentation": {"counts": ""#,
        r#"{"unknown": ""#,
        r#"{""#,
    ] {
        let (offset, reason) = refusal(Endless::new(start, "0\\n"));
        assert!(reason.contains("a text of more than"), "{reason}");
        assert!(offset < CocoListing::MAX_STRING_BYTES + (1 << 20), "{offset}");
    }
}

#[test]
fn a_number_without_end_is_refused() {
    for start in [r#"{"unknown": "#, r#"{"images": [{"id": "#] {
        let (offset, reason) = refusal(Endless::new(start, "1"));
        assert!(reason.contains("digits"), "{reason}");
        assert!(offset < 1 << 16, "{offset}");
    }
}

#[test]
fn a_record_without_end_is_refused() {
    for (start, piece) in [
        (r#"{"images": [], "annotations": [{"segmentation": ["#, "[1234567,2345678],"),
        (r#"{"images": [], "annotations": [{"unknown": ["#, "{},"),
    ] {
        let (_, reason) = refusal(Endless::new(start, piece));
        assert!(reason.contains("a record of more than"), "{reason}");
    }
}

#[test]
fn a_file_is_left_as_soon_as_its_reader_does_not_want_more() {
    let endless = Endless::new(r#"{"unknown": ["#, "1,");
    let answer = CocoListing::read(endless, Path::new("some.json"), &mut |bytes| bytes < 1 << 20);
    assert!(matches!(answer, Err(DataError::Stopped)), "{answer:?}");
}

#[test]
fn an_unreadable_file_is_no_bad_json() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let answer = CocoListing::read(Broken, Path::new("some.json"), &mut |_| true);
    let Err(error @ DataError::Read { .. }) = answer else { panic!("{answer:?}") };
    assert!(error.to_string().contains("the disk is gone"), "{error}");
}
