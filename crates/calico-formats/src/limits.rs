//! What no honest file exceeds.

/// Bytes of a header: a model of ten billion parameters needs about one megabyte.
pub(crate) const HEADER_BYTES: u64 = 100 << 20;
/// Tensors of a file.
pub(crate) const TENSORS: usize = 1 << 18;
/// Axes of a tensor.
pub(crate) const AXES: usize = 8;
/// Bytes of a name.
pub(crate) const NAME_BYTES: usize = 1 << 10;
