//! The files in which others keep models, read without trust.
//!
//! ```text
//! model.safetensors ─┐
//! pytorch_model.bin ─┼─ open ─► TensorFile: names, types, shapes ─ read ─► one tensor's bytes
//! model.gguf ────────┘
//! tokenizer.model ───── sentencepiece ─► pieces and scores
//! README.md ─────────── Licence: what the card states
//! ```
//!
//! A header is read whole and checked before anything is taken from the file: sizes are bounded,
//! ranges lie inside of the file, names appear once or are listed as doubled. Nothing that a file
//! holds is ever executed. Tensors are read one at a time, so memory holds one of them.

mod card;
mod contents;
mod element;
mod error;
pub mod gguf;
mod limits;
mod list;
mod safetensors;
pub mod sentencepiece;
mod shards;
mod small_file;
mod source;
mod spans;
mod stand_in;
mod tensor;
mod tensor_file;
mod torch;

pub use card::Licence;
pub use element::{BlockFormat, Element};
pub use error::FormatError;
pub use list::List;
pub use shards::{Problem, SetError, ShardedFiles};
pub use small_file::{read_small, read_small_text};
pub use tensor::{Layout, StoredTensor};
pub use tensor_file::{FileFormat, TensorFile};
