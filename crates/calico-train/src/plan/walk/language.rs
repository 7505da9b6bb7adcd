//! The language model, with its low-rank updates and the adapters between its layers.

use std::rc::Rc;

use calico_model::CalicoConfig;

use super::Batch;
use super::correspondence::{Source, adapted};
use super::layers::{Heads, Norm, Size, add, attention, linear, linear_of, norm, swiglu};
use crate::plan::tape::{Tape, Value};

/// All layers and the final norm, on embeddings of `samples` sequences of `positions`.
pub(super) fn states<'a>(
    tape: &Tape<'a>,
    batch: &Batch<'a>,
    embeddings: Value,
    source: &Source,
    positions: u64,
) -> Value {
    let config = batch.config;
    let layers = config.cam.layers_from_zero();
    let pictures = batch.pictures();
    let mut hidden = embeddings;
    for layer in 0..config.llm.depth {
        if config.cam.enabled && pictures > 0 {
            for (number, _) in (0..).zip(&layers).filter(|(_, at)| **at == layer) {
                hidden = adapted(tape, config, [number, pictures], source, &hidden);
            }
        }
        hidden = tape.within("llm.", || {
            if batch.recompute {
                let again = batch.clone();
                let run =
                    move |tape: &Tape<'a>, x: &Value| block(tape, &again, layer, x, positions);
                tape.again(&hidden, Rc::new(run))
            } else {
                block(tape, batch, layer, &hidden, positions)
            }
        });
    }
    let width = config.llm.width as u64;
    tape.within("llm.", || norm(tape, "llm.model.norm", &hidden, width, Norm::Rms))
}

fn block(tape: &Tape<'_>, batch: &Batch<'_>, layer: usize, x: &Value, positions: u64) -> Value {
    let llm = &batch.config.llm;
    let (width, wide) = (llm.width, llm.width as u64);
    let at = format!("llm.model.layers.{layer}");
    let mixed = {
        let normed = norm(tape, &format!("{at}.input_layernorm"), x, wide, Norm::Rms);
        let kv_width = llm.num_kv_heads * llm.head_width();
        let project = |name: &str, out| {
            let at = format!("{at}.self_attn.{name}_proj");
            let y = linear(tape, &at, &normed, Size::without_bias(width, out));
            if name == "k" {
                return y;
            }
            match low_rank(tape, batch, &format!("lora.layers.{layer}.{name}"), &normed, out) {
                Some(update) => add(tape, &y, &update),
                None => y,
            }
        };
        let (q, k, v) = (project("q", width), project("k", kv_width), project("v", kv_width));
        drop(normed);
        let (q, k) = (rotary(tape, &q), rotary(tape, &k));
        let size = Heads {
            batch: batch.samples,
            count: llm.num_heads as u64,
            queries: positions,
            keys: positions,
            width: wide,
            grid: 0,
        };
        let mixed = attention(tape, &[&q, &k, &v], &[], size);
        let size = Size::without_bias(width, width);
        linear(tape, &format!("{at}.self_attn.o_proj"), &mixed, size)
    };
    let x = add(tape, x, &mixed);
    drop(mixed);
    let inner = {
        let at_norm = format!("{at}.post_attention_layernorm");
        let normed = norm(tape, &at_norm, &x, wide, Norm::Rms);
        let size = Size::without_bias(width, llm.mlp_hidden);
        let gate = linear(tape, &format!("{at}.mlp.gate_proj"), &normed, size);
        let up = linear(tape, &format!("{at}.mlp.up_proj"), &normed, size);
        swiglu(tape, &[&gate, &up], gate.len)
    };
    let size = Size::without_bias(llm.mlp_hidden, width);
    let down = linear(tape, &format!("{at}.mlp.down_proj"), &inner, size);
    add(tape, &x, &down)
}

/// `scale · b a dropout(x)`, where the model has such updates.
fn low_rank(tape: &Tape<'_>, batch: &Batch<'_>, at: &str, x: &Value, out: usize) -> Option<Value> {
    let (lora, inner) = (batch.config.lora.as_ref()?, batch.config.llm.width);
    Some(tape.within("lora.", || {
        let x = if batch.lora_dropout > 0.0 { tape.masked(x) } else { x.clone() };
        let a = tape.trained(&format!("{at}.a"), (lora.rank * inner) as u64);
        let low = linear_of(tape, &x, Size::without_bias(inner, lora.rank), &[a, None]);
        let b = tape.trained(&format!("{at}.b"), (out * lora.rank) as u64);
        let high = linear_of(tape, &low, Size::without_bias(lora.rank, out), &[b, None]);
        tape.apply(&[&high], high.len)
    }))
}

/// Rotated queries or keys. Composed, both halves are kept on their way.
fn rotary(tape: &Tape<'_>, x: &Value) -> Value {
    if tape.is_fused() {
        return tape.apply(&[x], x.len);
    }
    let turned = tape.apply(&[x], 2 * x.len);
    let summed = tape.apply(&[&turned], x.len);
    tape.same(&[&summed], x.len)
}

/// Embeddings of the words of all samples, one after the other, with the visual tokens in their
/// places.
pub(super) fn embeddings(
    tape: &Tape<'_>,
    batch: &Batch<'_>,
    visual: &Value,
    positions: u64,
) -> Value {
    let llm = &batch.config.llm;
    let len = batch.samples * positions * llm.width as u64;
    tape.within("llm.", || {
        let table = (llm.vocab_size * llm.width) as u64;
        let table = tape.trained("llm.model.embed_tokens.weight", table);
        let inputs: Vec<&Value> = table.iter().collect();
        let words = tape.apply(&inputs, len.saturating_sub(visual.len));
        let rows = tape.same(&[&words, visual], words.len + visual.len);
        tape.apply(&[&rows], len)
    })
}

/// Scores of all words, at so many positions.
pub(super) fn logits(tape: &Tape<'_>, config: &CalicoConfig, states: &Value) -> Value {
    let size = Size::without_bias(config.llm.width, config.llm.vocab_size);
    tape.within("llm.", || linear(tape, "llm.lm_head", states, size))
}
