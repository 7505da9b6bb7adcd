//! Products of quantised weights, and attention, on slices.
//!
//! [`q8`] multiplies weights of 8 bits with one scale per output by activations of 8 bits with one
//! scale per row: the towers that look at pictures.
//! [`blocks`] multiplies weights in the block formats of GGUF (`Q4_K`, `Q5_K`, `Q6_K`, `Q8_0`) by
//! activations of 8 bits with one scale per 256 values: the language model.
//!
//! [`attention`] mixes the values of one head in `f32`, and no matrix of scores ever exists.
//!
//! [`Kernels`] holds the [`Level`], the set of instructions that a product uses: what the machine
//! has, or less.
//!
//! # The same bits everywhere
//!
//! Every level computes the same bits of a product, and a row gives the same bits whatever other
//! rows are multiplied with it and on however many threads.
//! (Of [`attention`] the second is true, and the first within rounding: additions are fused with
//! multiplications where the processor can.)
//! Integer sums are exact: no code, scale or width that is accepted can overflow them.
//! What follows in `f32` are single multiplications and additions in one documented order, never
//! fused.
//! Of a result that is not a number only that it is none is the same: its bits are not.
//!
//! # Values that are not finite
//!
//! Activations are quantised while they are multiplied: a row (of [`q8`]) or 256 values of a row
//! (of [`blocks`]) in which a value is infinite or not a number make every output of that row not
//! a number, so that nothing wrong looks right.
//! If no magnitude in them reaches 2⁻¹⁰⁰, they count as zeros.
//! Weights that are not finite are refused when they are quantised.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined is compiled for the instructions of its caller"
)]
#![expect(
    clippy::needless_range_loop,
    reason = "iterators of arrays are not always inlined, see above, and kernels count anyway"
)]

mod activation;
pub mod attention;
pub mod blocks;
mod error;
mod exponential;
mod kernels;
mod level;
pub mod q8;
mod simd;
mod sizes;
mod tiles;

pub use error::KernelError;
pub use exponential::{exp, ln_1p, sigmoid};
pub use kernels::Kernels;
pub use level::{Level, LevelError};
