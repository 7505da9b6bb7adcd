//! Names and shapes of published models, as `tools/fixtures/import_names.py` wrote them.

use std::collections::BTreeMap;

use calico_formats::{Element, Layout, StoredTensor};

pub(crate) type Tensors = BTreeMap<String, StoredTensor>;

/// The tensors of a fixture.
pub(crate) fn read(name: &str) -> Tensors {
    let path = format!("{}/tests/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let file: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut tensors = Tensors::new();
    for (name, shape) in file["tensors"].as_object().unwrap() {
        let shape: Vec<usize> = serde_json::from_value(shape.clone()).unwrap();
        for name in spelled_out(name) {
            let twice = tensors.insert(name, stored(&shape));
            assert!(twice.is_none(), "a name of {path} is there twice");
        }
    }
    tensors
}

/// A tensor of halves.
pub(crate) fn stored(shape: &[usize]) -> StoredTensor {
    let layout = Layout { start: 0, strides: None };
    StoredTensor { element: Element::F16, shape: shape.to_vec(), layout }
}

/// `a.{0-2,5}.b` is four names.
fn spelled_out(name: &str) -> Vec<String> {
    let Some((before, rest)) = name.split_once('{') else { return vec![name.to_owned()] };
    let (numbers, after) = rest.split_once('}').unwrap();
    let run = |run: &str| {
        let (first, last) = run.split_once('-').unwrap_or((run, run));
        first.parse::<usize>().unwrap()..=last.parse().unwrap()
    };
    numbers.split(',').flat_map(run).map(|number| format!("{before}{number}{after}")).collect()
}

/// The same tensors below a prefix.
pub(crate) fn below(prefix: &str, tensors: &Tensors) -> Tensors {
    let renamed =
        |(name, tensor): (&String, &StoredTensor)| (format!("{prefix}{name}"), tensor.clone());
    tensors.iter().map(renamed).collect()
}
