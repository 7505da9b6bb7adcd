//! Dimensions of the tower, and what is read from it.

use serde::{Deserialize, Serialize};

/// Dimensions of a [`DinoV2`](super::DinoV2) tower, and what is read from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DinoConfig {
    /// Size of the input, in pixels.
    pub input_size: InputSize,
    /// Side of a patch, in pixels.
    pub patch_size: usize,
    /// Width of a token.
    pub width: usize,
    /// Attention heads of a block.
    pub num_heads: usize,
    /// Number of blocks.
    pub depth: usize,
    /// The feed-forward layer of a block.
    pub ffn: FeedForwardKind,
    /// Register tokens between the class token and the patches; 0 for the plain models.
    pub num_register_tokens: usize,
    /// Side of the position table on file, in patches; 37 by default (518 pixels).
    #[serde(default = "default_stored_grid")]
    pub stored_grid: usize,
    /// How the position table of a plain model is resized to the grid of the input. With
    /// registers it is always resized with antialias, as those models were trained.
    #[serde(default)]
    pub pos_interp: PositionInterpolation,
    /// Epsilon of every normalisation; 1e-6 by default.
    #[serde(default = "default_ln_eps")]
    pub ln_eps: f64,
    /// The block that is read, counted from 0, or from the last one, -1; the last by default.
    #[serde(default = "default_layer")]
    pub layer: i64,
    /// Whether the tokens pass the final normalisation, whichever block they come from; true by
    /// default. Keys never do.
    #[serde(default = "default_final_norm")]
    pub final_norm: bool,
    /// What is read from the block; its tokens by default.
    #[serde(default)]
    pub facet: Facet,
    /// Whether the class token and the registers are returned before the patches; false by
    /// default.
    #[serde(default)]
    pub keep_prefix_tokens: bool,
}

/// Size of the input, in pixels: one number for a square, `[height, width]` otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum InputSize {
    /// Side of a square.
    Square(usize),
    /// Height and width.
    HeightWidth([usize; 2]),
}

/// The feed-forward layer of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum FeedForwardKind {
    /// Two linear layers around a GELU (ViT-S, B and L).
    Gelu {
        /// Hidden width.
        hidden: usize,
    },
    /// A gated layer (ViT-g).
    SwiGlu {
        /// Hidden width, that of the gate.
        hidden: usize,
    },
}

/// How the position table of a plain model is resized; both bicubic without antialias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PositionInterpolation {
    /// By the scale factor `(grid + 0.1) / stored grid`, as the original repository does.
    #[default]
    Offset,
    /// To the explicit size, as transformers does.
    Size,
}

/// What is read from a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Facet {
    /// The tokens that leave the block.
    #[default]
    Token,
    /// The keys of its attention, the heads side by side.
    Key,
}

impl DinoConfig {
    /// Tokens before the patches: the class token and the registers.
    pub fn num_prefix_tokens(&self) -> usize {
        1 + self.num_register_tokens
    }

    /// Rows and columns of patches of the input.
    pub fn grid(&self) -> [usize; 2] {
        let pixels = self.input_size.height_width();
        pixels.map(|pixels| pixels / self.patch_size.max(1))
    }
}

impl InputSize {
    /// Height and width.
    pub fn height_width(self) -> [usize; 2] {
        match self {
            Self::Square(side) => [side, side],
            Self::HeightWidth(size) => size,
        }
    }
}

fn default_stored_grid() -> usize {
    37
}

fn default_ln_eps() -> f64 {
    1e-6
}

fn default_layer() -> i64 {
    -1
}

fn default_final_norm() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIANT: &str = r#"{
        "input_size": 518, "patch_size": 14, "width": 1536, "num_heads": 24, "depth": 40,
        "ffn": { "kind": "swiglu", "hidden": 4096 }, "num_register_tokens": 4
    }"#;

    #[test]
    fn everything_that_published_models_share_has_a_default() {
        let config: DinoConfig = serde_json::from_str(GIANT).unwrap();
        assert_eq!((config.grid(), config.stored_grid), ([37, 37], 37));
        assert_eq!((config.layer, config.final_norm), (-1, true));
        assert_eq!(config.num_prefix_tokens(), 5);
        let again: DinoConfig =
            serde_json::from_str(&serde_json::to_string(&config).unwrap()).unwrap();
        assert_eq!(again, config);
    }

    #[test]
    fn an_input_can_be_taller_than_wide() {
        let text = GIANT.replace("518", "[70, 56]");
        let config: DinoConfig = serde_json::from_str(&text).unwrap();
        assert_eq!(config.grid(), [5, 4]);
    }

    #[test]
    fn unknown_keys_are_refused() {
        for (from, to) in [("depth", "deep"), (r#""hidden""#, r#""gate": 1, "hidden""#)] {
            let text = GIANT.replace(from, to);
            assert!(serde_json::from_str::<DinoConfig>(&text).is_err(), "{text}");
        }
    }
}
