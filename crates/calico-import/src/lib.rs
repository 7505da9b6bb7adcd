//! Models of others as models of ours: which tensor becomes which, and how.
//!
//! ```text
//! names and shapes of a file ─┐
//! name maps, one per family ──┴─ Names::translate ─► Translation
//!                                                     ├ recipes: tensor of ours ◄─ rows of theirs
//!                                                     ├ checks: what values have to prove
//!                                                     └ what is ignored, and what is unknown
//! ```
//!
//! Which family a file belongs to is told by its names. Nothing is guessed on the way: a name that
//! the map does not know is listed, and a map that is itself a guess says so. No value of a tensor
//! is looked at here.
//!
#![doc = include_str!("../maps/README.md")]

pub mod assembly;
pub mod export;
mod group;
mod listed;
mod name_map;
mod names;
mod pattern;
mod recipe;
mod translate_error;
mod translation;

/// The key of a GGUF file that states its licence.
const GGUF_LICENCE: &str = "general.license";

pub use group::Group;
pub use name_map::{MapError, MapProblem, NameMap};
pub use names::Names;
pub use pattern::{Pattern, PatternError, Values};
pub use recipe::{Check, Part, Recipe, RowOrder};
pub use translate_error::{Close, NameProblem, TranslateError};
pub use translation::{Copies, Ignored, Translation};
