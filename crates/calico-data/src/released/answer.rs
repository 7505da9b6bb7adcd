//! Questions and answers: as released, put into our grammar, or made by our own templates.

use calico_image::Rle;
use calico_result::Task;
use serde_json::Value;

use super::findings::{Refusal, cut};
use super::released_map::{SampleList, TextMap, Texts};
use super::store::{Label, replaced, text};
use crate::wording::{Content, Phrase, Wording};
use crate::{Stream, Templates, answer_text};

/// A mask of a sample.
#[derive(Debug)]
pub(super) struct SampleMask {
    /// The number of its image in the sample, from 1.
    pub(super) image: u8,
    /// The number of its label.
    pub(super) label: u32,
    /// The ids of the annotations that were joined, ascending.
    pub(super) raw_ids: Vec<i64>,
    pub(super) mask: Rle,
}

/// The texts of a sample.
#[derive(Debug)]
pub(super) struct SampleTexts {
    pub(super) question: String,
    pub(super) answer: String,
    /// The mask of each `[SEG]`.
    pub(super) order: Vec<usize>,
    pub(super) templates: Templates,
    /// What looks wrong and is kept.
    pub(super) notes: Vec<Refusal>,
}

/// What the texts of a sample are made from.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextSource<'a> {
    pub(super) map: &'a SampleList,
    pub(super) record: &'a Value,
    pub(super) task: Task,
    /// In the order of the `[SEG]`; for an answer of ours, one for each label in an image.
    pub(super) masks: &'a [SampleMask],
    pub(super) labels: &'a [Label],
}

impl TextSource<'_> {
    /// The texts; the stream chooses among our templates where the map lets them be rendered.
    pub(super) fn texts(
        &self,
        wording: &Wording,
        stream: &mut Stream,
    ) -> Result<SampleTexts, Refusal> {
        let question = self.released(self.map.question.as_ref())?;
        let answer = self.released(self.map.answer.as_ref())?;
        let (question, prefix, question_id) = if let Some((text, template)) = question {
            self.check_question(&text)?;
            (text, template.to_owned(), template.to_owned())
        } else {
            let asked = wording.question(self.task, self.map.images.len(), stream);
            (asked.text, asked.prefix, asked.question)
        };
        let mut notes = Vec::new();
        let (answer, order, answer_id) = if let Some((text, template)) = answer {
            let order = self.order(&text, &mut notes)?;
            (text, order, template.to_owned())
        } else {
            let given = wording.answer(self.task, &self.content()?, stream);
            let order = given.slots.iter().map(|slot| *slot as usize).collect();
            (given.text, order, given.template)
        };
        let templates = Templates { prefix, question: question_id, answer: answer_id };
        Ok(SampleTexts { question, answer, order, templates, notes })
    }

    /// A text of the release with the name of what was done to it; `None` if it is to be rendered.
    fn released(&self, map: Option<&TextMap>) -> Result<Option<(String, &'static str)>, Refusal> {
        let is_rendered = self.map.texts == Texts::Render;
        let Some(map) = map else { return Ok(None) };
        if is_rendered && map.key.find(self.record).is_none() {
            return Ok(None);
        }
        let found = text(self.record, &map.key)?;
        let mut made = format!("{}{}", map.before, replaced(found, &map.replace));
        if map.number_segments {
            made = self.numbered(&made)?;
        }
        let template = if made == found { "released" } else { "converted" };
        Ok(Some((made, template)))
    }

    fn check_question(&self, question: &str) -> Result<(), Refusal> {
        let images = self.map.images.len();
        let places: Vec<usize> = (1..=images)
            .filter_map(|image| question.find(&format!("<image> (IMAGE{image})")))
            .collect();
        let are_in_order = places.len() == images && places.is_sorted();
        if are_in_order && question.matches("<image>").count() == images {
            return Ok(());
        }
        let what = "a question that does not show each image once, in order, as `<image> \
                    (IMAGE1)`: set question.before or question.replace";
        Err(Refusal::new(what, question))
    }

    /// The answer with the image of each mask behind its `[SEG]`.
    fn numbered(&self, answer: &str) -> Result<String, Refusal> {
        let pieces: Vec<&str> = answer.split("[SEG]").collect();
        self.check_count(pieces.len() - 1, answer)?;
        let images = self.masks.iter().map(|mask| format!("[SEG] (IMAGE{})", mask.image));
        let tags = images.chain([String::new()]);
        Ok(pieces.into_iter().zip(tags).flat_map(|(piece, tag)| [piece.to_owned(), tag]).collect())
    }

    fn check_count(&self, segments: usize, answer: &str) -> Result<(), Refusal> {
        if segments == self.masks.len() {
            return Ok(());
        }
        Err(Refusal::new("an answer with more or fewer [SEG] than masks", answer))
    }

    /// The mask of each `[SEG]` of an answer; notes phrases that are not the label of their mask.
    fn order(&self, answer: &str, notes: &mut Vec<Refusal>) -> Result<Vec<usize>, Refusal> {
        let groups = answer_text::parse(answer, self.map.images.len()).map_err(|error| {
            let what = format!(
                "an answer in another grammar: set answer.replace or answer.number_segments ({})",
                cut(&error.to_string(), 100)
            );
            Refusal::new(what, answer)
        })?;
        let segments: Vec<(&str, u8)> = groups
            .iter()
            .flat_map(|group| group.images.iter().map(|image| (group.phrase, *image)))
            .collect();
        self.check_count(segments.len(), answer)?;
        for ((phrase, image), mask) in segments.iter().zip(self.masks) {
            if *image != mask.image {
                return Err(Refusal::new("masks in other images than their [SEG]", answer));
            }
            let label = self.labels[mask.label as usize].word();
            let article = phrase.strip_suffix(label);
            if !article.is_some_and(|article| ["", "a ", "an ", "the "].contains(&article)) {
                let what = format!("the phrase {:?} on a mask of {label:?}", cut(phrase, 60));
                notes.push(Refusal::new(what, answer));
            }
        }
        Ok((0..segments.len()).collect())
    }

    /// What an answer of ours is to name.
    fn content(&self) -> Result<Content<'_>, Refusal> {
        let (objects, parts) = (self.phrases(false)?, self.phrases(true)?);
        let is_common = |phrase: &Phrase<'_>| phrase.slots.iter().all(Option::is_some);
        let refuse = |what: &str| Err(Refusal::new(what, ""));
        if self.task == Task::CommonObjects {
            if objects.is_empty() || !parts.is_empty() || !objects.iter().all(is_common) {
                return refuse("common objects whose masks are not of objects in both images");
            }
            return Ok(Content { objects, ..Content::default() });
        }
        let one_of_each = match objects.as_slice() {
            [] => true,
            [only] => is_common(only),
            [one, other] => {
                matches!((&one.slots[..], &other.slots[..]), ([Some(_), None], [None, Some(_)]))
            }
            _ => false,
        };
        if !one_of_each || parts.is_empty() {
            return refuse("parts without masks, or beside masks of more objects than images");
        }
        if self.task == Task::CommonParts {
            if !parts.iter().all(is_common) {
                return refuse("common parts that have a mask in one image only");
            }
            return Ok(Content { objects, common: parts, ..Content::default() });
        }
        if parts.iter().any(is_common) {
            return refuse("unique parts that have masks in both images");
        }
        let (first, second) = parts.into_iter().partition(|phrase| phrase.slots[0].is_some());
        Ok(Content { objects, unique: vec![first, second], ..Content::default() })
    }

    /// The phrases of all objects or of all parts; those of the first image come first.
    fn phrases(&self, of_parts: bool) -> Result<Vec<Phrase<'_>>, Refusal> {
        let mut phrases: Vec<Phrase<'_>> = Vec::new();
        for image in [1, 2] {
            for (slot, mask) in self.masks.iter().enumerate() {
                let label = &self.labels[mask.label as usize];
                if mask.image != image || label.part.is_some() != of_parts {
                    continue;
                }
                let known = phrases.iter().position(|phrase| phrase.label == label.word());
                let at = known.unwrap_or(phrases.len());
                if known.is_none() {
                    phrases.push(Phrase { label: label.word(), slots: vec![None, None] });
                }
                let place = &mut phrases[at].slots[usize::from(image) - 1];
                if place.replace(slot as u32).is_some() {
                    let what = "parts of one name on two objects of an image";
                    return Err(Refusal::new(what, label.word()));
                }
            }
        }
        Ok(phrases)
    }
}
