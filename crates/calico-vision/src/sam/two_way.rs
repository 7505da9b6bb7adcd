//! SAM's two-way transformer: the tokens of a mask read the image, and the image reads them.
//!
//! ```text
//! tokens ── self-attention ── read image ── MLP ──┬── … ── read image ── LN ── tokens
//!                                 │               │
//! image ──────────────────────────┴────────── read tokens ── …  ───────────── image
//! ```
//!
//! Positions are added to queries and keys, never to values, anew in every attention; those of
//! the tokens are the tokens themselves as they came in
//! (`segment_anything/modeling/transformer.py`).
//!
//! Axes: `M` masks, `T` tokens of a mask, `P` cells of the image embedding, `C` width.

use calico_nn::ops::{self, Bias};
use calico_nn::{LayerNorm, Linear, Weights};
use candle_core::{Result, Tensor};

use super::SamConfig;
use super::relu_mlp::ReluMlp;

/// SAM's two-way transformer.
#[derive(Debug, Clone)]
pub struct TwoWayTransformer {
    layers: Vec<TwoWayLayer>,
    final_read: Attention,
    final_norm: LayerNorm,
}

/// The tokens of each mask and the cells of the image, or the positions of both.
#[derive(Debug, Clone)]
pub struct Streams {
    /// `[M, T, C]`
    pub tokens: Tensor,
    /// `[M, P, C]`, or `[1, P, C]` for positions
    pub image: Tensor,
}

impl TwoWayTransformer {
    /// Reads `layers.{i}`, `final_attn_token_to_image` and `norm_final_attn` below `weights`.
    pub fn load(config: &SamConfig, weights: &Weights) -> Result<Self> {
        let &SamConfig { width, ref decoder, .. } = config;
        let load_layer = |i| TwoWayLayer::load(config, i == 0, &weights.pp("layers").pp(i));
        let final_read = weights.pp("final_attn_token_to_image");
        let final_norm = weights.pp("norm_final_attn");
        Ok(Self {
            layers: (0..decoder.depth).map(load_layer).collect::<Result<_>>()?,
            final_read: Attention::load(config, decoder.cross_width, &final_read)?,
            final_norm: LayerNorm::load(width, decoder.final_ln_eps, &final_norm)?,
        })
    }

    /// # Shapes
    /// - `x`: `[M, T, C]` and `[M, P, C]`, as is the result
    /// - `positions`: `[M, T, C]` and `[1, P, C]`
    pub fn forward(&self, x: Streams, positions: &Streams) -> Result<Streams> {
        let run = |x: Streams, layer: &TwoWayLayer| layer.forward(&x, positions);
        let Streams { tokens, image } = self.layers.iter().try_fold(x, run)?;
        let placed_tokens = (&tokens + &positions.tokens)?; // [M, T, C]
        let placed_image = image.broadcast_add(&positions.image)?; // [M, P, C]
        let read = self.final_read.forward(&placed_tokens, &placed_image, &image)?; // [M, T, C]
        let tokens = self.final_norm.forward(&(tokens + read)?)?; // [M, T, C]
        Ok(Streams { tokens, image })
    }

    /// The layers, first to last.
    pub fn layers(&self) -> &[TwoWayLayer] {
        &self.layers
    }
}

/// One layer of the two-way transformer.
#[derive(Debug, Clone)]
pub struct TwoWayLayer {
    self_attention: Attention,
    self_norm: LayerNorm,
    read_image: Attention,
    read_image_norm: LayerNorm,
    mlp: ReluMlp,
    mlp_norm: LayerNorm,
    read_tokens: Attention,
    read_tokens_norm: LayerNorm,
    /// In the first layer the tokens are their own positions: none are added, and the
    /// self-attention replaces the tokens.
    is_first: bool,
}

impl TwoWayLayer {
    /// Reads `self_attn`, `cross_attn_token_to_image`, `mlp`, `cross_attn_image_to_token` and
    /// `norm1` to `norm4` below `weights`.
    pub fn load(config: &SamConfig, is_first: bool, weights: &Weights) -> Result<Self> {
        let &SamConfig { width, ref decoder, .. } = config;
        let attention = |name, inner| Attention::load(config, inner, &weights.pp(name));
        let norm = |name| LayerNorm::load(width, decoder.ln_eps, &weights.pp(name));
        let widths = [width, decoder.mlp_hidden, width];
        Ok(Self {
            self_attention: attention("self_attn", width)?,
            self_norm: norm("norm1")?,
            read_image: attention("cross_attn_token_to_image", decoder.cross_width)?,
            read_image_norm: norm("norm2")?,
            mlp: ReluMlp::load(widths, &["lin1", "lin2"], &weights.pp("mlp"))?,
            mlp_norm: norm("norm3")?,
            read_tokens: attention("cross_attn_image_to_token", decoder.cross_width)?,
            read_tokens_norm: norm("norm4")?,
            is_first,
        })
    }

    /// # Shapes
    /// - `x`: `[M, T, C]` and `[M, P, C]`, as is the result
    /// - `positions`: `[M, T, C]` and `[1, P, C]`
    pub fn forward(&self, x: &Streams, positions: &Streams) -> Result<Streams> {
        let Streams { tokens, image } = x;
        let tokens = if self.is_first {
            self.self_attention.forward(tokens, tokens, tokens)? // [M, T, C]
        } else {
            let placed = (tokens + &positions.tokens)?; // [M, T, C]
            (tokens + self.self_attention.forward(&placed, &placed, tokens)?)? // [M, T, C]
        };
        let tokens = self.self_norm.forward(&tokens)?; // [M, T, C]

        let placed_image = image.broadcast_add(&positions.image)?; // [M, P, C]
        let placed = (&tokens + &positions.tokens)?; // [M, T, C]
        let read = self.read_image.forward(&placed, &placed_image, image)?; // [M, T, C]
        let tokens = self.read_image_norm.forward(&(tokens + read)?)?; // [M, T, C]

        let updated = self.mlp.forward(&tokens)?; // [M, T, C]
        let tokens = self.mlp_norm.forward(&(tokens + updated)?)?; // [M, T, C]

        let placed = (&tokens + &positions.tokens)?; // [M, T, C]
        let read = self.read_tokens.forward(&placed_image, &placed, &tokens)?; // [M, P, C]
        let image = self.read_tokens_norm.forward(&(image + read)?)?; // [M, P, C]
        Ok(Streams { tokens, image })
    }
}

/// Attention with separate projections, possibly to a smaller width inside.
#[derive(Debug, Clone)]
struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
    heads: usize,
}

impl Attention {
    fn load(config: &SamConfig, inner: usize, weights: &Weights) -> Result<Self> {
        let (width, heads) = (config.width, config.decoder.num_heads);
        if heads == 0 || !inner.is_multiple_of(heads) {
            candle_core::bail!("{}: {heads} heads do not divide {inner}", weights.prefix());
        }
        Ok(Self {
            query: Linear::load(width, inner, &weights.pp("q_proj"))?,
            key: Linear::load(width, inner, &weights.pp("k_proj"))?,
            value: Linear::load(width, inner, &weights.pp("v_proj"))?,
            out: Linear::load(inner, width, &weights.pp("out_proj"))?,
            heads,
        })
    }

    /// # Shapes
    /// - `queries`: `[M, T, C]`, as is the result
    /// - `keys`, `values`: `[M, S, C]`
    fn forward(&self, queries: &Tensor, keys: &Tensor, values: &Tensor) -> Result<Tensor> {
        let q = self.query.forward(queries)?; // [M, T, N K]
        let (k, v) = (self.key.forward(keys)?, self.value.forward(values)?); // [M, S, N K]
        let scale = ((q.dim(2)? / self.heads) as f64).powf(-0.5);
        let call = ops::Attention { q: &q, k: &k, v: &v, scale, bias: Bias::None };
        self.out.forward(&ops::merged_attention(&call, self.heads)?) // [M, T, C]
    }
}
