//! Decomposed relative positions (arXiv 2112.01526): a score for the distance between query and
//! key, along rows and along columns.

use calico_nn::Weights;
use calico_nn::weights::Init;
use candle_core::{Result, Tensor};

/// The learned tables of one attention over a square map.
#[derive(Debug, Clone)]
pub(super) struct RelativePositions {
    /// `[2 side - 1, K]`, by distance
    rows: Tensor,
    /// `[2 side - 1, K]`, by distance
    columns: Tensor,
    /// `[side · side]`: the table row for each query and key position
    distances: Tensor,
    side: usize,
}

impl RelativePositions {
    /// Reads `rel_pos_h` and `rel_pos_w` below `weights`, for maps of `side` by `side` tokens.
    pub(super) fn load(side: usize, head_width: usize, weights: &Weights) -> Result<Self> {
        let shape = [2 * side - 1, head_width];
        let rows = weights.get(&shape, "rel_pos_h", Init::Zeros)?;
        let columns = weights.get(&shape, "rel_pos_w", Init::Zeros)?;
        let of_query = |query| (0..side).map(move |key| (query + side - 1 - key) as u32);
        let distances: Vec<u32> = (0..side).flat_map(of_query).collect();
        let distances = Tensor::from_vec(distances, side * side, rows.device())?;
        Ok(Self { rows, columns, distances, side })
    }

    /// What is added to the scores, per row and per column of the key.
    ///
    /// # Shapes
    /// - `queries`: `[B, N, T, K]`, not scaled, `T = side · side`
    /// - returns: `[B, N, T, side]` twice
    pub(super) fn forward(&self, queries: &Tensor) -> Result<(Tensor, Tensor)> {
        let (batch, heads, tokens, head_width) = queries.dims4()?;
        let side = self.side;
        let map = queries.reshape((batch * heads, side, side, head_width))?; // [B N, h, w, K]
        let rows = self.along(&map.permute((1, 0, 2, 3))?, &self.rows)?; // [h, B N, w, side]
        let columns = self.along(&map.permute((2, 0, 1, 3))?, &self.columns)?; // [w, B N, h, side]
        let shape = (batch, heads, tokens, side);
        Ok((
            rows.permute((1, 0, 2, 3))?.reshape(shape)?, // [B, N, T, side]
            columns.permute((1, 2, 0, 3))?.reshape(shape)?, // [B, N, T, side]
        ))
    }

    /// Products of the queries with the entries of the table for all key positions on one axis.
    ///
    /// # Shapes
    /// - `queries`: `[side, B N, side, K]`, the axis at hand first
    /// - returns: `[side, B N, side, side]`
    fn along(&self, queries: &Tensor, table: &Tensor) -> Result<Tensor> {
        let (side, maps, other, head_width) = queries.dims4()?;
        let keys = table.index_select(&self.distances, 0)?; // [side · side, K]
        let keys = keys.reshape((side, side, head_width))?.transpose(1, 2)?; // [side, K, side]
        let queries = queries.reshape((side, maps * other, head_width))?;
        queries.matmul(&keys.contiguous()?)?.reshape((side, maps, other, side))
    }
}
