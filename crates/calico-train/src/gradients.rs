//! Gradients of the trained tensors: added up over batches, measured, and shortened.

use std::collections::{BTreeMap, HashMap};

use candle_core::{DType, Result, Tensor, TensorId, Var};

/// One gradient per trained tensor that has one, in f32, in the order of their names.
#[derive(Debug, Default)]
pub struct Gradients(BTreeMap<String, Tensor>);

impl Gradients {
    /// Back-propagates from a scalar to the trained tensors.
    ///
    /// `recomputed` holds what gradients of recomputed layers added up to, which the graph does
    /// not know of; it is asked after the backward pass.
    pub fn of(
        loss: &Tensor,
        trained: &BTreeMap<String, Var>,
        recomputed: impl FnOnce() -> HashMap<TensorId, Tensor>,
    ) -> Result<Self> {
        let store = loss.backward()?;
        let aside = recomputed();
        let mut gradients = Self::default();
        for (name, var) in trained {
            if let Some(gradient) = store.get(var.as_tensor()) {
                gradients.add(name, gradient)?;
            }
            if let Some(gradient) = aside.get(&var.id()) {
                gradients.add(name, gradient)?;
            }
        }
        Ok(gradients)
    }

    fn add(&mut self, name: &str, gradient: &Tensor) -> Result<()> {
        let gradient = gradient.to_dtype(DType::F32)?.detach();
        let sum = match self.0.get(name) {
            Some(known) => (known + gradient)?,
            None => gradient,
        };
        self.0.insert(name.to_owned(), sum);
        Ok(())
    }

    /// Adds the gradients of another batch.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        other.0.iter().try_for_each(|(name, gradient)| self.add(name, gradient))
    }

    /// By name.
    pub fn by_name(&self) -> &BTreeMap<String, Tensor> {
        &self.0
    }

    /// Multiplies all of them.
    pub fn scale(&mut self, factor: f64) -> Result<()> {
        if (factor - 1.0).abs() > f64::EPSILON {
            for gradient in self.0.values_mut() {
                *gradient = (&*gradient * factor)?;
            }
        }
        Ok(())
    }

    /// The length of all gradients together.
    pub fn norm(&self) -> Result<f64> {
        let mut total = 0.0;
        for gradient in self.0.values() {
            total += sum_of_squares(gradient)?;
        }
        Ok(total.sqrt())
    }

    /// Shortens all gradients together to `longest`; returns their length before.
    ///
    /// As PyTorch's `clip_grad_norm_`: the factor is `longest / (norm + 1e-6)`, at most 1.
    pub fn clip(&mut self, longest: f64) -> Result<f64> {
        let norm = self.norm()?;
        let factor = longest / (norm + 1e-6);
        if longest > 0.0 && factor < 1.0 {
            self.scale(factor)?;
        }
        Ok(norm)
    }
}

/// In f64 and in a fixed order, so that it is the same in every run.
fn sum_of_squares(x: &Tensor) -> Result<f64> {
    let values = x.flatten_all()?.to_vec1::<f32>()?;
    Ok(values.iter().map(|&value| f64::from(value) * f64::from(value)).sum())
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "values that f32 holds exactly")]
mod tests {
    use super::*;
    use candle_core::Device;

    fn gradients(values: &[(&str, &[f32])]) -> Gradients {
        let tensor = |values: &[f32]| Tensor::new(values, &Device::Cpu).unwrap();
        Gradients(values.iter().map(|(name, v)| ((*name).to_owned(), tensor(v))).collect())
    }

    fn values(gradients: &Gradients, name: &str) -> Vec<f32> {
        gradients.by_name()[name].to_vec1().unwrap()
    }

    #[test]
    fn the_norm_is_over_all_tensors_and_only_long_gradients_are_shortened() {
        let mut long = gradients(&[("a", &[3.0, 0.0]), ("b", &[4.0])]);
        assert_eq!(long.clip(1.0).unwrap(), 5.0);
        assert!((values(&long, "a")[0] - 0.6).abs() < 1e-6);
        assert!((values(&long, "b")[0] - 0.8).abs() < 1e-6);
        let mut short = gradients(&[("a", &[0.3])]);
        short.clip(1.0).unwrap();
        assert_eq!(values(&short, "a"), [0.3]);
        let mut free = gradients(&[("a", &[30.0])]);
        assert_eq!(free.clip(0.0).unwrap(), 30.0);
        assert_eq!(values(&free, "a"), [30.0]);
    }

    #[test]
    fn gradients_of_the_graph_and_of_recomputed_layers_are_added() {
        let var = Var::new(&[2f32], &Device::Cpu).unwrap();
        let loss = (var.as_tensor() * 3.0).unwrap().sum_all().unwrap();
        let trained = BTreeMap::from([("a".to_owned(), var.clone())]);
        let ten = Tensor::new(&[10f32], &Device::Cpu).unwrap();
        let aside = || HashMap::from([(var.id(), ten)]);
        let mut gradients = Gradients::of(&loss, &trained, aside).unwrap();
        assert_eq!(values(&gradients, "a"), [13.0]);
        let more = Gradients::of(&loss, &trained, HashMap::new).unwrap();
        gradients.merge(&more).unwrap();
        gradients.scale(0.5).unwrap();
        assert_eq!(values(&gradients, "a"), [8.0]);
    }
}
