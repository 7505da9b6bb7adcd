//! `adapter_config.json`, as the `peft` package writes and reads it.

use std::collections::BTreeSet;

use calico_language::LoraConfig;
use serde_json::{Map, Value, json};

use super::peft_name::table_of_module;
use super::{AdapterProblem, LORA_CONFIG_FILE};

/// A larger rank is a mistake; the bound of `lora.rank` in config.json.
const LARGEST_RANK: u64 = 1 << 16;
/// The bound of `lora.alpha` in config.json.
const LARGEST_ALPHA: f64 = 1e6;

/// Keys that change nothing about a trained adapter, whatever they say.
const WITHOUT_EFFECT: [&str; 13] = [
    "auto_mapping",
    "base_model_name_or_path",
    "ensure_weight_tying",
    "eva_config",
    "exclude_modules",
    "inference_mode",
    "layers_pattern",
    "lora_dropout",
    "megatron_core",
    "peft_version",
    "qalora_group_size",
    "revision",
    "runtime_config",
];

/// The projections that carry updates.
const TARGETS: [&str; 2] = ["q_proj", "v_proj"];

/// Ways to start an adapter that leave the weights under it alone.
const HARMLESS_STARTS: [&str; 3] = ["gaussian", "eva", "orthogonal"];

/// The text of the file for updates of `lora`.
///
/// Only keys that every version of the package knows are written. Dropout is a matter of
/// training, which a model does not record.
pub(super) fn text(lora: &LoraConfig) -> String {
    let whole = lora.alpha.fract() == 0.0;
    let alpha = if whole { json!(lora.alpha as u64) } else { json!(lora.alpha) };
    let config = json!({
        "base_model_name_or_path": null,
        "bias": "none",
        "fan_in_fan_out": false,
        "inference_mode": true,
        "init_lora_weights": true,
        "layers_pattern": null,
        "layers_to_transform": null,
        "lora_alpha": alpha,
        "lora_dropout": 0.0,
        "modules_to_save": null,
        "peft_type": "LORA",
        "r": lora.rank,
        "revision": null,
        "target_modules": TARGETS,
        "task_type": "CAUSAL_LM",
    });
    format!("{config:#}\n")
}

/// Rank and alpha, each where it is usable; everything else that the file asks for must be
/// something that this program does in a language model of `depth` layers.
pub(super) fn read(
    config: &Map<String, Value>,
    depth: usize,
    problems: &mut Vec<AdapterProblem>,
) -> (Option<usize>, Option<f64>) {
    let rank = config.get("r").and_then(Value::as_u64);
    let rank = rank.filter(|rank| (1..=LARGEST_RANK).contains(rank));
    let alpha = config.get("lora_alpha").and_then(Value::as_f64);
    let alpha = alpha.filter(|alpha| (0.0..=LARGEST_ALPHA).contains(alpha));
    let mut wrong = |key: &str, expected: String| {
        let found = config.get(key).map_or_else(|| "missing".into(), Value::to_string);
        problems.push(AdapterProblem::Setting {
            file: LORA_CONFIG_FILE,
            key: key.to_owned(),
            found,
            expected,
        });
    };
    if rank.is_none() {
        wrong("r", format!("a whole number from 1 to {LARGEST_RANK}"));
    }
    if alpha.is_none() {
        wrong("lora_alpha", format!("a number from 0 to {LARGEST_ALPHA}"));
    }
    for required in ["peft_type", "target_modules"] {
        if !config.contains_key(required) {
            wrong(required, expected(required));
        }
    }
    for (key, value) in config {
        let known = ["r", "lora_alpha"].contains(&key.as_str());
        if !known && !WITHOUT_EFFECT.contains(&key.as_str()) && !is_supported(key, value, depth) {
            wrong(key, expected(key));
        }
    }
    let is_rank_stabilised = config.get("use_rslora").and_then(Value::as_bool) == Some(true);
    let alpha = match (alpha, rank) {
        // alpha / sqrt(r) = (alpha sqrt(r)) / r
        (Some(alpha), Some(rank)) if is_rank_stabilised => Some(alpha * (rank as f64).sqrt()),
        _ => alpha,
    };
    (rank.map(|rank| rank as usize), alpha)
}

/// The tables of tokens of a model that are said to be trained whole beside the updates.
pub(super) fn tables(config: &Map<String, Value>) -> impl Iterator<Item = &'static str> {
    let modules = config.get("modules_to_save").and_then(Value::as_array);
    modules.into_iter().flatten().filter_map(|module| table_of_module(module.as_str()?))
}

/// Whether this program does what the key asks for. A key that it has never heard of may be
/// there as long as it is not set.
fn is_supported(key: &str, value: &Value, depth: usize) -> bool {
    let is_one_of = |words: &[&str]| value.as_str().is_some_and(|word| words.contains(&word));
    match key {
        "peft_type" => is_one_of(&["LORA"]),
        "task_type" => value.is_null() || is_one_of(&["CAUSAL_LM"]),
        "bias" => is_one_of(&["none"]),
        "use_rslora" => value.is_boolean() || value.is_null(),
        "modules_to_save" => match value.as_array() {
            Some(modules) => {
                let is_table = |module: &str| table_of_module(module).is_some();
                modules.iter().all(|module| module.as_str().is_some_and(is_table))
            }
            None => value.is_null(),
        },
        "target_modules" => value.as_array().is_some_and(|modules| {
            let targets: Option<BTreeSet<&str>> = modules.iter().map(target).collect();
            targets.is_some_and(|targets| targets.len() == TARGETS.len())
        }),
        "layers_to_transform" => match value.as_array() {
            Some(layers) => {
                // None are all of them.
                let named: BTreeSet<Option<u64>> = layers.iter().map(Value::as_u64).collect();
                layers.is_empty() || named == (0..depth as u64).map(Some).collect()
            }
            None => value.is_null(),
        },
        "init_lora_weights" => value.is_boolean() || value.is_null() || is_one_of(&HARMLESS_STARTS),
        _ => match value {
            Value::Null | Value::Bool(false) => true,
            Value::Array(values) => values.is_empty(),
            Value::Object(values) => values.is_empty(),
            _ => false,
        },
    }
}

fn expected(key: &str) -> String {
    match key {
        "peft_type" => "\"LORA\"".into(),
        "task_type" => "\"CAUSAL_LM\" or null".into(),
        "bias" => "\"none\"".into(),
        "use_rslora" => "true or false".into(),
        "modules_to_save" => "embed_tokens and lm_head at most".into(),
        "target_modules" => "a list of q_proj and v_proj, both and no others".into(),
        "layers_to_transform" => "null, or all layers of the language model".into(),
        "init_lora_weights" => "true: other starts may change the weights under the adapter".into(),
        _ => "it unset: updates of this kind are not supported".into(),
    }
}

/// The projection that a target is; it may be named with the modules that it lies in.
fn target(module: &Value) -> Option<&str> {
    let last = module.as_str()?.rsplit('.').next()?;
    TARGETS.contains(&last).then_some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> Map<String, Value> {
        let text = text(&LoraConfig { rank: 8, alpha: 16.0 });
        serde_json::from_str(&text).unwrap()
    }

    fn problems(config: &Map<String, Value>) -> Vec<String> {
        let mut problems = Vec::new();
        read(config, 2, &mut problems);
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_we_write_is_what_we_read() {
        for alpha in [16.0, 0.0, 2.5] {
            let text = text(&LoraConfig { rank: 8, alpha });
            let mut problems = Vec::new();
            let read = read(&serde_json::from_str(&text).unwrap(), 2, &mut problems);
            assert_eq!((read, problems), ((Some(8), Some(alpha)), vec![]));
        }
        assert!(text(&LoraConfig { rank: 8, alpha: 16.0 }).contains("\"lora_alpha\": 16,"));
    }

    #[test]
    fn every_setting_that_is_not_ours_is_refused() {
        for (key, value) in [
            ("peft_type", json!("LOHA")),
            ("task_type", json!("SEQ_CLS")),
            ("r", json!(0)),
            ("r", json!(1 << 17)),
            ("r", json!(-8)),
            ("r", json!(8.5)),
            ("r", json!("8")),
            ("lora_alpha", json!(-1)),
            ("lora_alpha", json!(1e7)),
            ("lora_alpha", json!(null)),
            ("target_modules", json!(["q_proj", "v_proj", "k_proj"])),
            ("target_modules", json!("all-linear")),
            ("target_modules", json!([])),
            ("target_modules", json!(["q_proj"])),
            ("layers_to_transform", json!([0])),
            ("layers_to_transform", json!(0)),
            ("target_modules", json!([1])),
            ("bias", json!("all")),
            ("fan_in_fan_out", json!(true)),
            ("use_rslora", json!("yes")),
            ("use_dora", json!(true)),
            ("lora_bias", json!(true)),
            ("rank_pattern", json!({ "v_proj": 4 })),
            ("alpha_pattern", json!({ "v_proj": 4 })),
            ("modules_to_save", json!(["lm_head", "score"])),
            ("layer_replication", json!([[0, 4]])),
            ("trainable_token_indices", json!([1])),
            ("target_parameters", json!(["experts"])),
            ("init_lora_weights", json!("pissa")),
            ("from_the_future", json!(1)),
        ] {
            let mut config = ours();
            config.insert(key.into(), value.clone());
            let problems = problems(&config);
            assert_eq!(problems.len(), 1, "{key} = {value}: {problems:?}");
            let start = format!("{LORA_CONFIG_FILE}: {key} is {value}; expected ");
            assert!(problems[0].starts_with(&start), "{problems:?}");
        }
    }

    #[test]
    fn rank_stabilised_updates_are_scaled_by_the_root_of_the_rank() {
        let mut config = ours();
        config.insert("r".into(), json!(4));
        config.insert("use_rslora".into(), json!(true));
        let (rank, alpha) = read(&config, 2, &mut Vec::new());
        assert_eq!((rank, alpha), (Some(4), Some(32.0)), "16 / sqrt(4) = 32 / 4");
    }

    #[test]
    fn all_that_is_missing_is_listed() {
        let problems = problems(&Map::new());
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert!(problems.iter().all(|problem| problem.contains("missing")), "{problems:?}");
    }

    #[test]
    fn settings_without_effect_and_unset_ones_may_be_there() {
        let mut config = ours();
        for (key, value) in [
            ("target_modules", json!(["model.layers.0.self_attn.v_proj", "q_proj"])),
            ("layers_to_transform", json!([1, 0])),
            ("modules_to_save", json!(["lm_head"])),
            ("lora_dropout", json!(0.05)),
            ("inference_mode", json!(false)),
            ("peft_version", json!("9.9")),
            ("base_model_name_or_path", json!("some/model")),
            ("init_lora_weights", json!("gaussian")),
            ("task_type", json!(null)),
            ("from_the_future", json!(null)),
            ("another", json!({})),
        ] {
            config.insert(key.into(), value);
        }
        assert_eq!(problems(&config), Vec::<String>::new());
    }
}
