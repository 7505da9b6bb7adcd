//! From a `[SEG]` state of the language model to a prompt for the mask decoder.

use calico_nn::{Linear, Weights};
use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

/// Shape of the projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProjectionKind {
    /// Linear, ReLU, linear: `text_hidden_fcs` of GLaMM.
    #[default]
    Mlp,
    /// One linear, as the paper's figure draws it.
    Linear,
}

/// Which state stands for a `[SEG]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SegPosition {
    /// The state that predicts it, one position earlier (LISA and GLaMM).
    #[default]
    Predecessor,
    /// The state at the token itself.
    #[serde(rename = "self")]
    Own,
}

/// The `[SEG]` projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectionConfig {
    /// Shape of the projection.
    #[serde(default)]
    pub kind: ProjectionKind,
    /// Which state stands for a `[SEG]`.
    #[serde(default)]
    pub position: SegPosition,
}

/// `second(relu(first(x)))`, or `first(x)` alone.
#[derive(Debug, Clone)]
pub struct SegProjection {
    first: Linear,
    second: Option<Linear>,
}

impl SegProjection {
    /// Reads linear layers `0` and, for the two-layer form, `2` below `weights`.
    pub fn load(
        language_width: usize,
        prompt_width: usize,
        kind: ProjectionKind,
        weights: &Weights,
    ) -> Result<Self> {
        let linear = |out, name| Linear::load(language_width, out, &weights.pp(name));
        match kind {
            ProjectionKind::Mlp => Ok(Self {
                first: linear(language_width, 0)?,
                second: Some(linear(prompt_width, 2)?),
            }),
            ProjectionKind::Linear => Ok(Self { first: linear(prompt_width, 0)?, second: None }),
        }
    }

    /// # Shapes
    /// - `states`: `[M, D]`, normed states of the language model
    /// - returns: `[M, C]`, prompts for the mask decoder
    pub fn forward(&self, states: &Tensor) -> Result<Tensor> {
        let first = self.first.forward(states)?;
        match &self.second {
            Some(second) => second.forward(&first.relu()?),
            None => Ok(first),
        }
    }
}
