use prost::Message as _;

use super::*;
use crate::watch::metrics_row::{train_row, validation_row};

/// The events of a file; lengths are believed, checksums are compared by framing again.
fn events(path: &Path) -> Vec<Event> {
    let bytes = fs::read(path).unwrap();
    let mut rest = bytes.as_slice();
    let mut events = Vec::new();
    while !rest.is_empty() {
        let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
        let (record, later) = rest.split_at(length + 16);
        let data = &record[12..12 + length];
        assert_eq!(record, framed(data));
        events.push(Event::decode(data).unwrap());
        rest = later;
    }
    events
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[test]
fn a_small_file_has_the_bytes_that_the_format_prescribes() {
    let scratch = tempfile::tempdir().unwrap();
    let mut file = EventFile::create(scratch.path(), "box", 2.0).unwrap();
    file.scalars(2.0, 3, &[("a", 0.5)]).unwrap();
    file.sync().unwrap();
    assert_eq!(file.path().file_name().unwrap(), "events.out.tfevents.0000000002.box.0");
    // The same bytes come from the messages and the checksums of the tensorboard package.
    let expected = [
        // 24 bytes follow, and the checksum of this length.
        "1800000000000000",
        "a37f4b22",
        // Field 1, a double: 2.0. Step 0 is the default and left out.
        "090000000000000040",
        // Field 3, 13 bytes: "brain.Event:2".
        "1a0d627261696e2e4576656e743a32",
        "ff2ee0e7",
        // 23 bytes follow.
        "1700000000000000",
        "e7cef81e",
        // Field 1: 2.0. Field 2, a number: 3.
        "090000000000000040",
        "1003",
        // Field 5, a summary of 10 bytes: field 1, a value of 8 bytes.
        "2a0a",
        "0a08",
        // Its field 1, one byte: "a". Its field 2, a float: 0.5.
        "0a0161",
        "150000003f",
        "959aa0ce",
    ];
    assert_eq!(hex(&fs::read(file.path()).unwrap()), expected.concat());
}

#[test]
fn a_resumed_run_forgets_the_step_it_goes_on_with_and_later_ones() {
    let scratch = tempfile::tempdir().unwrap();
    let file = EventFile::resume(scratch.path(), "box", 7.5, 41).unwrap();
    let found = events(file.path());
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].what, Some(What::FileVersion("brain.Event:2".to_owned())));
    assert_eq!(found[1].step, 41);
    assert_eq!(found[1].what, Some(What::SessionLog(SessionLog { status: 1 })));
}

#[test]
fn two_files_of_one_second_have_different_names_and_hosts_are_plain() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("runs");
    let name = || {
        let file = EventFile::create(&folder, "a/../b c", 1_700_000_000.9).unwrap();
        file.path().file_name().unwrap().to_str().unwrap().to_owned()
    };
    let names = [name(), name()];
    assert_eq!(names[0], "events.out.tfevents.1700000000.a-..-b-c.0");
    assert_eq!(names[1], "events.out.tfevents.1700000000.a-..-b-c.1");
}

#[test]
fn a_row_becomes_a_scalar_per_value_under_its_kind() {
    let scratch = tempfile::tempdir().unwrap();
    let mut file = EventFile::create(scratch.path(), "box", 1.0).unwrap();
    file.row(1.0, &train_row(1, 0.5)).unwrap();
    file.row(1.0, &validation_row(1, 40.0)).unwrap();
    let mut found = Vec::new();
    for event in events(file.path()) {
        if let Some(What::Summary(summary)) = event.what {
            for value in summary.value {
                let Some(Content::SimpleValue(number)) = value.content else { panic!() };
                found.push((value.tag, number));
            }
        }
    }
    let expected = [
        ("train/loss", 0.5),
        ("train/text_loss", 0.25),
        ("train/dice_loss", 0.25),
        ("train/gradient_norm", 1.5),
        ("train/learning_rate", 4e-4),
        ("train/epoch", 0.25),
        ("validation/common_parts/miou", 20.0),
        ("validation/miou", 40.0),
    ];
    assert_eq!(found, expected.map(|(tag, number)| (tag.to_owned(), number)));
}

#[test]
fn a_picture_brings_its_size_and_something_else_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let mut file = EventFile::create(scratch.path(), "box", 1.0).unwrap();
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x05\0\0\0\x03\x08\x02\0\0\0".to_vec();
    file.image(1.0, 9, "sample", &png).unwrap();
    let last = events(file.path()).pop().unwrap();
    let Some(What::Summary(summary)) = last.what else { panic!() };
    let image = Image { height: 3, width: 5, colorspace: 3, encoded_image_string: png.clone() };
    assert_eq!(summary.value[0].content, Some(Content::Image(image)));
    for length in 0..26 {
        let cut = file.image(1.0, 9, "sample", &png[..length]);
        assert!(matches!(cut, Err(WatchError::Picture { .. })), "{length}");
    }
    png[25] = 7;
    assert!(file.image(1.0, 9, "sample", &png).is_err());
    assert_eq!(events(file.path()).len(), 2);
}

#[test]
fn a_step_beyond_the_format_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let mut file = EventFile::create(scratch.path(), "box", 1.0).unwrap();
    let error = file.scalars(1.0, u64::MAX, &[("a", 1.0)]).unwrap_err();
    assert!(matches!(error, WatchError::Step { step: u64::MAX }), "{error}");
    assert_eq!(events(file.path()).len(), 1);
}
