//! GGUF: headers of whatever bytes, and every tensor that such a header admits.
#![no_main]

use std::path::Path;

use calico_formats::{FileFormat, TensorFile};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = TensorFile::from_bytes(Path::new("model.gguf"), bytes.to_vec()) else {
        return;
    };
    if file.format() != FileFormat::Gguf {
        return;
    }
    // A list takes no less of the header than a byte for each value.
    let listed: usize = file.lists().values().map(calico_formats::List::len).sum();
    assert!(listed <= bytes.len());
    let mut spans = Vec::new();
    for (name, tensor) in file.tensors() {
        let read = file.read(name).unwrap();
        assert_eq!(read.len() as u64, tensor.bytes());
        let start = tensor.layout.start as usize;
        assert_eq!(read, bytes[start..start + read.len()]);
        spans.push((start, start + read.len()));
    }
    spans.retain(|(start, end)| start < end);
    spans.sort_unstable();
    assert!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0));
});
