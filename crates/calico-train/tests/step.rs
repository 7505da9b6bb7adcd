//! Training equals PyTorch's: the losses of a micro-batch, its gradients, and the values after a
//! step of the optimiser (`tools/goldens/training.py`).
//!
//! Adam's first step moves every value by the learning rate, however small its gradient is, as
//! long as that is not far below `eps`. Some gradients are zero in exact arithmetic: a softmax
//! does not feel a bias of its keys. What is left of them is rounding, below 1e-9, and takes its
//! sign from chance. So values move as PyTorch's where the gradient is above [`ROUNDING`], and by
//! the learning rate at most elsewhere.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use calico_image::{Frame, Mask, Rle, Size};
use calico_language::{Tokenizer, byte_level_json};
use calico_model::checkpoint::tensor_specs;
use calico_model::preprocess::ImageTensors;
use calico_model::prompt::{PromptId, prompt_ids, user_message};
use calico_model::{Calico, CalicoConfig, Preset};
use calico_testkit::{Golden, Synthetic};
use calico_train::grounding::{GroundedBatch, GroundedConversation, MaskTarget, grounding_losses};
use calico_train::recipe::{Decay, LossConfig, Objective, OptimizerConfig, StageConfig};
use calico_train::{Gradients, LossParts, Optimizer, Parameters, is_trained, learning_rate};
use candle_core::{DType, Device, Tensor};

const RATE: f64 = 4e-4;
/// Of each loss, relative.
const LOSS: f64 = 1e-5;
/// Of each gradient, relative to the largest of its tensor.
const GRADIENT: f64 = 1e-4;
/// What rounding leaves of a gradient that is zero.
const ROUNDING: f64 = 1e-9;
/// Of each value after a step: 2 % of what the step changed.
const VALUE: f64 = 0.02 * RATE;
/// What the recipe `adapters` trains.
const ADAPTERS: [&str; 4] = ["lora", "cem", "cams", "sam.decoder"];

/// A training of the tiny model from the weights of the goldens on.
struct Training {
    config: CalicoConfig,
    tokenizer: Tokenizer,
    parameters: Parameters,
    optimizer: Optimizer,
}

/// What a step found.
struct Step {
    losses: LossParts,
    /// Before they were shortened.
    gradients: BTreeMap<String, Tensor>,
    norm: f64,
}

impl Training {
    /// `patterns` say what is trained, as in a recipe.
    fn of(patterns: &[&str], weight_decay: f64) -> Self {
        let config = Preset::Tiny.config().unwrap();
        let json = byte_level_json(259).to_string();
        let tokenizer = Tokenizer::parse(json.as_bytes(), Path::new("tokenizer.json")).unwrap();
        let specs = tensor_specs(&config).unwrap();
        let source = Synthetic::default();
        let stage = stage(patterns);
        let trains = |name: &str| is_trained(name, &stage);
        let parameters =
            Parameters::new(specs, &source, &trains, DType::F32, &Device::Cpu).unwrap();
        let optimizer = OptimizerConfig { weight_decay, ..OptimizerConfig::default() };
        let optimizer = Optimizer::new(optimizer, parameters.trained()).unwrap();
        Self { config, tokenizer, parameters, optimizer }
    }

    fn step(&mut self, golden: &Golden, rate: f64) -> Step {
        let special = self.tokenizer.special();
        let weights = self.parameters.tracked();
        let model = Calico::load(&self.config, special, &weights, &Device::Cpu).unwrap();
        let batch = batch(golden, &model);
        let losses = grounding_losses(&model, &batch, &LossConfig::default()).unwrap();
        let trained = self.parameters.trained();
        let mut gradients = Gradients::of(&losses.total, trained, HashMap::new).unwrap();
        let before = gradients.by_name().clone();
        let norm = gradients.clip(OptimizerConfig::default().clip_norm).unwrap();
        self.optimizer.step(trained, &gradients, rate).unwrap();
        Step { losses: losses.parts, gradients: before, norm }
    }

    fn value(&self, name: &str) -> Vec<f32> {
        values(self.parameters.trained()[name].as_tensor())
    }

    /// A sample of a tensor's values as they are now, and of those that it began with.
    fn sampled(&self, name: &str) -> (Vec<f32>, Vec<f32>) {
        let before = Synthetic::values(name, self.parameters.trained()[name].dims());
        (sampled(&self.value(name)), sampled(&before))
    }
}

/// The conversations `a` and `b`, with the features of their pictures.
fn batch(golden: &Golden, model: &Calico) -> GroundedBatch {
    let (mut pictures, mut conversations) = (Vec::new(), Vec::new());
    for name in ["a", "b"] {
        let images: Vec<usize> = (0..2).map(|n| pictures.len() + n).collect();
        for number in 1..=2 {
            let frame = frame(&golden.input(&format!("{name}.image{number}")));
            let sizes = model.config().input_sizes();
            pictures.push(ImageTensors::new(&frame, sizes, &Device::Cpu).unwrap());
        }
        conversations.push(conversation(golden, name, images));
    }
    let features = model.features(&pictures).unwrap();
    GroundedBatch { features, conversations: conversations.into(), label_prompts: None }
}

fn conversation(golden: &Golden, name: &str, images: Vec<usize>) -> GroundedConversation {
    let integers = |what: &str| golden.input(&format!("{name}.{what}")).to_vec1::<i64>().unwrap();
    let ids = integers("ids");
    let (prompt, answer) = ids.split_at(integers("prompt_length")[0] as usize);
    let prompt = prompt.iter().map(|&id| match id {
        -200 => PromptId::Image,
        id => PromptId::Token(id as u32),
    });
    let (end, answer) = answer.split_last().unwrap();
    assert_eq!(*end, 2, "the recorded answer ends with </s>");
    let masks = (1..).zip(integers("seg_image")).map(|(number, image)| MaskTarget {
        image: images[image as usize],
        mask: run_lengths(&golden.input(&format!("{name}.mask{number}"))),
        label: None,
    });
    GroundedConversation {
        prompt: prompt.collect(),
        answer: answer.iter().map(|&id| id as u32).collect(),
        ends: true,
        masks: masks.collect(),
        images,
    }
}

fn frame(pixels: &Tensor) -> Frame {
    let (height, width, _) = pixels.dims3().unwrap();
    let bytes = pixels.flatten_all().unwrap().to_vec1::<u8>().unwrap();
    Frame::new(Size::new(height as u32, width as u32), bytes).unwrap()
}

fn run_lengths(mask: &Tensor) -> Rle {
    let (height, width) = mask.dims2().unwrap();
    let bits = mask.flatten_all().unwrap().to_vec1::<u8>().unwrap();
    let bits = bits.into_iter().map(|bit| bit == 1).collect();
    Rle::from_mask(&Mask::new(Size::new(height as u32, width as u32), bits).unwrap())
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// Every so many values, as the goldens keep them: at most 512, at an odd step.
fn sampled(values: &[f32]) -> Vec<f32> {
    values.iter().copied().step_by(values.len().div_ceil(512) | 1).collect()
}

fn assert_relative(name: &str, got: f64, want: f64, tolerance: f64) {
    let error = (got - want).abs() / want.abs();
    assert!(error <= tolerance, "{name}: {got}, expected {want}, relative error {error:.2e}");
}

fn assert_losses(step: &Step, want: impl Fn(&str) -> f64) {
    let LossParts { total, text, mask, dice, .. } = step.losses;
    let parts = [("text", text), ("focal", mask), ("dice", dice), ("total", Some(total))];
    for (name, got) in parts {
        assert_relative(name, got.unwrap(), want(name), LOSS);
    }
}

/// Gradients are compared within a share of the largest of their tensor.
fn assert_gradient(name: &str, got: &[f32], want: &[f32]) -> f64 {
    assert_eq!(got.len(), want.len(), "{name}");
    let largest = want.iter().fold(0f64, |a, &b| a.max(f64::from(b).abs()));
    let errors = got.iter().zip(want).map(|(&a, &b)| (f64::from(a) - f64::from(b)).abs());
    let worst = errors.fold(0f64, |a, b| if a.is_nan() || a > b { a } else { b });
    let allowed = GRADIENT * largest + ROUNDING;
    assert!(worst <= allowed, "gradient of {name}: off by {worst:.2e} of {largest:.2e}");
    worst / (largest + ROUNDING / GRADIENT)
}

/// Values after steps are compared where the gradient is no rounding.
fn assert_moved(
    name: &str,
    before: &[f32],
    got: &[f32],
    want: &[f32],
    gradient: &[f32],
    steps: f64,
) -> f64 {
    assert_eq!([before.len(), got.len(), gradient.len()], [want.len(); 3], "{name}");
    let mut worst = 0f64;
    for i in 0..want.len() {
        let error = (f64::from(got[i]) - f64::from(want[i])).abs();
        let moved = (f64::from(got[i]) - f64::from(before[i])).abs();
        if f64::from(gradient[i]).abs() > ROUNDING {
            worst = worst.max(error);
            assert!(
                error <= VALUE,
                "{name}[{i}]: {} became {}, not {}; its gradient is {}",
                before[i],
                got[i],
                want[i],
                gradient[i]
            );
        } else {
            assert!(moved <= 1.01 * RATE * steps, "{name}[{i}] moved by {moved}");
        }
    }
    worst
}

/// The JSON object in `goldens/training/<name>.json`.
fn json(name: &str) -> serde_json::Map<String, serde_json::Value> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../goldens/training");
    let text = std::fs::read_to_string(Path::new(folder).join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The tensors of which a golden holds a sample.
fn kinds(of: &str) -> Vec<String> {
    serde_json::from_value(json("kinds")[of].clone()).unwrap()
}

fn scalar(golden: &Golden, name: &str) -> f64 {
    f64::from(values(&golden.output(name))[0])
}

#[test]
fn the_texts_of_the_micro_batch_become_its_ids() {
    let golden = Golden::open("training/batch");
    let training = Training::of(&ADAPTERS, 0.0);
    for (name, texts) in json("batch") {
        let text = |what: &str| texts[what].as_str().unwrap();
        let conversation = conversation(&golden, &name, vec![0, 1]);
        let message = user_message(text("question"), 2).unwrap();
        let prompt = prompt_ids(&message, &training.config.prompt, &training.tokenizer).unwrap();
        assert_eq!(prompt, conversation.prompt);
        assert_eq!(training.tokenizer.encode(text("answer")).unwrap(), conversation.answer);
    }
}

#[test]
fn a_step_of_the_adapters_equals_pytorch() {
    let batch = Golden::open("training/batch");
    let gradients = Golden::open("training/adapters");
    let after = Golden::open("training/adapters_step");
    let mut training = Training::of(&ADAPTERS, 0.0);
    let step = training.step(&batch, RATE);
    assert_losses(&step, |name| scalar(&batch, name));
    assert_eq!((step.losses.masks, step.losses.samples), (5, 2));
    assert_relative("norm", step.norm, scalar(&gradients, "norm"), LOSS);

    let unused = |name: &str| name.starts_with("sam.decoder.iou_prediction_head.");
    let (mut worst_gradient, mut worst_value) = (0f64, 0f64);
    for name in training.parameters.trained().keys() {
        let shape = training.parameters.trained()[name].dims();
        let before = Synthetic::values(name, shape);
        let want = values(&after.output(&format!("after.{name}")));
        let got = training.value(name);
        let Some(gradient) = step.gradients.get(name) else {
            assert!(unused(name), "{name} has no gradient");
            assert_eq!(got, before, "{name}");
            continue;
        };
        assert!(!unused(name), "{name} has a gradient");
        let wanted = values(&gradients.output(&format!("gradient.{name}")));
        worst_gradient = worst_gradient.max(assert_gradient(name, &values(gradient), &wanted));
        worst_value = worst_value.max(assert_moved(name, &before, &got, &want, &wanted, 1.0));
    }
    println!("gradients off by {worst_gradient:.2e}, values by {worst_value:.2e}");
}

#[test]
fn a_step_leaves_what_is_frozen_as_it_is_to_the_bit() {
    let mut training = Training::of(&ADAPTERS, 0.1);
    training.step(&Golden::open("training/batch"), RATE);
    assert!(training.parameters.frozen().len() > 300);
    for (name, tensor) in training.parameters.frozen() {
        assert_eq!(values(tensor), Synthetic::values(name, tensor.dims()), "{name}");
    }
}

/// The gradients of the recipe `adapters`, sampled; zeros for what has none.
fn sampled_gradient(gradients: &Golden, step: &Step, name: &str, len: usize) -> Vec<f32> {
    match step.gradients.get(name) {
        Some(_) => sampled(&values(&gradients.output(&format!("gradient.{name}")))),
        None => vec![0.0; len],
    }
}

#[test]
fn weight_decay_shrinks_matrices_as_pytorch_does() {
    let gradients = Golden::open("training/adapters");
    let after = Golden::open("training/adapters_decay");
    let mut training = Training::of(&ADAPTERS, 0.1);
    let step = training.step(&Golden::open("training/batch"), RATE);
    for name in kinds("adapters") {
        let want = values(&after.output(&format!("after.{name}")));
        let (got, before) = training.sampled(&name);
        let gradient = sampled_gradient(&gradients, &step, &name, want.len());
        assert_moved(&name, &before, &got, &want, &gradient, 1.0);
    }
}

#[test]
fn three_steps_with_warm_up_and_decay_equal_pytorch() {
    let batch = Golden::open("training/batch");
    let gradients = Golden::open("training/adapters");
    let after = Golden::open("training/three_steps");
    let stage = StageConfig { warmup: 2, steps: 9, ..stage(&ADAPTERS) };
    let mut training = Training::of(&ADAPTERS, 0.0);
    let mut first = None;
    let rates = values(&after.input("learning_rates"));
    for (index, rate) in rates.iter().enumerate() {
        let planned = learning_rate(&stage, index as u64 + 1);
        assert_relative("rate", planned, f64::from(*rate), 1e-6);
        let step = training.step(&batch, planned);
        assert_losses(&step, |name| f64::from(values(&after.output(name))[index]));
        assert_relative(
            "norm",
            step.norm,
            f64::from(values(&after.output("norm"))[index]),
            GRADIENT,
        );
        first.get_or_insert(step);
    }
    for name in kinds("adapters") {
        let want = values(&after.output(&format!("after.{name}")));
        let (got, before) = training.sampled(&name);
        let gradient = sampled_gradient(&gradients, first.as_ref().unwrap(), &name, want.len());
        assert_moved(&name, &before, &got, &want, &gradient, 3.0);
    }
}

#[test]
fn a_step_of_everything_equals_pytorch() {
    let batch = Golden::open("training/batch");
    let golden = Golden::open("training/everything");
    let mut training = Training::of(&["*"], 0.0);
    let step = training.step(&batch, RATE);
    assert_losses(&step, |name| scalar(&batch, name));
    assert_relative("norm", step.norm, scalar(&golden, "norm"), LOSS);
    for name in kinds("everything") {
        let want = values(&golden.output(&format!("gradient.{name}")));
        assert_gradient(&name, &sampled(&values(&step.gradients[&name])), &want);
        let after = values(&golden.output(&format!("after.{name}")));
        let (got, before) = training.sampled(&name);
        assert_moved(&name, &before, &got, &after, &want, 1.0);
    }

    let sums = json("everything");
    assert_eq!(sums.len(), training.parameters.trained().len());
    for (name, want) in sums {
        let Some(gradient) = step.gradients.get(&name) else {
            assert!(want.is_null(), "{name} has no gradient");
            continue;
        };
        let [sum, squares, along]: [f64; 3] = serde_json::from_value(want).expect(&name);
        assert_sums(&name, gradient, [sum, squares, along]);
    }
}

/// A tensor's gradient by three numbers: its sum, its length, and its product with the values.
fn assert_sums(name: &str, gradient: &Tensor, [sum, squares, along]: [f64; 3]) {
    let values_before = Synthetic::values(name, gradient.dims());
    let gradient = values(gradient);
    let each = || gradient.iter().map(|&value| f64::from(value));
    let product = each().zip(&values_before).map(|(a, &b)| a * f64::from(b));
    let got = [each().sum::<f64>(), each().map(|a| a * a).sum::<f64>().sqrt(), product.sum()];
    let length = squares.sqrt();
    // No sum differs by more than this if no value differs by more than its share.
    let largest = values_before.iter().fold(1f64, |a, &b| a.max(f64::from(b).abs()));
    let root = (gradient.len() as f64).sqrt();
    let allowed = (GRADIENT * length + ROUNDING * root) * root * largest;
    for (got, want) in got.into_iter().zip([sum, length, along]) {
        let error = (got - want).abs();
        assert!(error <= allowed, "{name}: {got:e}, expected {want:e} within {allowed:e}");
    }
}

fn stage(patterns: &[&str]) -> StageConfig {
    StageConfig {
        name: "adapters".into(),
        objective: Objective::Grounding,
        train: patterns.iter().map(|pattern| (*pattern).to_owned()).collect(),
        freeze: Vec::new(),
        steps: 1,
        batch: 2,
        accumulate: 1,
        together: 1,
        learning_rate: RATE,
        warmup: 0,
        decay: Decay::Linear,
        final_rate: 0.0,
        lora_dropout: 0.0,
        recompute: false,
    }
}
