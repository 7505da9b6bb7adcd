//! The adapters that PEFT has no layout for.

use std::collections::BTreeSet;

use calico_nn::weights::TensorSpec;
use calico_nn::weights::checkpoint::Checkpoint;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::files::{BaseCheck, check_values};
use super::{AdapterProblem, LORA, OWN_CONFIG_FILE, OWN_FILE, base};

use crate::checkpoint::ModelFolder;
use crate::config::CalicoConfig;
use crate::module_of;
use crate::trainable::is_trainable;

/// What the file says of itself.
const FORMAT: &str = "calico-adapters";
/// The form that is written.
const VERSION: u64 = 1;

/// `calico_adapters.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnConfig {
    format: String,
    version: u64,
    /// The modules that are held whole, as far as they learn.
    pub(super) modules: Vec<String>,
    base: Base,
}

/// The model that the adapters belong to.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Base {
    /// Its `config.json`, as far as it matters.
    config: Value,
    /// Digest of its other tensors.
    weights: String,
}

impl OwnConfig {
    /// For modules taken out of `model`.
    pub(super) fn of(model: &ModelFolder, modules: Vec<String>) -> Self {
        let weights = base_digest(model, &modules);
        let base = Base { config: base::config_of(&model.config), weights };
        Self { format: FORMAT.into(), version: VERSION, modules, base }
    }

    fn read(json: Map<String, Value>, problems: &mut Vec<AdapterProblem>) -> Option<Self> {
        for (key, expected) in [("format", Value::from(FORMAT)), ("version", VERSION.into())] {
            if json.get(key) != Some(&expected) {
                let found = json.get(key).map_or_else(|| "missing".into(), Value::to_string);
                let (key, expected) = (key.to_owned(), expected.to_string());
                let file = OWN_CONFIG_FILE;
                problems.push(AdapterProblem::Setting { file, key, found, expected });
                return None;
            }
        }
        let read = serde_path_to_error::deserialize(Value::Object(json));
        read.map_err(|error| {
            let reason = format!("{}: {}", error.path(), error.inner());
            problems.push(AdapterProblem::Unreadable { file: OWN_CONFIG_FILE, reason });
        })
        .ok()
    }
}

/// The own tensors of a folder, under the names that they have in a model.
#[derive(Debug)]
pub(super) struct OwnFiles {
    pub(super) modules: Vec<String>,
    pub(super) file: Checkpoint,
}

impl OwnFiles {
    /// Compares both files with the model; `None` if nothing can be made of the JSON.
    pub(super) fn check(
        json: Map<String, Value>,
        file: Checkpoint,
        (model, specs): (&ModelFolder, &[TensorSpec]),
        base_check: BaseCheck,
        problems: &mut Vec<AdapterProblem>,
    ) -> Option<Self> {
        let config = OwnConfig::read(json, problems)?;
        check_base(&config, model, base_check, problems);
        check_modules(&config.modules, specs, problems);
        let held: Vec<&TensorSpec> =
            specs.iter().filter(|spec| holds(&config.modules, &spec.name, &model.config)).collect();
        let wanted: BTreeSet<&str> = held.iter().map(|spec| spec.name.as_str()).collect();
        for name in file.names().filter(|name| !wanted.contains(name)) {
            let expected = format!("tensors of {}", config.modules.join(", "));
            let name = name.to_owned();
            problems.push(AdapterProblem::Unknown { file: OWN_FILE, name, expected });
        }
        for spec in held {
            if file.type_name(&spec.name).is_none() {
                let name = spec.name.clone();
                problems.push(AdapterProblem::Missing { file: OWN_FILE, name });
            } else {
                check_values(&file, &spec.name, Some(&spec.shape), problems);
            }
        }
        Some(Self { modules: config.modules, file })
    }
}

/// Whether the tensor `name` of a model belongs to adapters of `modules`: of modules that learn
/// by default what learns, of others everything.
pub(super) fn holds(modules: &[String], name: &str, config: &CalicoConfig) -> bool {
    let module = module_of(name);
    module != LORA
        && modules.iter().any(|held| held == module)
        && (is_trainable(name, config) || !has_frozen_part(module))
}

/// Copied queries lie among the adapters, but need not learn.
fn has_frozen_part(module: &str) -> bool {
    module == "cams"
}

/// The digest of everything that adapters of `modules` do not bring.
fn base_digest(model: &ModelFolder, modules: &[String]) -> String {
    model.weights_digest(|name| module_of(name) != LORA && !holds(modules, name, &model.config))
}

fn check_base(
    config: &OwnConfig,
    model: &ModelFolder,
    check: BaseCheck,
    problems: &mut Vec<AdapterProblem>,
) {
    let different = match base::parse(&config.base.config) {
        Ok(expected) => base::differences(&expected, &base::config_of(&model.config)),
        Err(problem) => vec![problem],
    };
    // Models that are built differently have different weights; one line says enough.
    if different.is_empty() && check == BaseCheck::Weights {
        let (expected, found) = (&config.base.weights, base_digest(model, &config.modules));
        if *expected != found {
            let expected = expected.clone();
            problems.push(AdapterProblem::BaseWeights { expected, found });
        }
    }
    problems.extend(different);
}

/// Each module is one of the model, and named once.
fn check_modules(modules: &[String], specs: &[TensorSpec], problems: &mut Vec<AdapterProblem>) {
    let known: BTreeSet<&str> = specs.iter().map(|spec| module_of(&spec.name)).collect();
    let mut seen = BTreeSet::from([LORA]);
    for module in modules {
        if !known.contains(module.as_str()) || !seen.insert(module) {
            problems.push(AdapterProblem::Setting {
                file: OWN_CONFIG_FILE,
                key: "modules".into(),
                found: modules.join(", "),
                expected: format!(
                    "modules of the model, each once; {module} is not one, is held in PEFT's \
                     layout, or comes twice"
                ),
            });
        }
    }
}
