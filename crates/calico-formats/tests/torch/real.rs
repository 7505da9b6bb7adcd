//! Files that PyTorch wrote.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use calico_formats::{FileFormat, TensorFile};
use serde_json::Value;

use crate::{assert_says, not_this, open, refused};

pub fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/torch").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    fs::read(path(name)).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// All tensors, in the words of `expected.json`.
fn tensors(file: &TensorFile) -> Value {
    let tensors = file.tensors().iter().map(|(name, tensor)| {
        let said = serde_json::json!({
            "element": tensor.element.to_string(),
            "shape": tensor.shape,
            "bytes": hex(&file.read(name).unwrap()),
        });
        (name.clone(), said)
    });
    Value::Object(tensors.collect())
}

#[test]
fn what_pytorch_writes_is_read_to_the_byte() {
    let expected = bytes("expected.json");
    let expected: BTreeMap<String, Value> = serde_json::from_slice(&expected).unwrap();
    assert!(expected.len() > 10);
    for (name, expected) in expected {
        let file = TensorFile::open(&path(&name)).unwrap();
        assert_eq!(file.format(), FileFormat::PyTorch);
        assert_eq!(tensors(&file), expected["tensors"], "{name}");
        assert_eq!(serde_json::json!(file.notes()), expected["notes"], "{name}");
        assert_eq!(serde_json::json!(file.doubled()), expected["doubled"], "{name}");
    }
}

#[test]
fn a_tensor_that_lies_in_order_needs_no_strides() {
    let file = TensorFile::open(&path("views.pt")).unwrap();
    let in_order = |name: &str| file.tensors()[name].layout.strides.is_none();
    for name in ["base", "row", "flat", "scalar", "empty", "one_row"] {
        assert!(in_order(name), "{name}");
    }
    for name in ["transposed", "column", "inner", "every_second", "repeated", "permuted"] {
        assert!(!in_order(name), "{name}");
    }
}

#[test]
fn views_share_their_storage() {
    let file = TensorFile::open(&path("views.pt")).unwrap();
    let start = |name: &str| file.tensors()[name].layout.start;
    assert_eq!(start("base"), start("transposed"));
    assert_eq!(start("row"), start("base") + 2 * 6 * 4);
}

#[test]
fn a_file_that_ends_early_is_refused_wherever_it_ends() {
    let whole = bytes("small.pt");
    for len in 0..whole.len() {
        assert!(open(whole[..len].to_vec()).is_err(), "{len}");
    }
    open(whole).unwrap();
}

#[test]
fn a_damaged_byte_gives_an_error_or_tensors_that_can_be_read() {
    let whole = bytes("small.pt");
    for at in 0..whole.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = whole.clone();
            damaged[at] ^= flip;
            if let Ok(file) = open(damaged) {
                tensors(&file);
            }
        }
    }
}

#[test]
fn files_from_before_zip_and_programs_are_told_what_to_do() {
    let legacy = not_this(TensorFile::open(&path("legacy.pt")));
    assert_says(&legacy, &["before 1.6", "torch.save(model.state_dict(), path)", "safetensors"]);
    let script = not_this(TensorFile::open(&path("script.pt")));
    assert_says(&script, &["TorchScript", "torch.jit.load"]);
    let big_endian = not_this(TensorFile::open(&path("big_endian.pt")));
    assert_says(&big_endian, &["little-endian"]);
}

#[test]
fn values_of_types_that_are_not_read_are_refused_by_name() {
    let complex = refused(TensorFile::open(&path("complex.pt")));
    assert_says(&complex, &["tensor `z`", "complex64"]);
    let float8 = refused(TensorFile::open(&path("float8.pt")));
    assert_says(&float8, &["tensor `f`", "float8_e4m3fn"]);
}

#[test]
fn tensors_of_other_forms_are_refused_by_the_function_that_makes_them() {
    let quantised = refused(TensorFile::open(&path("quantised.pt")));
    assert_says(&quantised, &["`torch._utils._rebuild_qtensor`", "pickle at byte"]);
    let sparse = refused(TensorFile::open(&path("sparse.pt")));
    assert_says(&sparse, &["`torch._utils._rebuild_sparse_tensor`"]);
    let module = refused(TensorFile::open(&path("whole_module.pt")));
    assert_says(&module, &["`torch.nn.modules.linear.Linear`", "model.state_dict()"]);
}

#[test]
fn a_tensor_whose_values_are_to_be_conjugated_is_refused() {
    let message = refused(TensorFile::open(&path("conjugate.pt")));
    assert_says(&message, &["something to do to its values"]);
}
