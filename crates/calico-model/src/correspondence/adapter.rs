//! Correspondence Adaptation Module (CAM): re-asks the Q-Former between two decoder layers.
//!
//! ```text
//! guidance ── adapt ──(+ queries)── Q-Former(X'_global) ── reint ──(+)── hidden
//! hidden ─────────────────────────────────────────────────────────┘
//! ```
//!
//! Axes: `Q` queries per image, `E` their width, `D` width of the language model.

use calico_nn::weights::Init;
use calico_nn::{Linear, Weights};
use calico_vision::qformer::{ImageKeysValues, QFormer};
use candle_core::{Result, Tensor};

use super::{AdapterConfig, AdapterInit, QuerySource};

/// What an adapter sees of one image.
#[derive(Debug, Clone)]
pub enum VisualSource {
    /// Keys and values of `X'_global` for the Q-Former: computed once, used by every adapter.
    Asked(ImageKeysValues),
    /// No image signal: the queries themselves are reintegrated ("w/o CEM").
    QueriesOnly,
    /// The tokens `[1, Q, E]` themselves, where there is no Q-Former ("w/o Q-Former").
    Tokens(Tensor),
}

/// Two trained projections around the shared, frozen [`QFormer`] (paper eq. 7–9).
#[derive(Debug, Clone)]
pub struct CorrespondenceAdapter {
    adapt: Linear,
    reint: Linear,
    /// Queries of its own, `[1, Q, E]`.
    queries: Option<Tensor>,
    use_guidance: bool,
}

impl CorrespondenceAdapter {
    /// Reads `adapt` (`[E, D]`), `reint` (`[D, E]`) and, where the config asks for a copy,
    /// `queries` (`[1, Q, E]`), below `weights`.
    ///
    /// `queries` is the number and the width of the queries.
    pub fn load(
        language_width: usize,
        queries: [usize; 2],
        config: &AdapterConfig,
        weights: &Weights,
    ) -> Result<Self> {
        let [count, width] = queries;
        let init = |inner| match config.init {
            AdapterInit::Zero => Init::Zeros,
            AdapterInit::FanIn => Init::fan_in(inner),
        };
        let copy = (config.query_source == QuerySource::Copy)
            .then(|| weights.get(&[1, count, width], "queries", Init::std(0.02)));
        let linear =
            |inner, out, name| Linear::load_with(inner, out, &weights.pp(name), init(inner));
        Ok(Self {
            adapt: linear(language_width, width, "adapt")?,
            reint: linear(width, language_width, "reint")?,
            queries: copy.transpose()?,
            use_guidance: config.use_guidance,
        })
    }

    /// What is added to the hidden states of one image's positions.
    ///
    /// # Shapes
    /// - `guidance`: `[1, 1, D]`, the residual stream at the last prompt position
    /// - `queries`: `[1, Q, E]`, those of the first pass
    /// - returns: `[1, Q, D]`
    pub fn forward(
        &self,
        guidance: &Tensor,
        queries: &Tensor,
        qformer: Option<&QFormer>,
        source: &VisualSource,
    ) -> Result<Tensor> {
        let queries = self.queries.as_ref().unwrap_or(queries);
        let base = match source {
            VisualSource::Tokens(tokens) => tokens,
            VisualSource::Asked(_) | VisualSource::QueriesOnly => queries,
        };
        let asked = if self.use_guidance {
            base.broadcast_add(&self.adapt.forward(guidance)?)? // [1, Q, E]
        } else {
            base.clone()
        };
        let answer = match (source, qformer) {
            (VisualSource::Asked(image), Some(qformer)) => qformer.forward(&asked, image)?,
            _ => asked,
        }; // [1, Q, E]
        self.reint.forward(&answer)
    }
}
