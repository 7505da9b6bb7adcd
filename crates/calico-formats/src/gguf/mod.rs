//! GGUF of llama.cpp: metadata, what is said about each tensor, and values in blocks or alone.
//!
//! ```text
//! GGUF │ version │ tensors │ entries │ key type value … │ name axes type offset … │ ░ values ░ values
//! ```
//!
//! A header has no length, so it is read piece by piece, up to a bound.

mod cursor;
mod ggml_type;
mod metadata;
mod value;
mod writer;

use self::cursor::Cursor;
use self::metadata::Metadata;
use crate::contents::{Contents, of_tensor, shown};
use crate::source::Source;
use crate::spans::{self, Span};
use crate::{Element, FormatError, Layout, StoredTensor, limits};

pub use self::value::Value;
pub use self::writer::{Plan, WriteError, Writer};

const MAGIC: &[u8; 4] = b"GGUF";
/// The key of the metadata that says to how many bytes tensors are aligned.
const ALIGNMENT_KEY: &str = "general.alignment";
const DEFAULT_ALIGNMENT: u64 = 32;
/// The format demands alignments that are multiples of this.
const ALIGNMENT_STEP: u64 = 8;

/// Whether a file is GGUF, or one of the formats that it replaced, which are told to be so.
pub(crate) fn begins(head: &[u8]) -> bool {
    head.starts_with(MAGIC) || older(head).is_some()
}

/// The name of a format that GGUF replaced.
fn older(head: &[u8]) -> Option<&'static str> {
    Some(match head.first_chunk()? {
        b"lmgg" => "GGML",
        b"fmgg" => "GGMF",
        b"tjgg" => "GGJT",
        b"algg" => "GGLA",
        _ => return None,
    })
}

pub(crate) fn read(source: &Source) -> Result<Contents, FormatError> {
    let mut cursor = Cursor::new(source);
    let magic = cursor.array::<4>("the first bytes")?;
    if let Some(name) = older(&magic) {
        return Err(not_this(source, format!("is {name}, which GGUF replaced")));
    }
    check_version(source, cursor.u32("the version")?)?;
    let tensors = cursor.u64("the number of tensors")?;
    let entries = cursor.u64("the number of entries")?;
    if tensors > limits::TENSORS as u64 {
        let most = limits::TENSORS;
        let reason = format!("it announces {tensors} tensors; expected at most {most}");
        return Err(source.refused("header", reason));
    }
    let metadata = Metadata::read(&mut cursor, entries)?;
    let mut infos = Vec::new();
    for _ in 0..tensors {
        infos.push(Info::read(&mut cursor)?);
    }
    let header_bytes = cursor.position();
    // The bound of a header is far below where this could overflow.
    let values = header_bytes.next_multiple_of(metadata.alignment);
    let alignment = metadata.alignment;
    let Metadata { notes, lists, .. } = metadata;
    let mut contents = Contents { notes, lists, header_bytes, ..Contents::default() };
    let mut used = Vec::new();
    for info in infos {
        let (name, tensor) = info.placed(source, values, alignment)?;
        let (start, bytes) = (tensor.layout.start, tensor.bytes());
        contents.add(source, name.clone(), tensor)?;
        // The sum is at most the length of the file, or the tensor had not been added.
        used.push(Span { start, end: start + bytes, name });
    }
    spans::check(source, used, None)?;
    Ok(contents)
}

fn check_version(source: &Source, version: u32) -> Result<(), FormatError> {
    // Small numbers have their bytes in front, unless the file is made for other processors.
    if version != 0 && version.trailing_zeros() >= 16 {
        return Err(not_this(source, "is GGUF of big-endian machines".to_owned()));
    }
    if [2, 3].contains(&version) {
        return Ok(());
    }
    Err(not_this(source, format!("is GGUF of version {version}")))
}

fn not_this(source: &Source, found: String) -> FormatError {
    let expected = "little-endian GGUF of version 2 or 3: convert it with the tools of llama.cpp, \
                    or look for a newer file";
    FormatError::NotThis { path: source.path().to_path_buf(), found, expected: expected.to_owned() }
}

/// What a header says about a tensor, before it is known where the values begin.
#[derive(Debug)]
struct Info {
    name: String,
    element: Element,
    shape: Vec<usize>,
    /// From the first of all values.
    offset: u64,
}

impl Info {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, FormatError> {
        let name = cursor.text("the name of a tensor", limits::NAME_BYTES)?;
        let place = of_tensor(&name);
        let axes = cursor.u32(&place)?;
        if axes as usize > limits::AXES {
            let reason = format!("found {axes} axes, expected at most {}", limits::AXES);
            return Err(cursor.source().broken(&place, reason));
        }
        let mut shape = Vec::with_capacity(axes as usize);
        for _ in 0..axes {
            let axis = cursor.u64(&place)?;
            let Ok(axis) = usize::try_from(axis) else {
                let reason = format!("an axis of {axis} values is too long");
                return Err(cursor.source().broken(&place, reason));
            };
            shape.push(axis);
        }
        // The file lists the innermost axis first.
        shape.reverse();
        let number = cursor.u32(&place)?;
        let element = ggml_type::element(number).ok_or_else(|| FormatError::NotThis {
            path: cursor.source().path().to_path_buf(),
            found: format!("stores {place} as {}", ggml_type::describe(number)),
            expected: "f32, f16, bf16, f64, i8 to i64, q4_0 to q8_0 or q2_k to q6_k: convert it \
                       to one of them"
                .to_owned(),
        })?;
        let offset = cursor.u64(&place)?;
        Ok(Self { name, element, shape, offset })
    }

    /// The tensor in the file, where values begin at byte `values`.
    fn placed(
        self,
        source: &Source,
        values: u64,
        alignment: u64,
    ) -> Result<(String, StoredTensor), FormatError> {
        let Self { name, element, shape, offset } = self;
        let broken = |reason: String| Err(source.broken(&of_tensor(&name), reason));
        if !offset.is_multiple_of(alignment) {
            return broken(format!(
                "its values begin at byte {offset} of all values; expected a multiple of the \
                 alignment {alignment}"
            ));
        }
        if let Element::Block(format) = element {
            let (of_block, _) = format.block();
            let row = shape.last().map_or(1, |&axis| axis as u64);
            if !row.is_multiple_of(of_block) {
                return broken(format!(
                    "its rows have {row} values; expected a multiple of {of_block}, the values \
                     of a block of {format}"
                ));
            }
        }
        let Some(start) = values.checked_add(offset) else {
            return broken(format!("its values begin at byte {offset} of all, behind any file"));
        };
        Ok((name, StoredTensor { element, shape, layout: Layout { start, strides: None } }))
    }
}

/// The alignment that a file or a plan asks for.
fn check_alignment(alignment: u64) -> Result<u64, String> {
    if alignment == 0 || !alignment.is_multiple_of(ALIGNMENT_STEP) {
        return Err(format!(
            "found the alignment {alignment}; expected a multiple of {ALIGNMENT_STEP} bytes"
        ));
    }
    Ok(alignment)
}

/// A key as the place of an error.
fn of_key(key: &str) -> String {
    format!("entry `{}`", shown(key))
}
