//! Writing an answer token by token.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use calico_language::{Sampler, SamplingError, TokenizerError, probability};
use candle_core::{DType, Tensor};

use crate::grounding::SegPosition;
use crate::model::{Calico, EncodedImage};
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
}

/// Sees the answer so far after every token, and may stop it.
pub type OnToken<'a> = dyn FnMut(&[u32]) -> Result<ControlFlow<()>, TokenizerError> + 'a;

/// Reads the prompt, then writes at most `limit` tokens.
pub fn generate(
    model: &Calico,
    prompt: &[PromptId],
    images: &[EncodedImage],
    limit: usize,
    sampler: &mut Sampler,
    on_token: &mut OnToken<'_>,
) -> Result<Answered, GenerateError> {
    let special = model.tokens();
    let mut cache = model.llm().cache();
    let hidden = model.prefill(prompt, images, &mut cache)?;
    let mut state = hidden.narrow(1, hidden.dim(1)? - 1, 1)?; // [1, 1, D]
    let mut answered = Answered {
        ids: Vec::new(),
        probabilities: None,
        seg_states: BTreeMap::new(),
        truncated: true,
    };
    let mut probabilities = Vec::new();
    while answered.ids.len() < limit {
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
        let stop = on_token(&answered.ids)?.is_break();
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

/// Reads the prompt and a given answer in one pass.
pub fn read_answer(
    model: &Calico,
    prompt: &[PromptId],
    images: &[EncodedImage],
    ids: &[u32],
) -> candle_core::Result<Answered> {
    let layout = PromptLayout::new(prompt, model.config().tokens_per_image());
    let hidden = model.forward(prompt, ids, images)?;
    let shift = match model.config().seg_proj.position {
        SegPosition::Predecessor => 1,
        SegPosition::Own => 0,
    };
    let segs = ids.iter().enumerate().filter(|(_, id)| **id == model.tokens().seg);
    let seg_states = segs
        .map(|(index, _)| Ok((index, hidden.narrow(1, layout.answer_position(index) - shift, 1)?)))
        .collect::<candle_core::Result<_>>()?;
    Ok(Answered { ids: ids.to_vec(), probabilities: None, seg_states, truncated: false })
}
