//! Differentiable building blocks and weight sources for the models of Calico.
//!
//! Nothing here knows the words of the model: [`ops`] holds the arithmetic that every network
//! shares, the layer types wrap it with weights, and [`weights`] says where weights come from.
//!
//! Axes, in this and all model crates: `B` samples, `T` tokens, `S` key tokens, `N` heads,
//! `K` head width, `D` model width, `H W` pixels, `h w` grid cells.

pub mod interpolate;
pub mod losses;
pub mod ops;
pub mod process;
pub mod quantized;
pub mod weights;

mod attention;
mod dropout;
mod linear;
mod mlp;
mod norm;
mod patch_embed;
mod post_norm;
mod recompute;

pub use attention::{FusedAttention, KeyBias, merge_heads, split_heads};
pub use dropout::Dropout;
pub use linear::{Linear, LowRank};
pub use mlp::{Mlp, SwiGlu};
pub use norm::{LayerNorm, RmsNorm};
pub use patch_embed::PatchEmbed;
pub use post_norm::{KeysValues, PostNormAttention, PostNormFeedForward};
pub use recompute::Recompute;
pub use weights::Weights;
