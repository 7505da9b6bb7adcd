//! A training step without numbers: values have sizes, and the same life as the tensors of a step.
//!
//! A [`Value`] is given back when nothing refers to it, as a tensor is. An operation through which
//! gradients pass keeps its operands and its result, as candle's graph does. So a walk through
//! the model with the scopes of its code tells what is kept for the backward pass, and how much
//! is held at any moment, without a formula per module.

mod backward;
mod ledger;
mod value;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use ledger::Ledger;
pub(super) use value::Value;
use value::{Origin, Storage};

/// The canonical prefix of a module, or another name for what is not of one.
pub(super) type Module = &'static str;

/// Arithmetic, 2 per multiply-add, in matrix products only.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Arithmetic {
    /// Of the forward pass.
    pub(super) forward: f64,
    /// Of the backward pass.
    pub(super) backward: f64,
    /// Of what is computed again in the backward pass.
    pub(super) recomputed: f64,
}

/// What a step is made of.
pub(super) struct Tape<'a> {
    /// Whether a tensor is trained.
    trains: &'a dyn Fn(&str) -> bool,
    /// Bytes of a value.
    width: u64,
    /// Whether operations run in one pass, or are composed of several.
    is_fused: bool,
    ledger: Rc<Ledger>,
    graph: RefCell<Vec<Node<'a>>>,
    trained: RefCell<Vec<Trained>>,
    by_name: RefCell<BTreeMap<String, usize>>,
    arithmetic: RefCell<BTreeMap<Module, Arithmetic>>,
    module: Cell<Module>,
    is_again: Cell<bool>,
    /// What stays until the end of the backward pass that is under way.
    rest: RefCell<Vec<Rc<Storage>>>,
}

/// A trained tensor that the step used.
struct Trained {
    value: Value,
    gradient: Option<Rc<Storage>>,
}

/// An operation through which gradients pass.
struct Node<'a> {
    inputs: Vec<Value>,
    output: Value,
    back: Back<'a>,
    /// Arithmetic of its backward pass.
    flops: f64,
    module: Module,
}

/// How gradients pass an operation.
enum Back<'a> {
    /// Each operand gets a new tensor, which is then added to what it has. Meanwhile so many more
    /// bytes of `scratch` are held, and those of `rest` until the end of the pass.
    New { scratch: u64, rest: u64 },
    /// The gradient of the result, or a view of it, is added to what each operand has.
    Same,
    /// The operation is computed again, with gradients.
    Again(Stretch<'a>),
    /// It ends here.
    End,
}

/// A part of a network.
pub(super) type Stretch<'a> = Rc<dyn Fn(&Tape<'a>, &Value) -> Value + 'a>;

impl<'a> Tape<'a> {
    /// A step of values of `width` bytes each.
    pub(super) fn new(trains: &'a dyn Fn(&str) -> bool, width: u64, is_fused: bool) -> Self {
        Self {
            trains,
            width,
            is_fused,
            ledger: Rc::default(),
            graph: RefCell::default(),
            trained: RefCell::default(),
            by_name: RefCell::default(),
            arithmetic: RefCell::default(),
            module: Cell::new(""),
            is_again: Cell::new(false),
            rest: RefCell::default(),
        }
    }

    /// Bytes of a value.
    pub(super) fn width(&self) -> u64 {
        self.width
    }

    /// Whether operations run in one pass.
    pub(super) fn is_fused(&self) -> bool {
        self.is_fused
    }

    /// Charges what `run` does to a module.
    pub(super) fn within<T>(&self, module: Module, run: impl FnOnce() -> T) -> T {
        let outer = self.module.replace(module);
        let result = run();
        self.module.set(outer);
        result
    }

    /// Counts arithmetic of the forward pass.
    pub(super) fn count(&self, flops: f64) {
        let mut arithmetic = self.arithmetic.borrow_mut();
        let own = arithmetic.entry(self.module.get()).or_default();
        *(if self.is_again.get() { &mut own.recomputed } else { &mut own.forward }) += flops;
    }

    /// A new value that no gradient reaches.
    pub(super) fn constant(&self, len: u64) -> Value {
        self.value(len, len * self.width)
    }

    /// As [`Tape::constant`], in a type of its own.
    pub(super) fn constant_of(&self, len: u64, width: u64) -> Value {
        self.value(len, len * width)
    }

    fn value(&self, len: u64, bytes: u64) -> Value {
        let storage = Storage::new(bytes, self.module.get(), &self.ledger);
        Value { storage, len, origin: None }
    }

    /// A tensor of the model, if it is trained. What is frozen costs a step nothing.
    pub(super) fn trained(&self, name: &str, len: u64) -> Option<Value> {
        if !(self.trains)(name) {
            return None;
        }
        let known = self.by_name.borrow().get(name).copied();
        let at = known.unwrap_or_else(|| {
            let mut trained = self.trained.borrow_mut();
            let at = trained.len();
            self.by_name.borrow_mut().insert(name.to_owned(), at);
            let origin = Some(Origin::Trained(at));
            // Its own memory is counted among the weights, not here.
            let value = Value { origin, ..self.value(len, 0) };
            trained.push(Trained { value, gradient: None });
            at
        });
        let value = self.trained.borrow()[at].value.clone();
        // Where the arithmetic is narrow, each use is a narrow copy.
        Some(if self.width == 4 { value } else { self.same(&[&value], len) })
    }

    /// Values of the trained tensors that were used and whose names begin so.
    pub(super) fn trained_values(&self, prefix: &str) -> u64 {
        let trained = self.trained.borrow();
        let by_name = self.by_name.borrow();
        let own = by_name.iter().filter(|(name, _)| name.starts_with(prefix));
        own.map(|(_, at)| trained[*at].value.len).sum()
    }

    /// An operation whose gradients are new tensors.
    pub(super) fn apply(&self, inputs: &[&Value], len: u64) -> Value {
        self.product(inputs, len, 0.0)
    }

    /// As [`Tape::apply`], with so much arithmetic in its backward pass.
    pub(super) fn product(&self, inputs: &[&Value], len: u64, flops: f64) -> Value {
        self.record(inputs, self.constant(len), Back::New { scratch: 0, rest: 0 }, flops)
    }

    /// As [`Tape::product`], with so many more bytes in its forward and in its backward pass.
    pub(super) fn with_scratch(
        &self,
        inputs: &[&Value],
        len: u64,
        flops: f64,
        [forward, backward]: [u64; 2],
    ) -> Value {
        let output = self.constant(len);
        drop(Storage::new(forward, "", &self.ledger));
        self.record(inputs, output, Back::New { scratch: backward, rest: 0 }, flops)
    }

    /// Dropout, which draws its mask again.
    pub(super) fn masked(&self, x: &Value) -> Value {
        self.apply(&[x], x.len)
    }

    /// A sum, or values side by side: gradients pass as they are.
    pub(super) fn same(&self, inputs: &[&Value], len: u64) -> Value {
        self.record(inputs, self.constant(len), Back::Same, 0.0)
    }

    /// `x` with a constant added, value by value: candle makes a gradient for the constant, too.
    pub(super) fn shifted(&self, x: &Value) -> Value {
        let back = Back::New { scratch: 0, rest: x.len * self.width };
        self.record(&[x], self.constant(x.len), back, 0.0)
    }

    /// A view of a part of the memory. Its gradient is filled up with zeros.
    pub(super) fn part(&self, x: &Value, len: u64) -> Value {
        let output = Value { origin: None, len, ..x.clone() };
        self.record(&[x], output, Back::New { scratch: 0, rest: 0 }, 0.0)
    }

    /// `f(x)`, of which the graph keeps `x` and the result only.
    pub(super) fn again(&self, x: &Value, f: Stretch<'a>) -> Value {
        let start = self.graph.borrow().len();
        let y = f(self, &x.detached());
        let inner: Vec<_> = self.graph.borrow_mut().drain(start..).collect();
        drop(inner);
        let output = self.constant(y.len);
        if x.is_tracked() || y.is_tracked() {
            self.push(vec![x.clone()], output, Back::Again(f), 0.0)
        } else {
            output
        }
    }

    fn record(&self, inputs: &[&Value], output: Value, back: Back<'a>, flops: f64) -> Value {
        if inputs.iter().any(|input| input.is_tracked()) {
            let inputs = inputs.iter().map(|input| (*input).clone()).collect();
            self.push(inputs, output, back, flops)
        } else {
            output
        }
    }

    fn push(&self, inputs: Vec<Value>, mut output: Value, back: Back<'a>, flops: f64) -> Value {
        let mut graph = self.graph.borrow_mut();
        output.origin = Some(Origin::Computed(graph.len()));
        let module = self.module.get();
        graph.push(Node { inputs, output: output.clone(), back, flops, module });
        output
    }

    /// What is kept for the backward pass, in bytes, by the module that computed it.
    pub(super) fn kept(&self) -> BTreeMap<Module, u64> {
        let mut seen = HashSet::new();
        let mut kept = BTreeMap::new();
        for node in self.graph.borrow().iter() {
            for value in node.inputs.iter().chain([&node.output]) {
                if seen.insert(Rc::as_ptr(&value.storage)) {
                    *kept.entry(value.storage.module).or_default() += value.storage.bytes;
                }
            }
        }
        kept
    }

    /// The most that was ever held, in bytes; weights are not in it.
    pub(super) fn peak(&self) -> u64 {
        self.ledger.peak()
    }

    /// Arithmetic by module.
    pub(super) fn arithmetic(&self) -> BTreeMap<Module, Arithmetic> {
        self.arithmetic.borrow().clone()
    }
}

#[cfg(test)]
mod tests;
