use super::archive::Archive;
use super::pickle::{Pickle, Problem, Tensor};
use super::shown;
use crate::{Layout, StoredTensor, limits};

/// Where in the file the values of a tensor lie, after it was checked that they lie in its
/// storage: a storage beside it belongs to another tensor.
pub(super) fn place(
    archive: &Archive,
    pickle: &Pickle<'_>,
    tensor: &Tensor<'_>,
) -> Result<StoredTensor, Problem> {
    let storage = tensor.storage;
    let Some(dtype) = tensor.dtype.or(storage.dtype) else {
        return Err(Problem::Broken("nothing says of which type its values are".to_owned()));
    };
    let Some(element) = dtype.element else {
        return Err(Problem::Refused(format!(
            "its values are of type {}, which is not read; expected floats, integers or bool: \
             convert it, and save again",
            dtype.name
        )));
    };
    let key = shown(storage.key);
    let Some(entry) = archive.storage(storage.key) else {
        return Err(Problem::Broken(format!("the file has no entry `data/{key}`, its storage")));
    };
    let stored = match storage.dtype.map(|dtype| dtype.element) {
        Some(element) => element.and_then(|element| element.bytes_of(storage.len)),
        None => Some(storage.len),
    };
    if stored != Some(entry.len) {
        return Err(Problem::Broken(format!(
            "its storage `data/{key}` takes {} bytes; expected {} values",
            entry.len, storage.len
        )));
    }
    let shape = axes(pickle, tensor.size, "its shape")?;
    let strides = axes(pickle, tensor.stride, "its strides")?;
    if shape.len() != strides.len() {
        let (axes, strides) = (shape.len(), strides.len());
        return Err(Problem::Broken(format!("it has {axes} axes, but {strides} strides")));
    }
    let offset = u64::try_from(tensor.offset).ok().and_then(|offset| element.bytes_of(offset));
    let is_row_major = is_row_major(&shape, &strides);
    let shape = shape.iter().map(|&axis| axis as usize).collect();
    let strides = (!is_row_major).then_some(strides);
    let placed = |start| StoredTensor { element, shape, layout: Layout { start, strides } };
    let fits = offset.and_then(|offset| {
        let tensor = placed(entry.start.checked_add(offset)?);
        let end = offset.checked_add(tensor.span()?)?;
        (end <= entry.len).then_some(tensor)
    });
    fits.ok_or_else(|| {
        Problem::Broken(format!(
            "its {element} values from {} on leave its storage `data/{key}` of {} bytes",
            tensor.offset, entry.len
        ))
    })
}

/// The numbers of a shape or of strides.
fn axes(pickle: &Pickle<'_>, sequence: usize, what: &str) -> Result<Vec<u64>, Problem> {
    let items = pickle.items(sequence);
    if items.len() > limits::AXES {
        let (found, expected) = (items.len(), limits::AXES);
        let reason = format!("{what} has {found} axes, expected at most {expected}");
        return Err(Problem::Broken(reason));
    }
    let number = |&item| match item {
        super::pickle::Value::Int(number) => u64::try_from(number).ok(),
        _ => None,
    };
    items.iter().map(number).collect::<Option<_>>().ok_or_else(|| {
        let found: Vec<_> = items.iter().map(|&item| pickle.describe(item)).collect();
        let found = found.join(", ");
        Problem::Broken(format!("{what} is ({found}); expected integers, none of them negative"))
    })
}

/// Whether values lie in order, without gaps. An axis of length 1 is never walked along.
fn is_row_major(shape: &[u64], strides: &[u64]) -> bool {
    let mut expected = Some(1u64);
    let mut in_order = shape.iter().zip(strides).rev().map(|(&axis, &stride)| {
        let fits = axis == 1 || Some(stride) == expected;
        expected = expected.and_then(|expected| expected.checked_mul(axis));
        fits
    });
    shape.contains(&0) || in_order.all(|fits| fits)
}
