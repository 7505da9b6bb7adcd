use serde::{Deserialize, Serialize};

/// What a module costs in a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModulePlan {
    /// What it is.
    pub name: String,
    /// Canonical prefix of its tensors.
    pub prefix: String,
    /// Tensors that learn.
    pub trained_tensors: usize,
    /// Values that learn.
    pub trained_values: u64,
    /// Memory of all its tensors, in bytes.
    pub weights: u64,
    /// What it keeps for the backward pass, in bytes.
    pub activations: u64,
    /// Arithmetic of an optimiser step, 2 per multiply-add in matrix products.
    pub flops: f64,
}
