//! Questions, proved to fit before any work is done.

use calico_language::{Sampler, Tokenizer};
use calico_result::Task;

use super::{Question, SegmentOptions};
use crate::CalicoConfig;
use crate::error::SegmentError;
use crate::grounding::{ParsedAnswer, parse};
use crate::prompt::{PromptId, PromptLayout, prompt_ids, question_of, user_message};

/// One question, ready to be asked.
pub(super) struct Asked {
    pub(super) task: Option<Task>,
    pub(super) prompt: String,
    pub(super) ids: Vec<PromptId>,
    /// The tokens of an answer that the user brings.
    pub(super) given: Option<(Vec<u32>, ParsedAnswer)>,
    /// Longest answer that the context holds.
    pub(super) room: usize,
    /// Positions of the context that the prompt takes.
    pub(super) positions: usize,
}

/// Turns questions into prompts. It needs no weights.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) config: &'a CalicoConfig,
    pub(crate) tokenizer: &'a Tokenizer,
}

impl Asking<'_> {
    /// Checks everything about a question that can be checked without photographs and weights.
    pub(crate) fn check(
        self,
        images: usize,
        question: &Question,
        options: &SegmentOptions,
    ) -> Result<(), SegmentError> {
        self.asked(images, question, options).map(|_| ())
    }

    /// The questions as prompts, each proved to fit into the context.
    pub(super) fn asked(
        self,
        images: usize,
        question: &Question,
        options: &SegmentOptions,
    ) -> Result<Vec<Asked>, SegmentError> {
        Sampler::new(options.sampling)?;
        if images == 0 {
            return Err(SegmentError::NoImages);
        }
        if options.max_new_tokens == 0 {
            return Err(SegmentError::NoTokens);
        }
        match question {
            Question::Task(task) => {
                Ok(vec![self.ask(Some(*task), question_of(Some(*task)), images, None)?])
            }
            Question::AllTasks => Task::ALL
                .into_iter()
                .map(|task| self.ask(Some(task), question_of(Some(task)), images, None))
                .collect(),
            Question::Prompt(prompt) => Ok(vec![self.ask(None, prompt, images, None)?]),
            Question::Answer(answer) => {
                Ok(vec![self.ask(None, question_of(None), images, Some(answer))?])
            }
        }
    }

    fn ask(
        self,
        task: Option<Task>,
        question: &str,
        images: usize,
        given: Option<&String>,
    ) -> Result<Asked, SegmentError> {
        let message = user_message(question, images)?;
        let ids = prompt_ids(&message, &self.config.prompt, self.tokenizer)?;
        let given = given.map(|answer| self.given(answer, images)).transpose()?;
        let layout = PromptLayout::new(&ids, self.config.tokens_per_image());
        let context = self.config.llm.max_positions;
        let needed = layout.len() + given.as_ref().map_or(1, |(ids, _)| ids.len());
        if needed > context {
            return Err(SegmentError::Context { needed, context, images });
        }
        let positions = layout.len();
        let room = context - positions;
        Ok(Asked { task, prompt: question.to_owned(), ids, given, room, positions })
    }

    /// The tokens of a sentence that the user brings; anything outside the grammar is an error.
    fn given(self, answer: &str, images: usize) -> Result<(Vec<u32>, ParsedAnswer), SegmentError> {
        let ids = self.tokenizer.encode(answer.trim())?;
        let special = self.tokenizer.special();
        if ids.contains(&special.eos) || ids.contains(&special.bos) {
            return Err(SegmentError::AnswerEnds);
        }
        let parsed = parse(&ids, images, self.config.decode, self.tokenizer)?;
        if !parsed.problems.is_empty() {
            return Err(SegmentError::Answer { problems: parsed.problems });
        }
        if parsed.phrases.is_empty() {
            return Err(SegmentError::AnswerNamesNothing);
        }
        Ok((ids, parsed))
    }
}
