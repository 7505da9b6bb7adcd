//! What a module asks of its weights.

use std::sync::Arc;

use calico_nn::Weights;
use calico_nn::weights::{Recorder, TensorSpec};
use candle_core::Result;

/// Every tensor that `load` asks for, in order; a module of any size takes no memory.
pub fn record<T>(load: impl FnOnce(&Weights) -> Result<T>) -> Vec<TensorSpec> {
    let recorder = Arc::new(Recorder::default());
    load(&Weights::new(recorder.clone())).expect("the module can be built");
    recorder.specs()
}

/// Values in all of `specs` together.
pub fn parameters(specs: &[TensorSpec]) -> usize {
    specs.iter().map(TensorSpec::len).sum()
}
