//! What is different while a model learns.

use calico_nn::{Dropout, Recompute};

/// What is different while a model learns; by default nothing is.
#[derive(Debug, Clone, Default)]
pub struct Learning {
    /// Drops values of the input of every low-rank update. Its seed belongs to one forward pass:
    /// a model is loaded anew for the next.
    pub lora_dropout: Option<Dropout>,
    /// Runs the decoder layers of the language model again in the backward pass, instead of
    /// keeping what they computed; collects the gradients of their weights.
    pub recompute: Option<Recompute>,
}
