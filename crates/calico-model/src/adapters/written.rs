//! What is told of work that goes on.

use std::ops::ControlFlow;

use calico_nn::weights::checkpoint::StoredTensor;

use crate::error::ModelError;

/// A tensor that is about to be written.
#[derive(Debug, Clone, Copy)]
pub struct Written<'a> {
    /// The tensor.
    pub tensor: &'a StoredTensor,
    /// Number of tensors of all files.
    pub tensors: usize,
    /// Bytes of all tensors.
    pub total_bytes: u64,
}

impl Written<'_> {
    /// Tells `on_tensor` about each of `tensors`; an error if it wants to stop.
    pub(super) fn teller(
        tensors: &[StoredTensor],
        on_tensor: impl Fn(Written<'_>) -> ControlFlow<()>,
    ) -> impl Fn(&StoredTensor) -> Result<(), ModelError> {
        let total_bytes = tensors.iter().map(|tensor| tensor.bytes() as u64).sum();
        let tensors = tensors.len();
        move |tensor| match on_tensor(Written { tensor, tensors, total_bytes }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ModelError::Stopped),
        }
    }
}
