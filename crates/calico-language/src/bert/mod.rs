//! BERT (arXiv 1810.04805) as an encoder of short texts: numbers whose cosine says how alike two
//! labels are.
//!
//! ```text
//! text ── WordPiece ──► ids ── word + type + position ── LN ► layer 0 ► layer 1 ► … ── mean ──► row
//! ```
//!
//! Weights are in the layout of transformers (`modeling_bert.py`); the pooler and the heads of
//! pre-training are not used. The rows of a batch have equal lengths, so nothing is padded and
//! nothing masked.
//!
//! Axes: `B` texts, `T` tokens, `D` width.

mod config;
mod error;
mod file;
mod layer;
mod layout;
mod sentence_encoder;
mod stored;
mod word_piece;

pub use config::BertConfig;
pub use error::{BertError, FolderProblem, FolderProblems};
pub use layer::BertLayer;
pub use layout::Pooling;
pub use sentence_encoder::SentenceEncoder;

use calico_nn::weights::Init;
use calico_nn::{LayerNorm, Weights};
use candle_core::{Device, Result, Tensor};

/// Standard deviation of untrained tables, `initializer_range` of transformers.
const EMBEDDING_STD: f64 = 0.02;

/// The encoder: token ids to states.
#[derive(Debug, Clone)]
pub struct Bert {
    words: Tensor,
    positions: Tensor,
    token_type: Tensor,
    norm: LayerNorm,
    layers: Vec<BertLayer>,
}

impl Bert {
    /// Reads `embeddings` and `encoder.layer.{i}` below `weights`.
    ///
    /// # Errors
    /// If the heads do not divide the width, or a tensor is missing.
    pub fn load(config: &BertConfig, weights: &Weights) -> Result<Self> {
        let embeddings = weights.pp("embeddings");
        let table = |rows, name| {
            embeddings.get(&[rows, config.width], name, Init::std(EMBEDDING_STD)) // [rows, D]
        };
        let layers = weights.pp("encoder.layer");
        Ok(Self {
            words: table(config.vocab_size, "word_embeddings.weight")?,
            positions: table(config.max_positions, "position_embeddings.weight")?,
            // A text on its own is of the first type throughout.
            token_type: table(config.token_types, "token_type_embeddings.weight")?
                .narrow(0, 0, 1)?, // [1, D]
            norm: LayerNorm::load(config.width, config.ln_eps, &embeddings.pp("LayerNorm"))?,
            layers: (0..config.depth)
                .map(|i| BertLayer::load(config, &layers.pp(i)))
                .collect::<Result<_>>()?,
        })
    }

    /// The device of the weights.
    pub fn device(&self) -> &Device {
        self.words.device()
    }

    /// The layers, first to last.
    pub fn layers(&self) -> &[BertLayer] {
        &self.layers
    }

    /// What enters the first layer.
    ///
    /// # Shapes
    /// - `ids`: `[B, T]`, unsigned
    /// - returns: `[B, T, D]`
    ///
    /// # Errors
    /// If an id is not in the table of words, or there are more tokens than positions.
    pub fn embed(&self, ids: &Tensor) -> Result<Tensor> {
        let (batch, tokens) = ids.dims2()?;
        let most = self.positions.dim(0)?;
        if tokens > most {
            candle_core::bail!("{tokens} tokens exceed the {most} positions of this BERT");
        }
        let words = self.words.index_select(&ids.flatten_all()?, 0)?; // [B T, D]
        let sum = words
            .reshape((batch, tokens, ()))?
            .broadcast_add(&self.token_type)?
            .broadcast_add(&self.positions.narrow(0, 0, tokens)?)?; // [B, T, D]
        self.norm.forward(&sum)
    }

    /// The states after the last layer.
    ///
    /// # Shapes
    /// - `ids`: `[B, T]`, unsigned
    /// - returns: `[B, T, D]`
    pub fn forward(&self, ids: &Tensor) -> Result<Tensor> {
        self.layers.iter().try_fold(self.embed(ids)?, |x, layer| layer.forward(&x))
    }
}
