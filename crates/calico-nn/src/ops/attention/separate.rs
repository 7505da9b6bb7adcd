//! Attention of three tensors as a candle operation.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor};

use super::backward::{Known, Target, backward};
use super::bias::{Full, TileBias};
use super::forward::forward;
use super::heads::{Arrangement, Heads};
use super::problem::Problem;
use super::scratch::{Rows, deal};
use crate::ops::cpu::values;
use crate::ops::memory::read;

/// Attention of queries, keys and values that are tensors of their own.
#[derive(Debug)]
pub(super) struct Separate {
    pub(super) problem: Problem,
    pub(super) arrangement: Arrangement,
    /// Added to the scores: `[B, N, T, S]` with contiguous keys. Receives no gradient.
    pub(super) full: Option<Tensor>,
    /// What the forward pass keeps.
    pub(super) logs: OnceLock<Vec<Vec<f32>>>,
}

impl Separate {
    /// Lets `run` see the bias.
    fn with_bias<T>(&self, run: impl FnOnce(TileBias<'_>) -> Result<T>) -> Result<T> {
        let Some(full) = &self.full else {
            return run(TileBias::None);
        };
        read(full, |(storage, layout)| {
            let data = storage.as_slice::<f32>()?;
            let data = data.get(layout.start_offset()..).unwrap_or_default();
            let &[batch, head, query, key] = layout.stride() else {
                candle_core::bail!("attention: a bias of {:?}", layout.dims());
            };
            if key != 1 && self.problem.keys != 1 {
                candle_core::bail!("attention: the keys of the bias are not contiguous");
            }
            run(TileBias::Full(Full { data, strides: [batch, head, query] }))
        })
    }

    /// The gradients of one operand: its memory, and the rows of each head of each segment.
    fn lists<'a>(&self, buffer: &'a mut [f32], part: usize) -> Vec<Rows<'a>> {
        let problem = &self.problem;
        let segments = problem.segments.len();
        let (heads, tokens) = match part {
            0 => (problem.heads, problem.queries),
            _ => (problem.kv_heads, problem.keys),
        };
        let segment_of = problem.segment_of(|segment| match part {
            0 => segment.queries.clone(),
            _ => segment.keys.clone(),
        });
        let mut lists: Vec<Rows<'a>> = Vec::new();
        lists.resize_with(problem.batch * segments * heads, Vec::new);
        deal(buffer, problem.width, &mut lists, |row| {
            let (sample, head, token) = match self.arrangement {
                Arrangement::Split => (row / (heads * tokens), row / tokens % heads, row % tokens),
                _ => (row / (heads * tokens), row % heads, row / heads % tokens),
            };
            Some((sample * segments + segment_of[token]) * heads + head)
        });
        lists
    }
}

impl CustomOp3 for Separate {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(
        &self,
        q: &CpuStorage,
        q_layout: &Layout,
        k: &CpuStorage,
        k_layout: &Layout,
        v: &CpuStorage,
        v_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let &Problem { batch, heads, queries, width, .. } = &self.problem;
        let operands = [
            Heads::new((q, q_layout), self.arrangement, 0, width)?,
            Heads::new((k, k_layout), self.arrangement, 1, width)?,
            Heads::new((v, v_layout), self.arrangement, 2, width)?,
        ];
        let run = |bias: TileBias<'_>| Ok(forward(&self.problem, operands, &bias));
        let (out, logs) = self.with_bias(run)?;
        // A second forward pass of the same operation would compute the same.
        let _ = self.logs.set(logs);
        let shape = match self.arrangement {
            Arrangement::Split => Shape::from((batch, queries, heads, width)),
            _ => Shape::from((batch, queries, heads * width)),
        };
        Ok((CpuStorage::F32(out), shape))
    }

    fn bwd(
        &self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        out: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let Some(logs) = self.logs.get() else {
            candle_core::bail!("attention: a backward pass without a forward pass");
        };
        let problem = &self.problem;
        let (heads, width) = (problem.heads, problem.width);
        let operands = [q, k, v];
        let mut buffers = operands.map(|operand| {
            let count = if operand.track_op() { operand.elem_count() } else { 0 };
            vec![0.0; count]
        });
        let mut parts = buffers.iter_mut().enumerate();
        let mut next = || parts.next().map(|(part, buffer)| self.lists(buffer, part));
        let [of_q, of_k, of_v] = [next(), next(), next()].map(Option::unwrap_or_default);
        let mut of_q = of_q.into_iter();
        let mut targets = of_k.into_iter().zip(of_v).map(|(k, v)| {
            let mut q: Vec<_> = of_q.by_ref().take(problem.group()).collect();
            q.retain(|rows| !rows.is_empty());
            Target { q, k, v, grid: None }
        });
        let mut targets: Vec<_> = targets.by_ref().collect();
        let grad = grad.contiguous()?;
        read(q, |q| {
            read(k, |k| {
                read(v, |v| {
                    read(out, |out| {
                        read(&grad, |grad| {
                            self.with_bias(|bias| {
                                let result =
                                    |data| Heads::of_result(data, heads, problem.queries, width);
                                let known = Known {
                                    q: Heads::new(q, self.arrangement, 0, width)?,
                                    k: Heads::new(k, self.arrangement, 1, width)?,
                                    v: Heads::new(v, self.arrangement, 2, width)?,
                                    out: result(values(out.0, out.1)?),
                                    grad: result(values(grad.0, grad.1)?),
                                    logs,
                                    bias,
                                };
                                backward(problem, &known, &mut targets);
                                Ok(())
                            })
                        })
                    })
                })
            })
        })?;
        drop(targets);
        let [to_q, to_k, to_v] = buffers;
        let tensor = |operand: &Tensor, values: Vec<f32>| {
            let wanted = operand.track_op();
            wanted.then(|| Tensor::from_vec(values, operand.shape(), &Device::Cpu)).transpose()
        };
        Ok((tensor(q, to_q)?, tensor(k, to_k)?, tensor(v, to_v)?))
    }
}
