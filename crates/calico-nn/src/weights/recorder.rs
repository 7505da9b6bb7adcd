//! Learns what a model holds without holding it.

use std::sync::{Mutex, PoisonError};

use candle_core::{DType, Device, Result, Tensor};

use super::{TensorSpec, WeightSource};

/// Answers every request with one zero seen at every position, and writes the request down.
///
/// A model of any size can be built on it: a tensor takes four bytes.
#[derive(Debug, Default)]
pub struct Recorder {
    specs: Mutex<Vec<TensorSpec>>,
}

impl Recorder {
    /// What was asked for so far, in order.
    pub fn specs(&self) -> Vec<TensorSpec> {
        self.specs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl WeightSource for Recorder {
    fn tensor(&self, spec: &TensorSpec) -> Result<Tensor> {
        self.specs.lock().unwrap_or_else(PoisonError::into_inner).push(spec.clone());
        Tensor::zeros(1, DType::F32, &Device::Cpu)?.broadcast_as(spec.shape.clone())
    }
}
