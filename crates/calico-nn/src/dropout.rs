//! Dropout that can be repeated.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

use crate::ops::{on_cpu, values};
use crate::weights::fnv1a;

/// Inverted dropout: every value is dropped with probability `rate`, and the others grow by
/// `1 / (1 - rate)`.
///
/// What is dropped is a pure function of the seed, the name of the layer and the shape of its
/// input: a layer that is computed again for its gradients drops the same values. Whoever wants
/// other values dropped in the next step gives the next step another seed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    /// Probability of being dropped, from 0 to below 1.
    pub rate: f64,
    /// Names the draw, together with the layer.
    pub seed: u64,
}

impl Dropout {
    /// Drops values of `x` for the layer `name`.
    ///
    /// # Shapes
    /// - `x`: any, as is the result
    ///
    /// # Errors
    /// If the rate is not within 0 and 1, or is 1.
    pub fn apply(&self, x: &Tensor, name: &str) -> Result<Tensor> {
        if self.rate == 0.0 {
            return Ok(x.clone());
        }
        if !(0.0..1.0).contains(&self.rate) {
            candle_core::bail!("a dropout of {} is not from 0 to below 1", self.rate);
        }
        if on_cpu(x) {
            return x.contiguous()?.apply_op1(Masked { dropout: *self, name: name.to_owned() });
        }
        x * self.mask_like(x, name)?
    }

    fn mask_like(&self, x: &Tensor, name: &str) -> Result<Tensor> {
        let mask = Tensor::from_vec(self.mask(x.elem_count(), name), x.shape(), x.device())?;
        mask.to_dtype(x.dtype())
    }

    /// What the values are multiplied with, row-major.
    fn mask(&self, len: usize, name: &str) -> Vec<f32> {
        let mut stream = ChaCha8Rng::seed_from_u64(self.seed);
        stream.set_stream(fnv1a(name));
        let kept = (1.0 - self.rate).recip() as f32;
        // Below this a draw of 32 bits means dropped.
        let bound = (self.rate * 2f64.powi(32)).round() as u64;
        (0..len).map(|_| if u64::from(stream.next_u32()) < bound { 0.0 } else { kept }).collect()
    }
}

/// Draws its mask again in the backward pass: a product with a mask would keep it, and candle
/// would compute a gradient for it.
struct Masked {
    dropout: Dropout,
    name: String,
}

impl CustomOp1 for Masked {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(storage, layout)?;
        let mut dropped = self.dropout.mask(x.len(), &self.name);
        for (value, x) in dropped.iter_mut().zip(x) {
            *value *= x;
        }
        Ok((CpuStorage::F32(dropped), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        x.track_op().then(|| grad * self.dropout.mask_like(grad, &self.name)?).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;
    use proptest::prelude::*;

    fn drop_ones(dropout: Dropout, name: &str, shape: (usize, usize)) -> Vec<f32> {
        let ones = Tensor::ones(shape, candle_core::DType::F32, &Device::Cpu).unwrap();
        dropout.apply(&ones, name).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn as_many_values_are_dropped_as_the_rate_says(rate in 0.0..0.95, seed: u64) {
            let values = drop_ones(Dropout { rate, seed }, "layer", (64, 128));
            let dropped = values.iter().filter(|value| **value == 0.0).count() as f64;
            // Six standard deviations of a binomial.
            let (len, mean) = (values.len() as f64, rate * values.len() as f64);
            prop_assert!((dropped - mean).abs() <= 6.0 * (len * rate * (1.0 - rate)).sqrt() + 1.0);
            let kept = (1.0 - rate).recip() as f32;
            prop_assert!(values.iter().all(|value| [0.0, kept].contains(value)));
        }

        #[test]
        fn what_is_dropped_depends_on_seed_and_name_alone(seed: u64, name in "[a-z.0-9]{0,20}") {
            let dropout = Dropout { rate: 0.5, seed };
            let values = drop_ones(dropout, &name, (16, 16));
            prop_assert_eq!(&values, &drop_ones(dropout, &name, (16, 16)));
            prop_assert_ne!(&values, &drop_ones(dropout, &format!("{name}b"), (16, 16)));
            let other = Dropout { seed: seed.wrapping_add(1), ..dropout };
            prop_assert_ne!(&values, &drop_ones(other, &name, (16, 16)));
        }
    }

    #[test]
    fn a_rate_of_nothing_is_the_input_itself_and_a_rate_of_all_is_refused() {
        let x = Tensor::new(&[1f32, 2.0], &Device::Cpu).unwrap();
        assert_eq!(Dropout { rate: 0.0, seed: 1 }.apply(&x, "a").unwrap().id(), x.id());
        for rate in [1.0, -0.1, f64::NAN] {
            assert!(Dropout { rate, seed: 1 }.apply(&x, "a").is_err(), "{rate}");
        }
    }

    #[test]
    fn what_was_dropped_gets_no_gradient_and_the_rest_its_own() {
        let dropout = Dropout { rate: 0.4, seed: 3 };
        let x = candle_core::Var::ones((4, 32), candle_core::DType::F32, &Device::Cpu).unwrap();
        let y = dropout.apply(x.as_tensor(), "layer").unwrap();
        let gradients = y.sum_all().unwrap().backward().unwrap();
        let gradient = gradients.get(x.as_tensor()).unwrap();
        assert_eq!(gradient.to_vec2::<f32>().unwrap(), y.to_vec2::<f32>().unwrap());
    }
}
