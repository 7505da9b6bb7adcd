//! Files that the package of llama.cpp has written, and a header of full size.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod expected;

use calico_formats::{BlockFormat, Element, FileFormat, List, TensorFile, gguf};
use expected::{assert_tensors, data, document};
use serde_json::{Value, json};

fn open(name: &str) -> TensorFile {
    TensorFile::open(&data(&format!("gguf/{name}.gguf"))).unwrap()
}

fn assert_equals(file: &TensorFile, document: &Value) {
    assert_eq!(file.format(), FileFormat::Gguf);
    let read = |(name, tensor)| (String::as_str(name), tensor, file.read(name).unwrap());
    let found: Vec<_> = file.tensors().iter().map(read).collect();
    assert_tensors(document, &found);
    assert_eq!(json!(file.notes()), document["notes"]);
    let lists = file.lists().iter().map(|(key, list)| {
        let value = match list {
            List::Texts(texts) => json!({ "texts": texts }),
            List::Ints(ints) => json!({ "ints": ints }),
            List::Floats(floats) => {
                let bits: Vec<u32> = floats.iter().map(|float| float.to_bits()).collect();
                json!({ "float_bits": bits })
            }
        };
        (key.clone(), value)
    });
    assert_eq!(Value::Object(lists.collect()), document["lists"]);
    assert!(file.doubled().is_empty());
}

#[test]
fn values_blocks_entries_and_lists_of_every_type_are_read_bit_for_bit() {
    assert_equals(&open("types"), &document("gguf/types.json"));
}

#[test]
fn an_alignment_of_its_own_moves_the_tensors() {
    let file = open("aligned");
    assert_equals(&file, &document("gguf/aligned.json"));
    let starts: Vec<u64> = file.tensors().values().map(|tensor| tensor.layout.start).collect();
    assert!(starts.iter().all(|start| start.is_multiple_of(64)), "{starts:?}");
}

#[test]
fn a_vocabulary_without_tensors_is_a_file_too() {
    assert_equals(&open("vocabulary"), &document("gguf/vocabulary.json"));
}

#[test]
fn version_2_lies_in_the_same_way() {
    let mut bytes = std::fs::read(data("gguf/types.gguf")).unwrap();
    bytes[4] = 2;
    let file = TensorFile::from_bytes(&data("gguf/types.gguf"), bytes).unwrap();
    assert_equals(&file, &document("gguf/types.json"));
}

/// Names, types and shapes of LLaMA with seven billion parameters, quantised as is usual.
fn llama() -> Vec<gguf::Plan> {
    let (vocabulary, width, hidden) = (32_000, 4096, 11_008);
    let mut plans = Vec::new();
    let mut add = |name: String, format: Option<BlockFormat>, shape: &[usize]| {
        let element = format.map_or(Element::F32, Element::Block);
        plans.push(gguf::Plan { name, element, shape: shape.to_vec() });
    };
    let (most, better) = (Some(BlockFormat::Q4K), Some(BlockFormat::Q6K));
    add("token_embd.weight".to_owned(), most, &[vocabulary, width]);
    for layer in 0..32 {
        for (name, format) in
            [("attn_q", most), ("attn_k", most), ("attn_v", better), ("attn_output", most)]
        {
            add(format!("blk.{layer}.{name}.weight"), format, &[width, width]);
        }
        add(format!("blk.{layer}.ffn_gate.weight"), most, &[hidden, width]);
        add(format!("blk.{layer}.ffn_up.weight"), most, &[hidden, width]);
        add(format!("blk.{layer}.ffn_down.weight"), better, &[width, hidden]);
        add(format!("blk.{layer}.attn_norm.weight"), None, &[width]);
        add(format!("blk.{layer}.ffn_norm.weight"), None, &[width]);
    }
    add("output_norm.weight".to_owned(), None, &[width]);
    add("output.weight".to_owned(), better, &[vocabulary, width]);
    plans
}

#[test]
fn a_model_of_seven_billion_parameters_opens_without_its_values() {
    let pieces: Vec<String> = (0..32_000).map(|id| format!("▁piece{id}")).collect();
    let scores = (0..32_000u16).map(|id| -f32::from(id)).collect();
    let metadata = [
        ("general.architecture".to_owned(), gguf::Value::Text("llama".to_owned())),
        ("tokenizer.ggml.tokens".to_owned(), gguf::Value::Texts(pieces.clone())),
        ("tokenizer.ggml.scores".to_owned(), gguf::Value::Floats(scores)),
        ("tokenizer.ggml.token_type".to_owned(), gguf::Value::Ints(vec![1; 32_000])),
    ];
    let plans = llama();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    let file = std::fs::File::create(&path).unwrap();
    drop(gguf::Writer::new(&file, &metadata, &plans).unwrap());
    let values = |plan: &gguf::Plan| plan.shape.iter().map(|&axis| axis as u64).product::<u64>();
    let bytes: u64 = plans.iter().map(|plan| plan.element.bytes_of(values(plan)).unwrap()).sum();
    // The values are a hole: they take no room on the disk. All tensors are multiples of the
    // alignment already.
    file.set_len(file.metadata().unwrap().len() + bytes).unwrap();

    let file = TensorFile::open(&path).unwrap();
    assert_eq!(file.tensors().len(), 291);
    let all: u64 = file.tensors().values().map(calico_formats::StoredTensor::values).sum();
    assert_eq!(all, 6_738_415_616);
    let down = &file.tensors()["blk.31.ffn_down.weight"];
    assert_eq!(down.element, Element::Block(BlockFormat::Q6K));
    assert_eq!(down.shape, [4096, 11_008]);
    assert_eq!(file.read("output_norm.weight").unwrap(), vec![0; 4 * 4096]);
    assert_eq!(file.lists()["tokenizer.ggml.tokens"], List::Texts(pieces));
    assert_eq!(file.lists()["tokenizer.ggml.token_type"].len(), 32_000);
}
