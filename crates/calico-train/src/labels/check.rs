//! What of a model can learn from labels of patches.

use calico_model::CalicoConfig;
use calico_model::checkpoint::tensor_specs;
use calico_nn::weights::TensorSpec;
use calico_vision::dinov2::Facet;

use crate::features::Tower;
use crate::recipe::StageConfig;
use crate::trained::is_trained;

/// Patterns of a stage that take no tensor which labels can teach, and a stage without any that
/// they can, one line each.
pub(crate) fn label_problems(
    stage: &StageConfig,
    config: &CalicoConfig,
    specs: &[TensorSpec],
) -> Vec<String> {
    let mut problems = Vec::new();
    for pattern in &stage.train {
        let mut taken = specs.iter().filter(|spec| StageConfig::fits(pattern, &spec.name));
        // A pattern that takes nothing at all is another problem.
        let takes_any = taken.clone().next().is_some();
        if takes_any && !taken.any(|spec| can_learn(config, &spec.name)) {
            problems.push(format!(
                "stage {:?}: `train` names {pattern:?}, to which labels teach nothing; expected \
                 parts of eva, ln_vision, dino or sam.encoder that the model uses",
                stage.name
            ));
        }
    }
    let learns = |spec: &TensorSpec| is_trained(&spec.name, stage) && can_learn(config, &spec.name);
    if problems.is_empty() && !specs.iter().any(learns) {
        problems.push(format!("stage {:?}: labels teach nothing that is trained", stage.name));
    }
    problems
}

/// The encoders of which anything learns in a stage.
pub(super) fn learning_towers(
    stage: &StageConfig,
    config: &CalicoConfig,
) -> candle_core::Result<Vec<Tower>> {
    let specs = tensor_specs(config)?;
    let names = specs.iter().map(|spec| spec.name.as_str());
    let learning = names.filter(|name| is_trained(name, stage) && can_learn(config, name));
    Ok(Tower::trained(config, learning))
}

/// Whether the loss of labels depends on a tensor.
pub(super) fn can_learn(config: &CalicoConfig, name: &str) -> bool {
    let towers = Tower::of(config);
    towers.iter().any(|tower| tower.holds(name))
        && name.strip_prefix("dino.").is_none_or(|name| dino_learns(config, name))
}

/// DINOv2's files hold more than a model that reads one of its blocks uses.
fn dino_learns(config: &CalicoConfig, name: &str) -> bool {
    let dino = &config.dino;
    let is_key = dino.facet == Facet::Key;
    match name.split_once('.') {
        None => name != "mask_token",
        Some(("norm", _)) => dino.final_norm && !is_key,
        Some(("blocks", rest)) => {
            let (block, rest) = rest.split_once('.').unwrap_or((rest, ""));
            let read = if dino.layer < 0 { dino.layer + dino.depth as i64 } else { dino.layer };
            match block.parse::<i64>() {
                Ok(block) if block == read && is_key => {
                    // Of the last block, its keys alone are read.
                    rest.starts_with("norm1.") || rest.starts_with("attn.qkv.")
                }
                Ok(block) => block <= read,
                Err(_) => true,
            }
        }
        Some(_) => true,
    }
}
