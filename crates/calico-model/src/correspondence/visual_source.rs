//! What an adapter sees of images.

use calico_vision::qformer::ImageKeysValues;
use candle_core::{Result, Tensor};

/// What an adapter sees of a batch of `I` images.
#[derive(Debug, Clone)]
pub enum VisualSource {
    /// Keys and values of `X'_global` for the Q-Former: computed once, used by every adapter.
    Asked(ImageKeysValues),
    /// No image signal: the queries themselves are reintegrated ("w/o CEM").
    QueriesOnly,
    /// The tokens `[I, Q, E]` themselves, where there is no Q-Former ("w/o Q-Former").
    Tokens(Tensor),
}

impl VisualSource {
    /// That of some of the images, in the given order; one may be chosen more than once.
    ///
    /// # Errors
    /// If there is no such image.
    pub fn select(&self, images: &[usize]) -> Result<Self> {
        match self {
            Self::Asked(keys_values) => keys_values.select(images).map(Self::Asked),
            Self::QueriesOnly => Ok(Self::QueriesOnly),
            Self::Tokens(tokens) if images.iter().copied().eq(0..tokens.dim(0)?) => {
                Ok(self.clone())
            }
            Self::Tokens(tokens) => {
                let rows: Vec<u32> = images.iter().map(|&image| image as u32).collect();
                let rows = Tensor::new(rows, tokens.device())?;
                Ok(Self::Tokens(tokens.contiguous()?.index_select(&rows, 0)?))
            }
        }
    }

    /// Those of several batches as one; no batch at all is no image signal.
    ///
    /// # Errors
    /// If they are not of one kind.
    pub fn cat(batches: &[&Self]) -> Result<Self> {
        let (mut asked, mut tokens) = (Vec::new(), Vec::new());
        for batch in batches {
            match batch {
                Self::Asked(keys_values) => asked.push(keys_values),
                Self::Tokens(own) => tokens.push(own),
                Self::QueriesOnly => {}
            }
        }
        match (asked.len(), tokens.len()) {
            (0, 0) => Ok(Self::QueriesOnly),
            (count, 0) if count == batches.len() => ImageKeysValues::cat(&asked).map(Self::Asked),
            (0, count) if count == batches.len() => Tensor::cat(&tokens, 0).map(Self::Tokens),
            _ => candle_core::bail!("images were encoded by models of different kinds"),
        }
    }
}
