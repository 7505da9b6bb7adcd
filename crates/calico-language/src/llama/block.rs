//! One decoder layer.

use calico_nn::ops::{self, Attention, Bias};
use calico_nn::{Linear, LowRank, RmsNorm, Weights, merge_heads, split_heads};
use candle_core::{Result, Tensor};

use super::kv_cache::Held;
use super::rotation::Rotation;
use super::{KvCache, Learning, LlamaConfig, LoraConfig};

/// The positions that a position sees.
#[derive(Debug)]
pub(super) enum Reach<'a> {
    /// Itself and the earlier ones of the call.
    Causal,
    /// Those, and the ones that a cache holds for this layer.
    Cached(&'a mut KvCache, usize),
    /// Itself and the earlier ones of its own sequence; the call holds sequences of these
    /// lengths one after the other.
    Packed(&'a [usize]),
}

/// `x += attention(norm(x)); x += mlp(norm(x))`.
#[derive(Debug, Clone)]
pub(super) struct Block {
    input_norm: RmsNorm,
    attention: SelfAttention,
    mlp_norm: RmsNorm,
    mlp: GatedMlp,
}

impl Block {
    pub(super) fn load(
        config: &LlamaConfig,
        weights: &Weights,
        lora: Option<(&LoraConfig, &Weights)>,
        learning: &Learning,
    ) -> Result<Self> {
        let norm = |name| RmsNorm::load(config.width, config.rms_eps, &weights.pp(name));
        Ok(Self {
            input_norm: norm("input_layernorm")?,
            attention: SelfAttention::load(config, &weights.pp("self_attn"), lora, learning)?,
            mlp_norm: norm("post_attention_layernorm")?,
            mlp: GatedMlp::load(config, &weights.pp("mlp"))?,
        })
    }

    /// `x`: `[B, T, D]`, as is the result.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        rotation: &Rotation,
        reach: Reach<'_>,
    ) -> Result<Tensor> {
        let x = (x + self.attention.forward(&self.input_norm.forward(x)?, rotation, reach)?)?;
        &x + self.mlp.forward(&self.mlp_norm.forward(&x)?)?
    }
}

#[derive(Debug, Clone)]
struct SelfAttention {
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    o_proj: Linear,
    heads: usize,
    kv_heads: usize,
    scale: f64,
}

impl SelfAttention {
    fn load(
        config: &LlamaConfig,
        weights: &Weights,
        lora: Option<(&LoraConfig, &Weights)>,
        learning: &Learning,
    ) -> Result<Self> {
        let width = config.width;
        let kv_width = config.num_kv_heads * config.head_width();
        let linear = |inner, out, name| Linear::load_without_bias(inner, out, &weights.pp(name));
        let mut q_proj = linear(width, width, "q_proj")?;
        let mut v_proj = linear(width, kv_width, "v_proj")?;
        if let Some((lora, weights)) = lora {
            let low_rank = |out, name| {
                let weights = weights.pp(name);
                let low_rank = LowRank::load([out, width], lora.rank, lora.alpha, &weights)?;
                Result::Ok(low_rank.with_dropout(learning.lora_dropout, weights.prefix()))
            };
            q_proj = q_proj.with_low_rank(low_rank(width, "q")?);
            v_proj = v_proj.with_low_rank(low_rank(kv_width, "v")?);
        }
        Ok(Self {
            q_proj,
            k_proj: linear(width, kv_width, "k_proj")?,
            v_proj,
            o_proj: linear(width, width, "o_proj")?,
            heads: config.num_heads,
            kv_heads: config.num_kv_heads,
            scale: (config.head_width() as f64).powf(-0.5),
        })
    }

    fn forward(&self, x: &Tensor, rotation: &Rotation, reach: Reach<'_>) -> Result<Tensor> {
        let q = ops::rotary(&self.q_proj.forward(x)?, &rotation.cos, &rotation.sin)?; // [B, T, N K]
        let k = ops::rotary(&self.k_proj.forward(x)?, &rotation.cos, &rotation.sin)?; // [B, T, N' K]
        let v = self.v_proj.forward(x)?; // [B, T, N' K]
        let (scale, heads) = (self.scale, self.heads);
        let merged =
            |bias| ops::merged_attention(&Attention { q: &q, k: &k, v: &v, scale, bias }, heads);
        let mixed = match reach {
            Reach::Causal => merged(Bias::Causal)?,
            Reach::Packed(lengths) => merged(Bias::Packed(lengths))?,
            Reach::Cached(cache, layer) => {
                let own = |x: &Tensor| split_heads(x, self.kv_heads);
                let (q, k, v) = (split_heads(&q, heads)?, own(&k)?, own(&v)?);
                let mixed = match cache.append(layer, [&k, &v])? {
                    Held::Whole([k, v]) => {
                        let (k, v, bias) = (&k, &v, Bias::Causal); // [B, N', S, K]
                        ops::attention(&Attention { q: &q, k, v, scale, bias })?
                    }
                    Held::Half(heads) => ops::half_attention(&q, heads, scale)?,
                }; // [B, N, T, K]
                merge_heads(&mixed)?
            }
        }; // [B, T, N K]
        self.o_proj.forward(&mixed)
    }
}

/// `down(silu(gate(x)) · up(x))`.
#[derive(Debug, Clone)]
struct GatedMlp {
    gate: Linear,
    up: Linear,
    down: Linear,
}

impl GatedMlp {
    fn load(config: &LlamaConfig, weights: &Weights) -> Result<Self> {
        let (width, hidden) = (config.width, config.mlp_hidden);
        let linear = |inner, out, name| Linear::load_without_bias(inner, out, &weights.pp(name));
        Ok(Self {
            gate: linear(width, hidden, "gate_proj")?,
            up: linear(width, hidden, "up_proj")?,
            down: linear(hidden, width, "down_proj")?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let gate = self.gate.forward(x)?;
        let up = self.up.forward(x)?;
        self.down.forward(&ops::swiglu(&gate, &up)?)
    }
}
