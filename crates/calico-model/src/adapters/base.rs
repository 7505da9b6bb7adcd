//! The model that adapters belong to: how it is built.

use serde_json::{Map, Value};

use super::{AdapterProblem, OWN_CONFIG_FILE};
use crate::config::CalicoConfig;

/// Sections that play no part in what an adapter has learnt: the updates bring their own rank,
/// and the other two say where the model comes from and how its answers are read.
const LEFT_OUT: [&str; 3] = ["decode", "lora", "preset"];

/// The configuration as far as adapters depend on it.
pub(super) fn config_of(config: &CalicoConfig) -> Value {
    let mut value = serde_json::to_value(config).unwrap_or_default();
    if let Some(sections) = value.as_object_mut() {
        sections.retain(|section, _| !LEFT_OUT.contains(&section.as_str()));
    }
    value
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
