//! A model folder of ours, brought together from files of others.
//!
//! ```text
//! files ─ Source::open ─► names translated ─┐
//! config.json of the language model ─ adopt ┴─► plan ─► Assembly ─ write ─► model folder
//! tokenizer of the language model ─ tokenizer_json ──────────────────────────┘
//! ```
//!
//! Headers decide nearly everything, so that what is missing, left over or of another shape is
//! told before a value is read. Values pass one tensor at a time and keep their bits and, unless
//! another one is asked for, their type.

mod adopt;
mod error;
mod language_config;
mod plan;
mod problem;
mod proofs;
mod report;
mod role;
mod source;
mod tokenizer;
mod values;
mod write;

use calico_model::CalicoConfig;

pub use error::ImportError;
pub use plan::Request;
pub use problem::ImportProblem;
pub use report::{Brought, Report};
pub use role::Role;
pub use source::{Maps, Source};
pub use tokenizer::{ImportedTokenizer, imported_tokenizer};

use plan::Entry;

/// What becomes of tensors for which the model has no use: unknown ones, and more of a module
/// than it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unused {
    /// They are a mistake.
    #[default]
    Refused,
    /// They are left out, and told.
    LeftOut,
}

/// A planned import: every tensor of the model has its origin.
#[derive(Debug)]
pub struct Assembly {
    config: CalicoConfig,
    sources: Vec<Source>,
    seed: u64,
    entries: Vec<Entry>,
}

impl Assembly {
    /// Plans an import.
    ///
    /// # Errors
    /// With everything that is wrong with the files, as far as their headers tell.
    pub fn plan(request: Request) -> Result<Self, ImportError> {
        plan::plan(request)
    }

    /// The configuration of the model.
    pub fn config(&self) -> &CalicoConfig {
        &self.config
    }
}
