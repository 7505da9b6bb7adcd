use std::path::Path;

use calico_model::Preset;
use calico_model::budget::{Request, flops};

use super::*;
use crate::recipe::{HiddenMatrices, Recipe};

const CPU: Machine = Machine { gflops: 10.0, is_cpu: true };
const ADAPTERS: &str = "['lora', 'cem', 'cams', 'sam.decoder']";

fn recipe(stage: &str) -> Recipe {
    let text = format!(
        "name = 'a'\n[model]\npreset = 'tiny'\n[[stages]]\nname = 's'\nsteps = 200\n{stage}"
    );
    Recipe::parse(&text, Path::new("recipe.toml")).unwrap()
}

fn planned(preset: Preset, stage: &str) -> Plan {
    let config = preset.config().unwrap();
    Plan::new(&recipe(stage), &config, &Samples::default(), CPU).unwrap()
}

fn stage(stage: &str) -> StagePlan {
    planned(Preset::Tiny, stage).stages.remove(0)
}

fn is_close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * b.abs()
}

fn module<'a>(plan: &'a StagePlan, prefix: &str) -> &'a ModulePlan {
    plan.modules.iter().find(|module| module.prefix == prefix).unwrap()
}

#[test]
fn the_adapters_of_the_full_model_are_the_published_values() {
    let plan = planned(Preset::Full, &format!("train = {ADAPTERS}"));
    let stage = &plan.stages[0];
    assert_eq!(stage.trained_values, 29_141_220);
    // E.4: master weights and two moments 350 MB, gradients 117 MB.
    let memory = stage.memory;
    assert_eq!((memory.trained + memory.moments) / 1_000_000, 349);
    assert_eq!(memory.gradients / 1_000_000, 116);
    assert!(plan.to_text().contains("\n29,141,220 trainable values\n"), "{}", plan.to_text());
}

#[test]
fn a_pattern_that_is_in_no_name_is_told_with_its_stage() {
    let config = Preset::Tiny.config().unwrap();
    let recipe = recipe("train = ['lora', 'loro', 'sam.decode']\nfreeze = ['nothing']");
    let error = Plan::new(&recipe, &config, &Samples::default(), CPU).unwrap_err();
    let TrainError::Mismatch { problems } = error else { panic!("{error}") };
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(problems[0].contains("loro") && problems[2].contains("nothing"), "{problems:?}");
}

#[test]
fn all_that_can_learn_leaves_buffers_alone() {
    let all = stage("train = ['*']");
    let specs = calico_model::budget::modules(&Preset::Tiny.config().unwrap(), Request::default());
    let parameters: u64 = specs.unwrap().iter().map(|module| module.parameters).sum();
    assert_eq!(all.trained_values, parameters);
}

#[test]
fn frozen_encoders_below_everything_that_learns_keep_nothing() {
    let adapters = stage(&format!("train = {ADAPTERS}"));
    for prefix in ["eva.", "ln_vision.", "dino.", "sam.encoder."] {
        let module = module(&adapters, prefix);
        assert_eq!(module.activations, 0, "{prefix}");
        assert_eq!(module.flops > 0.0, prefix != "ln_vision.", "{prefix}");
    }
    // Gradients pass through frozen ones above.
    for prefix in ["llm.", "qformer.", "lora.", "cem.", "cams.", "sam.decoder.", "losses"] {
        assert!(module(&adapters, prefix).activations > 0, "{prefix}");
    }
    let all = stage("train = ['*']");
    for prefix in ["eva.", "dino.", "sam.encoder."] {
        assert!(module(&all, prefix).activations > 0, "{prefix}");
    }
}

#[test]
fn more_samples_need_more_and_what_is_frozen_or_recomputed_needs_less() {
    let peak = |text: &str| stage(text).memory.peak();
    let [one, two, four] = [1, 2, 4].map(|batch| peak(&format!("train = ['*']\nbatch = {batch}")));
    assert!(one < two && two < four, "{one} {two} {four}");
    let whole = peak("train = ['*']");
    assert!(peak("train = ['*']\nrecompute = true") < whole);
    let without = peak("train = ['*']\nfreeze = ['eva', 'dino', 'sam.encoder']");
    assert!(without < whole);
    assert!(peak(&format!("train = {ADAPTERS}")) < without);
    assert!(peak("train = ['*']\naccumulate = 1") < whole);
}

#[test]
fn batches_at_once_are_in_memory_at_once() {
    let of = |together: usize| {
        stage(&format!("train = {ADAPTERS}\naccumulate = 4\ntogether = {together}"))
    };
    let [one, two, four] = [1, 2, 4].map(of);
    for (several, count) in [(&two, 2), (&four, 4)] {
        assert_eq!(several.memory.activations, count * one.memory.activations);
        assert_eq!(several.memory.gradients, count * one.memory.gradients);
        let kept: u64 = several.modules.iter().map(|module| module.activations).sum();
        assert_eq!(kept, several.memory.activations);
        assert!(is_close(several.forward, one.forward));
    }
    assert!(one.memory.peak() < two.memory.peak() && two.memory.peak() < four.memory.peak());
    // Pictures of two batches wait, of three, of five.
    let ahead = [&one, &two, &four].map(|stage| stage.memory.ahead);
    assert_eq!([2 * ahead[1], 2 * ahead[2]], [3 * ahead[0], 5 * ahead[0]]);
    // A step that is one group of batches has none before it.
    assert_eq!(two.memory.accumulated, one.memory.gradients);
    assert_eq!(four.memory.accumulated, 0);
}

#[test]
fn the_forward_pass_takes_the_arithmetic_of_a_request() {
    let config = Preset::Full.config().unwrap();
    let request = Request { images: 2, text_tokens: 200, answer_tokens: 120, masks: 8 };
    let wanted = flops(&config, request);
    let plan = planned(Preset::Full, "train = ['sam.decoder']\nbatch = 1\naccumulate = 1");
    let stage = &plan.stages[0];
    for prefix in
        ["eva.", "dino.", "cem.", "qformer.", "f_image.", "lora.", "seg_proj.", "sam.encoder."]
    {
        let (got, wanted) = (module(stage, prefix).flops, wanted.of(prefix));
        assert!((got / wanted - 1.0).abs() < 1e-5, "{prefix}: {got} for {wanted}");
    }
    // All positions at once, and the head at the positions of the answer and of `</s>`.
    let all = Request { text_tokens: 320, answer_tokens: 0, ..request };
    let all = flops(&config, all);
    let (got, wanted) = (module(stage, "llm.").flops, all.prefill + 121.0 * all.head);
    assert!((got / wanted - 1.0).abs() < 1e-6, "llm: {got} for {wanted}");
}

#[test]
fn the_backward_pass_costs_two_forward_passes_where_all_learns_and_one_where_gradients_pass() {
    let of = |text: &str, prefix: &str| {
        let text = format!("train = {text}\nbatch = 1\naccumulate = 1");
        module(&stage(&text), prefix).flops
    };
    // Below everything that learns there is no backward pass: the forward pass alone.
    let forward = of("['sam.decoder']", "f_image.");
    assert!(forward > 0.0);
    assert!(is_close(of("['query_tokens']", "f_image."), 2.0 * forward));
    assert!(is_close(of("['f_image']", "f_image."), 2.0 * forward));
    assert!(is_close(of("['query_tokens', 'f_image']", "f_image."), 3.0 * forward));
    // Each batch counts.
    let twice = stage("train = ['sam.decoder']\nbatch = 1\naccumulate = 2");
    assert!(is_close(module(&twice, "f_image.").flops, 2.0 * forward));
}

#[test]
fn recomputation_is_one_more_forward_pass_of_the_layers() {
    let plan = stage(&format!("train = {ADAPTERS}\nrecompute = true"));
    let without = stage(&format!("train = {ADAPTERS}"));
    assert!(is_close(without.recomputed, 0.0));
    assert_eq!((plan.forward, plan.backward), (without.forward, without.backward));
    assert!(plan.recomputed > 0.0 && plan.recomputed < plan.forward);
    let more = module(&plan, "llm.").flops + module(&plan, "lora.").flops;
    let less = module(&without, "llm.").flops + module(&without, "lora.").flops;
    assert!(((more - less) / plan.recomputed - 1.0).abs() < 1e-9);
    let kept = |plan: &StagePlan| module(plan, "llm.").activations;
    assert!(3 * kept(&plan) < kept(&without), "{} {}", kept(&plan), kept(&without));
}

#[test]
fn features_on_disk_are_computed_once_per_picture() {
    let config = Preset::Full.config().unwrap();
    let mut recipe = recipe(&format!("train = {ADAPTERS}"));
    let samples = Samples { pictures: Some(100), ..Samples::default() };
    let without = Plan::new(&recipe, &config, &samples, CPU).unwrap();
    recipe.features = Some(crate::recipe::FeaturesConfig {
        folder: "features".into(),
        stored: StoredFeatures::Bf16,
    });
    let with = Plan::new(&recipe, &config, &samples, CPU).unwrap();
    // H.3, kept per image: X 0.7 MB, DINO tokens 0.8 MB at 1536 x 256, SAM 2.1 MB.
    let bytes = 2 * (257 * 1408 + 256 * 1536 + 256 * 4096);
    assert_eq!((with.features_per_picture, with.features), (Some(bytes), Some(100 * bytes)));
    let (with, without) = (&with.stages[0], &without.stages[0]);
    let one = flops(&config, Request::default());
    let encoders = one.eva + one.dino + one.sam_encoder;
    assert!((with.once / (100.0 * encoders) - 1.0).abs() < 1e-6);
    let per_step = (without.forward - with.forward) / (20.0 * 2.0 * encoders);
    assert!((per_step - 1.0).abs() < 1e-6, "{per_step}");
    assert!(with.secs < without.secs);
}

#[test]
fn the_rows_of_modules_add_up_to_the_stage() {
    for text in [format!("train = {ADAPTERS}"), "train = ['*']\nrecompute = true".to_owned()] {
        let plan = stage(&text);
        let flops: f64 = plan.modules.iter().map(|module| module.flops).sum();
        let wanted = plan.forward + plan.backward + plan.recomputed;
        assert!((flops / wanted - 1.0).abs() < 1e-9, "{flops} {wanted}");
        let kept: u64 = plan.modules.iter().map(|module| module.activations).sum();
        assert_eq!(kept, plan.memory.activations);
        let weights: u64 = plan.modules.iter().map(|module| module.weights).sum();
        assert_eq!(weights, plan.memory.frozen + plan.memory.trained, "{text}");
    }
}

#[test]
fn muon_takes_arithmetic_for_each_hidden_matrix_that_learns() {
    let config = Preset::Tiny.config().unwrap();
    let of = |train: &str, hidden: HiddenMatrices| {
        let mut recipe = recipe(train);
        recipe.optimizer.hidden_matrices = hidden;
        Plan::new(&recipe, &config, &Samples::default(), CPU).unwrap()
    };
    // One layer of two matrices, with three products each in five rounds.
    let train = "train = ['eva.blocks.0.mlp']";
    let (adamw, muon) = (of(train, HiddenMatrices::Adamw), of(train, HiddenMatrices::Muon));
    let (width, inner) = (config.eva.width as f64, config.eva.mlp_hidden as f64);
    let (short, long) = (width.min(inner), width.max(inner));
    let wanted = 2.0 * 5.0 * (4.0 * short * short * long + 2.0 * short.powi(3));
    let (adamw_stage, stage) = (&adamw.stages[0], &muon.stages[0]);
    assert!(is_close(adamw_stage.muon, 0.0) && is_close(stage.muon, wanted), "{}", stage.muon);
    assert!(is_close(stage.secs_per_step - wanted / 10e9, adamw_stage.secs_per_step));
    let more = module(stage, "eva.").flops - module(adamw_stage, "eva.").flops;
    assert!((more / wanted - 1.0).abs() < 1e-6, "{more}");
    assert!(muon.to_text().contains("Muon") && !adamw.to_text().contains("Muon"));
    let flops: f64 = stage.modules.iter().map(|module| module.flops).sum();
    let sum = stage.forward + stage.backward + stage.recomputed + stage.muon;
    assert!((flops / sum - 1.0).abs() < 1e-9, "{flops} {sum}");
    // Tables and norms are none.
    let tables = of("train = ['llm.model.embed_tokens', 'ln_vision']", HiddenMatrices::Muon);
    assert!(is_close(tables.stages[0].muon, 0.0));
}

#[test]
fn pictures_wait_as_pixels_or_features_or_both() {
    let config = Preset::Tiny.config().unwrap();
    let ahead = |keys: &str, stored: Option<StoredFeatures>| {
        let mut recipe = recipe(&format!("{keys}\nbatch = 1"));
        let folder = "features".into();
        recipe.features = stored.map(|stored| crate::recipe::FeaturesConfig { folder, stored });
        let plan = Plan::new(&recipe, &config, &Samples::default(), CPU).unwrap();
        plan.stages[0].memory.ahead
    };
    let features = |towers: &[Tower], stored| feature_bytes(towers, &config, stored);
    let (narrow, wide) = (Some(StoredFeatures::Bf16), Some(StoredFeatures::F32));
    let grounding = format!("train = {ADAPTERS}");
    // Two batches of one sample with two pictures.
    let pixels = ahead(&grounding, None) / 4;
    let all = features(&Tower::of(&config), StoredFeatures::F32);
    assert_eq!(ahead(&grounding, wide), 4 * pixels.max(all));
    let half = features(&Tower::of(&config), StoredFeatures::Bf16);
    assert_eq!((ahead(&grounding, narrow), all), (4 * pixels.max(half), 2 * half));
    // SAM's encoder learns, and what the others say is read.
    let rest = features(&[Tower::Eva, Tower::Dino], StoredFeatures::Bf16);
    assert_eq!(ahead("train = ['sam', 'lora']", narrow), 4 * (pixels + rest));
    assert_eq!(ahead("train = ['*']", narrow), 4 * pixels);
    // Single pictures, of which only SAM is asked, or which are always decoded.
    let sam = features(&[Tower::Sam], StoredFeatures::F32);
    let masks = "objective = 'label_masks'\ntrain = ['sam.decoder']";
    assert_eq!(ahead(masks, wide), 2 * pixels.max(sam));
    assert_eq!(ahead("objective = 'labels'\ntrain = ['eva']", wide), 2 * pixels);
}

#[test]
fn time_is_arithmetic_over_the_rate_of_the_machine() {
    let config = Preset::Tiny.config().unwrap();
    let recipe = recipe("train = ['*']");
    let plan = |gflops| {
        let machine = Machine { gflops, ..CPU };
        Plan::new(&recipe, &config, &Samples::default(), machine).unwrap()
    };
    let plan_10 = plan(10.0);
    let stage = &plan_10.stages[0];
    let wanted = (stage.forward + stage.backward + stage.recomputed) / 10e9;
    assert!((stage.secs_per_step / wanted - 1.0).abs() < 1e-12);
    assert!((plan_10.secs() / (200.0 * wanted) - 1.0).abs() < 1e-12);
    assert!((plan(20.0).secs() * 2.0 / plan_10.secs() - 1.0).abs() < 1e-12);
}

#[test]
fn what_does_not_fit_is_refused_with_what_helps_and_by_how_much() {
    let plan = planned(Preset::Full, &format!("train = {ADAPTERS}\nbatch = 4"));
    assert!(plan.check(None).is_ok() && plan.check(Some(plan.peak())).is_ok());
    let text = plan.check(Some(plan.peak() - 1)).unwrap_err().to_string();
    for part in ["\"s\"", "`recompute = true`", "`batch = 1`", "that fits", "GB less"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let text = plan.check(Some(1 << 30)).unwrap_err().to_string();
    assert!(text.contains("all of these together") && text.contains("still too much"), "{text}");
    // Nothing that is done already is advised again.
    let small = "train = ['sam.decoder']\nbatch = 1\nrecompute = true";
    let text = planned(Preset::Tiny, small).check(Some(1)).unwrap_err().to_string();
    assert!(!text.contains("recompute") && !text.contains("`batch"), "{text}");
}

#[test]
fn narrow_arithmetic_holds_frozen_weights_in_half_the_memory() {
    let gpu = Machine { gflops: 1e5, is_cpu: false };
    let config = Preset::Full.config().unwrap();
    let recipe = recipe(&format!("train = {ADAPTERS}"));
    let plan = Plan::new(&recipe, &config, &Samples::default(), gpu).unwrap();
    let memory = plan.stages[0].memory;
    // H.1: 9,653,172,912 values, 19.31 GB in bf16; buffers besides.
    assert_eq!(memory.frozen, 2 * (9_653_172_912 - 29_141_220 + 256));
    assert_eq!(memory.trained, 4 * 29_141_220);
}

#[test]
fn the_plan_of_every_module_is_told_in_text_and_json() {
    let plan = planned(Preset::Tiny, &format!("train = {ADAPTERS}"));
    let text = plan.to_text();
    for line in ["EVA-CLIP", "LoRA", "losses", "total", "memory in all", "time"] {
        assert!(text.contains(line), "{line} in {text}");
    }
    let json = serde_json::to_value(&plan).unwrap();
    assert_eq!(json["stages"][0]["trained_values"], plan.stages[0].trained_values);
    assert_eq!(json["stages"][0]["memory"]["frozen"], plan.stages[0].memory.frozen);
}

#[test]
fn labels_run_the_encoders_that_learn_and_nothing_else() {
    let text = "objective = 'labels'\ntrain = ['eva', 'ln_vision', 'dino', 'sam.encoder']";
    let plan = stage(text);
    assert!(is_close(module(&plan, "llm.").flops, 0.0));
    for prefix in ["eva.", "dino.", "sam.encoder."] {
        assert!(module(&plan, prefix).flops > 0.0 && module(&plan, prefix).activations > 0);
    }
    // Beside the encoders, linear layers from each to 150 objects and 350 parts learn.
    let heads = 500 * (64 + 1 + 48 + 1 + 32 + 1);
    assert_eq!(plan.memory.trained, 4 * (plan.trained_values + heads));
    assert_eq!(plan.checkpoint, 3 * plan.memory.trained);
}

#[test]
fn masks_of_labels_run_sam_alone() {
    let plan =
        stage("objective = 'label_masks'\ntrain = ['sam.encoder', 'sam.decoder']\nbatch = 2");
    for prefix in ["eva.", "dino.", "llm.", "seg_proj."] {
        assert!(is_close(module(&plan, prefix).flops, 0.0), "{prefix}");
    }
    for prefix in ["sam.encoder.", "sam.decoder.", "losses"] {
        assert!(module(&plan, prefix).activations > 0, "{prefix}");
    }
    // Beside them, a prompt of 32 numbers for each of 1,000 labels learns.
    assert_eq!(plan.memory.trained, 4 * (plan.trained_values + 1000 * 32));
    assert_eq!(plan.checkpoint, 3 * plan.memory.trained);
}

#[test]
fn a_step_at_true_width_and_two_blocks_each_fits_into_16_gb() {
    let text = include_str!("../../../../tools/bench/true_width.toml");
    let config = CalicoConfig::from_toml(text, Path::new("true_width.toml")).unwrap();
    let recipe = recipe(&format!("train = {ADAPTERS}\nbatch = 1"));
    let plan = Plan::new(&recipe, &config, &Samples::default(), CPU).unwrap();
    assert!((5_000_000_000..16_000_000_000).contains(&plan.peak()), "{}", plan.to_text());
}
