//! Writing an answer token by token.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use calico_language::{Sampler, SamplingError, TokenizerError, probability};
use candle_core::{DType, Tensor};

use crate::grounding::SegPosition;
use crate::model::{Calico, EncodedImage, GoesOn};
use crate::prompt::{PromptId, PromptLayout};

/// An answer, in tokens.
#[derive(Debug)]
pub struct Answered {
    /// The tokens of the answer, without `</s>`.
    pub ids: Vec<u32>,
    /// Probability of each token under the model; `None` for an answer that was given.
    pub probabilities: Option<Vec<f64>>,
    /// The state of each `[SEG]`, `[1, 1, D]`, by its index among the tokens.
    pub seg_states: BTreeMap<usize, Tensor>,
    /// Whether the answer was cut before `</s>`.
    pub truncated: bool,
}

/// Why no answer could be written.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The arithmetic failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
    /// No token could be chosen.
    #[error(transparent)]
    Sampling(#[from] SamplingError),
    /// The text of the tokens could not be made.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// Nobody waits for the answer.
    #[error("stopped before the answer was complete")]
    Stopped,
}

/// Follows the writing of an answer, and may end it. A function of the tokens is one that always
/// waits.
pub trait Listener {
    /// Whether anybody still waits for the answer: asked before every layer that reads the prompt,
    /// and every token.
    fn goes_on(&mut self) -> bool {
        true
    }

    /// Sees the answer so far after every token; `Break` makes this the whole answer.
    fn token(&mut self, ids: &[u32]) -> Result<ControlFlow<()>, TokenizerError>;
}

impl<F: FnMut(&[u32]) -> Result<ControlFlow<()>, TokenizerError>> Listener for F {
    fn token(&mut self, ids: &[u32]) -> Result<ControlFlow<()>, TokenizerError> {
        self(ids)
    }
}

/// Reads the prompt, then writes at most `limit` tokens.
pub fn generate(
    model: &Calico,
    prompt: &[PromptId],
    images: &[EncodedImage],
    limit: usize,
    sampler: &mut Sampler,
    listener: &mut dyn Listener,
) -> Result<Answered, GenerateError> {
    let special = model.tokens();
    let mut cache = model.llm().cache();
    let hidden = model.prefill(prompt, images, &mut cache, &mut || listener.goes_on())?;
    let hidden = hidden.ok_or(GenerateError::Stopped)?;
    let mut state = hidden.narrow(1, hidden.dim(1)? - 1, 1)?; // [1, 1, D]
    let mut answered = Answered {
        ids: Vec::new(),
        probabilities: None,
        seg_states: BTreeMap::new(),
        truncated: true,
    };
    let mut probabilities = Vec::new();
    while answered.ids.len() < limit {
        if !listener.goes_on() {
            return Err(GenerateError::Stopped);
        }
        let logits =
            model.llm().logits(&state)?.flatten_all()?.to_dtype(DType::F32)?.to_vec1::<f32>()?;
        let token = sampler.choose(&logits)?;
        if token == special.eos {
            answered.truncated = false;
            break;
        }
        let index = answered.ids.len();
        answered.ids.push(token);
        probabilities.push(probability(&logits, token));
        let stop = listener.token(&answered.ids)?.is_break();
        let position = (token == special.seg).then_some(model.config().seg_proj.position);
        if position == Some(SegPosition::Predecessor) {
            answered.seg_states.insert(index, state.clone());
        }
        let goes_on = !stop && answered.ids.len() < limit;
        if goes_on || position == Some(SegPosition::Own) {
            state = model.step(token, &mut cache)?;
        }
        if position == Some(SegPosition::Own) {
            answered.seg_states.insert(index, state.clone());
        }
        if stop {
            break;
        }
    }
    answered.probabilities = Some(probabilities);
    Ok(answered)
}

/// Reads the prompt and a given answer in one pass; `None` if `goes_on` said no.
pub fn read_answer(
    model: &Calico,
    prompt: &[PromptId],
    images: &[EncodedImage],
    ids: &[u32],
    goes_on: &mut GoesOn<'_>,
) -> candle_core::Result<Option<Answered>> {
    let layout = PromptLayout::new(prompt, model.config().tokens_per_image());
    let Some(hidden) = model.forward(prompt, ids, images, goes_on)? else {
        return Ok(None);
    };
    let shift = match model.config().seg_proj.position {
        SegPosition::Predecessor => 1,
        SegPosition::Own => 0,
    };
    let segs = ids.iter().enumerate().filter(|(_, id)| **id == model.tokens().seg);
    let seg_states = segs
        .map(|(index, _)| Ok((index, hidden.narrow(1, layout.answer_position(index) - shift, 1)?)))
        .collect::<candle_core::Result<_>>()?;
    Ok(Some(Answered { ids: ids.to_vec(), probabilities: None, seg_states, truncated: false }))
}
