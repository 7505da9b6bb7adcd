//! Files of PyTorch: bytes as a whole file, and as the pickle in one. Reading ends, what was read
//! has the length that its shape promises, and messages stay short whatever a file holds.
#![no_main]

#[allow(dead_code, reason = "the tests need more of it")]
#[path = "../../crates/calico-formats/tests/torch/zip.rs"]
mod zip;

use std::path::Path;

use calico_formats::TensorFile;
use libfuzzer_sys::fuzz_target;

use zip::Zip;

fuzz_target!(|bytes: &[u8]| {
    check(bytes.to_vec());
    let storages: [(&str, &[u8]); 3] = [("0", &[0; 16]), ("1", &[1; 64]), ("2", &[])];
    check(Zip::of(bytes, &storages).finish());
});

fn check(bytes: Vec<u8>) {
    match TensorFile::from_bytes(Path::new("model.pt"), bytes) {
        Ok(file) => {
            // No tensor is larger than the file, but there may be many of them.
            for (name, tensor) in file.tensors().iter().take(64) {
                let read = file.read(name).expect("its place was checked");
                assert_eq!(read.len() as u64, tensor.bytes(), "{name}");
            }
            assert!(file.doubled().iter().all(|name| file.tensors().contains_key(name)));
        }
        Err(error) => assert!(error.to_string().len() < 4096, "{error}"),
    }
}
