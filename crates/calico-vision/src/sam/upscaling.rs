//! The image embedding enlarged to four times its side, where masks are drawn.

use calico_nn::weights::Init;
use calico_nn::{LayerNorm, Weights, ops};
use candle_core::{Result, Tensor};

use super::SamConfig;

/// Two doublings with a normalisation between and a GELU after each.
#[derive(Debug, Clone)]
pub(super) struct Upscaling {
    first: Doubling,
    norm: LayerNorm,
    second: Doubling,
}

impl Upscaling {
    /// Reads the doublings `0` and `3` and the normalisation `1` below `weights`.
    pub(super) fn load(config: &SamConfig, weights: &Weights) -> Result<Self> {
        let (width, eps) = (config.width, config.decoder.upscaling_ln_eps);
        Ok(Self {
            first: Doubling::load(width, width / 4, &weights.pp("0"))?,
            norm: LayerNorm::load(width / 4, eps, &weights.pp("1"))?,
            second: Doubling::load(width / 4, width / 8, &weights.pp("3"))?,
        })
    }

    /// # Shapes
    /// - `map`: `[M, g, g, C]`
    /// - returns: `[M, 4g, 4g, C / 8]`
    pub(super) fn forward(&self, map: &Tensor) -> Result<Tensor> {
        let x = self.first.forward(map)?; // [M, 2g, 2g, C / 4]
        let x = ops::gelu(&self.norm.forward(&x)?)?; // [M, 2g, 2g, C / 4]
        ops::gelu(&self.second.forward(&x)?) // [M, 4g, 4g, C / 8]
    }
}

/// A transposed convolution with kernel 2 and stride 2: every cell becomes four, on its own.
#[derive(Debug, Clone)]
struct Doubling {
    /// `[in, out, 2, 2]`
    weight: Tensor,
    /// `[out]`
    bias: Tensor,
}

impl Doubling {
    fn load(inner: usize, out: usize, weights: &Weights) -> Result<Self> {
        Ok(Self {
            weight: weights.get(&[inner, out, 2, 2], "weight", Init::fan_in(4 * out))?,
            bias: weights.get(&[out], "bias", Init::Zeros)?,
        })
    }

    /// # Shapes
    /// - `map`: `[M, h, w, in]`
    /// - returns: `[M, 2h, 2w, out]`
    fn forward(&self, map: &Tensor) -> Result<Tensor> {
        let (masks, height, width, _) = map.dims4()?;
        let (_, out, _, _) = self.weight.dims4()?;
        let weight = self.weight.permute((2, 3, 1, 0))?.flatten(0, 2)?; // [2 2 out, in]
        ops::linear(map, &weight, None)? // [M, h, w, 2 2 out]
            .reshape(vec![masks, height, width, 2, 2, out])?
            .permute(vec![0, 1, 3, 2, 4, 5])? // [M, h, 2, w, 2, out]
            .reshape((masks, 2 * height, 2 * width, out))?
            .broadcast_add(&self.bias)
    }
}
