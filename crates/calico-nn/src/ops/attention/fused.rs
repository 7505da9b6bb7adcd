//! Attention of one tensor of queries, keys and values as a candle operation.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp1, CustomOp3, Device, Layout, Result, Shape, Tensor};

use super::backward::{Known, Target, backward};
use super::bias::{Grid, GridSource, GridTarget, TileBias};
use super::forward::forward;
use super::heads::{Arrangement, Heads};
use super::problem::Problem;
use super::scratch::{Rows, deal};
use crate::ops::cpu::values;
use crate::ops::memory::read;

/// Attention of queries, keys and values that lie side by side: `[B, T, 3 N K]`.
#[derive(Debug)]
pub(super) struct Fused {
    pub(super) problem: Problem,
    /// What a second and a third argument are to the scores.
    pub(super) grid: Option<(GridSource, [usize; 2])>,
    /// What the forward pass keeps.
    pub(super) logs: OnceLock<Vec<Vec<f32>>>,
}

/// A tensor's memory.
type Seen<'a> = (&'a CpuStorage, &'a Layout);

impl Fused {
    fn bias<'a>(&self, data: Option<[Seen<'a>; 2]>) -> Result<TileBias<'a>> {
        match (self.grid, data) {
            (Some((source, sides)), Some([rows, columns])) => {
                let data = [values(rows.0, rows.1)?, values(columns.0, columns.1)?];
                Ok(TileBias::Grid(Grid { sides, source, data }))
            }
            _ => Ok(TileBias::None),
        }
    }

    fn operands<'a>(&self, qkv: Seen<'a>) -> Result<[Heads<'a>; 3]> {
        let heads = |part| Heads::new(qkv, Arrangement::Fused, part, self.problem.width);
        Ok([heads(0)?, heads(1)?, heads(2)?])
    }

    fn forward(&self, qkv: Seen<'_>, grid: Option<[Seen<'_>; 2]>) -> Result<(CpuStorage, Shape)> {
        let &Problem { batch, heads, queries, width, .. } = &self.problem;
        let (out, logs) = forward(&self.problem, self.operands(qkv)?, &self.bias(grid)?);
        // A second forward pass of the same operation would compute the same.
        let _ = self.logs.set(logs);
        Ok((CpuStorage::F32(out), Shape::from((batch, queries, heads * width))))
    }

    /// The gradient of `qkv`, and of the values or tables of the grid.
    fn backward(
        &self,
        qkv: Seen<'_>,
        grid: Option<[Seen<'_>; 2]>,
        [out, grad]: [&[f32]; 2],
    ) -> Result<(Vec<f32>, [Vec<f32>; 2])> {
        let Some(logs) = self.logs.get() else {
            candle_core::bail!("attention: a backward pass without a forward pass");
        };
        let problem = &self.problem;
        let &Problem { heads, queries, width, .. } = problem;
        let mut to_qkv = vec![0.0; problem.batch * queries * 3 * heads * width];
        let sizes = self.grid.map(|(source, sides)| {
            sides.map(|side| match source {
                GridSource::Given => problem.batch * heads * queries * side,
                GridSource::Tables => (2 * side - 1) * width,
            })
        });
        let mut to_grid = sizes.unwrap_or_default().map(|len| vec![0.0; len]);
        let mut targets = self.targets(&mut to_qkv, &mut to_grid);
        let [q, k, v] = self.operands(qkv)?;
        let of_result = |data| Heads::of_result(data, heads, queries, width);
        let (out, grad) = (of_result(out), of_result(grad));
        let known = Known { q, k, v, out, grad, logs, bias: self.bias(grid)? };
        backward(problem, &known, &mut targets);
        let tables = targets.into_iter().filter_map(|target| match target.grid {
            Some(GridTarget::Tables(tables)) => Some(tables),
            _ => None,
        });
        for tables in tables.collect::<Vec<_>>() {
            for (sums, table) in to_grid.iter_mut().zip(tables) {
                sums.iter_mut().zip(table).for_each(|(sum, x)| *sum += x);
            }
        }
        Ok((to_qkv, to_grid))
    }

    fn targets<'a>(
        &self,
        to_qkv: &'a mut [f32],
        [to_rows, to_columns]: &'a mut [Vec<f32>; 2],
    ) -> Vec<Target<'a>> {
        let problem = &self.problem;
        let &Problem { batch, heads, queries, width, .. } = problem;
        let segments = problem.segments.len();
        let segment_of = problem.segment_of(|segment| segment.queries.clone());
        let units = batch * segments * heads;
        let mut lists: Vec<Rows<'a>> = Vec::new();
        lists.resize_with(3 * units, Vec::new);
        deal(to_qkv, width, &mut lists, |row| {
            let (token, part, head) = (row / (3 * heads), row / heads % 3, row % heads);
            let (sample, segment) = (token / queries, segment_of[token % queries]);
            Some(part * units + (sample * segments + segment) * heads + head)
        });
        let v_lists = lists.split_off(2 * units);
        let k_lists = lists.split_off(units);
        let per_unit = lists.into_iter().zip(k_lists).zip(v_lists);
        let mut targets: Vec<_> =
            per_unit.map(|((q, k), v)| Target { q: vec![q], k, v, grid: None }).collect();
        match self.grid {
            Some((GridSource::Given, [h, w])) => {
                let values =
                    to_rows.chunks_mut(queries * h).zip(to_columns.chunks_mut(queries * w));
                for (target, (rows, columns)) in targets.iter_mut().zip(values) {
                    target.grid = Some(GridTarget::Given([rows, columns]));
                }
            }
            Some((GridSource::Tables, sides)) => {
                for target in &mut targets {
                    let tables = sides.map(|side| vec![0.0; (2 * side - 1) * width]);
                    target.grid = Some(GridTarget::Tables(tables));
                }
            }
            None => {}
        }
        targets
    }
}

impl CustomOp1 for Fused {
    fn name(&self) -> &'static str {
        "fused-attention"
    }

    fn cpu_fwd(&self, qkv: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        self.forward((qkv, layout), None)
    }

    fn bwd(&self, qkv: &Tensor, out: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let grad = grad.contiguous()?;
        let (to_qkv, _) = read(qkv, |seen| {
            read(out, |out| {
                read(&grad, |grad| {
                    let results = [values(out.0, out.1)?, values(grad.0, grad.1)?];
                    self.backward(seen, None, results)
                })
            })
        })?;
        Tensor::from_vec(to_qkv, qkv.shape(), &Device::Cpu).map(Some)
    }
}

impl CustomOp3 for Fused {
    fn name(&self) -> &'static str {
        "fused-attention"
    }

    fn cpu_fwd(
        &self,
        qkv: &CpuStorage,
        layout: &Layout,
        rows: &CpuStorage,
        rows_layout: &Layout,
        columns: &CpuStorage,
        columns_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward((qkv, layout), Some([(rows, rows_layout), (columns, columns_layout)]))
    }

    fn bwd(
        &self,
        qkv: &Tensor,
        rows: &Tensor,
        columns: &Tensor,
        out: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (to_qkv, [to_rows, to_columns]) = read(qkv, |qkv| {
            read(rows, |rows| {
                read(columns, |columns| {
                    read(out, |out| {
                        read(&grad, |grad| {
                            let results = [values(out.0, out.1)?, values(grad.0, grad.1)?];
                            self.backward(qkv, Some([rows, columns]), results)
                        })
                    })
                })
            })
        })?;
        let tensor = |operand: &Tensor, values: Vec<f32>| {
            let wanted = operand.track_op();
            wanted.then(|| Tensor::from_vec(values, operand.shape(), &Device::Cpu)).transpose()
        };
        Ok((tensor(qkv, to_qkv)?, tensor(rows, to_rows)?, tensor(columns, to_columns)?))
    }
}
