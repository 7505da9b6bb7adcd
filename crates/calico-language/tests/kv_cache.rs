//! A cache may keep 16 bits of each number, and a pass that failed leaves nothing in it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use calico_language::llama::NoTap;
use calico_language::{KvCache, LayerTap, Llama, LlamaConfig};
use calico_testkit::{Synthetic, assert_close};
use candle_core::{Result, Tensor};

/// 16 bits have a precision of 2⁻¹¹.
const HALF_TOLERANCE: f64 = 2e-3;
const TOLERANCE: f64 = 2e-5;

fn llama() -> Llama {
    let config = LlamaConfig {
        width: 64,
        depth: 4,
        num_heads: 4,
        num_kv_heads: 2,
        mlp_hidden: 112,
        vocab_size: 266,
        max_positions: 256,
        rms_eps: 1e-5,
        rope_theta: 10_000.0,
    };
    Llama::load(&config, &Synthetic::weights().pp("llm"), None).unwrap()
}

/// Fails before a layer.
struct Fails(usize);

impl LayerTap for Fails {
    fn before_layer(&self, layer: usize, hidden: Tensor) -> Result<Tensor> {
        if layer == self.0 {
            candle_core::bail!("as it should");
        }
        Ok(hidden)
    }
}

/// Reads tokens in pieces; the states of all of them.
fn read(llama: &Llama, cache: &mut KvCache, pieces: &[usize], fails: bool) -> Tensor {
    let mut states = Vec::new();
    for &count in pieces {
        let ids: Vec<u32> = (0..count).map(|i| ((cache.len() + i) * 37 % 266) as u32).collect();
        let embeddings = llama.embed(&ids).unwrap();
        if fails {
            let failed = llama.forward(&embeddings, Some(&mut *cache), &Fails(2));
            assert!(failed.unwrap_err().to_string().contains("as it should"));
        }
        states.push(llama.forward(&embeddings, Some(&mut *cache), &NoTap).unwrap());
    }
    Tensor::cat(&states, 1).unwrap()
}

#[test]
fn pieces_of_any_length_give_what_one_pass_gives() {
    let llama = llama();
    let whole = read(&llama, &mut KvCache::new(), &[40], false);
    for pieces in [&[40][..], &[20, 5, 3, 1, 1, 10], &[1; 40]] {
        let found = read(&llama, &mut KvCache::new(), pieces, false);
        assert_close("f32", &found, &whole, TOLERANCE);
        let mut cache = KvCache::of_halves();
        let found = read(&llama, &mut cache, pieces, false);
        assert_eq!(cache.len(), 40);
        assert_close("16 bits", &found, &whole, HALF_TOLERANCE);
    }
}

#[test]
fn a_pass_that_failed_half_way_leaves_nothing() {
    let llama = llama();
    for cache in [KvCache::new, KvCache::of_halves] {
        let pieces = [10, 1, 6, 1];
        let calm = read(&llama, &mut cache(), &pieces, false);
        let after_failures = read(&llama, &mut cache(), &pieces, true);
        assert_close("after failures", &after_failures, &calm, 0.0);
    }
}
