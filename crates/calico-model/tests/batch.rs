//! Batches of conversations: they equal conversations read one by one, and gradients reach what
//! they should.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod tiny;

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

use calico_language::Learning;
use calico_model::generate::read_answer;
use calico_model::grounding::SegPosition;
use calico_model::model::{BatchStates, Conversation, EncodedBatch, ImageFeatures};
use calico_model::prompt::PromptId;
use calico_model::{Calico, CalicoConfig, is_trainable};
use calico_nn::{Dropout, Recompute};
use calico_testkit::assert_close;
use calico_vision::dinov2::InputSize;
use candle_core::{DType, Device, Tensor, TensorId};
use tiny::{Variables, values};

/// Three conversations about none, two and three pictures; two pictures are in two of them.
struct Talk {
    prompts: [Vec<PromptId>; 3],
    answers: [Vec<u32>; 3],
    images: [Vec<usize>; 3],
}

impl Talk {
    fn new() -> Self {
        let seg = tiny::tokenizer().special().seg;
        Self {
            prompts: [
                tiny::prompt(0, "hello there:"),
                tiny::prompt(2, "compare:"),
                tiny::prompt(3, "what is common?"),
            ],
            answers: [vec![40], vec![41, seg, 42, seg, 50, 51], vec![seg, 43]],
            images: [vec![], vec![2, 0], vec![0, 1, 2]],
        }
    }

    fn conversations(&self) -> Vec<Conversation<'_>> {
        let parts = self.prompts.iter().zip(&self.answers).zip(&self.images);
        parts.map(|((prompt, answer), images)| Conversation { prompt, answer, images }).collect()
    }
}

fn encoded(model: &Calico) -> EncodedBatch {
    let features = model.features(&tiny::pictures(model, 3)).unwrap();
    model.relate(&features).unwrap()
}

/// Every answer and every mask of a batch in one number.
fn loss(model: &Calico, states: &BatchStates, images: &EncodedBatch) -> Tensor {
    let logits = model.llm().logits(&states.predicting().unwrap().unsqueeze(0).unwrap()).unwrap();
    let prompts = model.project(&states.seg_states().unwrap()).unwrap();
    let sam = images.sam.narrow(0, 1, 1).unwrap();
    let masks = model.masks_on(&prompts, &sam).unwrap();
    let full = model.full_size(&masks.logits, &images.letterboxes[1]).unwrap();
    assert_eq!(full.dtype(), DType::F32);
    let text = logits.to_dtype(DType::F32).unwrap().sqr().unwrap().mean_all().unwrap();
    (text + full.sqr().unwrap().mean_all().unwrap()).unwrap()
}

/// The gradients of a batch by the name of the weight, from the graph and from recomputation.
fn gradients(
    variables: &std::sync::Arc<Variables>,
    config: &CalicoConfig,
    learning: &Learning,
) -> HashMap<String, Tensor> {
    let special = tiny::tokenizer().special();
    let weights = variables.weights();
    let model = Calico::load_learning(config, special, &weights, &Device::Cpu, learning).unwrap();
    let (talk, images) = (Talk::new(), encoded(&model));
    let states = model.forward_batch(&talk.conversations(), &images).unwrap();
    let store = loss(&model, &states, &images).backward().unwrap();
    let inside = learning.recompute.as_ref().map(Recompute::take).unwrap_or_default();
    let of = |id: TensorId| match (store.get_id(id), inside.get(&id)) {
        (Some(a), Some(b)) => Some((a + b).unwrap()),
        (a, b) => a.or(b).cloned(),
    };
    let named = variables.named().into_iter().filter(|(_, tensor)| tensor.is_variable());
    named.filter_map(|(name, tensor)| Some((name, of(tensor.id())?))).collect()
}

fn largest(x: &Tensor) -> f32 {
    values(x).into_iter().fold(0.0, |most, value| most.max(value.abs()))
}

#[test]
fn a_batch_of_conversations_equals_each_of_them_alone() {
    for position in [SegPosition::Predecessor, SegPosition::Own] {
        let mut config = tiny::config();
        config.seg_proj.position = position;
        let model = tiny::model_of(&config);
        let (talk, batch) = (Talk::new(), encoded(&model));
        let states = model.forward_batch(&talk.conversations(), &batch).unwrap();
        let alone: Vec<_> = tiny::pictures(&model, 3)
            .iter()
            .map(|image| model.encode(image, &mut |_| ControlFlow::Continue(())).unwrap().unwrap())
            .collect();
        let mut segs = Vec::new();
        for (conversation, read) in talk.conversations().into_iter().enumerate() {
            let images: Vec<_> = read.images.iter().map(|&image| alone[image].clone()).collect();
            let want =
                model.forward(read.prompt, read.answer, &images, &mut || true).unwrap().unwrap();
            let span = &states.spans()[conversation];
            let own = states.hidden().narrow(1, span.start, span.len()).unwrap();
            assert_close(&format!("{position:?} {conversation}"), &own, &want, 1e-5);
            // The states before each token of the answer and before `</s>`.
            let targets: Vec<u32> = states
                .predictions()
                .iter()
                .filter(|prediction| prediction.conversation == conversation)
                .map(|prediction| prediction.target)
                .collect();
            assert_eq!(targets, [read.answer, &[2]].concat());
            let answered = read_answer(&model, read.prompt, &images, read.answer, &mut || true)
                .unwrap()
                .unwrap();
            segs.extend(answered.seg_states.into_iter().map(|(token, s)| (conversation, token, s)));
        }
        let found: Vec<_> = states.segs().iter().map(|seg| (seg.conversation, seg.token)).collect();
        assert_eq!(found, [(1, 1), (1, 3), (2, 0)]);
        assert_eq!(found, segs.iter().map(|(c, t, _)| (*c, *t)).collect::<Vec<_>>());
        let want = Tensor::cat(&segs.iter().map(|(_, _, s)| s).collect::<Vec<_>>(), 1).unwrap();
        assert_close("segs", &states.seg_states().unwrap(), &want.squeeze(0).unwrap(), 1e-5);
        let rows: Vec<usize> = states.predictions().iter().map(|p| p.row).collect();
        let starts: Vec<usize> = states.spans().iter().map(|span| span.end).collect();
        assert!(starts.iter().all(|end| rows.contains(&(end - 1))));
        assert_eq!(states.predicting().unwrap().dims(), [rows.len(), 64]);
    }
}

#[test]
fn every_switch_reads_batches_as_it_reads_conversations() {
    use calico_model::correspondence::QuerySource;
    let switches: [fn(&mut CalicoConfig); 7] = [
        |c| c.qformer.enabled = false,
        |c| c.cem.enabled = false,
        |c| c.cam.enabled = false,
        |c| c.dino.enabled = false,
        |c| c.cam.use_guidance = false,
        |c| c.cam.guidance_norm = true,
        |c| c.cam.query_source = QuerySource::Copy,
    ];
    for (number, switch) in switches.into_iter().enumerate() {
        let mut config = tiny::config();
        switch(&mut config);
        let model = tiny::model_of(&config);
        let (talk, batch) = (Talk::new(), encoded(&model));
        let states = model.forward_batch(&talk.conversations(), &batch).unwrap();
        let read = talk.conversations()[1];
        let images = [batch.one(2).unwrap(), batch.one(0).unwrap()];
        let want = model.forward(read.prompt, read.answer, &images, &mut || true).unwrap().unwrap();
        let span = &states.spans()[1];
        let own = states.hidden().narrow(1, span.start, span.len()).unwrap();
        assert_close(&format!("switch {number}"), &own, &want, 1e-5);
    }
}

#[test]
fn an_answer_reaches_neither_the_pictures_nor_the_other_conversations() {
    let model = tiny::model();
    let (mut talk, batch) = (Talk::new(), encoded(&model));
    let before = model.forward_batch(&talk.conversations(), &batch).unwrap();
    talk.answers[1] = vec![7, 8, 9, 10, 11, 12];
    let after = model.forward_batch(&talk.conversations(), &batch).unwrap();
    let changed = before.spans()[1].end - 6..before.spans()[1].end;
    for row in 0..before.hidden().dim(1).unwrap() {
        let at = |states: &BatchStates| values(&states.hidden().narrow(1, row, 1).unwrap());
        assert_eq!(at(&before) == at(&after), !changed.contains(&row), "row {row}");
    }
}

#[test]
fn stored_features_give_the_same_batch_in_any_order() {
    let model = tiny::model();
    let pictures = tiny::pictures(&model, 3);
    let together = model.features(&pictures).unwrap();
    let alone: Vec<ImageFeatures> = pictures
        .iter()
        .map(|picture| model.features(std::slice::from_ref(picture)).unwrap())
        .collect();
    let joined = ImageFeatures::cat(&[&alone[0], &alone[1], &alone[2]]).unwrap();
    assert_eq!(joined.letterboxes, together.letterboxes);
    assert_close("normed", &joined.normed, &together.normed, 1e-5);
    assert_close("sam", &joined.sam, &together.sam, 1e-5);
    let batch = model.relate(&joined).unwrap();
    let last = model.relate(&joined.one(2).unwrap()).unwrap();
    assert_close("visual", &last.visual, &batch.one(2).unwrap().visual, 1e-5);
    assert!(joined.one(3).is_err() && batch.one(3).is_err());
    assert!(ImageFeatures::cat(&[]).is_err() && model.features(&[]).is_err());
}

#[test]
fn conversations_about_no_picture_need_none() {
    let model = tiny::model();
    let talk = Talk::new();
    let alone = &talk.conversations()[..1];
    let want = model.forward(alone[0].prompt, alone[0].answer, &[], &mut || true).unwrap().unwrap();
    for batch in [encoded(&model), model.no_images().unwrap()] {
        let states = model.forward_batch(alone, &batch).unwrap();
        assert_close("states", states.hidden(), &want, 1e-6);
        assert_eq!(states.seg_states().unwrap().dims(), [0, 64]);
    }
    assert!(model.forward_batch(&talk.conversations(), &model.no_images().unwrap()).is_err());
}

#[test]
fn conversations_that_do_not_fit_the_batch_are_refused() {
    let model = tiny::model();
    let (mut talk, batch) = (Talk::new(), encoded(&model));
    talk.images[1] = vec![0, 3];
    assert!(model.forward_batch(&talk.conversations(), &batch).is_err());
    talk.images[1] = vec![0];
    assert!(model.forward_batch(&talk.conversations(), &batch).is_err());
    talk.images[1] = vec![0, 0];
    assert!(model.forward_batch(&talk.conversations(), &batch).is_ok());
    assert!(model.forward_batch(&[], &batch).is_err());
}

#[test]
fn gradients_reach_everything_that_takes_part() {
    let mut config = tiny::config();
    // Position tables that are resized when the model is loaded.
    config.eva.stored_grid = Some(3);
    config.dino.input_size = InputSize::HeightWidth([70, 70]);
    let variables = Variables::new(DType::F32, |_| true);
    let found = gradients(&variables, &config, &Learning::default());
    let idle = |name: &str| {
        name == "dino.mask_token"
            || name.starts_with("sam.decoder.iou_prediction_head.")
            || name.starts_with("sam.prompt.point_embeddings.")
            || name.starts_with("sam.prompt.not_a_point_embed.")
            || name.starts_with("sam.prompt.mask_downscaling.")
    };
    for name in variables.named().keys() {
        assert_eq!(found.contains_key(name), !idle(name), "{name}");
    }
    for name in [
        "eva.pos_embed",
        "eva.blocks.0.attn.q_bias",
        "eva.blocks.1.attn.v_bias",
        "dino.pos_embed",
        "sam.encoder.pos_embed",
        "sam.encoder.blocks.0.attn.rel_pos_h",
        "sam.encoder.blocks.1.attn.rel_pos_w",
        "query_tokens",
        "cem.q.weight",
        "cams.0.adapt.weight",
        "cams.1.reint.weight",
        "lora.layers.0.q.a",
        "lora.layers.5.v.b",
        "llm.model.embed_tokens.weight",
        "sam.decoder.mask_tokens.weight",
    ] {
        assert!(largest(&found[name]) > 0.0, "{name}");
    }
}

#[test]
fn what_learns_by_default_gets_gradients_with_and_without_recomputation() {
    let learns = |name: &str| is_trainable(name, &tiny::config());
    let variables = Variables::new(DType::F32, learns);
    let lora_dropout = Some(Dropout { rate: 0.2, seed: 5 });
    let kept = Learning { lora_dropout, recompute: None };
    let again = Learning { lora_dropout, recompute: Some(Recompute::default()) };
    let kept = gradients(&variables, &tiny::config(), &kept);
    let again = gradients(&variables, &tiny::config(), &again);
    let names = |found: &HashMap<String, Tensor>| found.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&kept), names(&again));
    let missing: Vec<String> = variables
        .named()
        .into_keys()
        .filter(|name| learns(name) && !kept.contains_key(name))
        .collect();
    assert!(missing.iter().all(|name| name.contains("iou_prediction_head")), "{missing:?}");
    for (name, gradient) in &kept {
        assert!(values(gradient) == values(&again[name]), "{name}");
    }
}

fn cosine(a: &Tensor, b: &Tensor) -> f64 {
    let (a, b) = (values(a), values(b));
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
}

#[test]
fn a_model_in_bf16_computes_what_one_in_f32_does_and_learns() {
    let config = tiny::config();
    let special = tiny::tokenizer().special();
    let run = |dtype| {
        let variables = Variables::new(dtype, |_| true);
        let model = Calico::load(&config, special, &variables.weights(), &Device::Cpu).unwrap();
        let (talk, batch) = (Talk::new(), encoded(&model));
        let states = model.forward_batch(&talk.conversations(), &batch).unwrap();
        let logits = model.llm().logits(states.hidden()).unwrap();
        let prompts = model.project(&states.seg_states().unwrap()).unwrap();
        let masks = model.decode_masks(&prompts, &batch.one(1).unwrap()).unwrap();
        let full = model.full_size(&masks.logits, &batch.letterboxes[1]).unwrap();
        assert_eq!((masks.iou.dtype(), full.dtype()), (DType::F32, DType::F32));
        assert_eq!(logits.dtype(), dtype);
        (logits, full)
    };
    let (small, plain) = (run(DType::BF16), run(DType::F32));
    assert!(cosine(&small.0, &plain.0) > 0.99, "logits: {}", cosine(&small.0, &plain.0));
    assert!(cosine(&small.1, &plain.1) > 0.99, "masks: {}", cosine(&small.1, &plain.1));

    let learning = Learning { recompute: Some(Recompute::default()), ..Learning::default() };
    let learn = |dtype| gradients(&Variables::new(dtype, |_| true), &config, &learning);
    let (small, plain) = (learn(DType::BF16), learn(DType::F32));
    for (name, gradient) in &plain {
        assert!(values(&small[name]).iter().all(|value| value.is_finite()), "{name}");
        assert_eq!(small[name].dims(), gradient.dims(), "{name}");
    }
    for name in ["lora.layers.0.q.a", "cams.0.reint.weight", "cem.v.weight"] {
        assert!(cosine(&small[name], &plain[name]) > 0.9, "{name}");
    }
}

#[test]
fn a_model_in_bf16_writes_an_answer() {
    let variables = Variables::new(DType::BF16, |_| false);
    let special = tiny::tokenizer().special();
    let model = Calico::load(&tiny::config(), special, &variables.weights(), &Device::Cpu).unwrap();
    let image = model
        .encode(&tiny::pictures(&model, 1)[0], &mut |_| ControlFlow::Continue(()))
        .unwrap()
        .unwrap();
    let (prompt, mut sampler) = (tiny::prompt(1, "look:"), tiny::greedy());
    let go_on = &mut |_: &[u32]| Ok(std::ops::ControlFlow::Continue(()));
    let answered =
        calico_model::generate::generate(&model, &prompt, &[image], 5, &mut sampler, go_on)
            .unwrap();
    assert!(answered.ids.len() == 5 || !answered.truncated);
}
