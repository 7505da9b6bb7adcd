use std::fmt;

use super::Dtype;
use super::global::Global;
use crate::torch::shown;

/// What a pickle describes.
///
/// Values that hold others are kept here and known by their index: however often one is met
/// again, however deep they nest and whether they hold themselves, each exists once, and to drop
/// them takes no recursion.
#[derive(Debug, Default)]
pub(in crate::torch) struct Pickle<'a> {
    pub(in crate::torch) top: Value<'a>,
    pub(super) sequences: Vec<Vec<Value<'a>>>,
    pub(super) dicts: Vec<Vec<(Value<'a>, Value<'a>)>>,
    pub(super) storages: Vec<Storage<'a>>,
    pub(super) tensors: Vec<Tensor<'a>>,
}

/// A value; texts are part of the pickle.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(in crate::torch) enum Value<'a> {
    #[default]
    None,
    Bool(bool),
    Int(i64),
    /// An integer of more than 64 bits.
    LongInt,
    Float(f64),
    Str(&'a str),
    /// Bytes, and how many where that is known.
    Bytes(Option<usize>),
    Sequence(Kind, usize),
    Dict(usize),
    Global(Global),
    Storage(usize),
    Tensor(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::torch) enum Kind {
    Tuple,
    List,
    Set,
}

/// Values that tensors share.
#[derive(Debug, Clone, Copy)]
pub(in crate::torch) struct Storage<'a> {
    /// None if it is a storage of bytes, whose tensors say what they are.
    pub(in crate::torch) dtype: Option<&'static Dtype>,
    /// Its entry in the archive, under `data/`.
    pub(in crate::torch) key: &'a str,
    /// Number of values, or of bytes.
    pub(in crate::torch) len: u64,
}

/// A tensor as it was written, unchecked.
#[derive(Debug, Clone, Copy)]
pub(in crate::torch) struct Tensor<'a> {
    pub(in crate::torch) storage: Storage<'a>,
    pub(in crate::torch) dtype: Option<&'static Dtype>,
    /// Values in front of the first.
    pub(in crate::torch) offset: i64,
    /// Sequence of its axes.
    pub(in crate::torch) size: usize,
    /// Sequence of the values between neighbours along each axis.
    pub(in crate::torch) stride: usize,
}

impl<'a> Pickle<'a> {
    pub(super) fn add_sequence(&mut self, kind: Kind, items: Vec<Value<'a>>) -> Value<'a> {
        self.sequences.push(items);
        Value::Sequence(kind, self.sequences.len() - 1)
    }

    pub(super) fn add_dict(&mut self) -> Value<'a> {
        self.dicts.push(Vec::new());
        Value::Dict(self.dicts.len() - 1)
    }

    pub(super) fn add_storage(&mut self, storage: Storage<'a>) -> Value<'a> {
        self.storages.push(storage);
        Value::Storage(self.storages.len() - 1)
    }

    pub(super) fn add_tensor(&mut self, tensor: Tensor<'a>) -> Value<'a> {
        self.tensors.push(tensor);
        Value::Tensor(self.tensors.len() - 1)
    }

    pub(in crate::torch) fn items(&self, sequence: usize) -> &[Value<'a>] {
        self.sequences.get(sequence).map_or(&[], Vec::as_slice)
    }

    pub(in crate::torch) fn entries(&self, dict: usize) -> &[(Value<'a>, Value<'a>)] {
        self.dicts.get(dict).map_or(&[], Vec::as_slice)
    }

    pub(in crate::torch) fn tensor(&self, index: usize) -> Option<&Tensor<'a>> {
        self.tensors.get(index)
    }

    /// The first value with this key.
    pub(in crate::torch) fn entry(&self, dict: usize, key: &str) -> Option<Value<'a>> {
        self.entries(dict).iter().find(|(found, _)| *found == Value::Str(key)).map(|&(_, it)| it)
    }

    /// Whether there is a tensor among these values or anywhere within.
    pub(in crate::torch) fn holds_tensor(&self, values: impl Iterator<Item = Value<'a>>) -> bool {
        let mut is_known = (vec![false; self.sequences.len()], vec![false; self.dicts.len()]);
        let is_new = |known: &mut [bool], index: usize| {
            known.get_mut(index).is_some_and(|known| !std::mem::replace(known, true))
        };
        let mut waiting: Vec<_> = values.collect();
        while let Some(value) = waiting.pop() {
            match value {
                Value::Tensor(_) => return true,
                Value::Sequence(_, index) if is_new(&mut is_known.0, index) => {
                    waiting.extend(self.items(index));
                }
                Value::Dict(index) if is_new(&mut is_known.1, index) => {
                    waiting.extend(self.entries(index).iter().map(|&(_, value)| value));
                }
                _ => {}
            }
        }
        false
    }

    /// A value in a few words: "int 3", "dict of 812 entries".
    pub(in crate::torch) fn describe(&self, value: Value<'_>) -> String {
        match value {
            Value::None => "None".to_owned(),
            Value::Bool(true) => "bool True".to_owned(),
            Value::Bool(false) => "bool False".to_owned(),
            Value::Int(int) => format!("int {int}"),
            Value::LongInt => "int of more than 64 bits".to_owned(),
            Value::Float(float) => format!("float {float:?}"),
            Value::Str(text) => format!("str \"{}\"", shown(text)),
            Value::Bytes(Some(len)) => format!("bytes, {len}"),
            Value::Bytes(None) => "bytes".to_owned(),
            Value::Sequence(kind, index) => format!("{kind} of {}", count(self.items(index))),
            Value::Dict(index) => format!("dict of {}", count(self.entries(index))),
            Value::Global(global) => global.to_string(),
            Value::Storage(_) => "storage".to_owned(),
            Value::Tensor(_) => "tensor".to_owned(),
        }
    }
}

fn count<T>(entries: &[T]) -> String {
    match entries.len() {
        1 => "1 entry".to_owned(),
        len => format!("{len} entries"),
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tuple => "tuple",
            Self::List => "list",
            Self::Set => "set",
        })
    }
}
