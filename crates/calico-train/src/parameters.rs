//! The values of a model while it is trained: which of them move, and the model made of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use calico_nn::Weights;
use calico_nn::weights::{TensorSpec, WeightSource};
use candle_core::{DType, Device, Result, Tensor, Var};

/// All tensors of a model, in the order of their names.
///
/// Trained ones are variables in f32; frozen ones are stored in the type of the arithmetic.
#[derive(Debug)]
pub struct Parameters {
    specs: Vec<TensorSpec>,
    frozen: BTreeMap<String, Tensor>,
    trained: BTreeMap<String, Var>,
    compute: DType,
    device: Device,
}

impl Parameters {
    /// Asks `source` for every tensor of `specs`; those that `trains` says are variables.
    pub fn new(
        specs: Vec<TensorSpec>,
        source: &dyn WeightSource,
        trains: &dyn Fn(&str) -> bool,
        compute: DType,
        device: &Device,
    ) -> Result<Self> {
        let (mut frozen, mut trained) = (BTreeMap::new(), BTreeMap::new());
        for spec in &specs {
            let tensor = source.tensor(spec)?.to_device(device)?;
            if trains(&spec.name) {
                // A copy: nothing else may see it move.
                let values = tensor.to_dtype(DType::F32)?.copy()?;
                trained.insert(spec.name.clone(), Var::from_tensor(&values)?);
            } else {
                frozen.insert(spec.name.clone(), tensor.to_dtype(compute)?);
            }
        }
        Ok(Self { specs, frozen, trained, compute, device: device.clone() })
    }

    /// The same values with others of them trained: the next stage begins.
    pub fn training(self, trains: &dyn Fn(&str) -> bool) -> Result<Self> {
        let (specs, compute, device) = (self.specs.clone(), self.compute, self.device.clone());
        let all = self.source(Seen::Exactly);
        Self::new(specs, &all, trains, compute, &device)
    }

    /// The trained tensors by name.
    pub fn trained(&self) -> &BTreeMap<String, Var> {
        &self.trained
    }

    /// The frozen tensors by name.
    pub fn frozen(&self) -> &BTreeMap<String, Tensor> {
        &self.frozen
    }

    /// Every tensor, in the order in which the modules ask for them.
    pub fn specs(&self) -> &[TensorSpec] {
        &self.specs
    }

    /// The type of the arithmetic.
    pub fn compute(&self) -> DType {
        self.compute
    }

    /// Where the tensors are.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Number of trained values.
    pub fn trained_values(&self) -> u64 {
        self.trained.values().map(|var| var.elem_count() as u64).sum()
    }

    /// Weights of which gradients reach the trained ones.
    pub fn tracked(&self) -> Weights {
        Weights::new(Arc::new(self.source(Seen::Tracked)))
    }

    /// The same weights without gradients, for answers. They follow the trained ones.
    pub fn detached(&self) -> Weights {
        Weights::new(Arc::new(self.source(Seen::Detached)))
    }

    /// Replaces the values of the trained tensors.
    ///
    /// # Errors
    /// If names or shapes differ.
    pub fn restore(&self, values: &BTreeMap<String, Tensor>) -> Result<()> {
        if values.len() != self.trained.len() {
            let (found, expected) = (values.len(), self.trained.len());
            candle_core::bail!("found {found} trained tensors, expected {expected}");
        }
        for (name, var) in &self.trained {
            let Some(value) = values.get(name) else {
                candle_core::bail!("the trained tensor {name} is missing");
            };
            var.set(&value.to_dtype(DType::F32)?.to_device(&self.device)?)?;
        }
        Ok(())
    }

    fn source(&self, seen: Seen) -> Shared {
        Shared {
            frozen: self.frozen.clone(),
            trained: self.trained.clone(),
            compute: self.compute,
            seen,
        }
    }
}

/// How trained tensors are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Tracked,
    Detached,
    /// In f32, whatever the arithmetic is.
    Exactly,
}

/// Answers with the tensors themselves; none is copied.
struct Shared {
    frozen: BTreeMap<String, Tensor>,
    trained: BTreeMap<String, Var>,
    compute: DType,
    seen: Seen,
}

impl WeightSource for Shared {
    fn tensor(&self, spec: &TensorSpec) -> Result<Tensor> {
        let TensorSpec { name, shape, .. } = spec;
        let tensor = match (self.trained.get(name), self.frozen.get(name)) {
            (Some(var), _) => match self.seen {
                Seen::Tracked => var.as_tensor().to_dtype(self.compute)?,
                Seen::Detached => var.as_detached_tensor().to_dtype(self.compute)?,
                Seen::Exactly => var.as_detached_tensor(),
            },
            (None, Some(frozen)) => frozen.clone(),
            (None, None) => candle_core::bail!("there is no tensor {name}"),
        };
        if tensor.dims() != shape.as_slice() {
            candle_core::bail!("{name} has the shape {:?}, not {shape:?}", tensor.dims());
        }
        Ok(tensor)
    }
}
