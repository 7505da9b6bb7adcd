//! Tensors whose values lie where they should not.

use calico_formats::{FormatError, TensorFile};

use crate::program::{PLAIN, Program, View};
use crate::zip::Zip;
use crate::{FLOATS, assert_says, broken, open, open_pickle, refused};

fn open_view(view: &View<'_>) -> Result<TensorFile, FormatError> {
    // The second storage follows the first, so that leaving that one does not leave the file.
    let storages = [("0", FLOATS.as_slice()), ("1", FLOATS.as_slice())];
    open(Zip::of(&Program::of_tensor("x", view), &storages).finish())
}

#[test]
fn values_beyond_the_storage_are_broken_even_within_the_file() {
    for view in [
        View { offset: 1, ..PLAIN },
        View { offset: 4, ..PLAIN },
        View { shape: &[2, 3], strides: &[3, 1], ..PLAIN },
        View { strides: &[3, 1], ..PLAIN },
        View { offset: i64::MAX, ..PLAIN },
        View { shape: &[i64::MAX, 2], strides: &[1, 1], ..PLAIN },
        View { shape: &[i64::MAX, i64::MAX], strides: &[i64::MAX, i64::MAX], ..PLAIN },
    ] {
        let message = broken(open_view(&view));
        assert_says(&message, &["tensor `x`", "leave its storage `data/0` of 16 bytes"]);
    }
}

#[test]
fn negative_numbers_are_broken() {
    assert_says(&broken(open_view(&View { offset: -1, ..PLAIN })), &["values from -1"]);
    let strides = View { strides: &[-2, 1], ..PLAIN };
    assert_says(&broken(open_view(&strides)), &["its strides is (int -2, int 1)", "negative"]);
    let shape = View { shape: &[2, -2], ..PLAIN };
    assert_says(&broken(open_view(&shape)), &["its shape is (int 2, int -2)", "negative"]);
    assert_says(&broken(open_view(&View { len: -4, ..PLAIN })), &["a storage has -4 values"]);
}

#[test]
fn a_storage_of_another_length_is_broken() {
    for len in [0, 3, 5, i64::MAX] {
        let message = broken(open_view(&View { len, ..PLAIN }));
        assert_says(&message, &["tensor `x`", "takes 16 bytes", &format!("expected {len} values")]);
    }
    let message = broken(open_view(&View { class: "HalfStorage", ..PLAIN }));
    assert_says(&message, &["takes 16 bytes", "expected 4 values"]);
}

#[test]
fn a_storage_that_is_missing_is_broken() {
    for key in ["7", "../data.pkl", ""] {
        let message = broken(open_view(&View { key, ..PLAIN }));
        assert_says(&message, &[&format!("no entry `data/{key}`")]);
    }
    let key = "9".repeat(5000);
    assert_says(&broken(open_view(&View { key: &key, ..PLAIN })), &["takes 5000 bytes"]);
}

#[test]
fn axes_and_strides_must_agree() {
    let message = broken(open_view(&View { strides: &[1], ..PLAIN }));
    assert_says(&message, &["it has 2 axes, but 1 strides"]);
    let message = broken(open_view(&View { shape: &[1; 9], strides: &[1; 9], ..PLAIN }));
    assert_says(&message, &["9 axes", "at most 8"]);
}

#[test]
fn a_value_that_is_repeated_beyond_the_size_of_the_file_is_broken() {
    let repeated = View { shape: &[1 << 40], strides: &[0], ..PLAIN };
    assert_says(&broken(open_view(&repeated)), &["tensor `x`", "more than the file"]);
    let file = open_view(&View { shape: &[3], strides: &[0], ..PLAIN }).unwrap();
    assert_eq!(file.read("x").unwrap(), [7; 12]);
}

#[test]
fn a_tensor_without_values_may_lie_anywhere_in_its_storage() {
    let empty = View { shape: &[0, 5], strides: &[5, 1], offset: 4, ..PLAIN };
    let file = open_view(&empty).unwrap();
    assert_eq!(file.read("x").unwrap(), [0u8; 0]);
    broken(open_view(&View { offset: 5, ..empty }));
}

#[test]
fn a_type_that_is_not_read_matters_only_where_it_is_asked_for() {
    let complex =
        View { class: "ComplexFloatStorage", len: 2, shape: &[2], strides: &[1], ..PLAIN };
    assert_says(&refused(open_view(&complex)), &["tensor `x`", "complex64"]);
    let pickle = Program::new()
        .raw("}")
        .text("other")
        .tensor(&complex)
        .raw("s")
        .text("model")
        .raw("}")
        .text("x")
        .tensor(&PLAIN)
        .raw("ss")
        .stop();
    let file = open_pickle(&pickle).unwrap();
    assert_eq!(file.tensors().len(), 1);
    assert_eq!(file.notes()["other"], "tensor");
}

#[test]
fn a_persistent_id_that_is_no_storage_is_broken() {
    for identity in [&b"N"[..], b")", b"(NNNNNt", b"]"] {
        let message = broken(open_pickle(&Program::new().raw(identity).raw("Q").stop()));
        assert_says(&message, &["pickle at byte", "expected a storage's"]);
    }
    let pickle = Program::new().raw("(").text("storage").global("torch", "float32");
    let pickle = pickle.text("0").text("cpu").int(4).raw("tQ").stop();
    assert_says(&broken(open_pickle(&pickle)), &["no class of storages"]);
}
