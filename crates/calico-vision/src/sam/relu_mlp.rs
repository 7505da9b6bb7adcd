//! Linear layers with `relu` between.

use calico_nn::{Linear, Weights};
use candle_core::{Result, Tensor};

/// Linear layers with `relu` between each two.
#[derive(Debug, Clone)]
pub(super) struct ReluMlp {
    first: Linear,
    rest: Vec<Linear>,
}

impl ReluMlp {
    /// Reads one layer below each of `names`; `widths` are those before, between and after them.
    pub(super) fn load<const L: usize>(
        widths: [usize; L],
        names: &[&str],
        weights: &Weights,
    ) -> Result<Self> {
        let pairs = widths.iter().zip(widths.iter().skip(1)).zip(names);
        let mut layers =
            pairs.map(|((inner, out), name)| Linear::load(*inner, *out, &weights.pp(name)));
        let Some(first) = layers.next() else {
            candle_core::bail!("{}: an MLP needs a layer", weights.prefix());
        };
        Ok(Self { first: first?, rest: layers.collect::<Result<_>>()? })
    }

    /// # Shapes
    /// - `x`: `[..., first width]`
    /// - returns: `[..., last width]`
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let run = |x: Tensor, layer: &Linear| layer.forward(&x.relu()?);
        self.rest.iter().try_fold(self.first.forward(x)?, run)
    }
}
