//! The image towers of Calico: EVA-CLIP, DINOv2, Q-Former and SAM.
//!
//! Each folder is one published network and knows nothing of the others: [`eva_clip`] and
//! [`dinov2`] turn pixels into tokens, [`qformer`] condenses tokens into a few queries, [`sam`]
//! turns pixels and prompts into masks. Every module is built by `load` from a plain config and
//! [`calico_nn::Weights`], under the tensor names of the original checkpoints, and every forward
//! is differentiable.
//!
//! Axes: `B` samples, `T` tokens, `Q` queries, `P` patches, `M` masks, `N` heads, `K` head width,
//! `V E D C` widths of EVA-CLIP, Q-Former, the network at hand and SAM, `H W` pixels, `h w` or
//! `g g` grid cells.

pub mod dinov2;
pub mod eva_clip;
pub mod qformer;
pub mod sam;

mod patch_grid;
