//! What survives an interruption: a few counters, the trained values and their moments.
//!
//! ```text
//! checkpoints/step-00000100/state.json              counters, digests of the other two
//!                           parameters.safetensors  every tensor that was trained so far, f32
//!                           optimizer.safetensors   first.NAME and second.NAME, f32
//! ```
//!
//! A checkpoint is written under another name, made durable, and renamed; the one before it stays
//! until the new one is there. So whenever a run ends, a whole checkpoint is on disk.

mod state;
mod tensors;

pub use state::{Best, GuardState, State};

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};

use crate::whole_folder::{self, make_durable, write_error};
use crate::{Moments, TrainError};

const STATE: &str = "state.json";
const PARAMETERS: &str = "parameters.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
/// Beginning of the names of finished checkpoints.
const STEP: &str = "step-";
/// The longest state that is read, in bytes.
const MAX_STATE: u64 = 1 << 20;

/// A checkpoint in memory.
#[derive(Debug)]
pub struct Checkpoint {
    /// The counters.
    pub state: State,
    /// Every tensor that was trained so far, in f32.
    pub parameters: BTreeMap<String, Tensor>,
    /// Moments of the tensors that are trained now.
    pub moments: BTreeMap<String, Moments>,
}

/// The folder of the checkpoints of a run.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    folder: PathBuf,
}

impl Checkpoints {
    /// The checkpoints in `folder`, which is made if it is missing.
    pub fn new(folder: PathBuf) -> Result<Self, TrainError> {
        fs::create_dir_all(&folder).map_err(|source| write_error(&folder, source))?;
        whole_folder::recover(&folder)?;
        Ok(Self { folder })
    }

    /// The finished checkpoints by optimiser step.
    pub fn list(&self) -> Result<BTreeMap<u64, PathBuf>, TrainError> {
        let read = |source| TrainError::Read { path: self.folder.clone(), source };
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(&self.folder).map_err(read)? {
            let entry = entry.map_err(read)?;
            let name = entry.file_name();
            let step = name.to_str().and_then(|name| name.strip_prefix(STEP)?.parse().ok());
            if let Some(step) = step {
                found.insert(step, entry.path());
            }
        }
        Ok(found)
    }

    /// Reads the newest checkpoint; `None` if there is none.
    ///
    /// # Errors
    /// If it is damaged: going on from an older one is a decision of the user.
    pub fn newest(&self, device: &Device) -> Result<Option<Checkpoint>, TrainError> {
        let newest = self.list()?.pop_last();
        newest.map(|(_, path)| read(&path, device)).transpose()
    }

    /// Writes a checkpoint, and then removes all but the newest `keep`. Returns where it is.
    pub fn save(
        &self,
        state: &State,
        parameters: &BTreeMap<String, Tensor>,
        moments: &BTreeMap<String, Moments>,
        keep: usize,
    ) -> Result<PathBuf, TrainError> {
        let path = self.folder.join(format!("{STEP}{:08}", state.step));
        let unfinished = whole_folder::unfinished(&path);
        let written = write(&unfinished, state, parameters, moments);
        if let Err(error) = written.and_then(|()| whole_folder::put_in_place(&path)) {
            // The error that matters is the first one; what is left is removed next time.
            let _ = fs::remove_dir_all(&unfinished);
            return Err(error);
        }
        let mut known = self.list()?;
        while known.len() > keep {
            if let Some((_, oldest)) = known.pop_first() {
                whole_folder::remove(&oldest)?;
            }
        }
        Ok(path)
    }
}

/// Replaces the values with the best validation, all or nothing.
pub(crate) fn write_best(
    folder: &Path,
    best: Best,
    values: &BTreeMap<String, Tensor>,
) -> Result<(), TrainError> {
    let unfinished = whole_folder::unfinished(folder);
    fs::create_dir(&unfinished).map_err(|source| write_error(&unfinished, source))?;
    let digest = tensors::write(&unfinished.join(PARAMETERS), values)?;
    let text = serde_json::json!({ "step": best.step, "score": best.score, "sha256": digest });
    write_text(&unfinished.join("best.json"), &format!("{text:#}"))?;
    make_durable(&unfinished)?;
    whole_folder::put_in_place(folder)
}

/// The values with the best validation.
pub(crate) fn read_best(folder: &Path) -> Result<BTreeMap<String, Tensor>, TrainError> {
    let damaged = |reason: String| TrainError::Checkpoint { path: folder.to_owned(), reason };
    let text = fs::read_to_string(folder.join("best.json"));
    let text = text.map_err(|error| damaged(format!("best.json: {error}")))?;
    let json: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| damaged(format!("best.json: {error}")))?;
    let expected = json.get("sha256").and_then(serde_json::Value::as_str).unwrap_or_default();
    tensors::read(&folder.join(PARAMETERS), expected, &Device::Cpu).map_err(damaged)
}

fn write(
    folder: &Path,
    state: &State,
    parameters: &BTreeMap<String, Tensor>,
    moments: &BTreeMap<String, Moments>,
) -> Result<(), TrainError> {
    fs::create_dir(folder).map_err(|source| write_error(folder, source))?;
    let named = parameters.iter().map(|(name, tensor)| (name.clone(), tensor.clone()));
    let parameters = tensors::write(&folder.join(PARAMETERS), &named.collect())?;
    let pairs = moments.iter().flat_map(|(name, moments)| {
        let Moments { first, second } = moments.clone();
        [(format!("first.{name}"), first), (format!("second.{name}"), second)]
    });
    let optimizer = tensors::write(&folder.join(OPTIMIZER), &pairs.collect())?;
    let digests = [(PARAMETERS, parameters), (OPTIMIZER, optimizer)];
    let digests = digests.map(|(name, digest)| (name.to_owned(), digest)).into_iter().collect();
    let state = State { digests, ..state.clone() };
    let text = serde_json::to_string_pretty(&state)
        .map_err(|error| TrainError::Internal(error.to_string()))?;
    write_text(&folder.join(STATE), &text)?;
    make_durable(folder)
}

fn write_text(path: &Path, text: &str) -> Result<(), TrainError> {
    let save = || {
        let mut file = File::create(path)?;
        file.write_all(format!("{text}\n").as_bytes())?;
        file.sync_all()
    };
    save().map_err(|source| write_error(path, source))
}

fn read(folder: &Path, device: &Device) -> Result<Checkpoint, TrainError> {
    let damaged = |reason: String| TrainError::Checkpoint { path: folder.to_owned(), reason };
    let path = folder.join(STATE);
    let length = fs::metadata(&path).map_err(|error| damaged(format!("{STATE}: {error}")))?.len();
    if length > MAX_STATE {
        return Err(damaged(format!("{STATE} has {length} bytes; expected at most {MAX_STATE}")));
    }
    let text = fs::read_to_string(&path).map_err(|error| damaged(format!("{STATE}: {error}")))?;
    let state: State =
        serde_json::from_str(&text).map_err(|error| damaged(format!("{STATE}: {error}")))?;
    if state.format != State::FORMAT {
        return Err(damaged(format!(
            "{STATE} is of the form {:?}; expected {:?}",
            state.format,
            State::FORMAT
        )));
    }
    let tensors = |name: &str| {
        let expected = state.digests.get(name).map(String::as_str).unwrap_or_default();
        tensors::read(&folder.join(name), expected, device).map_err(&damaged)
    };
    let parameters = tensors(PARAMETERS)?;
    let mut moments = BTreeMap::new();
    let mut pairs = tensors(OPTIMIZER)?;
    let names: Vec<String> =
        pairs.keys().filter_map(|name| Some(name.strip_prefix("first.")?.to_owned())).collect();
    for name in names {
        let first = pairs.remove(&format!("first.{name}"));
        let second = pairs.remove(&format!("second.{name}"));
        let (Some(first), Some(second)) = (first, second) else {
            return Err(damaged(format!("{OPTIMIZER} lacks a moment of {name}")));
        };
        moments.insert(name, Moments { first, second });
    }
    Ok(Checkpoint { state, parameters, moments })
}

#[cfg(test)]
mod tests;
