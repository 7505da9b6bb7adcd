//! What must hold whatever the weights are: where the adapters act and where they must not, what
//! a permutation of images permutes, what every switch of the configuration builds.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod tiny;

use std::cell::RefCell;
use std::ops::ControlFlow;

use calico_language::{LayerTap, Tokenizer};
use calico_model::model::EncodedImage;
use calico_model::preprocess::ImageTensors;
use calico_model::prompt::{PromptId, PromptLayout};
use calico_model::{Calico, CalicoConfig, is_trainable};
use calico_nn::Weights;
use calico_nn::weights::{TensorSpec, WeightSource};
use calico_testkit::{Synthetic, assert_close};
use candle_core::{Device, Result, Tensor};
use std::sync::Arc;
use tiny::values;

fn encoded(model: &Calico, seed: usize) -> EncodedImage {
    let sizes = model.config().input_sizes();
    let tensors = ImageTensors::new(&tiny::picture(seed, 40, 60), sizes, &Device::Cpu).unwrap();
    model.encode(&tensors, &mut |_| ControlFlow::Continue(())).unwrap().unwrap()
}

/// `<s> text image text image text`
fn prompt(tokenizer: &Tokenizer) -> Vec<PromptId> {
    let text = |text: &str| {
        tokenizer.encode(text).unwrap().into_iter().map(PromptId::Token).collect::<Vec<_>>()
    };
    let mut ids = vec![PromptId::Token(1)];
    ids.extend(text("first"));
    ids.push(PromptId::Image);
    ids.extend(text("then"));
    ids.push(PromptId::Image);
    ids.extend(text("compare:"));
    ids
}

/// What enters every layer, after the adapters.
fn layer_inputs(
    model: &Calico,
    prompt: &[PromptId],
    answer: &[u32],
    images: &[EncodedImage],
) -> Vec<Tensor> {
    struct Recording<'a>(&'a dyn LayerTap, RefCell<Vec<Tensor>>);
    impl LayerTap for Recording<'_> {
        fn before_layer(&self, layer: usize, hidden: Tensor) -> Result<Tensor> {
            let hidden = self.0.before_layer(layer, hidden)?;
            self.1.borrow_mut().push(hidden.clone());
            Ok(hidden)
        }
    }
    let layout = PromptLayout::new(prompt, model.config().tokens_per_image());
    let hook = model.hook(&layout, images).unwrap();
    let recording = Recording(&hook, RefCell::default());
    let embeddings = model.embed(prompt, answer, images).unwrap();
    let last = model.llm().forward(&embeddings, None, &recording).unwrap();
    let mut states = recording.1.into_inner();
    states.push(last);
    states
}

/// The synthetic weights with the tensors below some prefixes set to zero.
struct Zeroed(Vec<&'static str>);

impl WeightSource for Zeroed {
    fn tensor(&self, spec: &TensorSpec) -> Result<Tensor> {
        let tensor = Synthetic::default().tensor(spec)?;
        let zero = self.0.iter().any(|prefix| spec.name.starts_with(prefix));
        if zero { tensor.zeros_like() } else { Ok(tensor) }
    }
}

fn model_without(prefix: &'static str) -> Calico {
    let weights = Weights::new(Arc::new(Zeroed(vec![prefix])));
    Calico::load(&tiny::config(), tiny::tokenizer().special(), &weights, &Device::Cpu).unwrap()
}

#[test]
fn an_adapter_changes_image_rows_at_its_layer_and_nothing_before() {
    let (with, without) = (tiny::model(), model_without("cams.1"));
    let images = [encoded(&with, 1), encoded(&with, 2)];
    let prompt = prompt(&tiny::tokenizer());
    let layout = PromptLayout::new(&prompt, 5);
    let ours = layer_inputs(&with, &prompt, &[], &images);
    let theirs = layer_inputs(&without, &prompt, &[], &images);
    for layer in 0..4 {
        assert_eq!(values(&ours[layer]), values(&theirs[layer]), "layer {layer}");
    }
    let in_span = |row: usize| layout.spans().iter().any(|span| span.contains(&row));
    for row in 0..layout.len() {
        let at = |states: &[Tensor]| values(&states[4].narrow(1, row, 1).unwrap());
        assert_eq!(at(&ours) == at(&theirs), !in_span(row), "row {row}");
    }
}

#[test]
fn answer_tokens_never_reach_the_guidance_or_an_image_row() {
    let model = tiny::model();
    let images = [encoded(&model, 1), encoded(&model, 2)];
    let prompt = prompt(&tiny::tokenizer());
    let len = PromptLayout::new(&prompt, 5).len();
    let some = layer_inputs(&model, &prompt, &[40, 41, 42], &images);
    let other = layer_inputs(&model, &prompt, &[90, 7, 13, 5], &images);
    for (layer, (some, other)) in some.iter().zip(&other).enumerate() {
        let front = |x: &Tensor| x.narrow(1, 0, len).unwrap();
        assert_close(&format!("layer {layer}"), &front(some), &front(other), 1e-6);
    }
}

#[test]
fn swapping_images_swaps_their_rows_but_is_no_permutation_of_the_output() {
    let model = tiny::model();
    let (a, b) = (encoded(&model, 1), encoded(&model, 2));
    let prompt = prompt(&tiny::tokenizer());
    let layout = PromptLayout::new(&prompt, 5);
    let ab = layer_inputs(&model, &prompt, &[], &[a.clone(), b.clone()]);
    let ba = layer_inputs(&model, &prompt, &[], &[b, a]);
    let span = |states: &Tensor, image: usize| {
        let span = &layout.spans()[image];
        values(&states.narrow(1, span.start, span.len()).unwrap())
    };
    assert_eq!(span(&ab[0], 0), span(&ba[0], 1));
    assert_eq!(span(&ab[0], 1), span(&ba[0], 0));
    assert_ne!(span(&ab[0], 0), span(&ab[0], 1));
    let last = |states: &[Tensor], image| span(states.last().unwrap(), image);
    assert_ne!(last(&ab, 0), last(&ba, 1));
}

#[test]
fn a_prompt_without_images_passes_the_adapters_unchanged() {
    let (with, without) = (tiny::model(), model_without("cams."));
    let prompt: Vec<PromptId> = (5..15).map(PromptId::Token).collect();
    let ours = with.forward(&prompt, &[], &[], &mut || true).unwrap().unwrap();
    assert_eq!(
        values(&ours),
        values(&without.forward(&prompt, &[], &[], &mut || true).unwrap().unwrap())
    );
}

#[test]
fn what_learns_is_exactly_cem_cam_lora_and_the_mask_decoder() {
    let config = tiny::config();
    let specs = calico_model::checkpoint::tensor_specs(&config).unwrap();
    let mut modules: Vec<&str> = specs
        .iter()
        .filter(|spec| is_trainable(&spec.name, &config))
        .map(|spec| spec.name.split('.').next().unwrap())
        .collect();
    modules.dedup();
    assert_eq!(modules, ["cem", "cams", "lora", "sam"]);
    let learns = |name| is_trainable(name, &config);
    assert!(learns("sam.decoder.iou_token.weight"));
    assert!(!learns("sam.encoder.pos_embed") && !learns("sam.prompt.no_mask_embed.weight"));
    assert!(!learns("llm.model.layers.0.self_attn.q_proj.weight"));
}

/// Every switch of the configuration, each with what it changes about the tiny model.
fn switches() -> Vec<(&'static str, CalicoConfig)> {
    use calico_model::correspondence::{AdapterInit, CemInput, ExtractionInit, QuerySource};
    use calico_model::grounding::{ProjectionKind, SegPosition};
    use calico_vision::dinov2::{Facet, InputSize};
    let with = |change: fn(&mut CalicoConfig)| {
        let mut config = tiny::config();
        change(&mut config);
        config
    };
    vec![
        ("cem.residual", with(|c| c.cem.residual = true)),
        ("cem.num_heads", with(|c| c.cem.num_heads = 2)),
        ("cem.pre_norm", with(|c| c.cem.pre_norm = true)),
        ("cem.kv_norm", with(|c| c.cem.kv_norm = true)),
        ("cem.post_norm", with(|c| c.cem.post_norm = true)),
        ("cem.bias", with(|c| c.cem.bias = false)),
        ("cem.out_proj", with(|c| c.cem.out_proj = false)),
        ("cem.query_cls", with(|c| c.cem.query_cls = false)),
        ("cem.input", with(|c| c.cem.input = CemInput::PreLn)),
        ("dino.layer", with(|c| c.dino.layer = 1)),
        ("dino.final_norm", with(|c| c.dino.final_norm = false)),
        ("dino.facet", with(|c| c.dino.facet = Facet::Key)),
        ("dino.input_size", with(|c| c.dino.input_size = InputSize::HeightWidth([70, 84]))),
        ("dino.keep_prefix_tokens", with(|c| c.dino.keep_prefix_tokens = true)),
        ("cam.layers", with(|c| c.cam.layers = vec![1, 3, 5])),
        ("cam.index_base", with(|c| c.cam.index_base = 1)),
        ("cam.query_source", with(|c| c.cam.query_source = QuerySource::Copy)),
        ("cam.share_weights", with(|c| c.cam.share_weights = true)),
        ("cam.guidance_norm", with(|c| c.cam.guidance_norm = true)),
        ("cam.use_guidance", with(|c| c.cam.use_guidance = false)),
        ("w/o Q-Former", with(|c| c.qformer.enabled = false)),
        ("w/o DINO", with(|c| c.dino.enabled = false)),
        ("w/o CEM", with(|c| c.cem.enabled = false)),
        ("w/o CEM w/o CAM", with(|c| c.cam.enabled = false)),
        ("no lora", with(|c| c.lora = None)),
        ("llm.num_kv_heads", with(|c| c.llm.num_kv_heads = 2)),
        ("seg_proj.kind", with(|c| c.seg_proj.kind = ProjectionKind::Linear)),
        ("seg_proj.position", with(|c| c.seg_proj.position = SegPosition::Own)),
        ("cem.init", with(|c| c.cem.init = ExtractionInit::ZeroOut)),
        ("cam.init", with(|c| c.cam.init = AdapterInit::FanIn)),
        ("qformer.cross_attention_frequency", with(|c| c.qformer.cross_attention_frequency = 3)),
    ]
}

#[test]
fn every_switch_builds_a_model_that_answers_differently() {
    let prompt = prompt(&tiny::tokenizer());
    let answer = [40, tiny::tokenizer().special().seg, 41];
    let masks = |config: &CalicoConfig| {
        let model = tiny::model_of(config);
        let images = [encoded(&model, 1), encoded(&model, 2)];
        let read =
            calico_model::generate::read_answer(&model, &prompt, &images, &answer, &mut || true)
                .unwrap()
                .unwrap();
        let states = Tensor::cat(&read.seg_states.values().collect::<Vec<_>>(), 1)
            .unwrap()
            .squeeze(0)
            .unwrap();
        let prompts = model.project(&states).unwrap();
        values(&model.decode_masks(&prompts, &images[1]).unwrap().logits)
    };
    let plain = masks(&tiny::config());
    for (name, config) in switches() {
        let json = config.to_json().unwrap();
        let again = CalicoConfig::from_json(&json, std::path::Path::new("config.json")).unwrap();
        assert_eq!(again, config, "{name} does not survive config.json");
        // How a module starts does not change what given weights compute.
        let only_starts = matches!(name, "cem.init" | "cam.init");
        assert_eq!(masks(&config) == plain, only_starts, "{name}");
    }
}

#[test]
fn decoding_a_sentence_step_by_step_equals_reading_it_for_both_seg_positions() {
    use calico_language::KvCache;
    use calico_model::grounding::SegPosition;
    for position in [SegPosition::Predecessor, SegPosition::Own] {
        let mut config = tiny::config();
        config.seg_proj.position = position;
        let model = tiny::model_of(&config);
        let images = [encoded(&model, 1), encoded(&model, 2)];
        let prompt = prompt(&tiny::tokenizer());
        let seg = tiny::tokenizer().special().seg;
        let answer = [40, seg, 41, seg];
        let read =
            calico_model::generate::read_answer(&model, &prompt, &images, &answer, &mut || true)
                .unwrap()
                .unwrap();
        let mut cache = KvCache::new();
        let hidden = model.prefill(&prompt, &images, &mut cache, &mut || true).unwrap().unwrap();
        let mut state = hidden.narrow(1, hidden.dim(1).unwrap() - 1, 1).unwrap();
        let mut stored = Vec::new();
        for token in answer {
            let before = state.clone();
            state = model.step(token, &mut cache).unwrap();
            if token == seg {
                stored.push(if position == SegPosition::Own { state.clone() } else { before });
            }
        }
        for (number, (read, stored)) in read.seg_states.values().zip(&stored).enumerate() {
            assert_close(&format!("{position:?} {number}"), stored, read, 2e-5);
        }
    }
}
