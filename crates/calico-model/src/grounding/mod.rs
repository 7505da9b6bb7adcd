//! From `[SEG]` tokens to named regions: which phrase and image each belongs to, what its state
//! becomes, and what the masks say of each other.

mod grammar;
mod projection;
mod roles;

pub use grammar::{GrammarProblem, parse};
pub use grammar::{GroundedPhrase, GroundingConfig, MissingIdentifier, ParsedAnswer, SegToken};
pub use projection::{ProjectionConfig, ProjectionKind, SegPosition, SegProjection};
pub(crate) use roles::{Named, assign};
