//! LLaMA equals transformers, layer by layer, whole and step by step with a cache.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::RefCell;

use calico_language::{KvCache, LayerTap, Llama, LlamaConfig, LoraConfig, llama::NoTap};
use calico_testkit::{Golden, Synthetic, assert_close};
use candle_core::{Result, Tensor};

const TOLERANCE: f64 = 2e-5;

fn tiny() -> LlamaConfig {
    LlamaConfig {
        width: 64,
        depth: 6,
        num_heads: 4,
        num_kv_heads: 4,
        mlp_hidden: 112,
        vocab_size: 266,
        max_positions: 2048,
        rms_eps: 1e-5,
        rope_theta: 10_000.0,
    }
}

/// Keeps what enters every layer.
#[derive(Default)]
struct Recording(RefCell<Vec<Tensor>>);

impl LayerTap for Recording {
    fn before_layer(&self, _layer: usize, hidden: Tensor) -> Result<Tensor> {
        self.0.borrow_mut().push(hidden.clone());
        Ok(hidden)
    }
}

fn check(case: &str, config: &LlamaConfig, lora: Option<&LoraConfig>) {
    let golden = Golden::open(case);
    let weights = Synthetic::weights();
    let lora_weights = weights.pp("lora");
    let lora = lora.map(|lora| (lora, &lora_weights));
    let llama = Llama::load(config, &weights.pp("llm"), lora).unwrap();
    let ids = golden.input("ids").flatten_all().unwrap().to_vec1::<i64>().unwrap();
    let ids: Vec<u32> = ids.into_iter().map(|id| id as u32).collect();

    let embeddings = llama.embed(&ids).unwrap();
    assert_close("embeddings", &embeddings, &golden.output("embeddings"), TOLERANCE);
    let tap = Recording::default();
    let hidden = llama.forward(&embeddings, None, &tap).unwrap();
    for (layer, entering) in tap.0.borrow().iter().enumerate().skip(1) {
        let left = format!("layer.{}", layer - 1);
        assert_close(&left, entering, &golden.output(&left), TOLERANCE);
    }
    assert_close("norm", &hidden, &golden.output("norm"), TOLERANCE);
    let logits = llama.logits(&hidden).unwrap();
    assert_close("logits", &logits, &golden.output("logits"), TOLERANCE);

    let mut cache = KvCache::new();
    let prefill = llama.forward(&embeddings, Some(&mut cache), &NoTap).unwrap();
    assert_close("prefill", &prefill, &golden.output("norm"), TOLERANCE);
    let steps: Vec<Tensor> = golden
        .integers::<16>("next_ids")
        .into_iter()
        .map(|id| {
            let embedding = llama.embed(&[id as u32]).unwrap();
            let hidden = llama.forward(&embedding, Some(&mut cache), &NoTap).unwrap();
            llama.logits(&hidden).unwrap().squeeze(0).unwrap()
        })
        .collect();
    assert_eq!(cache.len(), 40);
    let steps = Tensor::cat(&steps, 0).unwrap();
    assert_close("cached steps", &steps, &golden.output("step_logits"), TOLERANCE);
}

#[test]
fn prefill_and_cached_steps_equal_transformers() {
    check("llama/tiny", &tiny(), None);
}

#[test]
fn grouped_query_attention_equals_transformers() {
    check("llama/gqa", &LlamaConfig { num_kv_heads: 2, ..tiny() }, None);
}

#[test]
fn low_rank_updates_equal_merged_weights() {
    check("llama/lora", &tiny(), Some(&LoraConfig { rank: 2, alpha: 4.0 }));
}

#[test]
fn a_cache_that_grows_past_its_first_buffer_equals_the_full_pass() {
    let llama = Llama::load(&tiny(), &Synthetic::weights().pp("llm"), None).unwrap();
    let ids: Vec<u32> = (0..150).map(|i| (i * 7) % 266).collect();
    let whole = llama.forward(&llama.embed(&ids).unwrap(), None, &NoTap).unwrap();
    let mut cache = KvCache::new();
    for chunk in ids.chunks(11) {
        let start = cache.len();
        let part = llama.forward(&llama.embed(chunk).unwrap(), Some(&mut cache), &NoTap).unwrap();
        let want = whole.narrow(1, start, chunk.len()).unwrap();
        assert_close(&format!("positions from {start}"), &part, &want, TOLERANCE);
    }
}

#[test]
fn a_sequence_beyond_the_context_is_refused() {
    let config = LlamaConfig { max_positions: 8, ..tiny() };
    let llama = Llama::load(&config, &Synthetic::weights().pp("llm"), None).unwrap();
    let mut cache = KvCache::new();
    let fits = llama.embed(&[1; 8]).unwrap();
    llama.forward(&fits, Some(&mut cache), &NoTap).unwrap();
    let more = llama.embed(&[1]).unwrap();
    assert!(llama.forward(&more, Some(&mut cache), &NoTap).is_err());
}
