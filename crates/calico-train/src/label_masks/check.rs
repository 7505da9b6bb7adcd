//! What of a model can learn from masks of labels.

use calico_nn::weights::TensorSpec;

use crate::features::Tower;
use crate::recipe::StageConfig;
use crate::trained::is_trained;

/// Patterns of a stage that take no tensor which masks of labels can teach, one line each.
pub(crate) fn label_mask_problems(stage: &StageConfig, specs: &[TensorSpec]) -> Vec<String> {
    let is_idle = |pattern: &&String| {
        let mut taken = specs.iter().filter(|spec| StageConfig::fits(pattern, &spec.name));
        // A pattern that takes nothing at all is another problem.
        taken.clone().next().is_some() && !taken.any(|spec| can_learn(&spec.name))
    };
    let told = |pattern: &String| {
        format!(
            "stage {:?}: `train` names {pattern:?}, to which masks of labels teach nothing; \
             expected sam.encoder, sam.decoder or parts of them",
            stage.name
        )
    };
    let mut problems: Vec<String> = stage.train.iter().filter(is_idle).map(told).collect();
    let learns = |spec: &TensorSpec| is_trained(&spec.name, stage) && can_learn(&spec.name);
    if problems.is_empty() && !specs.iter().any(learns) {
        problems
            .push(format!("stage {:?}: masks of labels teach nothing that is trained", stage.name));
    }
    problems
}

/// Whether the losses depend on a tensor of a model.
pub(super) fn can_learn(name: &str) -> bool {
    Tower::Sam.holds(name)
        || ["sam.decoder.", "sam.prompt.no_mask_embed."].iter().any(|p| name.starts_with(p))
}
