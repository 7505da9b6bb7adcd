//! Products of weights in the block formats of GGUF: 4, 5, 6 and 8 bits.
//!
//! # Numbers
//!
//! `Q4_K`, `Q5_K` and `Q6_K` have superblocks of 256 values, `Q8_0` has blocks of 32, and their
//! values are exactly those of GGUF.
//! Activations get codes of 8 bits per 256 values: `round(x · (127 / peak))`, halves to even, with
//! `dx = peak / 127`, where the peak is the largest magnitude among the 256.
//!
//! Sums within a superblock are exact integers:
//!
//! ```text
//! isum = Σ over its sub-blocks of scale · Σᵢ code · x
//! msum = Σ over its sub-blocks of min · Σᵢ x
//! ```
//!
//! and `f32` steps follow one superblock after the other, each a single multiplication, addition
//! or subtraction, beginning with `y = 0`; a bias is added last:
//!
//! ```text
//! Q4_K, Q5_K:  y = y + ((d · dx) · isum − (dmin · dx) · msum)
//! Q6_K:        y = y + (d · dx) · (isum − 32 · Σ scale · Σᵢ x)      codes 0..=63
//! Q8_0:        y = y + (d · dx) · isum                              for each of its 32 values
//! ```
//!
//! # Layout
//!
//! [`repack`] brings the bits of GGUF into panels of 16 outputs, superblock by superblock, so that
//! one load of 64 bytes serves sixteen outputs; [`unpack`] goes back without loss.
//! A superblock of a panel holds, one after the other,
//!
//! | what | `Q4_K` | `Q5_K` | `Q6_K` |
//! | --- | --- | --- | --- |
//! | `d`, f16 `[16]` | 32 bytes | 32 | 32 |
//! | `dmin`, f16 `[16]` | 32 | 32 | 32 (zeros) |
//! | scales of two sub-blocks side by side, `[pairs][16][2]` | 128 | 128 | 256 |
//! | mins likewise | 128 | 128 | |
//! | codes of each 32 inner values | 8 · 256 | 8 · 320 | 8 · 384 |
//!
//! Codes of 32 inner values lie in lines of 64 bytes, `[16][4]`.
//! The last four hold the lower four bits: the line `j` those of inner values `8 j + k` in the
//! lower and of `8 j + 4 + k` in the upper half of its bytes, where `k` is the last index.
//! Before them `Q5_K` has one line of upper bits, with that of inner value `4 q + k` at bit `q`, and
//! `Q6_K` has two, with those of `16 p + 4 q + k` at bit `2 q` of line `p`.
//!
//! A block of a panel of `Q8_0` holds `d`, f16 `[16]`, and codes, `[8][16][4]`.
//!
//! # Examples
//!
//! ```
//! use calico_kernels::blocks::{self, BlockFormat, BlockWeights};
//! use calico_kernels::Kernels;
//!
//! let (outputs, inner) = (2, 256);
//! let kernels = Kernels::detect();
//! let weights: Vec<f32> = (0..512).map(|i| (i % 7) as f32 - 3.0).collect();
//! let gguf = kernels.quantize(BlockFormat::Q4K, &weights)?;
//! let packed = blocks::repack(BlockFormat::Q4K, outputs, inner, &gguf)?;
//! let weights = BlockWeights::new(BlockFormat::Q4K, outputs, inner, &packed)?;
//! let rows = kernels.block_rows(&[1.0; 256], inner)?;
//! let mut y = [0.0; 2];
//! kernels.block_product(&weights, &rows, None, &mut y)?;
//! assert!(y[0].abs() < 8.0 && y[1].abs() < 8.0);
//! # Ok::<(), calico_kernels::KernelError>(())
//! ```

mod format;
mod gguf;
mod kernel;
mod panel;
mod parts;
mod product;
mod quantize;
mod rows;
mod search;
mod weights;

pub use format::BlockFormat;
pub use gguf::dequantize;
pub use panel::{repack, unpack};
pub use rows::BlockRows;
pub use weights::BlockWeights;
