//! GGUF that lies, put together by hand.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use calico_formats::{FormatError, List, TensorFile};
use proptest::prelude::*;

const U32: u32 = 4;
const BOOL: u32 = 7;
const TEXT: u32 = 8;
const LIST: u32 = 9;
const U64: u32 = 10;

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}

fn entry(key: &str, kind: u32, value: &[u8]) -> Vec<u8> {
    [text(key).as_slice(), &kind.to_le_bytes(), value].concat()
}

fn list(key: &str, kind: u32, count: u64, values: &[u8]) -> Vec<u8> {
    entry(key, LIST, &[&kind.to_le_bytes(), count.to_le_bytes().as_slice(), values].concat())
}

/// `axes` from the innermost to the outermost.
fn info(name: &str, axes: &[u64], kind: u32, offset: u64) -> Vec<u8> {
    let mut bytes = text(name);
    bytes.extend((axes.len() as u32).to_le_bytes());
    bytes.extend(axes.iter().flat_map(|axis| axis.to_le_bytes()));
    bytes.extend(kind.to_le_bytes());
    bytes.extend(offset.to_le_bytes());
    bytes
}

fn counted(version: u32, tensors: u64, entries: u64, rest: &[u8]) -> Vec<u8> {
    let mut bytes = b"GGUF".to_vec();
    bytes.extend(version.to_le_bytes());
    bytes.extend(tensors.to_le_bytes());
    bytes.extend(entries.to_le_bytes());
    bytes.extend(rest);
    bytes
}

/// A file with 64 bytes of values.
fn file(entries: &[Vec<u8>], infos: &[Vec<u8>]) -> Vec<u8> {
    let rest = [entries.concat(), infos.concat()].concat();
    let mut bytes = counted(3, infos.len() as u64, entries.len() as u64, &rest);
    let values = bytes.len().next_multiple_of(32);
    bytes.resize(values + 64, 7);
    bytes
}

fn open(bytes: Vec<u8>) -> Result<TensorFile, FormatError> {
    TensorFile::from_bytes(Path::new("model.gguf"), bytes)
}

fn broken(bytes: Vec<u8>) -> String {
    let error = open(bytes).unwrap_err();
    assert!(matches!(error, FormatError::Broken { .. }), "{error:?}");
    error.to_string()
}

fn refused(bytes: Vec<u8>) -> String {
    let error = open(bytes).unwrap_err();
    assert!(matches!(error, FormatError::Refused { .. }), "{error:?}");
    error.to_string()
}

fn not_this(bytes: Vec<u8>) -> String {
    let error = open(bytes).unwrap_err();
    assert!(matches!(error, FormatError::NotThis { .. }), "{error:?}");
    error.to_string()
}

fn with_entry(entry: Vec<u8>) -> Vec<u8> {
    file(&[entry], &[])
}

fn with_info(info: Vec<u8>) -> Vec<u8> {
    file(&[], &[info])
}

#[test]
fn a_file_cut_off_anywhere_is_told_to_be_so() {
    for name in ["types", "aligned"] {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/gguf/{name}.gguf"));
        let whole = std::fs::read(path).unwrap();
        let tensors = open(whole.clone()).unwrap();
        let ends = tensors.tensors().values().map(|t| t.layout.start + t.bytes());
        // What follows the last value is padding.
        let end = ends.max().unwrap() as usize;
        for len in 0..end {
            assert!(open(whole[..len].to_vec()).is_err(), "{name}: {len} of {end} bytes");
        }
        open(whole[..end].to_vec()).unwrap();
        assert!(broken(whole[..end - 1].to_vec()).contains("cut off"));
        assert!(broken(whole[..100].to_vec()).contains("cut off"));
    }
}

#[test]
fn other_versions_byte_orders_and_forerunners_are_named() {
    assert!(not_this(counted(1, 0, 0, &[])).contains("is GGUF of version 1"));
    assert!(not_this(counted(4, 0, 0, &[])).contains("is GGUF of version 4"));
    assert!(not_this(counted(0, 0, 0, &[])).contains("is GGUF of version 0"));
    assert!(not_this(counted(3u32.swap_bytes(), 0, 0, &[])).contains("big-endian"));
    assert!(not_this(b"tjgg\x03\0\0\0".to_vec()).contains("is GGJT, which GGUF replaced"));
    assert!(not_this(b"lmgg".to_vec()).contains("is GGML"));
    assert!(broken(b"GGUF".to_vec()).contains("the version needs 4 bytes"));
}

#[test]
fn counts_beyond_any_model_are_refused_before_memory_is_taken() {
    for count in [1 << 63, u64::MAX, 1 << 32] {
        assert!(refused(counted(3, count, 0, &[])).contains("tensors; expected at most"));
        assert!(refused(counted(3, 0, count, &[])).contains("entries; expected at most"));
    }
    assert!(broken(counted(3, 1000, 0, &[])).contains("the name of a tensor needs 8 bytes"));
    assert!(broken(counted(3, 0, 1000, &[])).contains("the key of an entry needs 8 bytes"));
}

#[test]
fn texts_longer_than_the_file_are_found_before_memory_is_taken() {
    for length in [1u64 << 63, u64::MAX, 1 << 40, 1000] {
        let length = length.to_le_bytes();
        assert!(broken(counted(3, 0, 1, &length)).contains("the key of an entry needs"));
        assert!(broken(counted(3, 1, 0, &length)).contains("the name of a tensor needs"));
        assert!(broken(with_entry(entry("k", TEXT, &length))).contains("entry `k` needs"));
        let listed = list("k", TEXT, 1, &length);
        assert!(broken(with_entry(listed)).contains("entry `k` needs"));
    }
}

#[test]
fn lists_longer_than_the_file_are_found_before_memory_is_taken() {
    for kind in (0..=8).chain(10..=12) {
        for count in [1 << 63, u64::MAX, 1 << 61, 1 << 40, 1000] {
            let error = broken(with_entry(list("k", kind, count, &[])));
            assert!(error.contains("entry `k` needs"), "{kind} {count}: {error}");
        }
    }
}

#[test]
fn more_listed_values_than_any_vocabulary_has_are_refused() {
    let (half, more) = (1 << 21, (1 << 21) + 1);
    let entries =
        [list("a", 0, half, &vec![1; half as usize]), list("b", 0, more, &vec![1; more as usize])];
    assert!(refused(file(&entries, &[])).contains("found 4194305 values in lists so far"));
    let fits = [list("a", 0, half, &vec![1; half as usize])];
    assert_eq!(open(file(&fits, &[])).unwrap().lists()["a"].len(), 1 << 21);
}

#[test]
fn a_header_beyond_its_bound_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.gguf");
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(&counted(3, 0, 10, &[])).unwrap();
    // Ten texts of 12 MiB, all zeros and none of them on the disk.
    let each: u64 = 12 << 20;
    for number in 0..10 {
        let start = entry(&number.to_string(), TEXT, &each.to_le_bytes());
        file.write_all(&start).unwrap();
        file.seek(SeekFrom::Current(each as i64)).unwrap();
    }
    let end = file.stream_position().unwrap();
    file.set_len(end).unwrap();
    let error = TensorFile::open(&path).unwrap_err();
    assert!(matches!(error, FormatError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("expected a header of at most"), "{error}");
}

#[test]
fn lists_within_lists_are_refused_however_deep() {
    let mut nested = Vec::new();
    for _ in 0..1000 {
        nested.extend(LIST.to_le_bytes());
        nested.extend(1u64.to_le_bytes());
    }
    assert!(refused(with_entry(entry("k", LIST, &nested))).contains("lists within a list"));
}

#[test]
fn entries_that_mean_nothing_are_refused() {
    assert!(broken(with_entry(entry("k", 13, &[]))).contains("type 13, expected 0 to 12"));
    assert!(broken(with_entry(entry("k", u32::MAX, &[]))).contains("expected 0 to 12"));
    assert!(broken(with_entry(list("k", 99, 1, &[]))).contains("type 99"));
    assert!(broken(with_entry(entry("k", BOOL, &[2]))).contains("found the boolean 2"));
    assert!(broken(with_entry(list("k", BOOL, 2, &[1, 7]))).contains("found the boolean 7"));
    let large = (1u64 << 63).to_le_bytes();
    let error = broken(with_entry(list("k", U64, 1, &large)));
    assert!(error.contains("found 9223372036854775808 in a list"), "{error}");
    let twice = [entry("k", BOOL, &[1]), list("k", BOOL, 0, &[])];
    assert!(broken(file(&twice, &[])).contains("entry `k`: it appears twice"));
}

#[test]
fn texts_that_are_no_utf_8_are_refused_with_their_place() {
    let mut bytes = with_entry(entry("k", TEXT, &text("abc")));
    let at = bytes.windows(3).position(|window| window == b"abc").unwrap() + 1;
    bytes[at] = 0xc3;
    assert!(broken(bytes).contains(&format!("entry `k` is no UTF-8 at byte {at}")));
    let mut bytes = with_info(info("abc", &[1], 0, 0));
    let at = bytes.windows(3).position(|window| window == b"abc").unwrap();
    bytes[at] = 0xff;
    assert!(broken(bytes).contains("the name of a tensor is no UTF-8"));
}

#[test]
fn alignments_that_align_nothing_are_refused() {
    let aligned =
        |alignment: u32| file(&[entry("general.alignment", U32, &alignment.to_le_bytes())], &[]);
    for alignment in [0, 1, 4, 12, 33, u32::MAX] {
        let error = broken(aligned(alignment));
        assert!(error.contains(&format!("found the alignment {alignment}")), "{error}");
    }
    for alignment in [8, 24, 64, 1 << 31] {
        open(aligned(alignment)).unwrap();
    }
    let wide = entry("general.alignment", U64, &32u64.to_le_bytes());
    assert!(broken(with_entry(wide)).contains("found a value of type U64, expected U32"));
}

#[test]
fn an_alignment_beyond_the_file_leaves_no_place_for_values() {
    let alignment = entry("general.alignment", U32, &(1u32 << 31).to_le_bytes());
    let bytes = file(&[alignment], &[info("a", &[1], 0, 0)]);
    assert!(broken(bytes).contains("from byte 2147483648, but the file has"));
}

#[test]
fn axes_that_overflow_are_found() {
    for axes in [
        vec![1 << 63, 2],
        vec![u64::MAX],
        vec![1 << 62],
        vec![1 << 32, 1 << 32],
        vec![1 << 32, 1 << 32, 0],
        vec![0, 1 << 32, 1 << 32],
        vec![u64::MAX; 4],
    ] {
        let error = broken(with_info(info("a", &axes, 0, 0)));
        assert!(error.contains("does not make up whole values of f32"), "{axes:?}: {error}");
    }
    assert!(broken(with_info(info("a", &[17], 0, 0))).contains("cut off"));
    assert!(broken(with_info(info("a", &[1; 9], 0, 0))).contains("found 9 axes"));
    let mut many = text("a");
    many.extend(u32::MAX.to_le_bytes());
    assert!(broken(with_info(many)).contains("found 4294967295 axes"));
}

#[test]
fn offsets_must_be_aligned_and_lie_in_the_file() {
    assert!(broken(with_info(info("a", &[1], 0, 4))).contains("multiple of the alignment 32"));
    assert!(broken(with_info(info("a", &[1], 0, 64))).contains("cut off"));
    let last = u64::MAX - 31;
    assert!(broken(with_info(info("a", &[1], 0, last))).contains("behind any file"));
    assert!(broken(with_info(info("a", &[1], 0, 1 << 62))).contains("cut off"));
}

#[test]
fn blocks_fill_whole_rows() {
    let q8_0 = 8;
    let error = broken(with_info(info("a", &[16, 2], q8_0, 0)));
    assert!(error.contains("its rows have 16 values; expected a multiple of 32"), "{error}");
    assert!(broken(with_info(info("a", &[], q8_0, 0))).contains("its rows have 1 values"));
    open(with_info(info("a", &[32, 1], q8_0, 0))).unwrap();
}

#[test]
fn a_type_that_is_not_read_is_named_with_its_tensor() {
    let iq4_nl = not_this(with_info(info("blk.0", &[32], 20, 0)));
    assert!(iq4_nl.contains("stores tensor `blk.0` as iq4_nl"), "{iq4_nl}");
    let unknown = not_this(with_info(info("a", &[32], 4242, 0)));
    assert!(unknown.contains("as type 4242 of ggml"), "{unknown}");
}

#[test]
fn tensors_that_share_bytes_are_refused() {
    let error = broken(file(&[], &[info("a", &[9], 0, 0), info("b", &[1], 0, 32)]));
    assert!(error.contains("tensor `b`: its values begin at byte"), "{error}");
    assert!(error.contains("inside of those of tensor `a`"), "{error}");
    open(file(&[], &[info("a", &[8], 0, 32), info("b", &[8], 0, 0)])).unwrap();
}

#[test]
fn a_name_that_appears_twice_is_listed() {
    let infos = [info("a", &[1], 0, 32), info("a", &[2], 0, 0), info("b", &[0], 0, 0)];
    let found = open(file(&[], &infos)).unwrap();
    assert_eq!(found.doubled(), ["a"]);
    assert_eq!(found.tensors()["a"].shape, [1]);
}

#[test]
fn what_is_unusual_but_clear_is_read() {
    let entries = [list("none", TEXT, 0, &[]), entry("", U32, &7u32.to_le_bytes())];
    let infos = [info("scalar", &[], 0, 32), info("empty", &[4, 0], 8, 0)];
    let error = broken(file(&entries, &infos));
    assert!(error.contains("its rows have 4 values"), "{error}");
    let infos = [info("scalar", &[], 0, 32), info("empty", &[32, 0], 8, 0)];
    let found = open(file(&entries, &infos)).unwrap();
    assert_eq!(found.lists()["none"], List::Texts(Vec::new()));
    assert_eq!(found.notes()[""], "7");
    assert_eq!(found.read("scalar").unwrap(), [7; 4]);
    assert_eq!(found.tensors()["empty"].shape, [0, 32]);
    assert!(found.read("empty").unwrap().is_empty());
}

proptest! {
    #[test]
    fn changed_bytes_are_refused_or_leave_every_tensor_readable(
        changes in proptest::collection::vec((0usize..6300, any::<u8>()), 1..4),
    ) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/gguf/types.gguf");
        let mut bytes = std::fs::read(path).unwrap();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        if let Ok(file) = open(bytes) {
            for (name, tensor) in file.tensors() {
                prop_assert_eq!(file.read(name).unwrap().len() as u64, tensor.bytes());
            }
        }
    }

    #[test]
    fn whatever_follows_the_magic_is_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(file) = open(counted(3, 1, 1, &bytes)) {
            prop_assert_eq!(file.tensors().len(), 1);
        }
    }
}
