//! safetensors: the length of a header, the header as JSON, and values without gaps.

mod header;

use self::header::{Header, Info};
use crate::contents::{Contents, of_tensor, shown};
use crate::source::Source;
use crate::spans::{self, Span};
use crate::{Element, FormatError, Layout, StoredTensor, limits};

/// Bytes of the header's length.
const LENGTH: u64 = 8;
/// Above this, eight bytes are text or something else, but no length that was cut off.
const PLAUSIBLE: u64 = 1 << 48;

/// Whether a file begins with a length and an object of JSON.
pub(crate) fn begins(head: &[u8]) -> bool {
    let Some((length, [b'{', ..])) = head.split_first_chunk() else {
        return false;
    };
    (2..PLAUSIBLE).contains(&u64::from_le_bytes(*length))
}

pub(crate) fn read(source: &Source) -> Result<Contents, FormatError> {
    let length = source.read(0, LENGTH)?;
    let length = length.first_chunk().map_or(0, |length| u64::from_le_bytes(*length));
    if !source.holds(LENGTH, length) {
        let reason = format!(
            "the header takes {length} bytes, but the file has {}; it may be cut off: copy or \
             download it again",
            source.len()
        );
        return Err(source.broken("header", reason));
    }
    if length > limits::HEADER_BYTES {
        let most = limits::HEADER_BYTES;
        let reason = format!("the header takes {length} bytes; expected at most {most}");
        return Err(source.refused("header", reason));
    }
    let bytes = source.read(LENGTH, length)?;
    let header = Header::parse(&bytes).map_err(|reason| source.broken("header", reason))?;
    let values = LENGTH + length;
    let mut contents =
        Contents { notes: header.notes, header_bytes: values, ..Contents::default() };
    let mut used = Vec::with_capacity(header.tensors.len());
    for (name, info) in header.tensors {
        let tensor = tensor(source, &name, &info, values)?;
        let start = tensor.layout.start;
        used.push(Span { start, end: start + tensor.bytes(), name: name.clone() });
        contents.add(source, name, tensor)?;
    }
    spans::check(source, used, Some(values..source.len()))?;
    Ok(contents)
}

/// What a header says about a tensor, in our words; `values` is where the values begin.
fn tensor(
    source: &Source,
    name: &str,
    info: &Info,
    values: u64,
) -> Result<StoredTensor, FormatError> {
    let Some(element) = element(&info.dtype) else {
        return Err(FormatError::NotThis {
            path: source.path().to_path_buf(),
            found: format!("stores {} as {}", of_tensor(name), shown(&info.dtype)),
            expected: "BOOL, I8 to I64, U8 to U64, F16, BF16, F32 or F64: convert it to one of \
                       them"
                .to_owned(),
        });
    };
    let broken = |reason: String| source.broken(&of_tensor(name), reason);
    let (begin, end) = info.data_offsets;
    let size = source.len() - values;
    if begin > end || end > size {
        return Err(broken(format!(
            "its values lie from {begin} to {end}; expected a range within the {size} bytes \
             behind the header"
        )));
    }
    let counted = info.shape.iter().try_fold(1u64, |product, &axis| product.checked_mul(axis));
    let needed = counted.and_then(|values| element.bytes_of(values));
    if needed != Some(end - begin) {
        let shape = &info.shape;
        let needed = needed.map_or_else(|| "too many".to_owned(), |bytes| bytes.to_string());
        return Err(broken(format!(
            "its values take {} bytes, but {shape:?} of {element} takes {needed}",
            end - begin
        )));
    }
    let mut shape = Vec::with_capacity(info.shape.len());
    for &axis in &info.shape {
        let Ok(axis) = usize::try_from(axis) else {
            return Err(broken(format!("an axis of {axis} values is too long")));
        };
        shape.push(axis);
    }
    // The sum is at most the length of the file.
    Ok(StoredTensor { element, shape, layout: Layout { start: values + begin, strides: None } })
}

fn element(dtype: &str) -> Option<Element> {
    Some(match dtype {
        "F64" => Element::F64,
        "F32" => Element::F32,
        "F16" => Element::F16,
        "BF16" => Element::Bf16,
        "I64" => Element::Int(8),
        "I32" => Element::Int(4),
        "I16" => Element::Int(2),
        "I8" => Element::Int(1),
        "U64" => Element::Uint(8),
        "U32" => Element::Uint(4),
        "U16" => Element::Uint(2),
        "U8" => Element::Uint(1),
        "BOOL" => Element::Bool,
        _ => return None,
    })
}
