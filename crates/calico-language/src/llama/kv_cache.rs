//! Keys and values of the positions seen so far.

use calico_nn::ops::HalfHeads;
use candle_core::{Result, Tensor};

/// Keys and values of all layers, in buffers that double when they are full.
///
/// Not `Clone`: a copy would share the buffers and see what the original appends.
#[derive(Debug, Default)]
pub struct KvCache {
    layers: Vec<LayerCache>,
    len: usize,
    halves: bool,
}

#[derive(Debug)]
enum LayerCache {
    /// Buffers `[B, N, capacity, K]`.
    Whole([Tensor; 2]),
    Half(Box<[HalfHeads; 2]>),
}

/// Keys and values of all positions of a layer.
#[derive(Debug)]
pub(super) enum Held<'a> {
    /// `[B, N, S, K]` each.
    Whole([Tensor; 2]),
    Half([&'a HalfHeads; 2]),
}

impl KvCache {
    /// An empty cache, in the type of what is appended.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty cache that keeps 16 bits (IEEE) of each number: half of the memory.
    pub fn of_halves() -> Self {
        Self { halves: true, ..Self::default() }
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
    /// - `added`: keys and values, `[B, N, T, K]` each
    pub(super) fn append(&mut self, layer: usize, added: [&Tensor; 2]) -> Result<Held<'_>> {
        let (batch, heads, tokens, width) = added[0].dims4()?;
        let total = self.len + tokens;
        if layer == self.layers.len() {
            self.layers.push(if self.halves {
                LayerCache::Half(Box::default())
            } else {
                let none = (batch, heads, 0, width);
                let none = |x: &Tensor| Tensor::zeros(none, x.dtype(), x.device());
                LayerCache::Whole([none(added[0])?, none(added[1])?])
            });
        }
        match self.layers.get_mut(layer) {
            Some(LayerCache::Whole(buffers)) => {
                let capacity = buffers[0].dim(2)?;
                if total > capacity {
                    let room = total.max(2 * capacity).next_multiple_of(64);
                    for buffer in &mut *buffers {
                        let shape = (batch, heads, room, width);
                        let grown = Tensor::zeros(shape, buffer.dtype(), buffer.device())?;
                        if self.len > 0 {
                            let old = buffer.narrow(2, 0, self.len)?.contiguous()?;
                            grown.slice_set(&old, 2, 0)?;
                        }
                        *buffer = grown;
                    }
                }
                for (buffer, added) in buffers.iter().zip(added) {
                    buffer.slice_set(&added.contiguous()?, 2, self.len)?;
                }
                let [keys, values] = buffers;
                Ok(Held::Whole([keys.narrow(2, 0, total)?, values.narrow(2, 0, total)?]))
            }
            Some(LayerCache::Half(heads)) => {
                let [keys, values] = &mut **heads;
                for (heads, added) in [(&mut *keys, added[0]), (&mut *values, added[1])] {
                    // A pass that failed half-way may have left some.
                    heads.truncate(self.len);
                    heads.append(added)?;
                }
                Ok(Held::Half([keys, values]))
            }
            None => candle_core::bail!("layer {layer} was cached before the layers below it"),
        }
    }

    /// Counts positions that every layer has appended.
    pub(super) fn advance(&mut self, added: usize) {
        self.len += added;
    }
}
