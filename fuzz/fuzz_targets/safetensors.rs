//! safetensors: headers of whatever bytes, and every tensor that such a header admits.
#![no_main]

use std::path::Path;

use calico_formats::{FileFormat, TensorFile};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = TensorFile::from_bytes(Path::new("model.safetensors"), bytes.to_vec()) else {
        return;
    };
    if file.format() != FileFormat::Safetensors {
        return;
    }
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap());
    let mut stored = 0;
    for (name, tensor) in file.tensors() {
        let read = file.read(name).unwrap();
        assert_eq!(read.len() as u64, tensor.bytes());
        let start = tensor.layout.start as usize;
        assert_eq!(read, bytes[start..start + read.len()]);
        stored += tensor.bytes();
    }
    // Tensors fill the file; only those whose name appears twice are not among them.
    let values = bytes.len() as u64 - header;
    assert!(stored <= values);
    assert!(stored == values || !file.doubled().is_empty());
});
