use std::rc::Rc;

use super::Module;
use super::ledger::Ledger;

/// A tensor that has a size but no content; clones share their memory.
#[derive(Debug, Clone)]
pub(in crate::plan) struct Value {
    pub(super) storage: Rc<Storage>,
    /// Numbers in it.
    pub(in crate::plan) len: u64,
    /// Where its gradient goes, if it has one.
    pub(super) origin: Option<Origin>,
}

/// What a gradient belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A trained tensor.
    Trained(usize),
    /// The result of an operation.
    Computed(usize),
}

/// Memory that is given back when nothing refers to it any more.
#[derive(Debug)]
pub(super) struct Storage {
    pub(super) bytes: u64,
    /// The module that computed it.
    pub(super) module: Module,
    ledger: Rc<Ledger>,
}

impl Storage {
    pub(super) fn new(bytes: u64, module: Module, ledger: &Rc<Ledger>) -> Rc<Self> {
        ledger.take(bytes);
        Rc::new(Self { bytes, module, ledger: Rc::clone(ledger) })
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        self.ledger.give_back(self.bytes);
    }
}

impl Value {
    /// Whether gradients reach it.
    pub(in crate::plan) fn is_tracked(&self) -> bool {
        self.origin.is_some()
    }

    /// The same without its gradient.
    pub(in crate::plan) fn detached(&self) -> Self {
        Self { origin: None, ..self.clone() }
    }
}
