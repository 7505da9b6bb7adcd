//! What lies in a file of `tests/data`, written a second time as JSON.

use std::path::{Path, PathBuf};

use calico_formats::StoredTensor;
use serde_json::Value;

pub(crate) fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(path)
}

pub(crate) fn document(path: &str) -> Value {
    serde_json::from_slice(&std::fs::read(data(path)).unwrap()).unwrap()
}

/// Compares all tensors, bit for bit, with those of a document.
pub(crate) fn assert_tensors(document: &Value, found: &[(&str, &StoredTensor, Vec<u8>)]) {
    let expected = document["tensors"].as_object().unwrap();
    let mut names: Vec<&str> = found.iter().map(|(name, ..)| *name).collect();
    names.sort_unstable();
    let mut expected_names: Vec<&str> = expected.keys().map(String::as_str).collect();
    expected_names.sort_unstable();
    assert_eq!(names, expected_names);
    for (name, tensor, bytes) in found {
        let expected = &expected[*name];
        assert_eq!(tensor.element.to_string(), expected["element"], "{name}");
        assert_eq!(serde_json::json!(tensor.shape), expected["shape"], "{name}");
        let width = tensor.element.bytes_of(1).unwrap_or(1) as usize;
        let digits = |byte: &u8| format!("{byte:02x}");
        let values = bytes.chunks(width);
        let values =
            values.map(|value| value.iter().rev().map(digits).collect::<Vec<_>>().concat());
        assert_eq!(values.collect::<Vec<_>>().join(" "), expected["bits"], "{name}");
    }
}
