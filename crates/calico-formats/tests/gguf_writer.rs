//! GGUF that we write.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;

use calico_formats::gguf::{Plan, Value, WriteError, Writer};
use calico_formats::{BlockFormat, Element, List, TensorFile};
use proptest::prelude::*;

fn plan(name: &str, element: Element, shape: &[usize]) -> Plan {
    Plan { name: name.to_owned(), element, shape: shape.to_vec() }
}

fn llama() -> (String, Value) {
    ("general.architecture".to_owned(), Value::Text("llama".to_owned()))
}

fn entry(key: &str, value: Value) -> (String, Value) {
    (key.to_owned(), value)
}

fn refused(metadata: &[(String, Value)], plans: &[Plan]) -> String {
    let mut target = Vec::new();
    let error = Writer::new(&mut target, metadata, plans).unwrap_err();
    assert!(target.is_empty(), "nothing is written before everything is checked");
    error.to_string()
}

fn read(bytes: Vec<u8>) -> TensorFile {
    TensorFile::from_bytes(Path::new("written.gguf"), bytes).unwrap()
}

#[test]
fn what_is_written_is_read_back() {
    let metadata = [
        llama(),
        entry("llama.block_count", Value::U32(2)),
        entry("a.i32", Value::I32(-2)),
        entry("a.u64", Value::U64(u64::MAX)),
        entry("a.f32", Value::F32(1e-5)),
        entry("a.f64", Value::F64(0.1)),
        entry("a.yes", Value::Bool(true)),
        entry("a.texts", Value::Texts(vec!["▁the".to_owned(), String::new()])),
        entry("a.floats", Value::Floats(vec![0.5, -1e9])),
        entry("a.ints", Value::Ints(vec![1, -1])),
    ];
    let plans = [
        plan("odd.f32", Element::F32, &[3]),
        plan("matrix.f16", Element::F16, &[2, 5]),
        plan("cube.bf16", Element::Bf16, &[2, 1, 3]),
        plan("blocks", Element::Block(BlockFormat::Q8_0), &[2, 64]),
        plan("last", Element::F32, &[1]),
    ];
    let bytes = |plan: &Plan| {
        let values = plan.shape.iter().map(|&axis| axis as u64).product();
        let bytes = plan.element.bytes_of(values).unwrap();
        let first = plan.name.len() as u8;
        (0..bytes as u8).map(|at| at.wrapping_mul(7).wrapping_add(first)).collect::<Vec<u8>>()
    };
    let mut writer = Writer::new(Vec::new(), &metadata, &plans).unwrap();
    for plan in &plans {
        // In pieces, some of them empty, that cut values apart.
        for piece in bytes(plan).chunks(5) {
            writer.write(&plan.name, piece).unwrap();
        }
    }
    let written = writer.finish().unwrap();
    assert!(written.len().is_multiple_of(32));

    let file = read(written);
    assert_eq!(file.tensors().len(), plans.len());
    for plan in &plans {
        let tensor = &file.tensors()[&plan.name];
        assert_eq!((tensor.element, &tensor.shape), (plan.element, &plan.shape));
        assert!(tensor.layout.start.is_multiple_of(32));
        assert_eq!(file.read(&plan.name).unwrap(), bytes(plan), "{}", plan.name);
    }
    let notes: Vec<(&str, &str)> =
        file.notes().iter().map(|(key, text)| (key.as_str(), text.as_str())).collect();
    assert_eq!(
        notes,
        [
            ("a.f32", "0.00001"),
            ("a.f64", "0.1"),
            ("a.i32", "-2"),
            ("a.u64", "18446744073709551615"),
            ("a.yes", "true"),
            ("general.architecture", "llama"),
            ("llama.block_count", "2"),
        ]
    );
    let texts = List::Texts(vec!["▁the".to_owned(), String::new()]);
    assert_eq!(file.lists()["a.texts"], texts);
    assert_eq!(file.lists()["a.floats"], List::Floats(vec![0.5, -1e9]));
    assert_eq!(file.lists()["a.ints"], List::Ints(vec![1, -1]));
}

#[test]
fn an_alignment_in_the_metadata_is_kept() {
    let metadata = [llama(), entry("general.alignment", Value::U32(128))];
    let plans = [plan("a", Element::F32, &[1]), plan("b", Element::F32, &[1])];
    let mut writer = Writer::new(Vec::new(), &metadata, &plans).unwrap();
    writer.write("a", &[1; 4]).unwrap();
    writer.write("b", &[2; 4]).unwrap();
    let file = read(writer.finish().unwrap());
    let starts = ["a", "b"].map(|name| file.tensors()[name].layout.start);
    assert_eq!(starts[1] - starts[0], 128);
    assert!(starts[0].is_multiple_of(128));
    assert_eq!(file.read("b").unwrap(), [2; 4]);
}

#[test]
fn metadata_that_readers_refuse_is_not_written() {
    assert!(refused(&[], &[]).contains("entry `general.architecture`: it is missing"));
    for key in ["", "Upper", "with space", "süß", &"k".repeat(1 << 16)] {
        let error = refused(&[llama(), entry(key, Value::U32(0))], &[]);
        assert!(error.contains("expected a key of small letters"), "{error}");
    }
    assert!(refused(&[llama(), llama()], &[]).contains("it appears twice"));
    let aligned = |value| refused(&[llama(), entry("general.alignment", value)], &[]);
    assert!(aligned(Value::U32(0)).contains("expected a multiple of 8"));
    assert!(aligned(Value::U32(24)).contains("expected a power of two"));
    assert!(aligned(Value::U64(32)).contains("expected a value of type U32"));
}

#[test]
fn tensors_that_readers_refuse_are_not_written() {
    let refused = |plan: Plan| refused(&[llama()], &[plan]);
    let f32 = |name: &str, shape: &[usize]| plan(name, Element::F32, shape);
    assert!(refused(f32("", &[1])).contains("a name of 0 bytes"));
    assert!(refused(f32(&"n".repeat(64), &[1])).contains("a name of 64 bytes, expected 1 to 63"));
    assert!(refused(f32("a", &[1; 5])).contains("found 5 axes, expected at most 4"));
    assert!(refused(f32("a", &[2, 0])).contains("does not fit f32"));
    assert!(refused(f32("a", &[usize::MAX, 2])).contains("does not fit f32"));
    assert!(refused(f32("a", &[usize::MAX])).contains("does not fit f32"));
    assert!(refused(plan("a", Element::Bool, &[1])).contains("which ggml does not know"));
    let rows = plan("a", Element::Block(BlockFormat::Q4K), &[256, 2]);
    assert!(refused(rows).contains("does not fit q4_k"));
}

#[test]
fn a_tensor_is_planned_once_and_a_file_can_be_addressed() {
    let one = plan("a", Element::F32, &[1]);
    assert!(refused(&[llama()], &[one.clone(), one]).contains("tensor `a`: it is planned twice"));
    let large = |name: &str| plan(name, Element::F32, &[1 << 60]);
    let error = refused(&[llama()], &["a", "b", "c", "d", "e"].map(large));
    assert!(error.contains("the file would be too long"), "{error}");
}

#[test]
fn bytes_that_were_not_planned_are_refused() {
    let plans = [plan("a", Element::F32, &[1]), plan("b", Element::F32, &[1])];
    let mut writer = Writer::new(Vec::new(), &[llama()], &plans).unwrap();
    let error = writer.write("b", &[0; 4]).unwrap_err().to_string();
    assert_eq!(error, "found bytes of tensor `b`, expected those of `a`");
    let error = writer.write("a", &[0; 5]).unwrap_err().to_string();
    assert_eq!(error, "tensor `a`: found at least 5 bytes, expected 4");
    writer.write("a", &[0; 3]).unwrap();
    assert!(writer.write("b", &[0; 4]).is_err());
    writer.write("a", &[0; 1]).unwrap();
    writer.write("b", &[0; 4]).unwrap();
    let error = writer.write("b", &[0; 1]).unwrap_err().to_string();
    assert_eq!(error, "found bytes of tensor `b`, expected those of none any more");
    writer.finish().unwrap();
}

#[test]
fn a_file_with_missing_values_does_not_end_well() {
    let plans = [plan("a", Element::F32, &[2]), plan("b", Element::F32, &[1])];
    let mut writer = Writer::new(Vec::new(), &[llama()], &plans).unwrap();
    writer.write("a", &[0; 7]).unwrap();
    let error = writer.finish().unwrap_err();
    assert!(matches!(error, WriteError::Missing { count: 2, .. }), "{error:?}");
    assert!(error.to_string().contains("beginning with `a`"), "{error}");
}

#[test]
fn a_target_that_takes_no_bytes_is_an_error() {
    let mut small = [0; 40];
    let error = Writer::new(small.as_mut_slice(), &[llama()], &[]).unwrap_err();
    assert!(matches!(error, WriteError::Io(_)), "{error:?}");
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<u32>().prop_map(Value::U32),
        any::<i32>().prop_map(Value::I32),
        any::<u64>().prop_map(Value::U64),
        any::<f32>().prop_map(Value::F32),
        any::<f64>().prop_map(Value::F64),
        ".{0,9}".prop_map(Value::Text),
        proptest::collection::vec(".{0,9}", 0..4).prop_map(Value::Texts),
        proptest::collection::vec(any::<f32>(), 0..4).prop_map(Value::Floats),
        proptest::collection::vec(any::<i32>(), 0..4).prop_map(Value::Ints),
    ]
}

/// The value as the reader gives it.
fn as_read(file: &TensorFile, key: &str, value: &Value) -> bool {
    let is_note = |text: String| file.notes().get(key) == Some(&text);
    let is_list = |list: List| file.lists().get(key) == Some(&list);
    match value {
        Value::Bool(value) => is_note(value.to_string()),
        Value::U32(value) => is_note(value.to_string()),
        Value::I32(value) => is_note(value.to_string()),
        Value::U64(value) => is_note(value.to_string()),
        // A text must stand for the very same float.
        Value::F32(value) => file.notes()[key].parse::<f32>().unwrap().to_bits() == value.to_bits(),
        Value::F64(value) => file.notes()[key].parse::<f64>().unwrap().to_bits() == value.to_bits(),
        Value::Text(value) => is_note(value.clone()),
        Value::Texts(values) => is_list(List::Texts(values.clone())),
        Value::Floats(values) => is_list(List::Floats(values.clone())),
        Value::Ints(values) => is_list(List::Ints(values.iter().map(|&int| int.into()).collect())),
    }
}

proptest! {
    #[test]
    fn any_metadata_and_any_shapes_come_back(
        values in proptest::collection::vec(value(), 0..6),
        shapes in proptest::collection::vec(proptest::collection::vec(1usize..5, 0..5), 0..6),
    ) {
        let keyed = values.into_iter().enumerate();
        let mut metadata: Vec<_> = keyed.map(|(at, value)| (format!("key.{at}"), value)).collect();
        metadata.push(llama());
        let elements = [Element::F32, Element::F16, Element::Bf16, Element::F64, Element::Int(1)];
        let plans: Vec<Plan> = shapes.iter().enumerate()
            .map(|(at, shape)| plan(&format!("t{at}"), elements[at % elements.len()], shape))
            .collect();
        let mut writer = Writer::new(Vec::new(), &metadata, &plans).unwrap();
        let bytes = |plan: &Plan| {
            let values: usize = plan.shape.iter().product();
            vec![plan.name.as_bytes()[1]; plan.element.bytes_of(values as u64).unwrap() as usize]
        };
        for plan in &plans {
            writer.write(&plan.name, &bytes(plan)).unwrap();
        }
        let file = read(writer.finish().unwrap());
        prop_assert_eq!(file.tensors().len(), plans.len());
        for plan in &plans {
            prop_assert_eq!(&file.tensors()[&plan.name].shape, &plan.shape);
            prop_assert_eq!(file.read(&plan.name).unwrap(), bytes(plan));
        }
        for (key, value) in &metadata {
            prop_assert!(as_read(&file, key, value), "{}: {:?}", key, value);
        }
    }
}
