//! The extraction module, the adapter and the whole model equal upstream, stage by stage.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod tiny;

use std::cell::RefCell;
use std::ops::ControlFlow;

use calico_image::{Frame, Size};
use calico_language::{KvCache, LayerTap};
use calico_model::correspondence::{
    CorrespondenceAdapter, CorrespondenceExtraction, CorrespondenceHook, Projections, VisualSource,
};
use calico_model::generate::{generate, read_answer};
use calico_model::model::EncodedImage;
use calico_model::preprocess::ImageTensors;
use calico_model::prompt::{PromptId, PromptLayout};
use calico_model::{Calico, Preset};
use calico_testkit::{Golden, Synthetic, assert_close};
use calico_vision::qformer::QFormer;
use candle_core::{Device, Result, Tensor};

const TOLERANCE: f64 = 2e-5;

#[test]
fn extraction_equals_pytorch_with_and_without_residual() {
    let golden = Golden::open("cem/tiny");
    for (residual, name) in [(false, "attended"), (true, "residual")] {
        let mut config = Preset::Tiny.config().unwrap().cem;
        config.residual = residual;
        let weights = Synthetic::weights().pp("cem");
        let extraction = CorrespondenceExtraction::load(64, 48, &config, &weights).unwrap();
        let got = extraction.forward(&golden.input("query"), &golden.input("semantic")).unwrap();
        assert_close(name, &got, &golden.output(name), TOLERANCE);
    }
}

#[test]
fn an_adapter_equals_pytorch() {
    let golden = Golden::open("cam/tiny");
    let config = Preset::Tiny.config().unwrap();
    let weights = Synthetic::weights();
    let projections = Projections::load(64, 48, config.cam.init, &weights.pp("cams.0")).unwrap();
    let adapter = CorrespondenceAdapter::new(projections, None, true);
    let qformer = QFormer::load(&config.qformer, &weights.pp("qformer")).unwrap();
    let queries = tiny::query_tokens();
    let [guidance] = golden.integers::<1>("guidance");
    let hidden = golden.input("hidden");
    let guidance = hidden.narrow(1, guidance, 1).unwrap();
    for image in 0..2 {
        let features = golden.input("features").narrow(0, image, 1).unwrap();
        let source = VisualSource::Asked(qformer.keys_values(&features).unwrap());
        let added = adapter.forward(&guidance, &queries, Some(&qformer), &source).unwrap();
        let want = golden.output("delta").narrow(0, image, 1).unwrap();
        assert_close(&format!("image {image}"), &added, &want, TOLERANCE);
    }
}

/// Applies the adapters and keeps what enters every layer.
struct Recording<'a>(CorrespondenceHook<'a>, RefCell<Vec<Tensor>>);

impl LayerTap for Recording<'_> {
    fn before_layer(&self, layer: usize, hidden: Tensor) -> Result<Tensor> {
        let hidden = self.0.before_layer(layer, hidden)?;
        self.1.borrow_mut().push(hidden.clone());
        Ok(hidden)
    }
}

/// A recorded conversation about pictures.
struct Case {
    golden: Golden,
    model: Calico,
    tensors: Vec<ImageTensors>,
    images: Vec<EncodedImage>,
    prompt: Vec<PromptId>,
    answer: Vec<u32>,
    seg_image: Vec<usize>,
}

impl Case {
    fn open(name: &str) -> Self {
        let golden = Golden::open(name);
        let model = tiny::model();
        let seg_image: Vec<usize> = tiny::integers(&golden.input("seg_image"));
        let count = seg_image.iter().max().unwrap() + 1;
        let tensors: Vec<ImageTensors> = (1..=count)
            .map(|n| {
                let frame = frame(&golden.input(&format!("image{n}")));
                ImageTensors::new(&frame, model.config().input_sizes(), &Device::Cpu).unwrap()
            })
            .collect();
        let images = tensors
            .iter()
            .map(|image| model.encode(image, &mut |_| ControlFlow::Continue(())).unwrap().unwrap())
            .collect();
        let [prompt_length] = golden.integers::<1>("prompt_length");
        let ids = golden.input("ids").to_vec1::<i64>().unwrap();
        let (prompt, answer) = ids.split_at(prompt_length);
        let prompt = prompt.iter().map(|&id| match id {
            -200 => PromptId::Image,
            id => PromptId::Token(id as u32),
        });
        Self {
            prompt: prompt.collect(),
            answer: answer.iter().map(|&id| id as u32).collect(),
            golden,
            model,
            tensors,
            images,
            seg_image,
        }
    }

    fn close(&self, name: &str, got: &Tensor) {
        assert_close(name, got, &self.golden.output(name), TOLERANCE);
    }

    /// The `[SEG]` states, prompts and masks for given normed states of the whole sequence.
    fn check_masks(&self, states: &Tensor) {
        self.close("seg_states", states);
        let prompts = self.model.project(states).unwrap();
        self.close("seg_prompts", &prompts);
        let (low_res, scores) = (self.golden.output("low_res"), self.golden.output("scores"));
        for (image, encoded) in self.images.iter().enumerate() {
            let mine: Vec<u32> = (0..self.seg_image.len())
                .filter(|&n| self.seg_image[n] == image)
                .map(|n| n as u32)
                .collect();
            let mine = Tensor::new(mine, &Device::Cpu).unwrap();
            let pick = |x: &Tensor| x.index_select(&mine, 0).unwrap();
            let decoded = self.model.decode_masks(&pick(&prompts), encoded).unwrap();
            assert_close("low_res", &decoded.logits, &pick(&low_res), TOLERANCE);
            assert_close("scores", &decoded.iou, &pick(&scores), TOLERANCE);
            let full = self.model.full_size(&decoded.logits, &encoded.letterbox).unwrap();
            self.close(&format!("masks.{image}"), &full);
        }
    }

    /// Feeds the recorded answer token by token, as generation would choose it.
    fn forced_decode(&self) -> Vec<Tensor> {
        let mut cache = KvCache::new();
        let prefill = self
            .model
            .prefill(&self.prompt, &self.images, &mut cache, &mut || true)
            .unwrap()
            .unwrap();
        let mut states = vec![prefill.narrow(1, prefill.dim(1).unwrap() - 1, 1).unwrap()];
        for &token in &self.answer {
            states.push(self.model.step(token, &mut cache).unwrap());
        }
        states
    }
}

fn frame(pixels: &Tensor) -> Frame {
    let (height, width, _) = pixels.dims3().unwrap();
    let bytes = pixels.flatten_all().unwrap().to_vec1::<u8>().unwrap();
    Frame::new(Size::new(height as u32, width as u32), bytes).unwrap()
}

#[test]
fn two_pictures_pass_every_stage_as_upstream() {
    let case = Case::open("calico/pair");
    let stack = |pick: fn(&ImageTensors) -> &Tensor| {
        Tensor::cat(&case.tensors.iter().map(pick).collect::<Vec<_>>(), 0).unwrap()
    };
    let global = case.model.global_tokens(&stack(|image| &image.eva)).unwrap();
    case.close("eva", &global[0]);
    case.close("ln_vision", &global[1]);
    case.close("qformer", &case.model.first_look(&global[1]).unwrap());
    let semantic = case.model.semantic_tokens(&stack(|image| image.dino.as_ref().unwrap()));
    let semantic = semantic.unwrap().unwrap();
    case.close("dino", &semantic);
    case.close("cem", &case.model.extract(&global, Some(&semantic)).unwrap());
    let visual: Vec<Tensor> = case.images.iter().map(|image| image.visual.clone()).collect();
    case.close("f_image", &Tensor::cat(&visual, 0).unwrap());
    case.close("sam", &case.model.encode_for_masks(&stack(|image| &image.sam)).unwrap());

    let layout = PromptLayout::new(&case.prompt, 5);
    let embeddings = case.model.embed(&case.prompt, &case.answer, &case.images).unwrap();
    case.close("embeddings", &embeddings);
    let tap = Recording(case.model.hook(&layout, &case.images).unwrap(), RefCell::default());
    let hidden = case.model.llm().forward(&embeddings, None, &tap).unwrap();
    for (layer, entering) in tap.1.borrow().iter().enumerate() {
        case.close(&format!("layer_input.{layer}"), entering);
    }
    case.close("norm", &hidden);
    case.close("logits", &case.model.llm().logits(&hidden).unwrap());
}

#[test]
fn masks_of_two_and_three_pictures_equal_upstream() {
    for name in ["calico/pair", "calico/triple"] {
        let case = Case::open(name);
        let answered =
            read_answer(&case.model, &case.prompt, &case.images, &case.answer, &mut || true)
                .unwrap()
                .unwrap();
        let states = Tensor::cat(&answered.seg_states.values().collect::<Vec<_>>(), 1)
            .unwrap()
            .squeeze(0)
            .unwrap();
        case.check_masks(&states);
    }
}

#[test]
fn greedy_generation_equals_upstream_step_by_step() {
    for name in ["calico/pair", "calico/triple"] {
        let case = Case::open(name);
        let want = case.golden.output("greedy_logits");
        let chosen: Vec<u32> = want.argmax(1).unwrap().to_vec1().unwrap();
        let mut cache = KvCache::new();
        let prefill = case
            .model
            .prefill(&case.prompt, &case.images, &mut cache, &mut || true)
            .unwrap()
            .unwrap();
        let mut state = prefill.narrow(1, prefill.dim(1).unwrap() - 1, 1).unwrap();
        for (step, &token) in chosen.iter().enumerate() {
            let logits = case.model.llm().logits(&state).unwrap().squeeze(0).unwrap();
            let row = want.narrow(0, step, 1).unwrap();
            assert_close(&format!("step {step}"), &logits, &row, TOLERANCE);
            state = case.model.step(token, &mut cache).unwrap();
        }
        // The generation loop walks the same path, up to the first `</s>`.
        let mut sampler = tiny::greedy();
        let answered = generate(
            &case.model,
            &case.prompt,
            &case.images,
            16,
            &mut sampler,
            &mut |_: &[u32]| Ok(std::ops::ControlFlow::Continue(())),
        )
        .unwrap();
        let until_end: Vec<u32> = chosen.into_iter().take_while(|&token| token != 2).collect();
        assert_eq!(answered.ids, until_end);
    }
}

#[test]
fn cached_decoding_of_a_given_answer_equals_reading_it_at_once() {
    for name in ["calico/pair", "calico/triple"] {
        let case = Case::open(name);
        let whole = case
            .model
            .forward(&case.prompt, &case.answer, &case.images, &mut || true)
            .unwrap()
            .unwrap();
        let steps = case.forced_decode();
        let first = whole.dim(1).unwrap() - case.answer.len() - 1;
        let steps_joined = Tensor::cat(&steps, 1).unwrap();
        let want = whole.narrow(1, first, case.answer.len() + 1).unwrap();
        assert_close("states", &steps_joined, &want, TOLERANCE);
        // The stored [SEG] vectors are those of the step that predicts each [SEG].
        let seg = case.model.tokens().seg;
        let stored: Vec<&Tensor> =
            case.answer.iter().zip(&steps).filter(|(id, _)| **id == seg).map(|(_, s)| s).collect();
        let stored = Tensor::cat(&stored, 1).unwrap().squeeze(0).unwrap();
        case.check_masks(&stored);
    }
}
