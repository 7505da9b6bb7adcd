use std::collections::BTreeMap;

use crate::source::Source;
use crate::{FormatError, StoredTensor, limits};

/// What a header says.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// By name.
    pub(crate) tensors: BTreeMap<String, StoredTensor>,
    /// Names that appear more than once, each once; the first of each is in `tensors`.
    pub(crate) doubled: Vec<String>,
    /// What else the header says, as text.
    pub(crate) notes: BTreeMap<String, String>,
}

impl Contents {
    /// Adds a tensor after it was checked: its name and axes are bounded, its values can be
    /// counted and lie in the file, and it is no larger than the file, so that a small file with
    /// overlapping values cannot ask for much memory.
    pub(crate) fn add(
        &mut self,
        source: &Source,
        name: String,
        tensor: StoredTensor,
    ) -> Result<(), FormatError> {
        if name.len() > limits::NAME_BYTES {
            let start: String = name.chars().take(40).collect();
            let reason = format!(
                "the name of a tensor, `{start}…`, takes {} bytes; expected at most {}",
                name.len(),
                limits::NAME_BYTES
            );
            return Err(source.broken("header", reason));
        }
        if let Err(reason) = check(source, &tensor) {
            return Err(source.broken(&format!("tensor `{name}`"), reason));
        }
        if self.tensors.contains_key(&name) {
            if !self.doubled.contains(&name) {
                self.doubled.push(name);
            }
        } else if self.tensors.len() >= limits::TENSORS {
            let reason = format!("found more than {} tensors", limits::TENSORS);
            return Err(source.broken("header", reason));
        } else {
            self.tensors.insert(name, tensor);
        }
        Ok(())
    }
}

/// What is wrong with a tensor.
fn check(source: &Source, tensor: &StoredTensor) -> Result<(), String> {
    let shape = &tensor.shape;
    if shape.len() > limits::AXES {
        return Err(format!("found {} axes, expected at most {}", shape.len(), limits::AXES));
    }
    let values = shape.iter().try_fold(1u64, |product, &axis| product.checked_mul(axis as u64));
    let Some(bytes) = values.and_then(|values| tensor.element.bytes_of(values)) else {
        let element = tensor.element;
        return Err(format!("its shape {shape:?} does not make up whole values of {element}"));
    };
    let span = tensor.span().ok_or_else(|| format!("its strides overflow, its shape is {shape:?}"));
    let (start, span) = (tensor.layout.start, span?);
    if !source.holds(start, span) {
        return Err(format!(
            "its values take {span} bytes from byte {start}, but the file has {} bytes; \
             it may be cut off: copy or download it again",
            source.len()
        ));
    }
    if bytes > source.len() {
        return Err(format!(
            "its shape {shape:?} takes {bytes} bytes, more than the file; \
             expected a tensor whose values are all stored"
        ));
    }
    Ok(())
}
