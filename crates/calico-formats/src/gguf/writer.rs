use std::collections::BTreeSet;
use std::io::Write;

use super::value::write_text;
use super::{ALIGNMENT_KEY, DEFAULT_ALIGNMENT, MAGIC, Value, check_alignment, ggml_type};
use crate::Element;

/// The version that is written.
const VERSION: u32 = 3;
/// The entry without which no reader knows what to do with a file.
const ARCHITECTURE_KEY: &str = "general.architecture";
/// What llama.cpp reads: the format allows one byte more.
const NAME_BYTES: usize = 63;
/// Axes that ggml knows.
const AXES: usize = 4;
/// Bytes of a key.
const KEY_BYTES: usize = (1 << 16) - 1;

/// A tensor that will be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its name, of at most 63 bytes.
    pub name: String,
    /// Type of its values.
    pub element: Element,
    /// Its shape, outermost axis first.
    pub shape: Vec<usize>,
}

/// Writes a file from front to back: the header at once, then the bytes of each tensor as they
/// come. Nothing is kept, so a model of any size passes through.
#[derive(Debug)]
pub struct Writer<W> {
    target: W,
    alignment: u64,
    /// Name and bytes of each tensor.
    tensors: Vec<(String, u64)>,
    /// The tensor that is being written, and its bytes so far.
    current: usize,
    written: u64,
}

/// Why a file cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The target takes no bytes.
    #[error("cannot write GGUF")]
    Io(#[from] std::io::Error),
    /// An entry of the metadata is none that readers take.
    #[error("entry `{key}`: {reason}")]
    Entry {
        /// Its key.
        key: String,
        /// What was found and what was expected.
        reason: String,
    },
    /// A tensor cannot be stored, or does not get the bytes that were planned.
    #[error("tensor `{name}`: {reason}")]
    Tensor {
        /// Its name.
        name: String,
        /// What was found and what was expected.
        reason: String,
    },
    /// Bytes came for another tensor than the one whose turn it is.
    #[error("found bytes of tensor `{found}`, expected those of {expected}")]
    Order {
        /// For which they came.
        found: String,
        /// Whose turn it is.
        expected: String,
    },
    /// Tensors did not get all of their bytes.
    #[error("the bytes of {} tensors are missing, beginning with `{first}`", .count)]
    Missing {
        /// How many.
        count: usize,
        /// The first of them.
        first: String,
    },
}

impl<W: Write> Writer<W> {
    /// Writes the header. The tensors have to come in the order of `plans`.
    ///
    /// # Errors
    /// If the metadata or a tensor is none that readers take, or nothing can be written.
    pub fn new(
        mut target: W,
        metadata: &[(String, Value)],
        plans: &[Plan],
    ) -> Result<Self, WriteError> {
        let alignment = check_metadata(metadata)?;
        let mut header = MAGIC.to_vec();
        header.extend(VERSION.to_le_bytes());
        header.extend((plans.len() as u64).to_le_bytes());
        header.extend((metadata.len() as u64).to_le_bytes());
        for (key, value) in metadata {
            write_text(key, &mut header);
            value.write(&mut header);
        }
        let mut names = BTreeSet::new();
        let mut tensors = Vec::with_capacity(plans.len());
        let mut offset = 0u64;
        for plan in plans {
            let refused = |reason: String| WriteError::Tensor { name: plan.name.clone(), reason };
            let (number, bytes) = check_plan(plan).map_err(refused)?;
            if !names.insert(plan.name.as_str()) {
                return Err(refused("it is planned twice".to_owned()));
            }
            write_text(&plan.name, &mut header);
            header.extend((plan.shape.len() as u32).to_le_bytes());
            header.extend(plan.shape.iter().rev().flat_map(|&axis| (axis as u64).to_le_bytes()));
            header.extend(number.to_le_bytes());
            header.extend(offset.to_le_bytes());
            tensors.push((plan.name.clone(), bytes));
            let end =
                offset.checked_add(bytes).and_then(|end| end.checked_next_multiple_of(alignment));
            offset = end.ok_or_else(|| refused("the file would be too long".to_owned()))?;
        }
        target.write_all(&header)?;
        let mut writer = Self { target, alignment, tensors, current: 0, written: 0 };
        writer.pad(header.len() as u64)?;
        Ok(writer)
    }

    /// Writes the bytes that come next of the tensor whose turn it is: row-major, little-endian,
    /// in as many pieces as convenient.
    ///
    /// # Errors
    /// If it is another tensor's turn, it gets more bytes than planned, or nothing can be written.
    pub fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), WriteError> {
        let turn = self.tensors.get(self.current);
        let Some((_, planned)) = turn.filter(|(turn, _)| turn == name) else {
            let expected =
                turn.map_or_else(|| "none any more".to_owned(), |(turn, _)| format!("`{turn}`"));
            return Err(WriteError::Order { found: name.to_owned(), expected });
        };
        let (planned, written) = (*planned, self.written.saturating_add(bytes.len() as u64));
        if written > planned {
            let reason = format!("found at least {written} bytes, expected {planned}");
            return Err(WriteError::Tensor { name: name.to_owned(), reason });
        }
        self.target.write_all(bytes)?;
        self.written = written;
        if written == planned {
            self.pad(planned)?;
            self.current += 1;
            self.written = 0;
        }
        Ok(())
    }

    /// Ends the file and returns where it was written to.
    ///
    /// # Errors
    /// If a tensor did not get all of its bytes, or nothing can be written.
    pub fn finish(mut self) -> Result<W, WriteError> {
        if let Some((first, _)) = self.tensors.get(self.current) {
            let count = self.tensors.len() - self.current;
            return Err(WriteError::Missing { count, first: first.clone() });
        }
        self.target.flush()?;
        Ok(self.target)
    }

    /// Fills up what so many bytes leave of a multiple of the alignment.
    fn pad(&mut self, bytes: u64) -> Result<(), WriteError> {
        let mut left = bytes.next_multiple_of(self.alignment) - bytes;
        let zeros = [0; 64];
        while left > 0 {
            let piece = zeros.get(..left.min(64) as usize).unwrap_or(&zeros);
            self.target.write_all(piece)?;
            left -= piece.len() as u64;
        }
        Ok(())
    }
}

/// The alignment that the metadata asks for, after its keys were checked.
fn check_metadata(metadata: &[(String, Value)]) -> Result<u64, WriteError> {
    let mut keys = BTreeSet::new();
    let mut alignment = DEFAULT_ALIGNMENT;
    for (key, value) in metadata {
        let refused = |reason: String| WriteError::Entry { key: key.clone(), reason };
        let allowed =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '.';
        if key.is_empty() || key.len() > KEY_BYTES || !key.chars().all(allowed) {
            let reason = "expected a key of small letters, digits, `_` and `.`".to_owned();
            return Err(refused(reason));
        }
        if !keys.insert(key.as_str()) {
            return Err(refused("it appears twice".to_owned()));
        }
        if key == ALIGNMENT_KEY {
            let Value::U32(found) = value else {
                return Err(refused(format!("found {value:?}, expected a value of type U32")));
            };
            alignment = check_alignment((*found).into()).map_err(refused)?;
            if !alignment.is_power_of_two() {
                return Err(refused(format!("found {alignment}, expected a power of two")));
            }
        }
    }
    if keys.contains(ARCHITECTURE_KEY) {
        return Ok(alignment);
    }
    let reason = "it is missing, but every reader asks for it first".to_owned();
    Err(WriteError::Entry { key: ARCHITECTURE_KEY.to_owned(), reason })
}

/// The number of a tensor's type, and its bytes.
fn check_plan(plan: &Plan) -> Result<(u32, u64), String> {
    let Plan { name, element, shape } = plan;
    if name.is_empty() || name.len() > NAME_BYTES {
        return Err(format!("found a name of {} bytes, expected 1 to {NAME_BYTES}", name.len()));
    }
    if shape.len() > AXES {
        return Err(format!("found {} axes, expected at most {AXES}", shape.len()));
    }
    let Some(number) = ggml_type::number(*element) else {
        return Err(format!("found values of {element}, which ggml does not know"));
    };
    let counted = shape.iter().try_fold(1u64, |all, &axis| all.checked_mul(axis as u64));
    let whole_rows = match element {
        Element::Block(format) => {
            shape.last().is_some_and(|&row| (row as u64).is_multiple_of(format.block().0))
        }
        _ => true,
    };
    let bytes = counted.filter(|&values| values > 0 && whole_rows);
    let bytes = bytes.and_then(|values| element.bytes_of(values));
    let bytes = bytes.filter(|&bytes| i64::try_from(bytes).is_ok());
    let bytes = bytes.ok_or_else(|| format!("its shape {shape:?} does not fit {element}"))?;
    Ok((number, bytes))
}
