//! What in a recipe contradicts itself, as far as it can be told without model and data.

use super::{Objective, OutputKind, Recipe, StageConfig};

/// The most samples in one batch, and batches in one step.
const MOST_AT_ONCE: usize = 1 << 16;

/// The most batches that are computed at once: each takes threads of its own.
const MOST_TOGETHER: usize = 256;

/// The most optimiser steps of a stage.
const MOST_STEPS: u64 = 1_000_000_000;

/// The most checkpoints that are kept.
const MOST_KEPT: usize = 1000;

/// All problems, one line each.
pub(super) fn problems(recipe: &Recipe) -> Vec<String> {
    let mut problems = Vec::new();
    let mut check = |holds: bool, problem: &str| {
        if !holds {
            problems.push(problem.to_owned());
        }
    };
    let model = &recipe.model;
    check(
        model.folder.is_some() || model.preset.is_some() || model.config.is_some(),
        "model: expected a `folder`, a `preset` or a `config`",
    );
    check(
        model.preset.is_none() || model.config.is_none(),
        "model: `preset` and `config` are both given; expected one of them",
    );
    check(
        model.keep.is_empty() || recipe.output.kind == OutputKind::Model,
        "output: adapters belong to a whole model, but `keep` draws some of its tensors; set \
         `kind = \"model\"`",
    );
    let loss = recipe.loss;
    let weights = [
        ("text", loss.text),
        ("mask", loss.mask),
        ("dice", loss.dice),
        ("iou", loss.iou),
        ("label_prompt", loss.label_prompt),
    ];
    for (name, weight) in weights {
        let sound = weight.is_finite() && weight >= 0.0;
        check(sound, &format!("loss.{name}: found {weight}, expected a number from 0"));
    }
    check(
        loss.text + loss.mask + loss.dice > 0.0,
        "loss: all weights are 0, so nothing would be learnt",
    );
    check(
        loss.focal_gamma.is_finite() && loss.focal_gamma >= 0.0 && loss.focal_alpha <= 1.0,
        "loss: expected focal_gamma from 0 and focal_alpha up to 1",
    );
    let optimizer = recipe.optimizer;
    check(
        optimizer.betas.iter().all(|beta| (0.0..1.0).contains(beta)),
        "optimizer.betas: expected two numbers from 0 to below 1",
    );
    check(optimizer.eps.is_finite() && optimizer.eps > 0.0, "optimizer.eps: expected more than 0");
    for (name, value) in
        [("weight_decay", optimizer.weight_decay), ("clip_norm", optimizer.clip_norm)]
    {
        let sound = value.is_finite() && value >= 0.0;
        check(sound, &format!("optimizer.{name}: found {value}, expected a number from 0"));
    }
    check(recipe.guard.explosion > 1.0, "guard.explosion: expected more than 1");
    check(recipe.checkpoint.every > 0, "checkpoint.every: expected at least 1");
    let keep = recipe.checkpoint.keep;
    check((1..=MOST_KEPT).contains(&keep), "checkpoint.keep: expected 1 to 1000");
    check(i64::try_from(recipe.seed).is_ok(), "seed: expected at most 9223372036854775807");
    if let Some(validation) = &recipe.validation {
        check(validation.every > 0, "validation.every: expected at least 1");
        check(validation.pairs > 0, "validation.pairs: expected at least 1");
        check(validation.max_new_tokens > 0, "validation.max_new_tokens: expected at least 1");
    }
    check(!recipe.stages.is_empty(), "stages: expected at least one `[[stages]]`");
    for (number, stage) in recipe.stages.iter().enumerate() {
        let earlier = recipe.stages.iter().take(number);
        if earlier.into_iter().any(|other| other.name == stage.name) {
            problems.push(format!("stages: two are called {:?}", stage.name));
        }
        stage_problems(stage, &mut problems);
    }
    problems.extend(prompt_problems(recipe));
    problems
}

/// Stages that aim at prompts of labels which no stage before them learns.
fn prompt_problems(recipe: &Recipe) -> Option<String> {
    let first = |objective| recipe.stages.iter().position(|stage| stage.objective == objective);
    let aims = first(Objective::Grounding).filter(|_| recipe.loss.label_prompt > 0.0)?;
    let learns = first(Objective::LabelMasks);
    let stage = recipe.stages.get(aims).filter(|_| learns.is_none_or(|learns| learns > aims))?;
    Some(format!(
        "loss.label_prompt: stage {:?} would need the prompts that the objective `label_masks` \
         learns; put a stage with it before, or leave the key out",
        stage.name
    ))
}

fn stage_problems(stage: &StageConfig, problems: &mut Vec<String>) {
    let mut check = |holds: bool, problem: &str| {
        if !holds {
            problems.push(format!("stage {:?}: {problem}", stage.name));
        }
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    check(
        !stage.name.is_empty() && stage.name.len() <= 64 && stage.name.chars().all(plain),
        "expected a name of letters, digits, - and _",
    );
    check(!stage.train.is_empty(), "`train` is empty, so nothing would be learnt");
    check((1..=MOST_STEPS).contains(&stage.steps), "`steps`: expected 1 to 1000000000");
    check(stage.warmup <= stage.steps, "`warmup` is longer than the stage");
    let counts = 1..=MOST_AT_ONCE;
    check(counts.contains(&stage.batch), "`batch`: expected 1 to 65536");
    check(counts.contains(&stage.accumulate), "`accumulate`: expected 1 to 65536");
    check(
        stage.together > 0 && stage.accumulate.is_multiple_of(stage.together),
        &format!(
            "`together`: found {}, expected a number that divides `accumulate`, which is {}",
            stage.together, stage.accumulate
        ),
    );
    check(
        stage.together <= MOST_TOGETHER,
        &format!("`together`: found {}, expected at most {MOST_TOGETHER}", stage.together),
    );
    let rate = stage.learning_rate;
    check(rate.is_finite() && rate > 0.0, "`learning_rate`: expected more than 0");
    check((0.0..=1.0).contains(&stage.final_rate), "`final_rate`: expected 0 to 1");
    check((0.0..1.0).contains(&stage.lora_dropout), "`lora_dropout`: expected 0 to below 1");
}
