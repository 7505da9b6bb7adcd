//! Linear layers, with an optional low-rank update (LoRA).

use candle_core::{Result, Tensor};

use crate::quantized::Matrix;
use crate::weights::{Init, Weights};
use crate::{Dropout, ops};

/// `y = x wᵀ + b`, plus the low-rank update where one is attached.
#[derive(Debug, Clone)]
pub struct Linear {
    weight: Matrix,
    bias: Option<Tensor>,
    low_rank: Option<LowRank>,
}

impl Linear {
    /// Reads `weight` `[out, in]` and `bias` `[out]` below `weights`.
    pub fn load(inner: usize, out: usize, weights: &Weights) -> Result<Self> {
        Self::load_with(inner, out, weights, Init::fan_in(inner))
    }

    /// As [`Linear::load`], with the initial value of an untrained `weight`; the bias starts at 0.
    pub fn load_with(inner: usize, out: usize, weights: &Weights, init: Init) -> Result<Self> {
        let mut linear = Self::load_without_bias_with(inner, out, weights, init)?;
        linear.bias = Some(weights.get(&[out], "bias", Init::Zeros)?);
        Ok(linear)
    }

    /// Reads `weight` `[out, in]` below `weights`; there is no bias.
    pub fn load_without_bias(inner: usize, out: usize, weights: &Weights) -> Result<Self> {
        Self::load_without_bias_with(inner, out, weights, Init::fan_in(inner))
    }

    /// As [`Linear::load_without_bias`], with the initial value of an untrained `weight`.
    pub fn load_without_bias_with(
        inner: usize,
        out: usize,
        weights: &Weights,
        init: Init,
    ) -> Result<Self> {
        let weight = weights.matrix([out, inner], "weight", init)?;
        Ok(Self { weight, bias: None, low_rank: None })
    }

    /// A layer of given parts: `weight` `[out, in]`, `bias` `[out]`.
    pub fn new(weight: Matrix, bias: Option<Tensor>) -> Self {
        Self { weight, bias, low_rank: None }
    }

    /// Attaches a low-rank update.
    #[must_use]
    pub fn with_low_rank(mut self, low_rank: LowRank) -> Self {
        self.low_rank = Some(low_rank);
        self
    }

    /// Whether the weight has fewer bits than it is computed with.
    pub fn is_quantized(&self) -> bool {
        matches!(self.weight, Matrix::Quantized(_))
    }

    /// # Shapes
    /// - `x`: `[..., in]`
    /// - returns: `[..., out]`
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = match &self.weight {
            Matrix::Plain(weight) => ops::linear(x, weight, self.bias.as_ref())?,
            Matrix::Quantized(weight) => ops::quantized_linear(x, weight, self.bias.as_ref())?,
        };
        match &self.low_rank {
            Some(low_rank) => y + low_rank.forward(x)?,
            None => Ok(y),
        }
    }
}

/// A low-rank update `scale · b a x` (LoRA, arXiv 2106.09685).
#[derive(Debug, Clone)]
pub struct LowRank {
    a: Tensor,
    b: Tensor,
    scale: f64,
    dropout: Option<(Dropout, String)>,
}

impl LowRank {
    /// Reads `a` `[rank, in]` and `b` `[out, rank]` below `weights`; `b` starts at zero, so an
    /// untrained update changes nothing.
    pub fn load(shape: [usize; 2], rank: usize, alpha: f64, weights: &Weights) -> Result<Self> {
        let [out, inner] = shape;
        Ok(Self {
            a: weights.get(&[rank, inner], "a", Init::fan_in(inner))?,
            b: weights.get(&[out, rank], "b", Init::Zeros)?,
            scale: alpha / rank as f64,
            dropout: None,
        })
    }

    /// Drops values of the input of the update, never of the layer itself, while it learns;
    /// `name` chooses which. Without a dropout, or with a rate of 0, nothing changes.
    #[must_use]
    pub fn with_dropout(mut self, dropout: Option<Dropout>, name: &str) -> Self {
        self.dropout = dropout.filter(|d| d.rate != 0.0).map(|dropout| (dropout, name.to_owned()));
        self
    }

    /// # Shapes
    /// - `x`: `[..., in]`
    /// - returns: `[..., out]`
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let inner = match &self.dropout {
            Some((dropout, name)) => ops::linear(&dropout.apply(x, name)?, &self.a, None)?,
            None => ops::linear(x, &self.a, None)?,
        }; // [..., rank]
        ops::linear(&inner, &self.b, None)? * self.scale
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::{Random, TensorSpec, WeightSource};
    use candle_core::{DType, Device};
    use std::sync::Arc;

    /// Random weights, also those that would start at zero.
    struct Moved;

    impl WeightSource for Moved {
        fn tensor(&self, spec: &TensorSpec) -> Result<Tensor> {
            let spec = TensorSpec { init: Init::Uniform(0.5), ..spec.clone() };
            Random::new(3, Device::Cpu).tensor(&spec)
        }
    }

    #[test]
    fn dropout_changes_the_update_alone_and_a_rate_of_nothing_changes_nothing() {
        let weights = Weights::new(Arc::new(Moved));
        let x = Tensor::ones((2, 8), DType::F32, &Device::Cpu).unwrap();
        let run = |dropout: Option<Dropout>, alpha| {
            let low_rank = LowRank::load([4, 8], 2, alpha, &weights.pp("lora")).unwrap();
            let linear = Linear::load(8, 4, &weights).unwrap();
            let linear = linear.with_low_rank(low_rank.with_dropout(dropout, "lora"));
            linear.forward(&x).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()
        };
        let some = Some(Dropout { rate: 0.5, seed: 9 });
        assert_eq!(run(some, 4.0), run(some, 4.0));
        assert_ne!(run(some, 4.0), run(None, 4.0));
        assert_eq!(run(Some(Dropout { rate: 0.0, seed: 9 }), 4.0), run(None, 4.0));
        assert_eq!(run(some, 0.0), run(None, 0.0));
    }
}
