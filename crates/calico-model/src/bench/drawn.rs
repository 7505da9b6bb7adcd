//! Weights that mean nothing, in any format.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use calico_nn::process::kernels;
use calico_nn::quantized::{Matrix, MatrixFormat, QuantizedMatrix};
use calico_nn::weights::{Random, TensorSpec, WeightSource};
use candle_core::{Device, Error, Result, Tensor};

use crate::quantize::Quantization;

/// Draws tensors, and gives matrices the wanted formats where they fit.
///
/// Quantising takes longer than what is measured, so it happens once for matrices of one shape:
/// they have equal codes, each its own copy in memory.
pub(super) struct Drawn {
    random: Random,
    quantization: Quantization,
    bytes: AtomicU64,
    made: Mutex<HashMap<(MatrixFormat, [usize; 2]), QuantizedMatrix>>,
}

impl Drawn {
    pub(super) fn new(quantization: Quantization) -> Self {
        Self {
            random: Random::new(0, Device::Cpu),
            quantization,
            bytes: AtomicU64::new(0),
            made: Mutex::default(),
        }
    }
}

impl Drawn {
    /// Bytes of the weights that were asked for so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl WeightSource for Drawn {
    fn tensor(&self, spec: &TensorSpec) -> Result<Tensor> {
        let bytes = size_of::<f32>() * spec.len();
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.random.tensor(spec)
    }

    fn matrix(&self, spec: &TensorSpec) -> Result<Matrix> {
        let (Some(format), &[outputs, inner]) =
            (self.quantization.of(&spec.name), spec.shape.as_slice())
        else {
            return self.tensor(spec).map(Matrix::Plain);
        };
        let shape = [outputs, inner];
        let Some(format) = format.fitting(shape) else {
            return self.tensor(spec).map(Matrix::Plain);
        };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let first = match made.entry((format, shape)) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let values = self.random.values(spec);
                let matrix = QuantizedMatrix::quantize(kernels(), format, shape, values);
                entry.insert(matrix.map_err(Error::wrap)?)
            }
        };
        let (codes, scales) = (first.codes().to_vec(), first.scales().clone());
        let bytes = codes.len() + size_of::<f32>() * (scales.outputs.len() + scales.columns.len());
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        let matrix = QuantizedMatrix::new(format, shape, codes.into(), scales);
        Ok(Matrix::Quantized(Arc::new(matrix.map_err(Error::wrap)?)))
    }
}
