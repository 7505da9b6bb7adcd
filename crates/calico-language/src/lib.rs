//! The language side of Calico: LLaMA, its tokenizer, sampling, and BERT for likeness of labels.
//!
//! The language model has never heard of an image: it sees embeddings, and a [`LayerTap`] that
//! may replace the residual stream between two of its layers.

pub mod bert;
mod byte_level;
mod learn_tokenizer;
pub mod llama;
mod sampling;
mod tokenizer;

pub use bert::{BertError, SentenceEncoder};
pub use byte_level::byte_level_json;
pub use learn_tokenizer::learn_tokenizer;
pub use llama::{KvCache, LayerTap, Learning, Llama, LlamaConfig, LoraConfig};
pub use sampling::{Sampler, Sampling, SamplingError, probability};
pub use tokenizer::{ADDED_TOKENS, SpecialTokens, Tokenizer, TokenizerError};
