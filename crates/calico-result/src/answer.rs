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
    /// The question's kind; `None` for a question in the user's own words and for a given sentence.
    pub task: Option<Task>,
    /// The question as asked.
    pub prompt: String,
    /// The answer as generated or given, with `<p> … </p> [SEG] (IMAGE1)` tags.
    pub text: String,
    /// The answer without tags.
    pub plain_text: String,
    /// Whether there are segments.
    pub status: Status,
    /// Whether a generated answer was cut before its end; a warning says why.
    pub truncated: bool,
    /// The segments, in the order of their `[SEG]` tags.
    pub segments: Vec<Segment>,
    /// What the reader should know about this answer, one statement each.
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
    pub(crate) fn runs<'a>(&'a self) -> Vec<Run<'a>> {
        let spans = markup::spans(&self.text);
        let mut groups = self.groups_of(&spans).into_iter();
        let run = |span: &Span<'a>| match *span {
            Span::Words(text) => Run { text, phrase: false, group: None },
            Span::Phrase(text, _) => Run { text, phrase: true, group: groups.next().flatten() },
        };
        spans.iter().map(run).collect()
    }

    /// The group of each phrase of the text, by order: groups and phrases come in the same one,
    /// but a phrase whose segments were all dropped has no group.
    fn groups_of(&self, spans: &[Span<'_>]) -> Vec<Option<u32>> {
        let phrases: Vec<(&str, &[u32])> = spans
            .iter()
            .filter_map(|span| match span {
                Span::Phrase(words, images) => Some((*words, images.as_slice())),
                Span::Words(_) => None,
            })
            .collect();
        let groups: Vec<&[Segment]> = self.segments.chunk_by(|a, b| a.group == b.group).collect();
        // The images tell phrases of the same words apart. Where that leaves a group without a
        // phrase, the text does not name the images, and the words alone decide.
        let (by_image, is_complete) = in_order(&phrases, &groups, true);
        if is_complete { by_image } else { in_order(&phrases, &groups, false).0 }
    }
}

/// Gives each phrase the next group that is of its words and, if asked, of its images; also tells
/// whether every group found its phrase.
fn in_order(
    phrases: &[(&str, &[u32])],
    groups: &[&[Segment]],
    with_images: bool,
) -> (Vec<Option<u32>>, bool) {
    let mut left = groups.iter().copied().peekable();
    let mut next = |&(words, images): &(&str, &[u32])| {
        // Word by word: tokenizers do not keep every blank.
        let is_own = |segment: &Segment| {
            segment.phrase.split_whitespace().eq(words.split_whitespace())
                && (!with_images || images.contains(&segment.image))
        };
        let group = left.next_if(|group| group.iter().all(is_own))?;
        group.first().map(|segment| segment.group)
    };
    let found = phrases.iter().map(&mut next).collect();
    (found, left.peek().is_none())
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

    /// The groups of the phrases of a text, given the phrase, image and group of each segment.
    fn groups(text: &str, segments: &[(&str, u32, u32)]) -> Vec<Option<u32>> {
        let sample = sample::segmentation().answers[0].segments[0].clone();
        let segment = |&(phrase, image, group): &(&str, u32, u32)| Segment {
            phrase: phrase.to_owned(),
            image,
            group,
            ..sample.clone()
        };
        let answer = Answer::new(None, "", text, segments.iter().map(segment).collect());
        answer.runs().iter().filter(|run| run.phrase).map(|run| run.group).collect()
    }

    #[test]
    fn phrases_of_the_same_words_keep_their_own_groups() {
        let text = "<p> a handle </p> [SEG] (IMAGE1) , <p> a lid </p> [SEG] (IMAGE1) [SEG] \
                    (IMAGE2) and <p> a handle </p> [SEG] (IMAGE2)";
        let segments = [("a handle", 1, 4), ("a  lid", 1, 5), ("a  lid", 2, 5), ("a handle", 2, 6)];
        assert_eq!(groups(text, &segments), [Some(4), Some(5), Some(6)]);
    }

    #[test]
    fn a_phrase_whose_segments_were_dropped_has_no_group() {
        let text = "<p> a spout </p> [SEG] (IMAGE9) <p> a handle </p> [SEG] <p> a handle </p> \
                    [SEG] (IMAGE2) <p> a spout </p> [SEG] (IMAGE1) <p> a handle </p> [SEG]";
        let segments = [("a handle", 2, 1), ("a spout", 1, 2)];
        assert_eq!(groups(text, &segments), [None, None, Some(1), Some(2), None]);
    }

    #[test]
    fn segments_without_an_image_in_the_text_follow_the_words() {
        let text = "<p> a lid </p> <p> a handle </p> [SEG] [SEG] <p> a handle </p> [SEG]";
        let segments = [("a handle", 1, 1), ("a handle", 2, 1), ("a handle", 1, 2)];
        assert_eq!(groups(text, &segments), [None, Some(1), Some(2)]);
    }
}
