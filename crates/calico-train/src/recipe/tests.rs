use calico_model::Preset;

use super::*;

const SMALL: &str = "
name = 'small'
[model]
preset = 'tiny'
from_scratch = true
[[stages]]
name = 'all'
train = ['*']
steps = 200
";

fn parse(text: &str) -> Result<Recipe, TrainError> {
    Recipe::parse(text, Path::new("r.toml"))?.checked(Path::new("r.toml"))
}

fn problems(text: &str) -> Vec<String> {
    match parse(text) {
        Err(TrainError::Recipe { problems, .. }) => problems,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_left_out_has_the_published_value() {
    let recipe = parse(SMALL).unwrap();
    let stage = &recipe.stages[0];
    assert_eq!((stage.batch, stage.accumulate, stage.warmup), (2, 10, 100));
    assert_eq!((stage.learning_rate, recipe.optimizer.betas), (4e-4, [0.9, 0.95]));
    assert_eq!((recipe.loss.text, recipe.loss.mask, recipe.loss.dice), (1.0, 2.0, 0.5));
    assert_eq!(recipe.loss.mask_kind, MaskLoss::Focal);
}

#[test]
fn a_recipe_that_is_written_out_is_the_same_recipe() {
    let recipe = parse(SMALL).unwrap();
    assert_eq!(parse(&recipe.to_toml().unwrap()).unwrap(), recipe);
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = SMALL.replace("preset = 'tiny'", "preset = 7\nfoldr = 'x'");
    let text = text.replace("steps = 200", "steps = 'many'\nbatsh = 3\nwarmup = -1");
    let found = problems(&text);
    for wanted in
        ["model.preset", "model.foldr", "stages.0.steps", "stages.0.batsh", "stages.0.warmup"]
    {
        let told = found.iter().filter(|problem| problem.starts_with(wanted)).count();
        assert_eq!(told, 1, "{wanted}: {found:?}");
    }
    assert_eq!(found.len(), 5, "{found:?}");
}

#[test]
fn values_that_make_no_sense_are_told_together() {
    let text = SMALL.replace("steps = 200", "steps = 3\nbatch = 0\nlearning_rate = -1.0");
    let text = format!("{text}\n[optimizer]\nbetas = [1.0, 0.9]\n[guard]\nexplosion = 0.5");
    let found = problems(&text);
    assert_eq!(found.len(), 5, "{found:?}");
}

#[test]
fn batches_at_once_divide_those_of_a_step_and_change_no_digest() {
    let with = |together: usize| {
        SMALL.replace("steps = 200", &format!("steps = 200\naccumulate = 6\ntogether = {together}"))
    };
    for wrong in [0, 4, 12] {
        let found = problems(&with(wrong));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(&format!("`together`: found {wrong}")), "{found:?}");
        assert!(found[0].contains("which is 6"), "{found:?}");
    }
    let six = SMALL.replace("steps = 200", "steps = 200\naccumulate = 6");
    let one = parse(&six).unwrap();
    assert!(one.stages[0].together == 1 && one.to_toml().unwrap().contains("together = 1"));
    for right in [1, 2, 3, 6] {
        let recipe = parse(&with(right)).unwrap();
        assert_eq!(recipe.stages[0].together, right);
        assert_eq!(recipe.digest().unwrap(), one.digest().unwrap());
    }
}

#[test]
fn batches_at_once_are_no_more_than_there_are_threads_for() {
    let with = |count: usize| {
        let keys = format!("steps = 200\naccumulate = {count}\ntogether = {count}");
        SMALL.replace("steps = 200", &keys)
    };
    assert!(parse(&with(256)).is_ok());
    let found = problems(&with(512));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("`together`: found 512, expected at most 256"), "{found:?}");
}

#[test]
fn tensors_are_kept_of_a_folder_or_not_at_all() {
    let text = SMALL.replace("[model]", "[data]\nfolder = 'd'\n[model]\nkeep = ['eva']");
    // The folder may come from the command line.
    let mut recipe = parse(&text).unwrap();
    for error in [
        recipe.check_complete().unwrap_err(),
        crate::start::model_config(&recipe.model).unwrap_err(),
    ] {
        let TrainError::Mismatch { problems } = error else { panic!("{error}") };
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with("model.keep: ") && problems[0].contains("--model DIR"));
    }
    recipe.model.folder = Some("m".into());
    recipe.check_complete().unwrap();
    assert_eq!(crate::start::model_config(&recipe.model).unwrap(), Preset::Tiny.config().unwrap());
}

#[test]
fn prompts_of_labels_are_wanted_only_after_a_stage_that_learns_them() {
    let weighed = format!("{SMALL}[loss]\nlabel_prompt = 0.5\n");
    let stage = |name: &str, objective: &str| {
        format!(
            "[[stages]]\nname = '{name}'\nobjective = '{objective}'\ntrain = ['*']\nsteps = 200\n"
        )
    };
    let stages = |stages: &[String]| {
        weighed.replace("[[stages]]", &format!("{}[[stages]]", stages.concat()))
    };
    let late = format!("{weighed}{}", stage("late", "label_masks"));
    for text in [&weighed, &stages(&[stage("labels", "labels")]), &late] {
        let found = problems(text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("\"all\"") && found[0].contains("label_masks"), "{found:?}");
    }
    assert!(parse(&stages(&[stage("masks", "label_masks")])).is_ok());
    // Nothing asks for them.
    let only = weighed.replace("train = ['*']", "objective = 'labels'\ntrain = ['eva']");
    assert!(parse(&only).is_ok());
    let found = problems(&weighed.replace("0.5", "-0.5"));
    assert!(found[0].contains("loss.label_prompt"), "{found:?}");
}

#[test]
fn the_digest_changes_with_what_is_computed_and_with_nothing_else() {
    let digest = |text: &str| parse(text).unwrap().digest().unwrap();
    let base = digest(SMALL);
    assert_ne!(base, digest(&SMALL.replace("steps = 200", "steps = 201")));
    assert_ne!(base, digest(&SMALL.replace("name = 'small'", "name = 'small'\nseed = 1")));
    assert_ne!(base, digest(&format!("{SMALL}[optimizer]\nhidden_matrices = 'muon'")));
    assert_eq!(base, digest(&format!("{SMALL}[optimizer]\nhidden_matrices = 'adamw'")));
    assert_eq!(base, digest(&format!("{SMALL}[checkpoint]\nevery = 7")));
    let moved = SMALL.replace("[model]", "[data]\nfolder = 'elsewhere'\n[model]");
    assert_eq!(base, digest(&moved));
}

#[test]
fn a_command_line_wins_and_paths_start_at_the_recipe() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("r.toml");
    std::fs::write(&path, SMALL.replace("[model]", "[data]\nfolder = 'd'\n[model]")).unwrap();
    let overrides = Overrides { model: Some("m".into()), seed: Some(9), ..Overrides::default() };
    let recipe = Recipe::open(&path, &overrides).unwrap();
    assert_eq!(recipe.data.folder, Some(scratch.path().join("d")));
    assert_eq!((recipe.model.folder, recipe.seed), (Some("m".into()), 9));
}
