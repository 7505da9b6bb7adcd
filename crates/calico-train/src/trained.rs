//! Which tensors of a model a stage trains.

use calico_nn::weights::TensorSpec;
use calico_vision::sam::PROMPT_ENCODER_BUFFERS;

use crate::lessons::{LABEL_HEADS, LABEL_PROMPTS};
use crate::recipe::{Objective, StageConfig};

/// Whether a tensor of a model learns in a stage.
///
/// Buffers, which were drawn once for all, never do: no pattern takes them.
pub fn is_trained(name: &str, stage: &StageConfig) -> bool {
    let is_buffer = PROMPT_ENCODER_BUFFERS.iter().any(|buffer| name.ends_with(buffer));
    !is_buffer && stage.trains(name)
}

/// As [`is_trained`], of all tensors of a stage: what only an objective needs learns with it, and
/// no pattern takes it.
pub(crate) fn learns(name: &str, stage: &StageConfig) -> bool {
    if name.starts_with(LABEL_HEADS) {
        return stage.objective == Objective::Labels;
    }
    if name == LABEL_PROMPTS {
        return stage.objective == Objective::LabelMasks;
    }
    is_trained(name, stage)
}

/// Patterns of a stage that fit no tensor, and stages that train nothing, one line each.
pub fn pattern_problems(stage: &StageConfig, specs: &[TensorSpec]) -> Vec<String> {
    let mut problems = Vec::new();
    for (key, patterns) in [("train", &stage.train), ("freeze", &stage.freeze)] {
        for pattern in patterns {
            if !specs.iter().any(|spec| StageConfig::fits(pattern, &spec.name)) {
                problems.push(format!(
                    "stage {:?}: `{key}` names {pattern:?}, but the model has no such tensor",
                    stage.name
                ));
            }
        }
    }
    if problems.is_empty() && !specs.iter().any(|spec| is_trained(&spec.name, stage)) {
        problems.push(format!("stage {:?}: nothing is trained", stage.name));
    }
    problems
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use calico_model::Preset;
    use calico_model::checkpoint::tensor_specs;

    use super::*;
    use crate::Recipe;

    fn stage(train: &str) -> StageConfig {
        let text = format!(
            "name = 'a'\n[model]\npreset = 'tiny'\n[[stages]]\nname = 's'\nsteps = 200\n{train}"
        );
        Recipe::parse(&text, Path::new("r.toml")).unwrap().stages.remove(0)
    }

    fn specs() -> Vec<TensorSpec> {
        tensor_specs(&Preset::Tiny.config().unwrap()).unwrap()
    }

    #[test]
    fn all_means_all_but_fixed_tables() {
        let stage = stage("train = ['*']");
        let specs = specs();
        let frozen: Vec<&str> = specs
            .iter()
            .map(|spec| spec.name.as_str())
            .filter(|name| !is_trained(name, &stage))
            .collect();
        assert_eq!(frozen, ["sam.prompt.pe_layer.positional_encoding_gaussian_matrix"]);
    }

    #[test]
    fn a_pattern_without_a_tensor_is_told() {
        let stage = stage("train = ['lora', 'sam.deco']\nfreeze = ['eva.nothing']");
        let problems = pattern_problems(&stage, &specs());
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("sam.deco") && problems[1].contains("eva.nothing"));
    }

    #[test]
    fn a_stage_that_freezes_what_it_trains_is_told() {
        let stage = stage("train = ['lora']\nfreeze = ['lora']");
        assert_eq!(pattern_problems(&stage, &specs()).len(), 1);
    }
}
