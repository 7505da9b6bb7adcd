use std::collections::BTreeMap;

use serde::Serialize;

use crate::SynthOptions;

/// How a data set was drawn, and what came of it: `synth.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SynthRecord {
    /// The program that drew it.
    pub version: &'static str,
    /// The suite, if it is one.
    pub suite: Option<&'static str>,
    /// What was asked for.
    pub options: SynthOptions,
    /// What was written, by split.
    pub splits: BTreeMap<&'static str, TableCounts>,
}

/// Rows of the tables of a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct TableCounts {
    /// Pictures.
    pub images: u64,
    /// Masks.
    pub regions: u64,
    /// Questions.
    pub samples: u64,
}
