use std::collections::BTreeMap;

use calico_data::loader::Position;
use serde::{Deserialize, Serialize};

/// Where a run is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Always [`State::FORMAT`].
    pub format: String,
    /// Optimiser steps of the whole run.
    pub step: u64,
    /// The stage that goes on, from 0; the number of stages when all are done.
    pub stage: usize,
    /// Optimiser steps of that stage.
    pub stage_step: u64,
    /// The next sample of that stage.
    pub position: Position,
    /// What the guard has seen of that stage.
    pub guard: GuardState,
    /// The optimiser step at which the last validation was made.
    pub validated: u64,
    /// The best validation so far.
    pub best: Option<Best>,
    /// Length of `metrics.jsonl`, in bytes.
    pub metrics_bytes: u64,
    /// SHA-256 of the other files, in hexadecimal digits.
    #[serde(default)]
    pub digests: BTreeMap<String, String>,
}

impl State {
    /// The form of this file.
    pub const FORMAT: &'static str = "calico.training/1";

    /// Before the first step.
    pub fn start() -> Self {
        Self {
            format: Self::FORMAT.to_owned(),
            step: 0,
            stage: 0,
            stage_step: 0,
            position: Position::default(),
            guard: GuardState::default(),
            validated: 0,
            best: None,
            metrics_bytes: 0,
            digests: BTreeMap::new(),
        }
    }
}

/// What the guard has seen.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardState {
    /// Running mean of the loss; `None` before the first step.
    pub mean: Option<f64>,
    /// Steps in a row with a loss far above it.
    pub above: u32,
}

/// A validation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Best {
    /// Optimiser step of the whole run.
    pub step: u64,
    /// The score that the recipe chose.
    pub score: f64,
}
