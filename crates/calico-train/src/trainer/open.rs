//! How a training begins or goes on.

use std::collections::BTreeMap;
use std::path::Path;

use calico_data::Dataset;
use calico_data::loader::Selection;
use calico_nn::weights::TensorSpec;
use candle_core::{DType, Device};

use super::finish::STOPPED;
use super::reading::{Amount, Reading};
use super::workers::Workers;
use super::{Stage, Trainer};
use crate::checkpoint::{Checkpoint, Checkpoints, State};
use crate::data_digest::data_digest;
use crate::features::{FeatureStore, Tower};
use crate::grounding::{GroundingLessons, LessonSettings};
use crate::label_masks::{LabelMaskLessons, LabelPrompts, label_mask_problems};
use crate::labels::{LabelLessons, label_problems};
use crate::lessons::Lessons;
use crate::parameters::{Overlay, Parameters};
use crate::recipe::{Compute, Objective, OutputKind, StageConfig};
use crate::run_folder::{CHECKPOINTS, RunFolder, RunIdentity};
use crate::start::StartModel;
use crate::trained::learns;
use crate::validation::Validation;
use crate::watch::{EventFile, METRICS_NAME, MetricsFile, TIMINGS_NAME, TimingsFile};
use crate::{Optimizer, Recipe, TrainError, TrainObserver};

/// `TensorBoard`'s files, in the folder of the run.
const EVENTS: &str = "events";
/// Stands for the machine in their names.
const HOST: &str = "calico";

impl Trainer {
    /// Opens a training in a folder: a new one, or one that goes on from its newest checkpoint.
    ///
    /// Everything that can be checked before the first step is checked here, and all that is
    /// wrong with recipe, model and data is told at once; nothing is written then.
    pub fn open(
        recipe: Recipe,
        run: &Path,
        observer: &dyn TrainObserver,
    ) -> Result<Self, TrainError> {
        recipe.check_complete()?;
        let start = StartModel::open(&recipe.model, recipe.seed)?;
        let dataset = open_data(&recipe)?;
        let problems = problems_between(&recipe, &start, &dataset)?;
        if !problems.is_empty() {
            return Err(TrainError::Mismatch { problems });
        }
        let selection = selection(&recipe);
        let validation = recipe.validation.as_ref();
        let validation = validation
            .map(|config| Validation::new(&dataset, &selection, config, recipe.seed))
            .transpose()?;

        let identity = RunIdentity {
            format: RunIdentity::FORMAT.to_owned(),
            recipe: recipe.name.clone(),
            recipe_digest: recipe.digest()?,
            model_digest: start.digest.clone(),
            data_digest: data_digest(&dataset)?,
        };
        let folder = RunFolder::open(run, &identity, &recipe)?;
        let checkpoints = Checkpoints::new(run.join(CHECKPOINTS))?;
        let newest = checkpoints.newest(&Device::Cpu)?;
        let (state, settled, moments) = match newest {
            Some(Checkpoint { state, parameters, moments }) => (state, parameters, moments),
            None => (State::start(), BTreeMap::new(), BTreeMap::new()),
        };
        let metrics = MetricsFile::open_at(&run.join(METRICS_NAME), state.metrics_bytes)?;
        let timings = TimingsFile::open(&run.join(TIMINGS_NAME))?;
        let events = open_events(&run.join(EVENTS), state.step, observer.unix_seconds())?;
        folder.remove(STOPPED)?;
        let compute = match recipe.model.compute {
            // A CPU computes in f32 faster.
            Compute::Auto | Compute::F32 => DType::F32,
            Compute::Bf16 => DType::BF16,
        };
        Ok(Self {
            recipe,
            start,
            dataset,
            validation,
            folder,
            checkpoints,
            compute,
            moments: (state.stage_step > 0).then_some(moments),
            state,
            settled,
            metrics,
            timings,
            events,
        })
    }

    /// Sets up a stage, with the moments of an earlier process if it goes on.
    pub(super) fn begin_stage(&mut self, config: StageConfig) -> Result<Stage, TrainError> {
        let mut specs = self.start.specs()?;
        specs.extend(self.helper_specs(&config)?);
        let trains = |name: &str| learns(name, &config);
        let overlay = Overlay { over: &self.settled, base: self.start.source.as_ref() };
        let parameters = Parameters::new(specs, &overlay, &trains, self.compute, &Device::Cpu)?;
        self.start.source.finish()?;
        self.settled.retain(|name, _| !parameters.trained().contains_key(name));
        let optimizer = match self.moments.take() {
            Some(moments) => {
                let (optimizer, steps) = (self.recipe.optimizer, self.state.stage_step);
                Optimizer::resume(optimizer, parameters.trained(), moments, steps)?
            }
            None => Optimizer::new(self.recipe.optimizer, parameters.trained())?,
        };
        let workers = Workers::new(config.together)?;
        let steps = config.steps.saturating_sub(self.state.stage_step);
        let amount = Amount {
            size: config.batch,
            batches: steps.saturating_mul(config.accumulate as u64),
            ahead: workers.count(),
        };
        let lessons = Reading::begin(self.lessons(&config, &parameters)?, amount)?;
        Ok(Stage { config, parameters, optimizer, lessons, workers })
    }

    /// The tensors that a stage needs beside the model.
    fn helper_specs(&self, stage: &StageConfig) -> Result<Vec<TensorSpec>, TrainError> {
        let (dataset, config) = (&self.dataset, &self.start.config);
        let selection = selection(&self.recipe);
        Ok(match stage.objective {
            Objective::Labels => LabelLessons::head_specs(dataset, &selection, config, stage)?,
            Objective::LabelMasks => {
                vec![LabelPrompts::of_dataset(dataset, &selection)?.spec(config.sam.width)]
            }
            Objective::Grounding => match self.label_prompts()? {
                Some(prompts) => vec![prompts.spec(config.sam.width)],
                None => Vec::new(),
            },
        })
    }

    /// The labels with prompts, if answers are taught to prompt as they do.
    fn label_prompts(&self) -> Result<Option<LabelPrompts>, TrainError> {
        let is_wanted = self.recipe.loss.label_prompt > 0.0;
        let labels = || LabelPrompts::of_dataset(&self.dataset, &selection(&self.recipe));
        is_wanted.then(labels).transpose()
    }

    /// Features for a stage that asks some encoders.
    pub(super) fn features(
        &self,
        towers: Vec<Tower>,
        parameters: &Parameters,
    ) -> Result<FeatureStore, TrainError> {
        let features = self.recipe.features.as_ref();
        FeatureStore::new(&self.start.config, towers, parameters, features)
    }

    fn lessons(
        &self,
        stage: &StageConfig,
        parameters: &Parameters,
    ) -> Result<Box<dyn Lessons>, TrainError> {
        // Every stage has an order of its own.
        let id = format!("{}/{}", self.state.stage, stage.name);
        let seed = calico_data::Stream::new(self.recipe.seed, "order of samples", &id).bits();
        let start = self.state.position;
        Ok(match stage.objective {
            Objective::Grounding => {
                let features = self.features(Tower::of(&self.start.config), parameters)?;
                let settings = LessonSettings {
                    config: self.start.config.clone(),
                    tokenizer: self.start.tokenizer.clone(),
                    loss: self.recipe.loss,
                    label_prompts: self.label_prompts()?,
                    seed,
                    start,
                };
                Box::new(GroundingLessons::new(
                    &self.dataset,
                    &selection(&self.recipe),
                    features,
                    settings,
                )?)
            }
            Objective::Labels => {
                let (dataset, config) = (&self.dataset, &self.start.config);
                let selection = selection(&self.recipe);
                Box::new(LabelLessons::new(dataset, &selection, config, stage, (seed, start))?)
            }
            Objective::LabelMasks => {
                let (dataset, selection) = (&self.dataset, selection(&self.recipe));
                let features = self.features(vec![Tower::Sam], parameters)?;
                let how = (self.recipe.loss, self.start.config.sam.width);
                let from = (seed, start);
                Box::new(LabelMaskLessons::new(dataset, &selection, features, how, from)?)
            }
        })
    }
}

/// Where recipe, model and data disagree, one line each.
fn problems_between(
    recipe: &Recipe,
    start: &StartModel,
    dataset: &Dataset,
) -> Result<Vec<String>, TrainError> {
    let specs = start.specs()?;
    let mut problems = Vec::new();
    for stage in &recipe.stages {
        problems.extend(stage_problems(stage, start, &specs));
    }
    let (config, tokenizer) = (&start.config, &start.tokenizer);
    problems.extend(crate::grounding::problems(&selection(recipe), config, tokenizer, dataset)?);
    problems.extend(unknown_sources(recipe, dataset));
    if recipe.output.kind == OutputKind::Adapters && recipe.model.folder.is_none() {
        problems.push(
            "output: adapters belong to a model folder, but this model is drawn; set \
             `kind = \"model\"`"
                .into(),
        );
    }
    Ok(problems)
}

/// Names of sources that the data set does not have.
fn unknown_sources(recipe: &Recipe, dataset: &Dataset) -> Vec<String> {
    let Some(build) = dataset.build() else { return Vec::new() };
    let known: Vec<&str> = build.sources.keys().map(String::as_str).collect();
    let named = recipe.data.sources.iter().chain(recipe.data.roots.keys());
    let unknown = named.filter(|name| !known.contains(&name.as_str()));
    let told =
        |name| format!("data: the data set has no source {name:?}; it has {}", known.join(", "));
    unknown.map(told).collect()
}

/// The samples that a recipe selects.
pub(super) fn selection(recipe: &Recipe) -> Selection {
    let data = &recipe.data;
    Selection { subtasks: data.subtasks.clone(), sources: data.sources.clone() }
}

/// A new event file; behind an earlier one it says where the run goes on.
fn open_events(folder: &Path, step: u64, now: f64) -> Result<EventFile, TrainError> {
    let is_new = !folder.read_dir().is_ok_and(|mut entries| entries.next().is_some());
    Ok(if is_new {
        EventFile::create(folder, HOST, now)?
    } else {
        EventFile::resume(folder, HOST, now, step + 1)?
    })
}

/// The data set of a recipe.
fn open_data(recipe: &Recipe) -> Result<Dataset, TrainError> {
    let folder = recipe.data.folder.as_ref();
    let folder = folder.ok_or_else(|| TrainError::Internal("no data folder".into()))?;
    let dataset = Dataset::open(folder)?;
    let roots = recipe.data.roots.iter();
    Ok(roots.fold(dataset, |dataset, (source, root)| dataset.with_root(source, root)))
}

/// What a stage asks of a model that the model does not have.
fn stage_problems(stage: &StageConfig, start: &StartModel, specs: &[TensorSpec]) -> Vec<String> {
    let mut problems = crate::trained::pattern_problems(stage, specs);
    match stage.objective {
        Objective::Labels => problems.extend(label_problems(stage, &start.config, specs)),
        Objective::LabelMasks => problems.extend(label_mask_problems(stage, specs)),
        Objective::Grounding => {}
    }
    if stage.lora_dropout > 0.0 && start.config.lora.is_none() {
        problems.push(format!(
            "stage {:?}: `lora_dropout` is set, but the model has no low-rank updates",
            stage.name
        ));
    }
    problems
}
