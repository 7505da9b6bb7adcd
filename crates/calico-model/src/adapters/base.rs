//! The model that adapters belong to: how it is built, and a digest of what stays frozen.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{AdapterProblem, OWN_CONFIG_FILE};
use crate::checkpoint::ModelFolder;
use crate::config::CalicoConfig;

/// Sections that play no part in what an adapter has learnt: the updates bring their own rank,
/// and the other two say where the model comes from and how its answers are read.
const LEFT_OUT: [&str; 3] = ["decode", "lora", "preset"];

/// Bytes that are read of each tensor at its start and in its middle.
const SAMPLE: usize = 2048;

/// The configuration as far as adapters depend on it.
pub(super) fn config_of(config: &CalicoConfig) -> Value {
    let mut value = serde_json::to_value(config).unwrap_or_default();
    if let Some(sections) = value.as_object_mut() {
        sections.retain(|section, _| !LEFT_OUT.contains(&section.as_str()));
    }
    value
}

/// A digest of names, shapes, types and values of the tensors that `is_frozen`, in hexadecimal.
///
/// Of each tensor it reads four kilobytes: a model of tens of gigabytes takes a moment, and a
/// model that was trained differently differs nearly everywhere.
pub(super) fn digest(model: &ModelFolder, is_frozen: impl Fn(&str) -> bool) -> String {
    let mut hash = Sha256::new();
    for name in model.checkpoint.names().filter(|name| is_frozen(name)) {
        let Some((tensor, bytes)) = model.checkpoint.stored(name).zip(model.checkpoint.bytes(name))
        else {
            continue;
        };
        hash.update(format!("{name} {:?} {:?}\n", tensor.shape, tensor.stored));
        let middle = (bytes.len() / 2).max(SAMPLE.min(bytes.len()));
        for start in [0, middle] {
            hash.update(&bytes[start..bytes.len().min(start + SAMPLE)]);
        }
    }
    format!("{:x}", hash.finalize())
}

/// Every key in which `found` differs from `expected`.
pub(super) fn differences(expected: &Value, found: &Value) -> Vec<AdapterProblem> {
    let mut problems = Vec::new();
    compare("", expected, found, &mut problems);
    problems
}

fn compare(key: &str, expected: &Value, found: &Value, problems: &mut Vec<AdapterProblem>) {
    let (Some(left), Some(right)) = (expected.as_object(), found.as_object()) else {
        if expected != found {
            problems.push(AdapterProblem::BaseConfig {
                key: key.to_owned(),
                expected: expected.to_string(),
                found: found.to_string(),
            });
        }
        return;
    };
    let below = |part: &str| if key.is_empty() { part.into() } else { format!("{key}.{part}") };
    let value = |map: &Map<String, Value>, part: &str| map.get(part).cloned().unwrap_or_default();
    for part in left.keys().chain(right.keys().filter(|part| !left.contains_key(*part))) {
        compare(&below(part), &value(left, part), &value(right, part), problems);
    }
}

/// The configuration of the adapters' model, with the defaults of keys that came later.
pub(super) fn parse(config: &Value) -> Result<Value, AdapterProblem> {
    let text = config.to_string();
    match CalicoConfig::from_json(&text, OWN_CONFIG_FILE.as_ref()) {
        Ok(config) => Ok(config_of(&config)),
        Err(error) => Err(AdapterProblem::Unreadable {
            file: OWN_CONFIG_FILE,
            reason: format!("base.config: {error}"),
        }),
    }
}
