//! The open points of the two modules, each with the default that the paper suggests.

use serde::{Deserialize, Serialize};

/// How an untrained extraction module starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExtractionInit {
    /// Xavier-uniform weights, zero biases.
    #[default]
    Xavier,
    /// As `xavier`, but a zero output projection; sensible only with a residual.
    ZeroOut,
}

/// Which EVA-CLIP tokens enter the extraction module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CemInput {
    /// After `ln_vision`.
    #[default]
    PostLn,
    /// Before `ln_vision`.
    PreLn,
}

/// Correspondence Extraction Module (paper eq. 4–6).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the configuration")]
pub struct ExtractionConfig {
    /// Without it the DINOv2 features are unused, and the adapters see no image (Table 2,
    /// "w/o CEM").
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Attention heads; must divide the width of EVA-CLIP.
    #[serde(default = "default_num_heads")]
    pub num_heads: usize,
    /// Adds the queries to the output. The paper's figure shows no residual.
    #[serde(default)]
    pub residual: bool,
    /// Layer norm of the queries.
    #[serde(default)]
    pub pre_norm: bool,
    /// Layer norm of the keys and values.
    #[serde(default)]
    pub kv_norm: bool,
    /// Layer norm of the output.
    #[serde(default)]
    pub post_norm: bool,
    /// Biases of the four projections.
    #[serde(default = "yes")]
    pub bias: bool,
    /// Projection after the attention.
    #[serde(default = "yes")]
    pub out_proj: bool,
    /// How the module starts.
    #[serde(default)]
    pub init: ExtractionInit,
    /// Whether the CLS token asks too; otherwise it passes through unchanged.
    #[serde(default = "yes")]
    pub query_cls: bool,
    /// Which tokens ask.
    #[serde(default)]
    pub input: CemInput,
    /// Epsilon of the optional norms.
    #[serde(default = "default_ln_eps")]
    pub ln_eps: f64,
}

/// How the projections of an untrained adapter start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdapterInit {
    /// Both zero: the untrained adapter changes nothing (VPG-C).
    #[default]
    Zero,
    /// PyTorch's default for linear layers.
    FanIn,
}

/// The queries with which an adapter asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuerySource {
    /// Those of the first pass.
    #[default]
    Shared,
    /// A copy per adapter, stored as `cams.{i}.queries`.
    Copy,
}

/// The token whose state instructs the adapters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guidance {
    /// The last position of the prompt, the `:` of `ASSISTANT:`.
    #[default]
    LastPrompt,
}

/// What a new user turn does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MultiTurn {
    /// The whole dialogue is read again, with the new turn's instruction.
    #[default]
    Reprefill,
}

/// Correspondence Adaptation Modules (paper eq. 7–9).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the configuration")]
pub struct AdapterConfig {
    /// Without them the visual positions keep their first embedding (Table 2, "w/o CEM w/o CAM").
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The layers before which an adapter acts, counted from `index_base`.
    #[serde(default = "default_layers")]
    pub layers: Vec<usize>,
    /// Number of the first layer in `layers`: 0 follows VPG-C, 1 the captions of the figure.
    #[serde(default)]
    pub index_base: usize,
    /// Whether the instruction is added to the queries (Table 2, "w/o CAM": it is not).
    #[serde(default = "yes")]
    pub use_guidance: bool,
    /// The queries that ask.
    #[serde(default)]
    pub query_source: QuerySource,
    /// Whether copied queries are trained.
    #[serde(default)]
    pub train_queries: bool,
    /// One pair of projections for all adapters.
    #[serde(default)]
    pub share_weights: bool,
    /// How the projections start.
    #[serde(default)]
    pub init: AdapterInit,
    /// The token that instructs.
    #[serde(default)]
    pub guidance: Guidance,
    /// Passes the instruction through the language model's final norm first.
    #[serde(default)]
    pub guidance_norm: bool,
    /// What a new user turn does.
    #[serde(default)]
    pub multi_turn: MultiTurn,
}

impl AdapterConfig {
    /// The 0-based layers before which an adapter acts.
    pub fn layers_from_zero(&self) -> Vec<usize> {
        self.layers.iter().map(|layer| layer.saturating_sub(self.index_base)).collect()
    }
}

fn default_num_heads() -> usize {
    16
}

fn default_layers() -> Vec<usize> {
    vec![11, 22]
}

fn yes() -> bool {
    true
}

fn default_ln_eps() -> f64 {
    1e-5
}
