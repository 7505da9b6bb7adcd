use std::borrow::Cow;

use super::archive::Archive;
use super::pickle::{Kind, Pickle, Value};
use super::{SAVE_AGAIN, not_this, placement, shown, zero};
use crate::contents::Contents;
use crate::source::Source;
use crate::{FormatError, limits};

/// Keys at the top under which a state dict lies among other things.
const WRAPPERS: [&str; 3] = ["model", "state_dict", "module"];
/// The name of a tensor that is saved alone.
const ALONE: &str = "tensor";
/// Containers within containers.
const DEPTH: usize = 64;
/// Values that are looked at: containers may be met again and again, in more ways than can be
/// followed.
const VISITS: usize = 1 << 22;
/// Notes about keys that hold no tensors.
const NOTES: usize = 1 << 12;

/// Names the tensors of a file by the keys on the way to them.
pub(super) fn read(
    source: &Source,
    archive: &Archive,
    pickle: &Pickle<'_>,
) -> Result<Contents, FormatError> {
    let mut naming = Naming { source, archive, pickle, contents: Contents::default(), visits: 0 };
    match pickle.top {
        Value::Dict(index) => naming.read_top(pickle.entries(index))?,
        top @ (Value::Tensor(_) | Value::Sequence(..)) => {
            let mut name = if matches!(top, Value::Tensor(_)) { ALONE } else { "" }.to_owned();
            naming.visit(&mut name, top, 0)?;
        }
        other => {
            let found = format!("is a file of PyTorch that holds {}", pickle.describe(other));
            return Err(not_this(source, found, "a dict of tensors"));
        }
    }
    Ok(naming.contents)
}

struct Naming<'a> {
    source: &'a Source,
    archive: &'a Archive,
    pickle: &'a Pickle<'a>,
    contents: Contents,
    visits: usize,
}

impl<'a> Naming<'a> {
    /// A wrapper's tensors, if there is one, or those under all keys.
    fn read_top(&mut self, entries: &[(Value<'a>, Value<'a>)]) -> Result<(), FormatError> {
        let is_wrapper = |&(key, value): &_, wrapper: &str| {
            key == Value::Str(wrapper) && matches!(value, Value::Dict(_))
        };
        let wrapper = WRAPPERS.into_iter().find(|wrapper| {
            let wrapped = entries.iter().filter(|entry| is_wrapper(entry, wrapper));
            self.pickle.holds_tensor(wrapped.map(|&(_, value)| value))
        });
        if wrapper.is_none() {
            zero::check(self.source, self.pickle)?;
        }
        for entry in entries {
            let &(key, value) = entry;
            let mut name = String::new();
            let holds_tensor = match wrapper {
                Some(wrapper) if is_wrapper(entry, wrapper) => self.visit(&mut name, value, 0)?,
                Some(_) => false,
                None => self.visit_entry(&mut name, key, value, 0)?,
            };
            if !holds_tensor && self.contents.notes.len() < NOTES {
                // Nothing is named after it, so it may be of any type.
                let key = match key {
                    Value::Str(text) => shown(text),
                    Value::Int(number) => number.to_string(),
                    other => self.pickle.describe(other),
                };
                self.contents.notes.entry(key).or_insert_with(|| self.pickle.describe(value));
            }
        }
        Ok(())
    }

    /// Adds the tensors within a value, and says whether there are any.
    fn visit(
        &mut self,
        name: &mut String,
        value: Value<'a>,
        depth: usize,
    ) -> Result<bool, FormatError> {
        let pickle = self.pickle;
        let mut holds_tensor = false;
        match value {
            Value::Tensor(index) => {
                self.add(name, index)?;
                holds_tensor = true;
            }
            Value::Dict(index) => {
                for &(key, value) in pickle.entries(index) {
                    holds_tensor |= self.visit_entry(name, key, value, depth)?;
                }
            }
            Value::Sequence(Kind::List | Kind::Tuple, index) => {
                for (index, &value) in pickle.items(index).iter().enumerate() {
                    let key = Value::Int(index as i64);
                    holds_tensor |= self.visit_entry(name, key, value, depth)?;
                }
            }
            _ => {}
        }
        Ok(holds_tensor)
    }

    /// Visits a value under a key, by which the name grows meanwhile.
    fn visit_entry(
        &mut self,
        name: &mut String,
        key: Value<'a>,
        value: Value<'a>,
        depth: usize,
    ) -> Result<bool, FormatError> {
        self.visits += 1;
        if self.visits > VISITS {
            let reason = format!("leads to more than {VISITS} values; {SAVE_AGAIN}");
            return Err(self.source.refused("state dict", reason));
        }
        let is_tensor = matches!(value, Value::Tensor(_));
        if !is_tensor && !matches!(value, Value::Dict(_) | Value::Sequence(..)) {
            return Ok(false);
        }
        let place = || format!("state dict, `{}`", shown(name));
        if depth == DEPTH {
            let reason = format!("nests more than {DEPTH} deep; {SAVE_AGAIN}");
            return Err(self.source.refused(&place(), reason));
        }
        let key = self.key(key).map_err(|reason| self.source.refused(&place(), reason))?;
        if key.len() + name.len() > limits::NAME_BYTES {
            let (key, limit) = (shown(&key), limits::NAME_BYTES);
            let reason = format!("the key `{key}` makes a name of more than {limit} bytes");
            return Err(self.source.broken(&place(), reason));
        }
        let len = name.len();
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(&key);
        let holds_tensor = self.visit(name, value, depth + 1);
        name.truncate(len);
        holds_tensor
    }

    /// A key as part of a name.
    fn key(&self, key: Value<'a>) -> Result<Cow<'a, str>, String> {
        match key {
            Value::Str(text) => Ok(Cow::Borrowed(text)),
            Value::Int(number) => Ok(Cow::Owned(number.to_string())),
            other => {
                let found = self.pickle.describe(other);
                Err(format!("a key is {found}; expected a text or an integer"))
            }
        }
    }

    fn add(&mut self, name: &str, index: usize) -> Result<(), FormatError> {
        let Some(tensor) = self.pickle.tensor(index) else { return Ok(()) };
        let placed = placement::place(self.archive, self.pickle, tensor).map_err(|problem| {
            problem.into_error(self.source, &format!("tensor `{}`", shown(name)))
        })?;
        self.contents.add(self.source, name.to_owned(), placed)
    }
}
