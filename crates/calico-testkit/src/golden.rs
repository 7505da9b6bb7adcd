//! What the upstream implementations computed (`tools/goldens/README.md`).

use std::collections::HashMap;
use std::path::Path;

use candle_core::{Device, Tensor};

/// The inputs and outputs of one recorded case.
#[derive(Debug)]
pub struct Golden {
    name: String,
    tensors: HashMap<String, Tensor>,
}

impl Golden {
    /// Reads `goldens/<name>.safetensors`.
    pub fn open(name: &str) -> Self {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../goldens"));
        let path = folder.join(format!("{name}.safetensors"));
        let tensors = candle_core::safetensors::load(&path, &Device::Cpu);
        Self { name: name.to_owned(), tensors: tensors.expect("the golden file can be read") }
    }

    /// The tensor `in.<name>`.
    pub fn input(&self, name: &str) -> Tensor {
        self.tensor(&format!("in.{name}"))
    }

    /// The tensor `out.<name>`.
    pub fn output(&self, name: &str) -> Tensor {
        self.tensor(&format!("out.{name}"))
    }

    /// The integers of the one-dimensional tensor `in.<name>`, for sizes and ids.
    pub fn integers<const N: usize>(&self, name: &str) -> [usize; N] {
        let values = self.input(name).to_vec1::<i64>().expect("integers");
        let values = <[i64; N]>::try_from(values).expect("as many integers as asked for");
        values.map(|value| value as usize)
    }

    fn tensor(&self, name: &str) -> Tensor {
        let Some(tensor) = self.tensors.get(name) else {
            let mut names: Vec<_> = self.tensors.keys().collect();
            names.sort();
            panic!("{} has no tensor {name}, only {names:?}", self.name);
        };
        tensor.clone()
    }
}
