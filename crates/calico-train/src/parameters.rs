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

    /// Weights of which gradients reach the trained ones.
    pub fn tracked(&self) -> Weights {
        Weights::new(Arc::new(self.source(Seen::Tracked)))
    }

    /// The same weights without gradients, for answers. They follow the trained ones.
    pub fn detached(&self) -> Weights {
        Weights::new(Arc::new(self.source(Seen::Detached)))
    }

    /// The values of the trained tensors, in f32 and as they are now.
    pub fn values(&self) -> BTreeMap<String, Tensor> {
        let value = |(name, var): (&String, &Var)| (name.clone(), var.as_detached_tensor());
        self.trained.iter().map(value).collect()
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

/// Some tensors, and a source of all others.
pub(crate) struct Overlay<'a> {
    pub(crate) over: &'a BTreeMap<String, Tensor>,
    pub(crate) base: &'a dyn WeightSource,
}

impl WeightSource for Overlay<'_> {
    fn tensor(&self, spec: &TensorSpec) -> Result<Tensor> {
        let Some(tensor) = self.over.get(&spec.name) else { return self.base.tensor(spec) };
        if tensor.dims() != spec.shape.as_slice() {
            let (name, found) = (&spec.name, tensor.dims());
            candle_core::bail!("{name} has the shape {found:?}, not {:?}", spec.shape);
        }
        Ok(tensor.clone())
    }
}
