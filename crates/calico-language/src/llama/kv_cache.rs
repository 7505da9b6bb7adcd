//! Keys and values of the positions seen so far.

use candle_core::{Result, Tensor};

/// Keys and values of all layers, in buffers that double when they are full.
///
/// Not `Clone`: a copy would share the buffers and see what the original appends.
#[derive(Debug, Default)]
pub struct KvCache {
    layers: Vec<LayerCache>,
    len: usize,
}

#[derive(Debug)]
struct LayerCache {
    keys: Tensor,
    values: Tensor,
}

impl KvCache {
    /// An empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// Positions held.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no position is held.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds the keys and values of new positions to `layer`; returns those of all positions.
    ///
    /// # Shapes
    /// - `keys`, `values`: `[B, N, T, K]`
    /// - returns: `[B, N, len + T, K]` each
    pub(super) fn append(
        &mut self,
        layer: usize,
        keys: &Tensor,
        values: &Tensor,
    ) -> Result<(Tensor, Tensor)> {
        let (batch, heads, added, width) = keys.dims4()?;
        let total = self.len + added;
        let capacity = self.layers.get(layer).map_or(0, |cache| cache.keys.dims()[2]);
        if total > capacity {
            let shape = (batch, heads, total.max(2 * capacity).next_multiple_of(64), width);
            let grown = LayerCache {
                keys: Tensor::zeros(shape, keys.dtype(), keys.device())?,
                values: Tensor::zeros(shape, values.dtype(), values.device())?,
            };
            match self.layers.get_mut(layer) {
                Some(full) => {
                    let old = |x: &Tensor| x.narrow(2, 0, self.len)?.contiguous();
                    grown.keys.slice_set(&old(&full.keys)?, 2, 0)?;
                    grown.values.slice_set(&old(&full.values)?, 2, 0)?;
                    *full = grown;
                }
                None => self.layers.push(grown),
            }
        }
        let Some(cache) = self.layers.get(layer) else {
            candle_core::bail!("layer {layer} was cached before the layers below it");
        };
        cache.keys.slice_set(&keys.contiguous()?, 2, self.len)?;
        cache.values.slice_set(&values.contiguous()?, 2, self.len)?;
        Ok((cache.keys.narrow(2, 0, total)?, cache.values.narrow(2, 0, total)?))
    }

    /// Counts positions that every layer has appended.
    pub(super) fn advance(&mut self, added: usize) {
        self.len += added;
    }
}
