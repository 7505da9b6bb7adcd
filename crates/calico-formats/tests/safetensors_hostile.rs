//! Files of safetensors that lie.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;

use calico_formats::{FormatError, TensorFile};
use proptest::prelude::*;

fn open(bytes: Vec<u8>) -> Result<TensorFile, FormatError> {
    TensorFile::from_bytes(Path::new("model.safetensors"), bytes)
}

/// A header, and as many bytes of values.
fn file(header: &str, values: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + values, 7);
    bytes
}

fn error(header: &str, values: usize) -> FormatError {
    open(file(header, values)).unwrap_err()
}

fn broken(header: &str, values: usize) -> String {
    let error = error(header, values);
    assert!(matches!(error, FormatError::Broken { .. }), "{error:?}");
    error.to_string()
}

fn tensor(dtype: &str, shape: &str, begin: &str, end: &str) -> String {
    format!(r#"{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{begin},{end}]}}"#)
}

/// One tensor `a` in four bytes of values.
fn one(dtype: &str, shape: &str, begin: &str, end: &str) -> String {
    broken(&format!(r#"{{"a":{}}}"#, tensor(dtype, shape, begin, end)), 4)
}

#[test]
fn a_file_cut_off_anywhere_is_told_to_be_so() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/safetensors/types.safetensors");
    let whole = std::fs::read(path).unwrap();
    for len in 0..whole.len() {
        assert!(open(whole[..len].to_vec()).is_err(), "{len} of {} bytes", whole.len());
    }
    let error = open(whole[..whole.len() / 2].to_vec()).unwrap_err().to_string();
    assert!(error.contains("cut off"), "{error}");
}

#[test]
fn a_byte_behind_the_values_is_found() {
    let header = format!(r#"{{"a":{}}}"#, tensor("U8", "[4]", "0", "4"));
    open(file(&header, 4)).unwrap();
    assert!(broken(&header, 5).contains("the last 1 of the file's"));
    assert!(broken("{}", 1).contains("the last 1 of the file's"));
    open(file("{}", 0)).unwrap();
    // What writers align the header with.
    open(file(&format!("{header}   "), 4)).unwrap();
    assert!(broken(&format!("{header} x"), 4).contains("trailing characters"));
}

#[test]
fn a_header_longer_than_the_file_or_any_model_is_refused_before_it_is_read() {
    let with_length = |length: u64| {
        let mut bytes = file("{}", 100);
        bytes[..8].copy_from_slice(&length.to_le_bytes());
        open(bytes).unwrap_err()
    };
    let error = with_length(103).to_string();
    assert!(error.contains("the header takes 103 bytes, but the file has 110"), "{error}");
    let error = with_length(1 << 40);
    assert!(error.to_string().contains("cut off"), "{error}");
    // Such a number is no length, so this is no file of this format.
    let error = with_length(1 << 63);
    assert!(matches!(error, FormatError::NotThis { .. }), "{error:?}");
    let error = with_length(u64::MAX);
    assert!(matches!(error, FormatError::NotThis { .. }), "{error:?}");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large");
    let length: u64 = (100 << 20) + 1;
    let mut start = length.to_le_bytes().to_vec();
    start.push(b'{');
    std::fs::write(&path, start).unwrap();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1 << 30).unwrap();
    let error = TensorFile::open(&path).unwrap_err();
    assert!(matches!(error, FormatError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("expected at most 104857600"), "{error}");
}

#[test]
fn a_header_that_is_no_object_of_tensors_is_refused() {
    for header in [
        "{ ",
        "{\"a\"",
        "{\"a\":1}",
        "{\"a\":[]}",
        "{\"a\":{}}",
        "{\"a\":null}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[4]}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0]}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4,4]}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":4,\"data_offsets\":[0,4]}}",
        "{\"a\":{\"dtype\":8,\"shape\":[4],\"data_offsets\":[0,4]}}",
        "{\"__metadata__\":{\"a\":1}}",
        "{\"__metadata__\":[]}",
        "{\"\\ud800\":1}",
    ] {
        assert!(broken(header, 4).contains("line 1 column"), "{header}");
    }
    let mut bytes = file(r#"{"a":1}"#, 0);
    bytes[10] = 0xff;
    let error = open(bytes).unwrap_err().to_string();
    assert!(error.contains("no UTF-8 from byte 2"), "{error}");
}

#[test]
fn a_fault_within_a_tensor_names_it_and_the_place() {
    let error = broken(r#"{"some.weight":{"dtype":"U8","shape":[-1],"data_offsets":[0,4]}}"#, 4);
    assert!(error.contains("tensor `some.weight`: invalid value"), "{error}");
    assert_eq!(error.matches("at line 1 column").count(), 1, "{error}");
}

#[test]
fn what_a_reason_quotes_is_cut() {
    let header = format!(r#"{{"a":{{"dtype":"U8","shape":"{}"}}}}"#, "x".repeat(100_000));
    let error = broken(&header, 4);
    assert!(error.len() < 500 && error.contains("… at line 1 column"), "{error}");
}

#[test]
fn ranges_must_lie_in_the_file_and_fit_the_shape() {
    let range = "expected a range within the 4 bytes";
    assert!(one("U8", "[4]", "4", "0").contains(range));
    assert!(one("U8", "[4]", "1", "5").contains(range));
    assert!(one("U8", "[4]", "0", "18446744073709551615").contains(range));
    assert!(one("U8", "[4]", "18446744073709551612", "18446744073709551615").contains(range));
    assert!(one("U8", "[3]", "0", "4").contains("take 4 bytes, but [3] of u8 takes 3"));
    assert!(one("F32", "[4]", "0", "4").contains("take 4 bytes, but [4] of f32 takes 16"));
    assert!(one("U8", "[4]", "0", "18446744073709551616").contains("invalid type"));
    assert!(one("U8", "[4]", "0", "4.0").contains("invalid type"));
}

#[test]
fn shapes_that_overflow_are_found() {
    assert!(one("U8", "[4294967296,4294967297]", "0", "4").contains("takes too many"));
    assert!(one("F64", "[2305843009213693952]", "0", "4").contains("takes too many"));
    assert!(one("U8", "[0,4294967296,4294967297]", "4", "4").contains("whole values"));
    assert!(one("U8", "[1,1,1,1,1,1,1,1,4]", "0", "4").contains("more than 8 axes"));
}

#[test]
fn a_type_that_is_not_read_is_named_with_its_tensor() {
    let header = format!(r#"{{"a.b":{}}}"#, tensor("F8_E4M3", "[4]", "0", "4"));
    let error = error(&header, 4);
    assert!(matches!(error, FormatError::NotThis { .. }), "{error:?}");
    assert!(error.to_string().contains("stores tensor `a.b` as F8_E4M3"), "{error}");
}

fn two(first: (&str, &str), second: (&str, &str), values: usize) -> String {
    let one = |(begin, end): (&str, &str)| {
        let size = end.parse::<i64>().unwrap() - begin.parse::<i64>().unwrap();
        tensor("U8", &format!("[{size}]"), begin, end)
    };
    broken(&format!(r#"{{"a":{},"b":{}}}"#, one(first), one(second)), values)
}

#[test]
fn tensors_that_share_bytes_or_leave_some_are_refused() {
    let shared = two(("0", "4"), ("2", "6"), 6);
    assert!(shared.contains("tensor `b`: its values begin at byte"), "{shared}");
    assert!(shared.contains("inside of those of tensor `a`"), "{shared}");
    assert!(two(("0", "4"), ("0", "4"), 4).contains("inside of those"));
    assert!(two(("0", "2"), ("3", "4"), 4).contains("belong to no tensor"));
    assert!(two(("1", "2"), ("2", "4"), 4).contains("belong to no tensor"));
}

#[test]
fn a_name_that_appears_twice_is_listed() {
    let (first, second) = (tensor("U8", "[2]", "0", "2"), tensor("U8", "[1]", "2", "3"));
    let header = format!(r#"{{"a":{first},"b":{},"a":{second}}}"#, tensor("I8", "[1]", "3", "4"));
    let found = open(file(&header, 4)).unwrap();
    assert_eq!(found.doubled(), ["a"]);
    assert_eq!(found.tensors()["a"].shape, [2]);
    // The same once more, written in another way.
    let header = format!(r#"{{"a":{first},"\u0061":{first}}}"#);
    assert_eq!(open(file(&header, 2)).unwrap().doubled(), ["a"]);
}

#[test]
fn keys_that_appear_twice_elsewhere_are_refused() {
    let twice = r#"{"__metadata__":{},"__metadata__":{}}"#;
    assert!(broken(twice, 0).contains("`__metadata__` appears twice"));
    let twice = r#"{"__metadata__":{"k":"1","k":"2"}}"#;
    assert!(broken(twice, 0).contains("`k` appears twice"));
    let twice = r#"{"a":{"dtype":"U8","dtype":"I8","shape":[4],"data_offsets":[0,4]}}"#;
    assert!(broken(twice, 4).contains("duplicate field `dtype`"));
}

#[test]
fn deep_nesting_in_what_is_passed_over_is_survived() {
    let deep = "[".repeat(200_000);
    let header = format!(r#"{{"a":{{"more":{deep}"#);
    assert!(broken(&header, 0).contains("line 1 column"));
    let (open_, close) = ("[".repeat(100_000), "]".repeat(100_000));
    let info = tensor("U8", "[4]", "0", "4");
    let header = format!(r#"{{"a":{{"more":{open_}{close},{}}}"#, &info[1..]);
    open(file(&header, 4)).unwrap();
}

#[test]
fn more_tensors_than_any_model_has_are_refused() {
    let info = tensor("U8", "[0]", "0", "0");
    let entries: Vec<String> =
        (0..=1 << 18).map(|number| format!(r#""{number}":{info}"#)).collect();
    let error = broken(&format!("{{{}}}", entries.join(",")), 0);
    assert!(error.contains("more than 262144 tensors"), "{error}");
}

#[test]
fn text_that_is_json_is_no_file_of_tensors() {
    let error = open(br#"{"model_type": "llama"}"#.to_vec()).unwrap_err();
    assert!(matches!(error, FormatError::NotThis { .. }), "{error:?}");
}

proptest! {
    #[test]
    fn a_changed_byte_is_refused_or_leaves_every_tensor_readable(
        at in 0usize..6000,
        byte in any::<u8>(),
    ) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"));
        let path = path.join("tests/data/safetensors/types.safetensors");
        let mut bytes = std::fs::read(path).unwrap();
        bytes[at] = byte;
        if let Ok(file) = open(bytes) {
            for (name, tensor) in file.tensors() {
                prop_assert_eq!(file.read(name).unwrap().len() as u64, tensor.bytes());
            }
        }
    }

    #[test]
    fn whatever_stands_in_a_header_is_an_answer(header in "[{}\\[\\]:,\"a-f0-9 \\\\]{0,60}") {
        if let Ok(file) = open(file(&format!("{{{header}"), 4)) {
            prop_assert!(file.tensors().len() < 60);
        }
    }
}
