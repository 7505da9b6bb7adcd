//! What a finished run leaves behind.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use calico_model::checkpoint::{SHARD_BYTES, TOKENIZER_FILE};
use calico_model::config::CONFIG_FILE;
use calico_model::provenance::{
    Digests, ModuleOrigin, PROVENANCE_FILE, Provenance, UNKNOWN_LICENCE,
};
use calico_model::{ModelError, ModelFolder, NewFolder, adapters, module_of};
use calico_nn::weights::WeightSource as _;
use calico_nn::weights::checkpoint::{StoredTensor, StoredType, write_stored};
use candle_core::{DType, Tensor};

use super::validate::BEST;
use super::{Outcome, Trainer};
use crate::checkpoint::{State, read_best};
use crate::lessons::is_helper;
use crate::parameters::Overlay;
use crate::recipe::{OutputKind, OutputType};
use crate::start::keeps;
use crate::watch::report::{self, ReportInput, SamplePicture};
use crate::watch::{METRICS_NAME, read_metrics};
use crate::{TrainError, TrainObserver, whole_folder};

/// A model folder in the folder of the run.
const MODEL: &str = "model";
/// Adapter files in the folder of the run.
const ADAPTERS: &str = "adapters";
/// Why the run ended before its end, in its folder.
pub(super) const STOPPED: &str = "stopped.json";
/// Pictures of predictions, in the folder of the run.
const SAMPLES: &str = "samples";

impl Trainer {
    /// Writes the result as it is now, and the report, though steps may be left: from the best
    /// validation, or from the newest checkpoint. The run can go on after that.
    ///
    /// # Errors
    /// If there is no checkpoint yet.
    pub fn finish_early(mut self, observer: &mut dyn TrainObserver) -> Result<Outcome, TrainError> {
        if self.state.step == 0 {
            let problems = vec!["the run has no checkpoint yet; let it train first".into()];
            return Err(TrainError::Mismatch { problems });
        }
        self.finish(observer)
    }

    /// Writes the model, or its adapters, and the report. Doing so twice changes nothing.
    pub(super) fn finish(
        &mut self,
        observer: &mut dyn TrainObserver,
    ) -> Result<Outcome, TrainError> {
        let values = match self.state.best {
            Some(_) => read_best(&self.folder.path().join(BEST))?,
            None => self.settled.clone(),
        };
        let output = match self.recipe.output.kind {
            OutputKind::Model => self.write_model(&values)?,
            OutputKind::Adapters => self.write_adapters(&values)?,
        };
        let report = self.write_report()?;
        self.events.sync()?;
        observer.saved(&output);
        let State { step, best, .. } = self.state;
        Ok(Outcome::Finished { step, best, output, report })
    }

    fn write_model(&self, values: &BTreeMap<String, Tensor>) -> Result<PathBuf, TrainError> {
        let target = self.folder.path().join(MODEL);
        let new = NewFolder::begin(&whole_folder::unfinished(&target))?;
        let stored = match self.recipe.output.dtype {
            OutputType::F32 => StoredType::F32,
            OutputType::Bf16 => StoredType::Bf16,
        };
        let specs = self.start.specs()?;
        let tensors: Vec<StoredTensor> = specs
            .iter()
            .map(|spec| StoredTensor { name: spec.name.clone(), shape: spec.shape.clone(), stored })
            .collect();
        let source = Overlay { over: values, base: self.start.source.as_ref() };
        let digests = RefCell::new(Digests::default());
        write_stored(&new.path(), &tensors, SHARD_BYTES, |tensor| {
            let spec = specs.iter().find(|spec| spec.name == tensor.name);
            let spec =
                spec.ok_or_else(|| TrainError::Internal(format!("no tensor {}", tensor.name)))?;
            let values = source.tensor(spec)?.to_dtype(DType::F32)?.flatten_all()?;
            let bytes = stored.encode(&values.to_vec1::<f32>()?);
            digests.borrow_mut().add(tensor, &bytes);
            Ok::<_, TrainError>(Cow::Owned(bytes))
        })?;
        new.write(TOKENIZER_FILE, self.start.tokenizer_json.as_bytes())?;
        let config = self.start.config.to_json();
        let config = config.map_err(|error| TrainError::Internal(error.to_string()))?;
        new.write(CONFIG_FILE, config.as_bytes())?;
        let provenance = self.provenance(values)?.with_digests(digests.into_inner());
        new.write(PROVENANCE_FILE, provenance.to_json().as_bytes())?;
        new.finish()?;
        whole_folder::put_in_place(&target)?;
        Ok(target)
    }

    /// Where the weights come from: what the model to begin with says, and this run.
    fn provenance(&self, values: &BTreeMap<String, Tensor>) -> Result<Provenance, TrainError> {
        let base = self.recipe.model.folder.as_deref().map(Provenance::of_folder).transpose()?;
        let mut provenance = base.flatten().unwrap_or_default();
        // What was drawn anew comes from nowhere.
        let (specs, keep) = (self.start.specs()?, &self.recipe.model.keep);
        provenance.modules.retain(|module, _| {
            let mut of_module = specs.iter().filter(|spec| module_of(&spec.name) == module);
            of_module.any(|spec| keeps(keep, &spec.name))
        });
        for name in values.keys().filter(|name| !is_helper(name)) {
            let origin = ModuleOrigin {
                source: format!("trained by this program, recipe `{}`", self.recipe.name),
                licence: UNKNOWN_LICENCE.to_owned(),
                family: None,
            };
            provenance.add(module_of(name), origin);
        }
        Ok(provenance)
    }

    fn write_adapters(&self, values: &BTreeMap<String, Tensor>) -> Result<PathBuf, TrainError> {
        let target = self.folder.path().join(ADAPTERS);
        let base = self.recipe.model.folder.as_deref();
        let missing = || TrainError::Internal("adapters of no model".into());
        let base = ModelFolder::open(base.ok_or_else(missing)?)?;
        let bytes = |(name, tensor): (&String, &Tensor)| {
            let values = tensor.flatten_all()?.to_vec1::<f32>()?;
            Ok((name.clone(), StoredType::F32.encode(&values)))
        };
        let provenance = self.provenance(values)?;
        // What only training needed is no part of the model.
        let of_model = values.iter().filter(|(name, _)| !is_helper(name));
        let values: Result<_, TrainError> = of_model.map(bytes).collect();
        let unfinished = whole_folder::unfinished(&target);
        adapters::export_trained(&base, &values?, &provenance, &unfinished, |_| {
            ControlFlow::Continue(())
        })?;
        whole_folder::put_in_place(&target)?;
        Ok(target)
    }

    /// Writes down why a run ended before its end, with its course so far.
    pub(super) fn tell_why(&mut self, step: u64, error: &TrainError) -> Result<(), TrainError> {
        self.metrics.sync()?;
        let last = self.last_checkpoint();
        let text = serde_json::json!({
            "step": step,
            "reason": error.to_string(),
            "last_checkpoint": last,
        });
        self.folder.write(STOPPED, format!("{text:#}\n").as_bytes())?;
        self.write_report().map(drop)
    }

    fn write_report(&self) -> Result<PathBuf, TrainError> {
        let rows = read_metrics(&self.folder.path().join(METRICS_NAME))?;
        let mut summary = vec![
            ("Model".to_owned(), self.start.name.clone()),
            ("Optimiser steps".to_owned(), self.state.step.to_string()),
        ];
        if let Some(best) = self.state.best {
            let score = format!("{:.2} at step {}", best.score, best.step);
            let metric = self.recipe.validation.as_ref().map(|config| config.metric.name());
            let name = format!("Best validation, {}", metric.unwrap_or_default());
            summary.push((name, score));
        }
        let recipe_toml = self.recipe.to_toml()?;
        let input = ReportInput {
            title: &self.recipe.name,
            recipe_toml: &recipe_toml,
            summary,
            rows: &rows,
            samples: sample_pictures(self.folder.path())?,
        };
        Ok(report::write(self.folder.path(), &input)?)
    }
}

/// The pictures of predictions, in order of steps.
fn sample_pictures(run: &Path) -> Result<Vec<SamplePicture>, TrainError> {
    let folder = run.join(SAMPLES);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let read = |source| TrainError::Read { path: folder.clone(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(read)? {
        names.push(entry.map_err(read)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    let picture = |name: &String| {
        let stem = name.strip_suffix(".png")?;
        let step = stem.strip_prefix("step-")?.split('-').next()?.parse().ok()?;
        let caption = fs::read_to_string(folder.join(format!("{stem}.txt"))).unwrap_or_default();
        Some(SamplePicture { step, caption, file: Path::new(SAMPLES).join(name) })
    };
    Ok(names.iter().filter_map(picture).collect())
}

impl From<calico_nn::weights::checkpoint::CheckpointError> for TrainError {
    fn from(error: calico_nn::weights::checkpoint::CheckpointError) -> Self {
        Self::Model(ModelError::from(error))
    }
}
