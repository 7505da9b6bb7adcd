//! Products of 8 bits: weights with one scale per output, activations with one scale per row.
//!
//! ```text
//! y[r][o] = (Σᵢ x[r][i] · w[o][i]) as f32 · (sx[r] · sw[o]) + bias[o]
//! ```
//!
//! The sum is exact, and the rest are two multiplications and one addition in `f32`; without a
//! bias nothing is added.
//! Codes of activations are `round(x · (127 / peak))`, halves to even, with `sx = peak / 127`,
//! where the peak is the largest magnitude of the row.
//!
//! # Outliers
//!
//! A few channels of a trained transformer are a hundred times as large as all others (Dettmers et
//! al., "`LLM.int8()`", 2022; Sun et al., "Massive Activations", 2024), and under their peak the
//! others would have no digits left.
//! Where the peak is more than twelve times the mean magnitude, activations above that limit
//! become outliers: their code is 0, and the rest gets a new peak, until it has none above its own
//! limit.
//! What they add to an output is `Σₖ x[r][k] · (w[o][k] as f32 · sw[o])`, in the order of channels.
//! A row has at most `inner / 64` of them; those that would be too many stay among the rest.
//! Magnitudes are compared as codes, so that nothing depends on the order of a sum.
//!
//! # Layout of weights
//!
//! Codes lie in panels of 16 outputs, `[outputs / 16][inner / 4][16][4]` bytes, both rounded up
//! and padded with zeros, so that 64 bytes hold four inner values of sixteen outputs.
//! The layout is also that of files: a [`Q8Weights`] only borrows.
//!
//! # Examples
//!
//! ```
//! use calico_kernels::Kernels;
//!
//! let kernels = Kernels::detect();
//! let weights = kernels.q8_quantize(&[1.0, 2.0, 3.0, -1.0, 0.0, 0.5], 2, 3)?;
//! let rows = kernels.q8_rows(&[1.0, 1.0, 1.0], 3)?;
//! let mut y = [0.0; 2];
//! kernels.q8_product(&weights.view(), &rows, Some(&[10.0, 20.0]), &mut y)?;
//! assert!((y[0] - 16.0).abs() < 0.05 && (y[1] - 19.5).abs() < 0.05);
//! # Ok::<(), calico_kernels::KernelError>(())
//! ```

mod outliers;
mod product;
mod rows;
mod weights;

pub use rows::Q8Rows;
pub use weights::{Q8Packed, Q8Weights, pack, packed_len, unpack};
