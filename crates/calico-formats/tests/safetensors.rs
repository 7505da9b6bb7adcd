//! Files that the package of the format has written, and a header of full size.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod expected;

use std::io::Write;

use calico_formats::{Element, FileFormat, TensorFile};
use expected::{assert_tensors, data, document};

fn open(path: &str) -> TensorFile {
    TensorFile::open(&data(path)).unwrap()
}

#[test]
fn values_of_every_type_and_shape_are_read_bit_for_bit() {
    let file = open("safetensors/types.safetensors");
    assert_eq!(file.format(), FileFormat::Safetensors);
    let read = |(name, tensor)| (String::as_str(name), tensor, file.read(name).unwrap());
    let found: Vec<_> = file.tensors().iter().map(read).collect();
    assert_tensors(&document("safetensors/types.json"), &found);
    assert!(file.doubled().is_empty());
}

#[test]
fn the_metadata_becomes_notes() {
    let expected = document("safetensors/types.json");
    let file = open("safetensors/types.safetensors");
    assert_eq!(serde_json::json!(file.notes()), expected["notes"]);
    assert!(file.lists().is_empty());
}

#[test]
fn a_file_in_memory_is_the_same() {
    let path = data("safetensors/types.safetensors");
    let on_disk = TensorFile::open(&path).unwrap();
    let in_memory = TensorFile::from_bytes(&path, std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(in_memory.tensors(), on_disk.tensors());
    for name in on_disk.tensors().keys() {
        assert_eq!(in_memory.read(name).unwrap(), on_disk.read(name).unwrap(), "{name}");
    }
}

#[test]
fn a_tensor_that_is_not_there_is_named() {
    let file = open("safetensors/types.safetensors");
    let error = file.read("f32.nothing").unwrap_err().to_string();
    assert!(error.ends_with("types.safetensors holds no tensor `f32.nothing`"), "{error}");
}

/// Names and shapes of LLaMA with seven billion parameters.
fn llama() -> Vec<(String, Vec<u64>)> {
    let (vocabulary, width, hidden) = (32_000, 4096, 11_008);
    let mut tensors = vec![("model.embed_tokens.weight".to_owned(), vec![vocabulary, width])];
    for layer in 0..32 {
        let mut add = |name: &str, shape: &[u64]| {
            tensors.push((format!("model.layers.{layer}.{name}.weight"), shape.to_vec()));
        };
        for name in ["q_proj", "k_proj", "v_proj", "o_proj"] {
            add(&format!("self_attn.{name}"), &[width, width]);
        }
        add("mlp.gate_proj", &[hidden, width]);
        add("mlp.up_proj", &[hidden, width]);
        add("mlp.down_proj", &[width, hidden]);
        add("input_layernorm", &[width]);
        add("post_attention_layernorm", &[width]);
    }
    tensors.push(("model.norm.weight".to_owned(), vec![width]));
    tensors.push(("lm_head.weight".to_owned(), vec![vocabulary, width]));
    tensors
}

#[test]
fn a_model_of_seven_billion_parameters_opens_without_its_values() {
    let mut header = serde_json::Map::new();
    let mut end = 0;
    for (name, shape) in llama() {
        let start = end;
        end += 2 * shape.iter().product::<u64>();
        let info = serde_json::json!({
            "dtype": "F16", "shape": shape, "data_offsets": [start, end]
        });
        header.insert(name, info);
    }
    let header = serde_json::to_vec(&header).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    file.write_all(&header).unwrap();
    // The values are a hole: they take no room on the disk.
    file.set_len(8 + header.len() as u64 + end).unwrap();

    let file = TensorFile::open(&path).unwrap();
    assert_eq!(file.tensors().len(), 291);
    let values: u64 = file.tensors().values().map(calico_formats::StoredTensor::values).sum();
    assert_eq!(values, 6_738_415_616);
    let last = &file.tensors()["lm_head.weight"];
    assert_eq!((last.element, last.shape.as_slice()), (Element::F16, &[32_000, 4096][..]));
    assert_eq!(file.read("model.norm.weight").unwrap(), vec![0; 8192]);
}
