use serde::{Deserialize, Serialize};

use crate::markup::{self, Span};
use crate::{Segment, Task};

/// Whether an answer points at anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// There is at least one segment.
    Ok,
    /// The answer is words only.
    NoSegments,
}

/// The answer to one question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The question's kind; `None` for a question in the user's own words.
    pub task: Option<Task>,
    /// The question as asked.
    pub prompt: String,
    /// The answer as generated, with `<p> … </p> [SEG] (IMAGE1)` tags.
    pub text: String,
    /// The answer without tags.
    pub plain_text: String,
    /// Whether there are segments.
    pub status: Status,
    /// Whether the answer was cut at the token limit.
    pub truncated: bool,
    /// The segments, in the order of their `[SEG]` tags.
    pub segments: Vec<Segment>,
    /// What the reader should know about this answer, in sentences.
    pub warnings: Vec<String>,
}

impl Answer {
    /// An answer whose plain text and status follow from the tagged text and the segments; not
    /// truncated, without warnings.
    pub fn new(task: Option<Task>, prompt: &str, text: &str, segments: Vec<Segment>) -> Self {
        let status = if segments.is_empty() { Status::NoSegments } else { Status::Ok };
        Self {
            task,
            prompt: prompt.to_owned(),
            text: text.to_owned(),
            plain_text: markup::plain(text),
            status,
            truncated: false,
            segments,
            warnings: Vec::new(),
        }
    }

    /// The runs of the text, phrases with the group of their segments where they have any.
    pub(crate) fn runs(&self) -> Vec<Run<'_>> {
        let run = |span| match span {
            Span::Words(text) => Run { text, phrase: false, group: None },
            Span::Phrase(text) => Run { text, phrase: true, group: self.group_of(text) },
        };
        markup::spans(&self.text).into_iter().map(run).collect()
    }

    /// The group of a phrase, compared word by word: tokenizers do not keep every blank.
    fn group_of(&self, phrase: &str) -> Option<u32> {
        let is_same =
            |segment: &&Segment| segment.phrase.split_whitespace().eq(phrase.split_whitespace());
        self.segments.iter().find(is_same).map(|segment| segment.group)
    }
}

/// A run of an answer's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run<'a> {
    /// The words.
    pub(crate) text: &'a str,
    /// Whether the words stood between `<p>` and `</p>`.
    pub(crate) phrase: bool,
    /// The group of the phrase's segments, which gives its colour.
    pub(crate) group: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn an_answer_without_segments_says_so() {
        let answer = Answer::new(None, "What is shared?", "Nothing.", Vec::new());
        assert_eq!(answer.status, Status::NoSegments);
        assert_eq!(answer.plain_text, "Nothing.");
    }

    #[test]
    fn a_phrase_carries_the_group_of_its_segments() {
        let parts = &sample::segmentation().answers[1];
        let groups: Vec<_> = parts.runs().iter().filter(|r| r.phrase).map(|r| r.group).collect();
        assert_eq!(groups, [Some(2), Some(3)]);
    }
}
