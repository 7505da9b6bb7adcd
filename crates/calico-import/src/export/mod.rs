//! Models of ours as files of others.
//!
//! What the `peft` package reads is written by [`calico_model::adapters::export`].

mod error;
mod gguf;
mod tokens;
mod whole;

pub use error::ExportError;
pub use gguf::export_gguf;
pub use tokens::Tokens;
pub use whole::export_whole;
