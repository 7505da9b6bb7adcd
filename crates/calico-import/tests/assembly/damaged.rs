//! Model folders with one thing changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

/// A tensor of a safetensors file: type, shape, bytes.
pub(crate) type Tensor = (String, Vec<usize>, Vec<u8>);

/// The tensors of a safetensors file.
pub(crate) type Tensors = BTreeMap<String, Tensor>;

pub(crate) fn read(path: &Path) -> Tensors {
    let bytes = fs::read(path).unwrap();
    let (length, rest) = bytes.split_first_chunk().unwrap();
    let (header, values) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let header: BTreeMap<String, Value> = serde_json::from_slice(header).unwrap();
    let tensor = |info: &Value| {
        let offset = |at: usize| info["data_offsets"][at].as_u64().unwrap() as usize;
        let shape = serde_json::from_value(info["shape"].clone()).unwrap();
        (info["dtype"].as_str().unwrap().to_owned(), shape, values[offset(0)..offset(1)].to_vec())
    };
    let tensors = header.iter().filter(|(name, _)| *name != "__metadata__");
    tensors.map(|(name, info)| (name.clone(), tensor(info))).collect()
}

pub(crate) fn write(path: &Path, tensors: &Tensors) {
    let (mut header, mut values) = (serde_json::Map::new(), Vec::new());
    for (name, (dtype, shape, bytes)) in tensors {
        let start = values.len();
        values.extend_from_slice(bytes);
        let info = json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, values.len()] });
        header.insert(name.clone(), info);
    }
    let header = serde_json::to_vec(&header).unwrap();
    let length = (header.len() as u64).to_le_bytes();
    fs::write(path, [length.as_slice(), &header, &values].concat()).unwrap();
}
