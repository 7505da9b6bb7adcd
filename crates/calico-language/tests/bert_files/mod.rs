//! Folders in the layout of published encoders, with synthetic weights.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use calico_language::bert::{Bert, BertConfig};
use calico_nn::weights::TensorSpec;
use calico_testkit::{Synthetic, record};
use candle_core::{Device, Tensor};
use serde_json::Value;
use tempfile::TempDir;

/// The committed folder without weights.
pub(crate) const FILES: [&str; 6] = [
    "config.json",
    "vocab.txt",
    "tokenizer_config.json",
    "modules.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
];

pub(crate) fn tiny() -> BertConfig {
    BertConfig {
        vocab_size: 199,
        width: 48,
        depth: 3,
        num_heads: 4,
        ffn_hidden: 96,
        max_positions: 24,
        token_types: 2,
        ln_eps: 1e-12,
    }
}

/// A file of `goldens/bert`.
pub(crate) fn golden(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../goldens/bert")).join(name)
}

pub(crate) fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Replaces keys of a JSON file; null removes one.
pub(crate) fn change(path: &Path, keys: &[(&str, Value)]) {
    let mut value = json(path);
    for (key, new) in keys {
        value[*key] = new.clone();
    }
    value.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    fs::write(path, value.to_string()).unwrap();
}

/// Every tensor of a BERT, with the values that the golden script gave it.
pub(crate) fn tensors(config: &BertConfig) -> HashMap<String, Tensor> {
    let specs = record(|weights| Bert::load(config, weights));
    specs.iter().map(|spec| (spec.name.clone(), tensor(spec))).collect()
}

fn tensor(spec: &TensorSpec) -> Tensor {
    let values = Synthetic::values(&format!("bert.{}", spec.name), &spec.shape);
    Tensor::from_vec(values, spec.shape.clone(), &Device::Cpu).unwrap()
}

pub(crate) fn write_weights(folder: &Path, tensors: &HashMap<String, Tensor>) {
    candle_core::safetensors::save(tensors, folder.join("model.safetensors")).unwrap();
}

/// The committed folder, without weights.
pub(crate) fn files() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("1_Pooling")).unwrap();
    for name in FILES {
        fs::copy(golden("folder").join(name), folder.path().join(name)).unwrap();
    }
    folder
}

/// The tiny sentence encoder.
pub(crate) fn sentence_encoder() -> TempDir {
    let folder = files();
    write_weights(folder.path(), &tensors(&tiny()));
    folder
}

/// Makes a plain BERT of a sentence encoder.
pub(crate) fn make_plain(folder: &Path) {
    for name in ["modules.json", "sentence_bert_config.json", "1_Pooling/config.json"] {
        fs::remove_file(folder.join(name)).unwrap();
    }
}
