//! Rows of a table, looked up by their numbers.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::cpu::{TASK, Values, by_pieces, on_cpu, tensor, values};

/// The rows `ids` of a table; their gradients are added up in the order of `ids`.
///
/// # Shapes
/// - `table`: `[V, D]`
/// - returns: `[T, D]`, a row per id
///
/// # Errors
/// If an id is not below `V`.
pub fn embedding(table: &Tensor, ids: &[u32]) -> Result<Tensor> {
    let (rows, _) = table.dims2()?;
    if let Some(id) = ids.iter().find(|id| **id as usize >= rows) {
        candle_core::bail!("embedding: the table has {rows} rows, found id {id}");
    }
    if on_cpu(table) {
        table.contiguous()?.apply_op1(Embedding { ids: Arc::from(ids) })
    } else {
        table.index_select(&Tensor::new(ids, table.device())?, 0)
    }
}

struct Embedding {
    ids: Arc<[u32]>,
}

impl CustomOp1 for Embedding {
    fn name(&self) -> &'static str {
        "embedding"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let table = values(storage, layout)?;
        let (_, width) = layout.shape().dims2()?;
        let mut out = vec![0.0; self.ids.len() * width];
        by_pieces(
            &mut out,
            width,
            #[inline(always)]
            |range, out| {
                let ids = &self.ids[range.start / width..];
                for (out, id) in out.chunks_exact_mut(width).zip(ids) {
                    out.copy_from_slice(&table[*id as usize * width..][..width]);
                }
            },
        );
        Ok((CpuStorage::F32(out), Shape::from((self.ids.len(), width))))
    }

    fn bwd(&self, table: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        if !table.track_op() {
            return Ok(None);
        }
        let (rows, width) = table.dims2()?;
        let grad = grad.contiguous()?;
        let grad = Values::of(&grad)?;
        let mut out = vec![0.0; rows * width];
        if width > 0 {
            scatter(&mut out, width, &self.ids, &grad);
        }
        drop(grad);
        tensor(out, table.shape(), table).map(Some)
    }
}

/// Adds row `i` of `from` to row `ids[i]` of `table`, in the order of `ids`.
///
/// Each task owns some rows of the table and looks up who adds to them.
fn scatter(table: &mut [f32], width: usize, ids: &[u32], from: &[f32]) {
    let mut sources: Vec<(u32, usize)> =
        ids.iter().enumerate().map(|(position, id)| (*id, position)).collect();
    sources.par_sort_unstable();
    let rows = (TASK / width).max(1);
    table.par_chunks_mut(rows * width).enumerate().for_each(|(i, table)| {
        let first = i * rows;
        let start = sources.partition_point(|(id, _)| (*id as usize) < first);
        let own = sources.get(start..).unwrap_or_default();
        for (id, position) in own.iter().take_while(|(id, _)| (*id as usize) < first + rows) {
            let to = &mut table[(*id as usize - first) * width..][..width];
            let from = &from[position * width..][..width];
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    fn wave(shape: (usize, usize)) -> Tensor {
        let data: Vec<f32> = (0..shape.0 * shape.1).map(|i| (i as f32 * 0.37).sin()).collect();
        Tensor::from_vec(data, shape, &Device::Cpu).unwrap()
    }

    fn gradient(table: &Var, ids: &[u32], weights: &Tensor) -> Vec<f32> {
        let y = embedding(table, ids).unwrap();
        let gradients = (y * weights).unwrap().sum_all().unwrap().backward().unwrap();
        gradients.get(table).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn rows_are_those_of_the_table_and_repeated_ids_add_their_gradients() {
        let table = Var::from_tensor(&wave((4, 2))).unwrap();
        let y = embedding(&table, &[3, 0, 3]).unwrap().to_vec2::<f32>().unwrap();
        let rows = table.to_vec2::<f32>().unwrap();
        assert_eq!(y, [rows[3].clone(), rows[0].clone(), rows[3].clone()]);
        let weights = Tensor::new(&[[1f32, 2.0], [3.0, 4.0], [10.0, 20.0]], &Device::Cpu).unwrap();
        let gradient = gradient(&table, &[3, 0, 3], &weights);
        assert_eq!(gradient, [3.0, 4.0, 0.0, 0.0, 0.0, 0.0, 11.0, 22.0]);
    }

    #[test]
    fn gradients_are_sums_in_the_order_of_the_ids_over_several_tasks() {
        let (rows, width, tokens) = (700, 50, 3000);
        let ids: Vec<u32> = (0..tokens as u32).map(|i| i * i % rows).collect();
        let table = Var::from_tensor(&wave((rows as usize, width))).unwrap();
        let weights = wave((tokens, width));
        let mut want = vec![0f32; rows as usize * width];
        for (id, row) in ids.iter().zip(weights.to_vec2::<f32>().unwrap()) {
            for (j, value) in row.iter().enumerate() {
                want[*id as usize * width + j] += value;
            }
        }
        assert!(gradient(&table, &ids, &weights) == want);
    }

    #[test]
    fn ids_beyond_the_table_are_an_error_and_no_ids_give_no_rows() {
        let table = wave((4, 2));
        let error = embedding(&table, &[0, 4]).unwrap_err().to_string();
        assert!(error.contains("4 rows, found id 4"), "{error}");
        assert_eq!(embedding(&table, &[]).unwrap().dims(), [0, 2]);
    }
}
