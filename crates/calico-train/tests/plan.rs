//! Plans are kept: the memory that a step takes is that of its plan.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and shows what it measured"
)]

mod drawn;

use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;

use calico_image::{Frame, Mask, Rle, Size};
use calico_language::Learning;
use calico_language::{Tokenizer, byte_level_json};
use calico_model::checkpoint::tensor_specs;
use calico_model::model::ImageFeatures;
use calico_model::preprocess::ImageTensors;
use calico_model::prompt::PromptId;
use calico_model::{Calico, CalicoConfig};
use calico_nn::weights::Random;
use calico_nn::{Dropout, Recompute};
use calico_train::grounding::{GroundedBatch, GroundedConversation, MaskTarget, grounding_losses};
use calico_train::plan::{Machine, Plan, SampleShape};
use calico_train::recipe::{ModelConfig, StageConfig};
use calico_train::{Gradients, Optimizer, Parameters, Recipe, Trainer, is_trained};
use candle_core::{DType, Device};

/// Large enough that what the program itself takes does not count.
const CONFIG: &str = include_str!("plan/medium.toml");
/// What a child process is told: the stage, as TOML.
const STAGE: &str = "CALICO_TEST_STAGE";
/// And where its data lies, if it learns from labels.
const PLACE: &str = "CALICO_TEST_PLACE";
const SHAPE: SampleShape = SampleShape {
    images: 2,
    text_tokens: 200,
    answer_tokens: 120,
    masks: 6,
    height: 240,
    width: 320,
};

fn config() -> CalicoConfig {
    CalicoConfig::from_toml(CONFIG, Path::new("medium.toml")).unwrap()
}

fn recipe(stage: &str) -> Recipe {
    let text = format!(
        "name = 'a'\n[model]\npreset = 'tiny'\n[[stages]]\nname = 's'\nsteps = 200\n{stage}"
    );
    Recipe::parse(&text, Path::new("recipe.toml")).unwrap()
}

/// Bytes of a line of the process's own status.
fn status(key: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with(key)).unwrap();
    let kibibytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kibibytes * 1024
}

/// What the encoders say: frozen ones of one picture at a time, without gradients.
fn features(model: &Calico, images: &[ImageTensors], stage: &StageConfig) -> ImageFeatures {
    if ["eva.", "dino.", "sam.encoder."].iter().any(|tower| stage.trains(tower)) {
        return model.features(images).unwrap();
    }
    let each: Vec<ImageFeatures> =
        images.iter().map(|image| model.features(std::slice::from_ref(image)).unwrap()).collect();
    ImageFeatures::cat(&each.iter().collect::<Vec<_>>()).unwrap()
}

fn step(stage: &StageConfig) {
    let config = config();
    let json = byte_level_json(259).to_string();
    let tokenizer = Tokenizer::parse(json.as_bytes(), Path::new("tokenizer.json")).unwrap();
    let specs = tensor_specs(&config).unwrap();
    let (device, source) = (Device::Cpu, Random::new(1, Device::Cpu));
    let trains = |name: &str| is_trained(name, stage);
    let parameters = Parameters::new(specs, &source, &trains, DType::F32, &device).unwrap();
    let optimizer = calico_train::recipe::OptimizerConfig::default();
    let mut optimizer = Optimizer::new(optimizer, parameters.trained()).unwrap();
    let mut sum = Gradients::default();
    for _ in 0..stage.accumulate {
        let recompute = stage.recompute.then(Recompute::default);
        let dropout = Dropout { rate: stage.lora_dropout, seed: 1 };
        let learning = Learning {
            lora_dropout: (dropout.rate > 0.0).then_some(dropout),
            recompute: recompute.clone(),
        };
        let weights = parameters.tracked();
        let special = tokenizer.special();
        let model = Calico::load_learning(&config, special, &weights, &device, &learning).unwrap();
        let losses = {
            let batch = batch(&model, &config, &tokenizer, stage);
            grounding_losses(&model, &batch, &calico_train::recipe::LossConfig::default()).unwrap()
        };
        let aside = || recompute.map(|recompute| recompute.take()).unwrap_or_default();
        let found = Gradients::of(&losses.total, parameters.trained(), aside).unwrap();
        sum.merge(&found).unwrap();
    }
    sum.clip(1.0).unwrap();
    optimizer.step(parameters.trained(), &sum, 1e-4).unwrap();
}

fn batch(
    model: &Calico,
    config: &CalicoConfig,
    tokenizer: &Tokenizer,
    stage: &StageConfig,
) -> GroundedBatch {
    let size = Size::new(SHAPE.height as u32, SHAPE.width as u32);
    let pictures = stage.batch * SHAPE.images;
    let images: Vec<ImageTensors> = (0..pictures)
        .map(|_| {
            let pixels = (0..SHAPE.height * SHAPE.width * 3).map(|i| (i * 7 % 251) as u8);
            let frame = Frame::new(size, pixels.collect()).unwrap();
            ImageTensors::new(&frame, config.input_sizes(), &Device::Cpu).unwrap()
        })
        .collect();
    let special = tokenizer.special();
    let conversation = |number: usize| {
        let own: Vec<usize> = (number * SHAPE.images..(number + 1) * SHAPE.images).collect();
        let words = (SHAPE.text_tokens - SHAPE.images) / 2;
        let mut prompt = vec![PromptId::Token(special.bos)];
        prompt.extend((0..words).map(|i| PromptId::Token(10 + i as u32)));
        for _ in 0..SHAPE.images {
            prompt.extend([PromptId::Image, PromptId::Token(special.image_end)]);
        }
        while prompt.len() < SHAPE.text_tokens + SHAPE.images {
            prompt.push(PromptId::Token(20));
        }
        let every = SHAPE.answer_tokens / SHAPE.masks;
        let answer = (0..SHAPE.answer_tokens)
            .map(|i| if i % every == every - 1 { special.seg } else { 30 + i as u32 });
        let bits: Vec<bool> = (0..SHAPE.height * SHAPE.width).map(|i| i % 320 < 99).collect();
        let mask = Rle::from_mask(&Mask::new(size, bits).unwrap());
        let masks = (0..SHAPE.masks).map(|i| MaskTarget {
            image: own[i % SHAPE.images],
            mask: mask.clone(),
            label: None,
        });
        let masks = masks.collect();
        GroundedConversation { prompt, answer: answer.collect(), ends: true, images: own, masks }
    };
    let conversations = (0..stage.batch).map(conversation).collect();
    let features = features(model, &images, stage);
    GroundedBatch { features, conversations, label_prompts: None }
}

/// A recipe of one step whose stage learns from labels, on drawn pictures.
fn of_labels(stage: &str, place: &Path) -> Recipe {
    let mut recipe = recipe(stage);
    let path = place.join("medium.toml");
    std::fs::write(&path, CONFIG).unwrap();
    recipe.model = ModelConfig { config: Some(path), from_scratch: true, ..ModelConfig::default() };
    recipe.data.folder = Some(place.join("data"));
    recipe.stages[0].steps = 1;
    recipe.stages[0].warmup = 0;
    recipe
}

#[test]
#[ignore = "runs in a process of its own"]
fn child() {
    let stage = std::env::var(STAGE).unwrap();
    if let Ok(place) = std::env::var(PLACE) {
        let place = Path::new(&place);
        let trainer = Trainer::open(of_labels(&stage, place), &place.join("run"), &()).unwrap();
        trainer.run(&mut (), &AtomicBool::new(false)).unwrap();
    } else {
        step(&recipe(&stage).stages[0]);
    }
    println!("\npeak {}", status("VmHWM:"));
}

fn measured(stage: &str, place: Option<&Path>) -> u64 {
    let mut command = Command::new(std::env::current_exe().unwrap());
    if let Some(place) = place {
        command.env(PLACE, place);
    }
    let output = command
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(STAGE, stage)
        .env("RAYON_NUM_THREADS", "2")
        // Which thread computes a batch is left to chance. If each had an arena of its own, what
        // one has freed could not serve the other, and the peak would be a matter of chance, too.
        .env("MALLOC_ARENA_MAX", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("peak "));
    let Some(line) = line else {
        panic!("{text}\n{}", String::from_utf8_lossy(&output.stderr));
    };
    line.parse().unwrap()
}

fn check(stage: &str) {
    let machine = Machine { gflops: 10.0, is_cpu: true };
    let plan = Plan::new(&recipe(stage), &config(), &SHAPE.into(), machine).unwrap();
    compare(stage, plan.peak(), measured(stage, None));
}

/// As [`check`], of a stage that learns from labels of drawn pictures.
fn check_labels(stage: &str) {
    let place = tempfile::tempdir().unwrap();
    drawn::write(&place.path().join("data"), 8);
    let machine = Machine { gflops: 10.0, is_cpu: true };
    let plan = Plan::of_recipe(&of_labels(stage, place.path()), machine).unwrap();
    compare(stage, plan.peak(), measured(stage, Some(place.path())));
}

fn compare(stage: &str, planned: u64, measured: u64) {
    let (planned, measured) = (planned as f64, measured as f64);
    let ratio = planned / measured;
    println!(
        "{stage:?}: planned {:.1} MB, measured {:.1} MB, ratio {ratio:.3}",
        planned / 1e6,
        measured / 1e6
    );
    assert!((0.8..=1.2).contains(&ratio), "{stage}: {planned} planned, {measured} measured");
}

const ADAPTERS: &str = "train = ['lora', 'cem', 'cams', 'sam.decoder']";

#[test]
fn a_step_of_adapters_takes_the_planned_memory() {
    check(&format!("{ADAPTERS}\nbatch = 2\naccumulate = 1\nlora_dropout = 0.05"));
}

#[test]
fn a_step_of_adapters_that_recomputes_takes_the_planned_memory() {
    check(&format!("{ADAPTERS}\nbatch = 2\naccumulate = 1\nrecompute = true"));
}

#[test]
fn a_step_of_everything_takes_the_planned_memory() {
    check("train = ['*']\nbatch = 2\naccumulate = 2");
}

#[test]
fn a_step_of_everything_that_recomputes_takes_the_planned_memory() {
    check("train = ['*']\nbatch = 2\naccumulate = 1\nrecompute = true");
}

#[test]
fn a_step_of_labels_takes_the_planned_memory() {
    check_labels("objective = 'labels'\ntrain = ['*']\nbatch = 8\naccumulate = 1");
}

#[test]
fn a_step_of_masks_of_labels_takes_the_planned_memory() {
    check_labels("objective = 'label_masks'\ntrain = ['sam']\nbatch = 8\naccumulate = 1");
}

#[test]
fn a_step_of_masks_of_a_frozen_encoder_takes_the_planned_memory() {
    check_labels("objective = 'label_masks'\ntrain = ['sam.decoder']\nbatch = 8\naccumulate = 2");
}
