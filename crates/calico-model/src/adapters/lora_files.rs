//! Low-rank updates in PEFT's layout.

use std::collections::{BTreeMap, BTreeSet};

use calico_language::LoraConfig;
use calico_nn::weights::TensorSpec;
use calico_nn::weights::checkpoint::Checkpoint;
use serde_json::{Map, Value};

use super::files::check_values;
use super::peft_name::{PeftName, is_table, table};
use super::{AdapterProblem, LORA, LORA_CONFIG_FILE, LORA_FILE, peft_config};
use crate::checkpoint::tensor_specs;
use crate::config::CalicoConfig;

/// The low-rank updates of a folder, and the tables of tokens that were saved with them.
#[derive(Debug)]
pub(super) struct LoraFiles {
    pub(super) config: LoraConfig,
    pub(super) file: Checkpoint,
    /// Name in a model to name in the file.
    pub(super) names: BTreeMap<String, String>,
}

impl LoraFiles {
    /// Compares both files with the model; `None` if they have no usable rank and alpha.
    pub(super) fn check(
        config: &Map<String, Value>,
        file: Checkpoint,
        model: &CalicoConfig,
        problems: &mut Vec<AdapterProblem>,
    ) -> Result<Option<Self>, candle_core::Error> {
        let (rank, alpha) = peft_config::read(config, model.llm.depth, problems);
        // Without a rank, names can still be compared.
        let lora = LoraConfig { rank: rank.unwrap_or(1), alpha: alpha.unwrap_or(0.0) };
        let specs = tensor_specs(&CalicoConfig { lora: Some(lora.clone()), ..model.clone() })?;
        let prefix = format!("{LORA}.");
        let specs: BTreeMap<&str, &TensorSpec> = specs
            .iter()
            .filter(|spec| spec.name.starts_with(&prefix) || is_table(&spec.name))
            .map(|spec| (spec.name.as_str(), spec))
            .collect();
        let names = names(&file, &specs, problems);
        missing(&specs, &names, problems);
        for table in peft_config::tables(config).filter(|&table| !names.contains_key(table)) {
            let name = format!("{table}, which modules_to_save of {LORA_CONFIG_FILE} names");
            problems.push(AdapterProblem::Missing { file: LORA_FILE, name });
        }
        for (name, in_file) in &names {
            let expected = specs.get(name.as_str()).filter(|_| rank.is_some());
            check_values(&file, in_file, expected.map(|spec| spec.shape.as_slice()), problems);
        }
        Ok(rank.and(alpha).map(|_| Self { config: lora, file, names }))
    }
}

/// Finds the place of every tensor of the file.
fn names(
    file: &Checkpoint,
    specs: &BTreeMap<&str, &TensorSpec>,
    problems: &mut Vec<AdapterProblem>,
) -> BTreeMap<String, String> {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut adapters = BTreeSet::new();
    for in_file in file.names() {
        let parsed = match table(in_file) {
            Some(table) => Some(PeftName { canonical: table.to_owned(), adapter: None }),
            None => PeftName::parse(in_file),
        };
        let Some(parsed) = parsed.filter(|name| specs.contains_key(name.canonical.as_str())) else {
            problems.push(AdapterProblem::Unknown {
                file: LORA_FILE,
                name: in_file.to_owned(),
                expected: format!(
                    "lora_A and lora_B of q_proj and v_proj of {} layers, or the weights of \
                     embed_tokens and lm_head",
                    specs.keys().filter(|name| !is_table(name)).count() / 4
                ),
            });
            continue;
        };
        adapters.extend(parsed.adapter);
        if let Some(first) = names.insert(parsed.canonical, in_file.to_owned()) {
            problems.push(AdapterProblem::Twice { first, second: in_file.to_owned() });
        }
    }
    if adapters.len() > 1 {
        problems.push(AdapterProblem::Several(adapters.into_iter().collect()));
    }
    names
}

/// Every place of an update needs its tensor; tables of tokens stay where none are brought.
fn missing(
    specs: &BTreeMap<&str, &TensorSpec>,
    names: &BTreeMap<String, String>,
    problems: &mut Vec<AdapterProblem>,
) {
    let places = specs.keys().filter(|&&name| !is_table(name));
    for &name in places.filter(|&&name| !names.contains_key(name)) {
        let missing = PeftName::of(name).unwrap_or_default();
        let other = match name.strip_suffix(".a") {
            Some(update) => format!("{update}.b"),
            None => name.trim_end_matches(".b").to_owned() + ".a",
        };
        problems.push(match names.get(&other) {
            Some(present) => AdapterProblem::MissingHalf { present: present.clone(), missing },
            None => AdapterProblem::Missing { file: LORA_FILE, name: missing },
        });
    }
}
