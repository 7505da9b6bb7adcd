//! Adapters as files: what a training changed, without the frozen rest of the model.
//!
//! ```text
//! model ─ export ─► adapter_model.safetensors  adapter_config.json     LoRA, as PEFT lays it out
//!                   calico_adapters.safetensors calico_adapters.json   cem, cams, sam.decoder
//! model + adapters ─ apply ─► model with these adapters
//! model [+ adapters] ─ merge ─► model whose LoRA is part of its weights
//! ```
//!
//! Either pair of files may be absent. A folder is compared with the model before anything is
//! written, and everything that is wrong is reported at once. Tensors pass one by one, in the
//! type in which they are stored.

mod apply;
mod base;
mod error;
mod export;
mod files;
mod lora_files;
mod merge;
mod own_files;
mod peft_config;
mod peft_name;
mod problem;
mod written;

pub use apply::apply;
pub use error::AdapterError;
pub use export::{export, export_trained};
pub use files::{Adapters, BaseCheck, PeftSettings, peft_settings};
pub use merge::{Update, merge, update, updated};
pub use problem::AdapterProblem;
pub use written::Written;

/// The tensors of the low-rank updates, in PEFT's layout.
pub const LORA_FILE: &str = "adapter_model.safetensors";
/// What PEFT needs to know of them.
pub const LORA_CONFIG_FILE: &str = "adapter_config.json";
/// The tensors that PEFT has no layout for, under the names that they have in a model.
pub const OWN_FILE: &str = "calico_adapters.safetensors";
/// Which modules they are, and of which model.
pub const OWN_CONFIG_FILE: &str = "calico_adapters.json";

/// Prefix of the low-rank updates in a model.
const LORA: &str = "lora";
