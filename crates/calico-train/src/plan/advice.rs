//! What would make a training fit.

use super::text::gigabytes;
use super::{Plan, StagePlan};
use crate::TrainError;
use crate::recipe::{Compute, Recipe};

/// A change of a recipe.
struct Change {
    kind: Kind,
    /// What the reader does.
    what: &'static str,
    make: fn(&mut Recipe),
}

/// What a change is about.
enum Kind {
    Schedule,
    Arithmetic,
}

/// From the cheapest to the dearest.
const CHANGES: [Change; 4] = [
    Change {
        kind: Kind::Schedule,
        what: "`together = 1`, which leaves cores idle where the model is small",
        make: |recipe| recipe.stages.iter_mut().for_each(|stage| stage.together = 1),
    },
    Change {
        kind: Kind::Schedule,
        what: "`recompute = true`, which costs one more forward pass of the language model",
        make: |recipe| recipe.stages.iter_mut().for_each(|stage| stage.recompute = true),
    },
    Change {
        kind: Kind::Schedule,
        what: "`batch = 1`, with `accumulate` multiplied by what `batch` was",
        make: |recipe| {
            for stage in &mut recipe.stages {
                stage.accumulate = stage.accumulate.saturating_mul(stage.batch);
                stage.batch = 1;
            }
        },
    },
    Change {
        kind: Kind::Arithmetic,
        what: "`compute = \"bf16\"` in `[model]`",
        make: |recipe| recipe.model.compute = Compute::Bf16,
    },
];

/// Why a plan does not fit, and which changes, alone and together, help.
pub(super) fn refusal(plan: &Plan, available: u64) -> Result<String, TrainError> {
    let peak = plan.peak();
    let tight = |stage: &&StagePlan| stage.memory.peak() > available;
    let names: Vec<String> =
        plan.stages.iter().filter(tight).map(|stage| format!("{:?}", stage.name)).collect();
    let mut lines = vec![format!(
        "this training takes {} GB of memory, but {} GB are free; too large: {}",
        gigabytes(peak),
        gigabytes(available),
        names.join(", ")
    )];
    let planned = |recipe: &Recipe| {
        Plan::new(recipe, &plan.config, &plan.samples, plan.machine).map(|plan| plan.peak())
    };
    let mut together = plan.recipe.clone();
    let mut helpful = Vec::new();
    for change in CHANGES {
        // Processors have no matrix products of narrow values worth the name.
        if plan.machine.is_cpu && matches!(change.kind, Kind::Arithmetic) {
            continue;
        }
        let mut recipe = plan.recipe.clone();
        (change.make)(&mut recipe);
        let new = planned(&recipe)?;
        if new >= peak {
            continue;
        }
        (change.make)(&mut together);
        let end = if new <= available { "that fits" } else { "not enough alone" };
        helpful.push(format!(
            "{}: {} GB less, {} GB in all, {end}",
            change.what,
            gigabytes(peak - new),
            gigabytes(new)
        ));
    }
    let several = helpful.len() > 1;
    lines.extend(helpful);
    if together == plan.recipe {
        lines.push("no change of the recipe helps: a machine with more memory is needed".into());
    } else if several {
        let new = planned(&together)?;
        let end = if new <= available {
            "that fits"
        } else {
            "still too much: a machine with more memory, or a smaller model, is needed"
        };
        lines.push(format!("all of these together: {} GB, {end}", gigabytes(new)));
    }
    Ok(lines.join("\n  "))
}
