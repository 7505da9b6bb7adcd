//! Attention of one head: `softmax(scale · q kᵀ + bias) v`, in `f32`.
//!
//! Keys are looked at in blocks of at most 256, and of each query only the largest score so far,
//! the sum of the exponentials and the mixed values are kept (arXiv 2205.14135): no matrix of
//! scores ever exists.
//! A query gives the same bits whatever other queries are asked with it.
//!
//! # Examples
//!
//! ```
//! use calico_kernels::Kernels;
//! use calico_kernels::attention::{Head, Rows, Scratch};
//!
//! // Two queries, three keys, heads of width 2.
//! let q = Rows::new(&[1.0, 0.0, 0.0, 1.0], [2, 2], 2)?;
//! let k = Rows::new(&[9.0, 0.0, 0.0, 9.0, 0.0, 0.0], [3, 2], 2)?;
//! let v = Rows::new(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [3, 2], 2)?;
//! let head = Head { q, k, v, scale: 10.0, causal: false, bias: Default::default() };
//! let mut out = vec![0.0; 4];
//! let mut rows: Vec<&mut [f32]> = out.chunks_mut(2).collect();
//! Kernels::detect().attention(&head, &mut Scratch::default(), &mut rows, &mut [0.0; 2])?;
//! assert_eq!(out, [1.0, 2.0, 3.0, 4.0]);
//! # Ok::<(), calico_kernels::KernelError>(())
//! ```

mod half;
mod head;
mod kernel;
mod scratch;

pub use half::HalfRows;
pub use head::{Bias, Head, Rows};
pub use scratch::Scratch;

use crate::{KernelError, Kernels, simd, sizes};

impl Kernels {
    /// Attention of one head, see [`attention`](crate::attention).
    ///
    /// # Shapes
    /// - `out`: a row of `width` values per query, overwritten
    /// - `logs`: per query, overwritten by the logarithm of the sum of the exponentials of its
    ///   scores
    ///
    /// # Errors
    /// If sizes do not fit together, or causal attention has fewer keys than queries.
    pub fn attention(
        self,
        head: &Head<'_>,
        scratch: &mut Scratch,
        out: &mut [&mut [f32]],
        logs: &mut [f32],
    ) -> Result<(), KernelError> {
        head.check()?;
        sizes::length("the list of results", out.len(), head.q.len())?;
        sizes::length("the slice of logarithms", logs.len(), head.q.len())?;
        for row in &*out {
            sizes::length("a result", row.len(), head.v.width())?;
        }
        if head.q.is_empty() {
            return Ok(());
        }
        simd::run(self.level(), kernel::Attend { head, scratch, out, logs });
        Ok(())
    }
}
