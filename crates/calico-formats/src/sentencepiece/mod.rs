//! Tokenizers of `SentencePiece`, and what they are as a `tokenizer.json`.
//!
//! ```text
//! tokenizer.model ─ from_model_file ─┐
//!                                    ├─► Pieces ─ to_tokenizer_json ─► tokenizer.json
//! lists of a GGUF file ─ from_lists ─┘
//! ```
//!
//! A piece has a text, a score and a kind. A model of the kind BPE merges, again and again, the two
//! neighbours whose joint text is the piece of the highest score, the leftmost of equals. A
//! `tokenizer.json` lists pairs in the order in which they are merged instead. The pairs that are
//! written here give the ids of `SentencePiece` for every text; where no list of pairs is known to
//! do so, the model is refused.

mod fault;
mod limits;
mod merges;
mod model_file;
mod pieces;
mod ranks;
mod tokenizer_json;
mod wire;

pub use pieces::{Blanks, Lists, ModelKind, Normalization, Piece, PieceKind, Pieces, SpecialIds};
pub use tokenizer_json::to_tokenizer_json;
