//! Correspondence Extraction Module (CEM): EVA-CLIP tokens ask the DINOv2 tokens of their image.
//!
//! ```text
//! X_global  ── q ──┐
//! X_semantic ─ k,v ┴─ attention ── out ──► X'_global
//! ```
//!
//! No image sees another here: images interact only in the language model (paper eq. 4–6).
//! Axes: `I` images, `P` EVA-CLIP tokens, `V` their width, `S` DINOv2 tokens, `U` their width.

use calico_nn::ops::{self, Attention, Bias};
use calico_nn::weights::Init;
use calico_nn::{LayerNorm, Linear, Weights};
use candle_core::{Result, Tensor};

use super::{ExtractionConfig, ExtractionInit};

/// Multi-head cross-attention, as PyTorch's `MultiheadAttention` with `kdim` and `vdim`.
#[derive(Debug, Clone)]
pub struct CorrespondenceExtraction {
    q: Linear,
    k: Linear,
    v: Linear,
    out: Option<Linear>,
    pre_norm: Option<LayerNorm>,
    kv_norm: Option<LayerNorm>,
    post_norm: Option<LayerNorm>,
    config: ExtractionConfig,
    scale: f64,
}

impl CorrespondenceExtraction {
    /// Reads `q`, `k`, `v`, `out` and the norms that the config asks for, below `weights`.
    pub fn load(
        global_width: usize,
        semantic_width: usize,
        config: &ExtractionConfig,
        weights: &Weights,
    ) -> Result<Self> {
        let linear = |inner, init, name| {
            let weights = weights.pp(name);
            if config.bias {
                Linear::load_with(inner, global_width, &weights, init)
            } else {
                Linear::load_without_bias_with(inner, global_width, &weights, init)
            }
        };
        let xavier = |inner| Init::xavier(inner, global_width);
        let out_init = match config.init {
            ExtractionInit::Xavier => xavier(global_width),
            ExtractionInit::ZeroOut => Init::Zeros,
        };
        let norm = |wanted: bool, width, name| {
            wanted.then(|| LayerNorm::load(width, config.ln_eps, &weights.pp(name))).transpose()
        };
        let out = config.out_proj.then(|| linear(global_width, out_init, "out"));
        Ok(Self {
            q: linear(global_width, xavier(global_width), "q")?,
            k: linear(semantic_width, xavier(semantic_width), "k")?,
            v: linear(semantic_width, xavier(semantic_width), "v")?,
            out: out.transpose()?,
            pre_norm: norm(config.pre_norm, global_width, "pre_norm")?,
            kv_norm: norm(config.kv_norm, semantic_width, "kv_norm")?,
            post_norm: norm(config.post_norm, global_width, "post_norm")?,
            config: config.clone(),
            scale: ((global_width / config.num_heads) as f64).powf(-0.5),
        })
    }

    /// # Shapes
    /// - `global`: `[I, P, V]`, EVA-CLIP tokens, CLS first
    /// - `semantic`: `[I, S, U]`, DINOv2 patch tokens
    /// - returns: `[I, P, V]`
    pub fn forward(&self, global: &Tensor, semantic: &Tensor) -> Result<Tensor> {
        if self.config.query_cls {
            return self.attend(global, semantic);
        }
        let cls = global.narrow(1, 0, 1)?;
        let patches = global.narrow(1, 1, global.dim(1)? - 1)?;
        Tensor::cat(&[cls, self.attend(&patches, semantic)?], 1)
    }

    fn attend(&self, global: &Tensor, semantic: &Tensor) -> Result<Tensor> {
        let asking = normed(self.pre_norm.as_ref(), global)?;
        let asked = normed(self.kv_norm.as_ref(), semantic)?;
        let heads = self.config.num_heads;
        let q = self.q.forward(&asking)?; // [I, P, V]
        let (k, v) = (self.k.forward(&asked)?, self.v.forward(&asked)?); // [I, S, V]
        let call = Attention { q: &q, k: &k, v: &v, scale: self.scale, bias: Bias::None };
        let mut mixed = ops::merged_attention(&call, heads)?; // [I, P, V]
        if let Some(out) = &self.out {
            mixed = out.forward(&mixed)?;
        }
        if self.config.residual {
            mixed = (global + mixed)?;
        }
        normed(self.post_norm.as_ref(), &mixed)
    }
}

fn normed(norm: Option<&LayerNorm>, x: &Tensor) -> Result<Tensor> {
    norm.map_or_else(|| Ok(x.clone()), |norm| norm.forward(x))
}
