use serde::{Deserialize, Serialize};

/// What a stage holds at its worst moment, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Memory {
    /// Frozen tensors, in the type of the arithmetic.
    pub frozen: u64,
    /// Trained tensors, in f32.
    pub trained: u64,
    /// Two moments of each trained value, in f32.
    pub moments: u64,
    /// Gradients of the batches that are computed at once, in f32.
    pub gradients: u64,
    /// Gradients of the batches before them, in f32; none if all of a step are computed at once.
    pub accumulated: u64,
    /// What the forward pass keeps for the backward pass.
    pub activations: u64,
    /// Pictures of the batches that come next.
    pub ahead: u64,
    /// The program itself: code, stacks of threads, buffers of matrix products.
    pub program: u64,
    /// What else is held at the worst moment: results of frozen layers, gradients on their way,
    /// layers that are computed again.
    pub working: u64,
}

impl Memory {
    /// The worst moment.
    pub fn peak(&self) -> u64 {
        let Self { frozen, trained, moments, gradients, accumulated, .. } = *self;
        let Self { activations, ahead, program, working, .. } = *self;
        let learning = frozen + trained + moments + gradients + accumulated;
        learning + activations + ahead + program + working
    }
}
