//! What the language model says at every position of a batch of conversations.

use std::ops::Range;

use calico_language::SpecialTokens;
use candle_core::{Result, Tensor};

use super::Conversation;
use crate::grounding::SegPosition;
use crate::prompt::PromptLayout;

/// The states of a batch of conversations, and which of them mean what.
#[derive(Debug, Clone)]
pub struct BatchStates {
    /// `[1, ΣT, D]`, normed, the conversations one after the other.
    hidden: Tensor,
    /// The positions of each conversation.
    spans: Vec<Range<usize>>,
    /// The positions whose states predict the answers, with what they should predict.
    predictions: Vec<Prediction>,
    /// The `[SEG]` tokens of all answers.
    segs: Vec<SegState>,
}

/// A position that predicts a token of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prediction {
    /// The conversation.
    pub conversation: usize,
    /// The position among those of all conversations.
    pub row: usize,
    /// The token that follows: one of the answer, or `</s>` behind it.
    pub target: u32,
}

/// A `[SEG]` of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegState {
    /// The conversation.
    pub conversation: usize,
    /// Its index among the tokens of the answer.
    pub token: usize,
    /// The position whose state stands for it.
    pub row: usize,
}

impl BatchStates {
    pub(super) fn new(
        hidden: Tensor,
        conversations: &[Conversation<'_>],
        layouts: Vec<PromptLayout>,
        tokens: SpecialTokens,
        position: SegPosition,
    ) -> Self {
        let shift = match position {
            SegPosition::Predecessor => 1,
            SegPosition::Own => 0,
        };
        let (mut spans, mut predictions, mut segs) = (Vec::new(), Vec::new(), Vec::new());
        let mut start = 0;
        for (conversation, (read, layout)) in conversations.iter().zip(layouts).enumerate() {
            let row = |index: usize| start + layout.answer_position(index);
            for (index, &target) in read.answer.iter().chain([&tokens.eos]).enumerate() {
                // The token before: an answer may begin where nothing was asked.
                predictions.extend(row(index).checked_sub(1).map(|row| Prediction {
                    conversation,
                    row,
                    target,
                }));
            }
            for (token, _) in read.answer.iter().enumerate().filter(|(_, id)| **id == tokens.seg) {
                segs.push(SegState { conversation, token, row: row(token).saturating_sub(shift) });
            }
            let end = row(read.answer.len());
            spans.push(start..end);
            start = end;
        }
        Self { hidden, spans, predictions, segs }
    }

    /// All states, `[1, ΣT, D]`: what [`Calico::forward`](super::Calico::forward) returns for
    /// each conversation, one after the other.
    pub fn hidden(&self) -> &Tensor {
        &self.hidden
    }

    /// The positions of each conversation.
    pub fn spans(&self) -> &[Range<usize>] {
        &self.spans
    }

    /// What is to be predicted where: every token of every answer and the `</s>` behind it, in
    /// order.
    pub fn predictions(&self) -> &[Prediction] {
        &self.predictions
    }

    /// The states that predict, in the order of [`BatchStates::predictions`].
    ///
    /// # Shapes
    /// - returns: `[R, D]`, what enters the head
    pub fn predicting(&self) -> Result<Tensor> {
        self.rows(self.predictions.iter().map(|prediction| prediction.row))
    }

    /// Every `[SEG]`, in the order of conversations and tokens.
    pub fn segs(&self) -> &[SegState] {
        &self.segs
    }

    /// The states that stand for the `[SEG]` tokens, in the order of [`BatchStates::segs`].
    ///
    /// # Shapes
    /// - returns: `[M, D]`, what [`Calico::project`](super::Calico::project) reads
    pub fn seg_states(&self) -> Result<Tensor> {
        self.rows(self.segs.iter().map(|seg| seg.row))
    }

    /// `[n, D]`
    fn rows(&self, rows: impl Iterator<Item = usize>) -> Result<Tensor> {
        let rows: Vec<u32> = rows.map(|row| row as u32).collect();
        let hidden = self.hidden.squeeze(0)?;
        if rows.is_empty() {
            return Tensor::zeros((0, hidden.dim(1)?), hidden.dtype(), hidden.device());
        }
        hidden.contiguous()?.index_select(&Tensor::new(rows, hidden.device())?, 0)
    }
}
