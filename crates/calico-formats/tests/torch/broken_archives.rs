//! Zip files that lie.

use crate::zip::{Header, Zip};
use crate::{FLOATS, assert_says, broken, not_this, open, plain, refused};

fn sound() -> Zip {
    Zip::of(&plain(), &[("0", &FLOATS)])
}

#[test]
fn both_forms_of_the_end_are_read() {
    for bytes in [sound().finish(), sound().finish_long(|_| {})] {
        assert_eq!(open(bytes).unwrap().read("x").unwrap(), FLOATS);
    }
}

#[test]
fn numbers_of_64_bits_are_read_where_the_short_ones_are_full() {
    let moved = |header: &mut Header, len: u64| {
        header.extra = b"XX\x02\0??\x01\0\x18\0".to_vec();
        header.extra.extend([len, len, header.start.into()].map(u64::to_le_bytes).concat());
        (header.len, header.stored_len, header.start) = (u32::MAX, u32::MAX, u32::MAX);
    };
    let file = open(sound().lie(|header| moved(header, 16)).finish()).unwrap();
    assert_eq!(file.read("x").unwrap(), FLOATS);
    let message = broken(open(sound().lie(|header| moved(header, u64::MAX)).finish()));
    assert_says(&message, &["takes 18446744073709551615 bytes", "outside of the file"]);
}

#[test]
fn entries_that_are_not_stored_are_told() {
    let compressed = sound().lie(|header| header.method = 8).finish();
    assert_says(&not_this(open(compressed)), &["`archive/data/0` is compressed", "torch.save"]);
    let encrypted = sound().lie(|header| header.flags = 1).finish();
    assert_says(&not_this(open(encrypted)), &["`archive/data/0` is encrypted"]);
}

#[test]
fn lengths_that_lie_are_broken() {
    let stored = sound().lie(|header| header.stored_len = 8).finish();
    assert_says(&broken(open(stored)), &["takes 8 bytes for 16"]);
    let huge = |header: &mut Header| {
        (header.len, header.stored_len) = (u32::MAX - 1, u32::MAX - 1);
    };
    assert_says(&broken(open(sound().lie(huge).finish())), &["outside of the file"]);
    let missing = |header: &mut Header| header.len = u32::MAX;
    assert_says(&broken(open(sound().lie(missing).finish())), &["64 bits is missing"]);
    let into_directory = |header: &mut Header| {
        (header.len, header.stored_len) = (20, 20);
    };
    assert_says(&broken(open(sound().lie(into_directory).finish())), &["what follows begins at"]);
}

#[test]
fn entries_that_share_bytes_are_broken() {
    let inner = Zip::default().entry("archive/data/1", &FLOATS).finish();
    let outer = sound().entry("archive/outer", &inner);
    let bytes = sound().entry("archive/outer", &inner).finish();
    let at = bytes.windows(inner.len()).position(|window| window == inner).unwrap() as u32;
    // The outer file lists an entry of the inner one.
    let lying = outer.entry("archive/data/1", &FLOATS);
    let message = broken(open(lying.lie(|header| header.start = at).finish()));
    assert_says(&message, &["but what follows begins at"]);
}

#[test]
fn two_entries_of_one_name_are_broken() {
    let zip = sound().entry("archive/data/0", &[1; 16]);
    assert_says(&broken(open(zip.finish())), &["two entries have the name `archive/data/0`"]);
}

#[test]
fn a_header_that_names_another_entry_is_broken() {
    let zip = sound().lie(|header| header.name = "archive/data/1".to_owned());
    assert_says(&broken(open(zip.finish())), &["entry `archive/data/1`", "something else"]);
    let zip = sound().lie(|header| header.start += 1);
    assert_says(&broken(open(zip.finish())), &["entry `archive/data/0`", "something else"]);
    broken(open(sound().lie(|header| header.start = u32::MAX - 1).finish()));
}

#[test]
fn a_directory_that_lies_is_broken() {
    let more = sound().finish_with(|end| end.count = 3);
    assert_says(&broken(open(more)), &["entry 2", "ends within"]);
    let fewer = sound().finish_with(|end| end.count = 1);
    assert_says(&broken(open(fewer)), &["bytes follow the 1 entries"]);
    let outside = sound().finish_with(|end| end.start += 1);
    assert_says(&broken(open(outside)), &["expected it in front of"]);
    let elsewhere = sound().finish_with(|end| end.start -= 1);
    assert_says(&broken(open(elsewhere)), &["found no header"]);
    let overflowing = sound().finish_long(|long| long[2] = u64::MAX);
    assert_says(&broken(open(overflowing)), &["expected it in front of"]);
}

#[test]
fn absurd_counts_are_refused_before_memory_is_taken() {
    let many = sound().finish_long(|long| long[0] = u64::MAX);
    assert_says(&refused(open(many)), &["18446744073709551615 entries"]);
}

#[test]
fn two_ends_that_contradict_each_other_are_broken() {
    let mut bytes = sound().finish_long(|_| {});
    let count = bytes.len() - 12;
    bytes[count..count + 4].copy_from_slice(&[9, 0, 9, 0]);
    assert_says(&broken(open(bytes)), &["contradict"]);
}

#[test]
fn a_file_without_a_directory_is_broken() {
    let mut bytes = sound().finish();
    bytes.truncate(bytes.len() - 22);
    assert_says(&broken(open(bytes)), &["found no directory", "download it again"]);
}

#[test]
fn other_zip_files_are_told() {
    let other = Zip::default().entry("word/document.xml", b"<w/>").finish();
    assert_says(&not_this(open(other)), &["without data.pkl", "torch.save"]);
    let bare = Zip::default().entry("data.pkl", &plain()).finish();
    assert_says(&not_this(open(bare)), &["without data.pkl in its folder"]);
    let two = sound().entry("other/data.pkl", &plain()).finish();
    assert_says(&broken(open(two)), &["more than one data.pkl"]);
    let script = sound().entry("archive/constants.pkl", b"").finish();
    assert_says(&not_this(open(script)), &["TorchScript"]);
}

#[test]
fn values_of_another_order_of_bytes_are_told() {
    let little = sound().entry("archive/byteorder", b"little").finish();
    assert_eq!(open(little).unwrap().tensors().len(), 1);
    let big = sound().entry("archive/byteorder", b"big").finish();
    assert_says(&not_this(open(big)), &["little-endian"]);
    let long = sound().entry("archive/byteorder", &[b'l'; 100]).finish();
    assert_says(&refused(open(long)), &["entry byteorder", "at most 16"]);
}
