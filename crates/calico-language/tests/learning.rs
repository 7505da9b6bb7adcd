//! What a language model that learns must not change: sequences read together are those read
//! alone, and layers that run again in the backward pass give the same gradients.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use calico_language::llama::NoTap;
use calico_language::{Learning, Llama, LlamaConfig, LoraConfig};
use calico_nn::weights::{TensorSpec, WeightSource};
use calico_nn::{Dropout, Recompute, Weights};
use calico_testkit::{Synthetic, assert_close};
use candle_core::backprop::GradStore;
use candle_core::{Device, Result, Tensor, Var};

/// Synthetic weights that are variables, by name: the same ones however often they are asked for.
#[derive(Default)]
struct Variables(Mutex<BTreeMap<String, Var>>);

impl WeightSource for Variables {
    fn tensor(&self, spec: &TensorSpec) -> Result<Tensor> {
        let mut known = self.0.lock().unwrap();
        if !known.contains_key(&spec.name) {
            let var = Var::from_tensor(&Synthetic::default().tensor(spec)?)?;
            known.insert(spec.name.clone(), var);
        }
        Ok(known[&spec.name].as_tensor().clone())
    }
}

impl Variables {
    fn weights(self: &Arc<Self>) -> Weights {
        Weights::new(Arc::clone(self) as _)
    }

    fn named(&self) -> BTreeMap<String, Var> {
        self.0.lock().unwrap().clone()
    }
}

fn tiny() -> LlamaConfig {
    LlamaConfig {
        width: 64,
        depth: 3,
        num_heads: 4,
        num_kv_heads: 2,
        mlp_hidden: 112,
        vocab_size: 266,
        max_positions: 16,
        rms_eps: 1e-5,
        rope_theta: 10_000.0,
    }
}

fn llama(weights: &Weights, learning: &Learning) -> Llama {
    let (lora, lora_weights) = (LoraConfig { rank: 2, alpha: 4.0 }, weights.pp("lora"));
    let lora = Some((&lora, &lora_weights));
    Llama::load_learning(&tiny(), &weights.pp("llm"), lora, learning).unwrap()
}

fn input(positions: usize) -> Tensor {
    let values = Synthetic::values("hidden", &[1, positions, 64]);
    Tensor::from_vec(values, (1, positions, 64), &Device::Cpu).unwrap()
}

fn loss(hidden: &Tensor) -> GradStore {
    let weights =
        Tensor::from_vec(Synthetic::values("loss", hidden.dims()), hidden.shape(), &Device::Cpu);
    (hidden * weights.unwrap()).unwrap().sum_all().unwrap().backward().unwrap()
}

fn bits(x: &Tensor) -> Vec<u32> {
    let values = x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    values.into_iter().map(f32::to_bits).collect()
}

const LENGTHS: [usize; 4] = [5, 1, 9, 3];

#[test]
fn packed_sequences_equal_those_read_one_by_one_with_their_gradients() {
    let variables = Arc::new(Variables::default());
    let llama = llama(&variables.weights(), &Learning::default());
    let hidden = Var::from_tensor(&input(18)).unwrap();
    let packed = llama.forward_packed(&hidden, &LENGTHS, &NoTap).unwrap();
    let mut alone = Vec::new();
    let mut start = 0;
    for length in LENGTHS {
        let own = hidden.narrow(1, start, length).unwrap();
        alone.push(llama.forward(&own, None, &NoTap).unwrap());
        start += length;
    }
    let alone = Tensor::cat(&alone, 1).unwrap();
    assert_close("states", &packed, &alone, 1e-6);
    let (ours, theirs) = (loss(&packed), loss(&alone));
    assert_close("input", ours.get(&hidden).unwrap(), theirs.get(&hidden).unwrap(), 1e-6);
    for (name, var) in variables.named() {
        let Some(want) = theirs.get(&var) else {
            assert!(name.contains("embed_tokens") || name.contains("lm_head"), "{name}");
            continue;
        };
        assert_close(&name, ours.get(&var).unwrap(), want, 2e-6);
    }
}

#[test]
fn lengths_that_do_not_fit_are_refused() {
    let llama = llama(&Synthetic::weights(), &Learning::default());
    for lengths in [&[5, 1][..], &[17, 1], &[18, 0], &[], &[usize::MAX, 19]] {
        assert!(llama.forward_packed(&input(18), lengths, &NoTap).is_err(), "{lengths:?}");
    }
    // Together they may exceed the context.
    assert!(llama.forward_packed(&input(18), &[2, 16], &NoTap).is_ok());
}

#[test]
fn layers_that_run_again_give_the_same_gradients_to_the_bit() {
    let variables = Arc::new(Variables::default());
    let lora_dropout = Some(Dropout { rate: 0.3, seed: 11 });
    let recompute = Recompute::default();
    let plain = llama(&variables.weights(), &Learning { lora_dropout, recompute: None });
    let learning = Learning { lora_dropout, recompute: Some(recompute.clone()) };
    let again = llama(&variables.weights(), &learning);
    let hidden = Var::from_tensor(&input(18)).unwrap();
    // The input of a frozen encoder needs no gradient; the weights still do.
    for hidden in [hidden.as_tensor().clone(), hidden.detach()] {
        let kept = plain.forward_packed(&hidden, &LENGTHS, &NoTap).unwrap();
        let repeated = again.forward_packed(&hidden, &LENGTHS, &NoTap).unwrap();
        assert!(bits(&kept) == bits(&repeated));
        let (kept, repeated) = (loss(&kept), loss(&repeated));
        let inside = recompute.take();
        if hidden.track_op() {
            assert!(kept.get(&hidden).map(bits) == repeated.get(&hidden).map(bits));
        }
        for (name, var) in variables.named() {
            let found = inside.get(&var.id()).or_else(|| repeated.get(&var));
            assert!(kept.get(&var).map(bits) == found.map(bits), "{name}");
            assert_eq!(inside.contains_key(&var.id()), name.contains("layers."), "{name}");
        }
    }
}

#[test]
fn dropout_changes_what_is_computed_and_another_seed_changes_it_again() {
    let run = |lora_dropout| {
        let learning = Learning { lora_dropout, recompute: None };
        let llama = llama(&Synthetic::weights(), &learning);
        bits(&llama.forward(&input(8), None, &NoTap).unwrap())
    };
    let with = |seed| run(Some(Dropout { rate: 0.5, seed }));
    assert_eq!(with(1), with(1));
    assert_ne!(with(1), with(2));
    assert_ne!(with(1), run(None));
}
