//! Gradient checkpointing: a stretch of a network that keeps its input alone and runs again when
//! gradients are wanted.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::backend::BackendStorage as _;
use candle_core::{
    CpuStorage, CudaStorage, CustomOp1, Layout, MetalStorage, Result, Shape, Storage, Tensor,
    TensorId, Var,
};

/// Runs stretches of a network without keeping what they compute (arXiv 1604.06174).
///
/// The backward pass of such a stretch is a backward pass of its own: candle knows of the input
/// only. The gradients of everything else that the stretch reaches (its weights) are added up
/// here, and [`Recompute::take`] hands them out after the backward pass of the whole network.
/// Clones share one collection.
#[derive(Clone, Default)]
pub struct Recompute {
    gradients: Arc<Mutex<HashMap<TensorId, Tensor>>>,
}

impl Recompute {
    /// `f(x)`, of which the graph keeps `x` and the result only; `f` runs once more in the
    /// backward pass.
    ///
    /// `f` must compute the same whenever it is called, and whatever it holds must be a variable,
    /// a constant, or derived from variables by little work, which is repeated too: gradients
    /// flow through what it holds down to the variables.
    ///
    /// # Shapes
    /// - `x`: any; the result has the shape that `f` gives it
    ///
    /// # Errors
    /// If `f` fails.
    pub fn run(
        &self,
        x: &Tensor,
        f: impl Fn(&Tensor) -> Result<Tensor> + Send + Sync + 'static,
    ) -> Result<Tensor> {
        let y = f(&x.detach())?;
        let wants_input = x.track_op();
        if !wants_input && !y.track_op() {
            return Ok(y); // Nothing learns here.
        }
        let mut y = y.detach();
        if !y.is_contiguous() || y.layout().start_offset() != 0 {
            y = y.force_contiguous()?;
        }
        // The backward pass of candle visits only what lies between the loss and a variable. An
        // input that needs no gradient is therefore made a variable of its own, or the weights
        // inside of `f` would never hear of the loss; its gradient is not computed.
        let anchor = if wants_input { x.clone() } else { Var::from_tensor(x)?.into_inner() };
        anchor.apply_op1(Stretch {
            f: Box::new(f),
            result: Mutex::new(Some(y)),
            wants_input,
            gradients: self.clone(),
        })
    }

    /// The gradients of the variables inside of all stretches since the last call, by the id of
    /// the variable. To be called after the backward pass; a variable that is also used outside
    /// has the rest of its gradient in the store of that pass.
    pub fn take(&self) -> HashMap<TensorId, Tensor> {
        std::mem::take(&mut *self.lock())
    }

    fn add(&self, id: TensorId, gradient: Tensor) -> Result<()> {
        let mut gradients = self.lock();
        let sum = match gradients.get(&id) {
            Some(sum) => (sum + gradient)?,
            None => gradient,
        };
        gradients.insert(id, sum);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TensorId, Tensor>> {
        self.gradients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Recompute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recompute").field("gradients", &self.lock().len()).finish()
    }
}

/// What a stretch computes.
type Function = dyn Fn(&Tensor) -> Result<Tensor> + Send + Sync;

/// One call of [`Recompute::run`] in the graph.
struct Stretch {
    f: Box<Function>,
    /// What the forward pass hands out, once: contiguous, from the start of its storage.
    result: Mutex<Option<Tensor>>,
    wants_input: bool,
    gradients: Recompute,
}

impl Stretch {
    /// Gives the storage of the result to `pick`.
    fn hand_out<T>(&self, pick: impl FnOnce(&Storage, &Layout) -> Result<T>) -> Result<(T, Shape)> {
        let result = self.result.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(result) = result else {
            candle_core::bail!("the result of a recomputed stretch is handed out once");
        };
        let (storage, layout) = result.storage_and_layout();
        Ok((pick(&storage, layout)?, result.shape().clone()))
    }
}

impl CustomOp1 for Stretch {
    fn name(&self) -> &'static str {
        "recompute"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        self.hand_out(|storage, layout| match storage {
            Storage::Cpu(storage) => storage.try_clone(layout),
            _ => candle_core::bail!("the result of a recomputed stretch left the CPU"),
        })
    }

    fn cuda_fwd(&self, _: &CudaStorage, _: &Layout) -> Result<(CudaStorage, Shape)> {
        self.hand_out(|storage, layout| match storage {
            Storage::Cuda(storage) => storage.try_clone(layout),
            _ => candle_core::bail!("the result of a recomputed stretch left the GPU"),
        })
    }

    fn metal_fwd(&self, _: &MetalStorage, _: &Layout) -> Result<(MetalStorage, Shape)> {
        self.hand_out(|storage, layout| match storage {
            Storage::Metal(storage) => storage.try_clone(layout),
            _ => candle_core::bail!("the result of a recomputed stretch left the GPU"),
        })
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let x = x.detach();
        let leaf = if self.wants_input { Some(Var::from_tensor(&x)?) } else { None };
        let y = (self.f)(leaf.as_ref().map_or(&x, |leaf| leaf.as_tensor()))?;
        // A scalar whose derivative by `y` is the gradient that came in.
        let scalar = (y * gradient)?.sum_all()?;
        let mut store = scalar.backward()?;
        let own = leaf.map(|leaf| match store.remove(&leaf) {
            Some(own) => Ok(own.detach()),
            None => x.zeros_like(), // candle wants a gradient for every argument it has tracked.
        });
        // In the order of the graph, so that sums come out the same in every run. Detached, for
        // a gradient holds the graph of its own computation.
        for node in scalar.sorted_nodes().into_iter().filter(|node| node.is_variable()) {
            if let Some(found) = store.remove(node) {
                self.gradients.add(node.id(), found.detach())?;
            }
        }
        own.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mlp, Weights, weights::Random, weights::TensorSpec, weights::WeightSource};
    use candle_core::Device;

    /// Random weights that are variables, in the order in which they were asked for.
    struct Variables(Mutex<Vec<Var>>);

    impl WeightSource for Variables {
        fn tensor(&self, spec: &TensorSpec) -> Result<Tensor> {
            let spec = TensorSpec { init: crate::weights::Init::Uniform(0.5), ..spec.clone() };
            let var = Var::from_tensor(&Random::new(7, Device::Cpu).tensor(&spec)?)?;
            self.0.lock().unwrap().push(var.clone());
            Ok(var.into_inner())
        }
    }

    fn mlp() -> (Mlp, Vec<Var>) {
        let source = Arc::new(Variables(Mutex::default()));
        let weights = Weights::new(Arc::clone(&source) as _);
        let mlp = Mlp::load(6, 10, ["fc1", "fc2"], &weights).unwrap();
        let vars = source.0.lock().unwrap().clone();
        (mlp, vars)
    }

    fn input() -> Tensor {
        Tensor::arange(0f32, 24.0, &Device::Cpu).unwrap().reshape((4, 6)).unwrap()
    }

    fn bits(x: &Tensor) -> Vec<u32> {
        let values = x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        values.into_iter().map(f32::to_bits).collect()
    }

    /// `mlp(mlp(x) · 0.1)`: every weight gets gradients from two stretches.
    fn twice(mlp: &Mlp, x: &Tensor, recompute: Option<&Recompute>) -> Tensor {
        let run = |x: &Tensor| match recompute {
            Some(recompute) => {
                let mlp = mlp.clone();
                recompute.run(x, move |x| mlp.forward(x)).unwrap()
            }
            None => mlp.forward(x).unwrap(),
        };
        run(&(run(x) * 0.1).unwrap())
    }

    #[test]
    fn gradients_are_bitwise_those_of_a_graph_that_keeps_everything() {
        for tracked in [true, false] {
            let (mlp, vars) = mlp();
            let x = Var::from_tensor(&input()).unwrap();
            let entering = if tracked { x.as_tensor().clone() } else { x.detach() };
            let plain = twice(&mlp, &entering, None);
            let plain_store = plain.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            let recompute = Recompute::default();
            let again = twice(&mlp, &entering, Some(&recompute));
            assert_eq!(bits(&plain), bits(&again));
            let store = again.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            let inside = recompute.take();
            for (n, var) in vars.iter().enumerate() {
                let want = plain_store.get(var).unwrap();
                assert_eq!(bits(&inside[&var.id()]), bits(want), "weight {n}");
                assert!(!inside[&var.id()].track_op());
            }
            assert_eq!(inside.len(), vars.len());
            assert_eq!(store.get(&x).map(bits), plain_store.get(&x).map(bits));
            assert_eq!(store.get(&x).is_some(), tracked);
            assert!(recompute.take().is_empty());
        }
    }

    #[test]
    fn where_nothing_learns_no_graph_is_kept() {
        let weights = Weights::new(Arc::new(Random::new(1, Device::Cpu)));
        let mlp = Mlp::load(6, 10, ["fc1", "fc2"], &weights).unwrap();
        let y = Recompute::default().run(&input(), move |x| mlp.forward(x)).unwrap();
        assert!(!y.track_op());
    }

    #[test]
    fn a_view_of_a_larger_storage_comes_out_as_it_is() {
        let x = Var::from_tensor(&input()).unwrap();
        let view = |x: &Tensor| x.narrow(0, 1, 2)?.t();
        let y = Recompute::default().run(&x, view).unwrap();
        assert_eq!(bits(&y), bits(&view(&input()).unwrap()));
        let store = y.sum_all().unwrap().backward().unwrap();
        let gradient = store.get(&x).unwrap().sum(1).unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(gradient, [0.0, 6.0, 6.0, 0.0]);
    }
}
