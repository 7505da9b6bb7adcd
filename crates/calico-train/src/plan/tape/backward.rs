//! The backward pass: which gradients are held at once.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::value::{Origin, Storage, Value};
use super::{Back, Module, Node, Tape};

/// Bytes of a gradient of a trained tensor, per value: they are always f32.
const GRADIENT_BYTES: u64 = 4;

/// The gradients of results of operations that are not used up yet, by the operation.
type Gradients = BTreeMap<usize, Rc<Storage>>;

impl<'a> Tape<'a> {
    /// Goes from a loss back to all trained tensors. Their gradients are held until the end.
    pub(in crate::plan) fn backward(&self, loss: &Value) {
        if let Some(Origin::Computed(last)) = loss.origin {
            let gradients = BTreeMap::from([(last, self.gradient(loss.len))]);
            self.back_from(last, 0, gradients);
        }
    }

    /// Bytes of the gradients of trained tensors.
    pub(in crate::plan) fn gradient_bytes(&self) -> u64 {
        let trained = self.trained.borrow();
        trained.iter().filter_map(|tensor| Some(tensor.gradient.as_ref()?.bytes)).sum()
    }

    /// From operation `last` back to operation `first`; returns the gradients that are left.
    fn back_from(&self, last: usize, first: usize, mut gradients: Gradients) -> Gradients {
        // A pass within the pass ends with its own.
        let outer = self.rest.take();
        for at in (first..=last).rev() {
            let Some((inputs, back, module)) = self.node(at) else { continue };
            if matches!(back, Back::End) {
                continue;
            }
            let Some(gradient) = gradients.remove(&at) else { continue };
            self.count_backward(at);
            match back {
                Back::New { scratch, rest } => {
                    if rest > 0 {
                        let rest = Storage::new(rest, "", &self.ledger);
                        self.rest.borrow_mut().push(rest);
                    }
                    let scratch = Storage::new(scratch, "", &self.ledger);
                    let new: Vec<_> = inputs
                        .into_iter()
                        .filter(Value::is_tracked)
                        .map(|input| (self.gradient(input.len), input))
                        .collect();
                    drop(scratch);
                    for (own, input) in new {
                        self.add(&input, &mut gradients);
                        drop(own);
                    }
                }
                Back::Same => inputs.iter().for_each(|input| self.add(input, &mut gradients)),
                Back::Again(f) => {
                    self.within(module, || self.back_again(&inputs, &f, &mut gradients));
                }
                Back::End => {}
            }
            drop(gradient);
        }
        self.rest.replace(outer);
        gradients
    }

    /// Computes a stretch again, this time with gradients, and goes back through it.
    fn back_again(&self, inputs: &[Value], f: &super::Stretch<'a>, gradients: &mut Gradients) {
        let Some(x) = inputs.first() else { return };
        let first = self.graph.borrow().len();
        let mut start = x.detached();
        if x.is_tracked() {
            start = self.push(Vec::new(), start, Back::End, 0.0);
        }
        let was_again = self.is_again.replace(true);
        let y = f(self, &start);
        self.is_again.set(was_again);
        let weighted = self.gradient(y.len);
        if let Some(Origin::Computed(last)) = y.origin {
            let inner = BTreeMap::from([(last, self.gradient(y.len))]);
            let left = self.back_from(last, first, inner);
            if x.is_tracked() {
                self.add(x, gradients);
            }
            drop(left);
        }
        drop(weighted);
        drop(y);
        let inner: Vec<Node<'a>> = self.graph.borrow_mut().drain(first..).collect();
        drop(inner);
    }

    /// Adds a gradient to what a value has: the sum is a new tensor.
    fn add(&self, input: &Value, gradients: &mut Gradients) {
        match input.origin {
            Some(Origin::Computed(at)) => {
                let sum = self.gradient(input.len);
                gradients.insert(at, sum);
            }
            Some(Origin::Trained(at)) => {
                let sum = Storage::new(input.len * GRADIENT_BYTES, "", &self.ledger);
                if let Some(trained) = self.trained.borrow_mut().get_mut(at) {
                    trained.gradient = Some(sum);
                }
            }
            None => {}
        }
    }

    fn gradient(&self, len: u64) -> Rc<Storage> {
        Storage::new(len * self.width, "", &self.ledger)
    }

    fn node(&self, at: usize) -> Option<(Vec<Value>, Back<'a>, Module)> {
        let graph = self.graph.borrow();
        let node = graph.get(at)?;
        let back = match &node.back {
            Back::New { scratch, rest } => Back::New { scratch: *scratch, rest: *rest },
            Back::Same => Back::Same,
            Back::Again(f) => Back::Again(Rc::clone(f)),
            Back::End => Back::End,
        };
        Some((node.inputs.clone(), back, node.module))
    }

    fn count_backward(&self, at: usize) {
        let graph = self.graph.borrow();
        if let Some(node) = graph.get(at) {
            self.arithmetic.borrow_mut().entry(node.module).or_default().backward += node.flops;
        }
    }
}
