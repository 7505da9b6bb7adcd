use std::collections::HashMap;

use super::cursor::Cursor;
use super::global::Global;
use super::value::Kind;
use super::{Pickle, Problem, Value, opcode as op, rebuild};
use crate::torch::SAVE_AGAIN;

/// Instructions of a pickle: about forty per tensor. Each makes a few values at most, so this
/// bounds time and, to a few hundred megabytes, memory.
const INSTRUCTIONS: usize = 1 << 22;

impl<'a> Pickle<'a> {
    /// Builds what a pickle describes; an error comes with the byte of its instruction.
    pub(in crate::torch) fn load(bytes: &'a [u8]) -> Result<Self, (usize, Problem)> {
        let mut machine = Machine::new(bytes);
        let mut at = 0;
        machine.run(&mut at).map_err(|problem| (at, problem))?;
        Ok(machine.pickle)
    }
}

/// The stack machine of pickles.
struct Machine<'a> {
    cursor: Cursor<'a>,
    stack: Vec<Value<'a>>,
    /// Heights of the stack at which containers begin.
    marks: Vec<usize>,
    /// Values that are met again.
    memo: HashMap<u64, Value<'a>>,
    pickle: Pickle<'a>,
}

impl<'a> Machine<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let pickle = Pickle::default();
        let (stack, marks, memo) = (Vec::new(), Vec::new(), HashMap::new());
        Self { cursor: Cursor::new(bytes), stack, marks, memo, pickle }
    }

    /// Runs until the end, and keeps the place of the instruction in `at`.
    fn run(&mut self, at: &mut usize) -> Result<(), Problem> {
        let begins = (self.cursor.byte()?, self.cursor.byte()?);
        if !matches!(begins, (op::PROTO, 2..=5)) {
            return Problem::broken("found no pickle of protocol 2 to 5");
        }
        for _ in 0..INSTRUCTIONS {
            *at = self.cursor.at();
            let opcode = self.cursor.byte()?;
            if opcode == op::STOP {
                self.pickle.top = self.pop()?;
                if !self.stack.is_empty() || !self.marks.is_empty() {
                    return Problem::broken("ends with more than one value");
                }
                return Ok(());
            }
            self.step(opcode)?;
        }
        Err(Problem::Refused(format!("takes more than {INSTRUCTIONS} instructions")))
    }

    fn step(&mut self, opcode: u8) -> Result<(), Problem> {
        if let Some(value) = self.cursor.literal(opcode)? {
            self.stack.push(value);
            return Ok(());
        }
        match opcode {
            // A frame says how many bytes may be read at once.
            op::FRAME => {
                self.cursor.number(8)?;
            }
            op::MARK => self.marks.push(self.stack.len()),
            op::EMPTY_TUPLE => self.push_sequence(Kind::Tuple, Vec::new()),
            op::EMPTY_LIST => self.push_sequence(Kind::List, Vec::new()),
            op::EMPTY_SET => self.push_sequence(Kind::Set, Vec::new()),
            op::EMPTY_DICT => {
                let dict = self.pickle.add_dict();
                self.stack.push(dict);
            }
            op::TUPLE1 | op::TUPLE2 | op::TUPLE3 => {
                let mut items = vec![Value::None; usize::from(opcode - op::TUPLE1) + 1];
                for item in items.iter_mut().rev() {
                    *item = self.pop()?;
                }
                self.push_sequence(Kind::Tuple, items);
            }
            op::TUPLE => {
                let items = self.pop_to_mark()?;
                self.push_sequence(Kind::Tuple, items);
            }
            op::FROZENSET => {
                let items = self.pop_to_mark()?;
                self.push_sequence(Kind::Set, items);
            }
            op::APPEND | op::APPENDS | op::ADDITEMS => self.append(opcode)?,
            op::SETITEM | op::SETITEMS => self.set_items(opcode)?,
            op::BINPUT | op::LONG_BINPUT | op::MEMOIZE => self.remember(opcode)?,
            op::BINGET | op::LONG_BINGET => self.recall(opcode)?,
            op::GLOBAL => {
                let (module, name) = (self.cursor.line()?, self.cursor.line()?);
                self.stack.push(Value::Global(Global::named(module, name)?));
            }
            op::STACK_GLOBAL => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Value::Str(module), Value::Str(name)) = (module, name) else {
                    return Problem::broken("a global's module and name are no texts");
                };
                self.stack.push(Value::Global(Global::named(module, name)?));
            }
            op::BINPERSID => {
                let identity = self.pop()?;
                let storage = rebuild::storage(&mut self.pickle, identity)?;
                self.stack.push(storage);
            }
            op::REDUCE => {
                let (arguments, callee) = (self.pop()?, self.pop()?);
                let value = rebuild::reduce(&mut self.pickle, callee, arguments)?;
                self.stack.push(value);
            }
            op::BUILD => self.build()?,
            _ => {
                return Err(Problem::Refused(format!(
                    "found instruction {opcode:#04x}, which no file of weights has; {SAVE_AGAIN}"
                )));
            }
        }
        Ok(())
    }

    fn push_sequence(&mut self, kind: Kind, items: Vec<Value<'a>>) {
        let sequence = self.pickle.add_sequence(kind, items);
        self.stack.push(sequence);
    }

    /// The last value, unless a mark protects it.
    fn last(&self) -> Result<Value<'a>, Problem> {
        let protected = self.marks.last().copied().unwrap_or(0);
        match self.stack.get(protected..) {
            Some([.., last]) => Ok(*last),
            _ => Problem::broken("a value is missing"),
        }
    }

    fn pop(&mut self) -> Result<Value<'a>, Problem> {
        let last = self.last()?;
        self.stack.pop();
        Ok(last)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value<'a>>, Problem> {
        match self.marks.pop() {
            Some(mark) if mark <= self.stack.len() => Ok(self.stack.split_off(mark)),
            _ => Problem::broken("a mark is missing"),
        }
    }

    /// What an instruction adds to a container: one value, or all behind the mark.
    fn added(&mut self, is_one: bool, one: usize) -> Result<Vec<Value<'a>>, Problem> {
        if !is_one {
            return self.pop_to_mark();
        }
        let mut values = vec![Value::None; one];
        for value in values.iter_mut().rev() {
            *value = self.pop()?;
        }
        Ok(values)
    }

    fn append(&mut self, opcode: u8) -> Result<(), Problem> {
        let items = self.added(opcode == op::APPEND, 1)?;
        let expected = if opcode == op::ADDITEMS { Kind::Set } else { Kind::List };
        match self.last()? {
            Value::Sequence(kind, index) if kind == expected => {
                if let Some(sequence) = self.pickle.sequences.get_mut(index) {
                    sequence.extend(items);
                }
                Ok(())
            }
            other => {
                let other = self.pickle.describe(other);
                Problem::broken(format!("adds to a {other}; expected a {expected}"))
            }
        }
    }

    fn set_items(&mut self, opcode: u8) -> Result<(), Problem> {
        let values = self.added(opcode == op::SETITEM, 2)?;
        let (pairs, rest) = values.as_chunks();
        let last = self.last()?;
        let Value::Dict(index) = last else {
            let last = self.pickle.describe(last);
            return Problem::broken(format!("adds to a {last}; expected a dict"));
        };
        if !rest.is_empty() {
            return Problem::broken("a key has no value");
        }
        if let Some(dict) = self.pickle.dicts.get_mut(index) {
            dict.extend(pairs.iter().map(|&[key, value]| (key, value)));
        }
        Ok(())
    }

    fn remember(&mut self, opcode: u8) -> Result<(), Problem> {
        let key = match opcode {
            op::BINPUT => self.cursor.number(1)?,
            op::LONG_BINPUT => self.cursor.number(4)?,
            _ => self.memo.len() as u64,
        };
        let last = self.last()?;
        self.memo.insert(key, last);
        Ok(())
    }

    fn recall(&mut self, opcode: u8) -> Result<(), Problem> {
        let key = self.cursor.number(if opcode == op::BINGET { 1 } else { 4 })?;
        let Some(&value) = self.memo.get(&key) else {
            return Problem::broken(format!("value {key} is met before it was made"));
        };
        self.stack.push(value);
        Ok(())
    }

    /// The state of an object; a dict has none that matters, only the `_metadata` of modules.
    fn build(&mut self) -> Result<(), Problem> {
        self.pop()?;
        match self.last()? {
            Value::Dict(_) => Ok(()),
            other => {
                let other = self.pickle.describe(other);
                Err(Problem::Refused(format!("sets the state of a {other}; {SAVE_AGAIN}")))
            }
        }
    }
}
