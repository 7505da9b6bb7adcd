//! Weights in fewer bits, multiplied as they lie in a file.
//!
//! A layer asks for its [`Matrix`], and gets either numbers that may learn or a
//! [`QuantizedMatrix`] in the layout of `calico-kernels`.

mod format;
mod matrix;
mod scales;
mod shared_bytes;

pub use format::MatrixFormat;
pub use matrix::{Matrix, QuantizedMatrix};
pub use scales::MatrixScales;
pub use shared_bytes::SharedBytes;
