//! Correspondence Adaptation Module (CAM): re-asks the Q-Former between two decoder layers.
//!
//! ```text
//! guidance ── adapt ──(+ queries)── Q-Former(X'_global) ── reint ──(+)── hidden
//! hidden ─────────────────────────────────────────────────────────┘
//! ```
//!
//! Axes: `I` images, `Q` queries per image, `E` their width, `D` width of the language model.

use calico_nn::weights::Init;
use calico_nn::{Linear, Weights};
use calico_vision::qformer::QFormer;
use candle_core::{Result, Tensor};

use super::{AdapterInit, VisualSource};

/// The two trained projections of an adapter.
#[derive(Debug, Clone)]
pub struct Projections {
    adapt: Linear,
    reint: Linear,
}

impl Projections {
    /// Reads `adapt` (`[E, D]`) and `reint` (`[D, E]`) below `weights`.
    pub fn load(
        language_width: usize,
        query_width: usize,
        init: AdapterInit,
        weights: &Weights,
    ) -> Result<Self> {
        let init = |inner| match init {
            AdapterInit::Zero => Init::Zeros,
            AdapterInit::FanIn => Init::fan_in(inner),
        };
        let linear =
            |inner, out, name| Linear::load_with(inner, out, &weights.pp(name), init(inner));
        Ok(Self {
            adapt: linear(language_width, query_width, "adapt")?,
            reint: linear(query_width, language_width, "reint")?,
        })
    }
}

/// Two trained projections around the shared, frozen [`QFormer`] (paper eq. 7–9).
#[derive(Debug, Clone)]
pub struct CorrespondenceAdapter {
    projections: Projections,
    /// Queries of its own, `[1, Q, E]`.
    queries: Option<Tensor>,
    use_guidance: bool,
}

impl CorrespondenceAdapter {
    /// An adapter that asks with `queries` of its own (`[1, Q, E]`) or with those of the first
    /// pass, and adds the instruction to them or not.
    pub fn new(projections: Projections, queries: Option<Tensor>, use_guidance: bool) -> Self {
        Self { projections, queries, use_guidance }
    }

    /// What is added to the hidden states at the positions of each image.
    ///
    /// # Shapes
    /// - `guidance`: `[I, 1, D]`, the residual stream at the last prompt position of the
    ///   conversation that an image is in; `[1, 1, D]` instructs all images alike
    /// - `queries`: `[1, Q, E]`, those of the first pass
    /// - `source`: of `I` images
    /// - returns: `[I, Q, D]`, or `[1, Q, D]` where it is the same for all images
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
            base.broadcast_add(&self.projections.adapt.forward(guidance)?)? // [I, Q, E]
        } else {
            base.clone()
        };
        let answer = match (source, qformer) {
            (VisualSource::Asked(image), Some(qformer)) => qformer.forward(&asked, image)?,
            _ => asked,
        }; // [I, Q, E]
        self.projections.reint.forward(&answer)
    }
}
