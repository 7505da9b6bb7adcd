//! The row-wise operations on the CPU in f32: one pass over memory, all cores, forwards and
//! backwards.
//!
//! Each is a candle custom operation. Those keep little between forward and backward: the
//! backward passes compute what they need again, row by row, while the row is in the cache.

mod erf;
mod gelu;
mod lanes;
mod layer_norm;
mod rms_norm;
mod softmax;
mod swiglu;
mod tasks;
mod values;

pub(super) use gelu::gelu;
pub(super) use layer_norm::layer_norm;
pub(super) use rms_norm::rms_norm;
pub(super) use softmax::softmax;
pub(super) use swiglu::{swiglu, swiglu_packed};

pub(crate) use calico_kernels::{exp, ln_1p, sigmoid};
pub(crate) use lanes::{highest, sum, sum_in_blocks, sum_of, sum_of_two};
pub(crate) use tasks::{
    TASK, by_pieces, by_pieces_of, by_pieces_of_two, by_pieces_with_sums, vectorised,
};
pub(crate) use values::{Values, on_cpu, row_values, row_width, tensor, values};

#[cfg(test)]
mod tests;
