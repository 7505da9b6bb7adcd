//! The language model's only concession to what is built around it.

use candle_core::{Result, Tensor};

/// Reads, and may replace, the residual stream between two decoder layers.
pub trait LayerTap {
    /// `hidden`: `[B, T, D]` entering decoder layer `layer` (0-based); returns `[B, T, D]`.
    fn before_layer(&self, layer: usize, hidden: Tensor) -> Result<Tensor>;
}

/// A tap that changes nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoTap;

impl LayerTap for NoTap {
    fn before_layer(&self, _layer: usize, hidden: Tensor) -> Result<Tensor> {
        Ok(hidden)
    }
}
