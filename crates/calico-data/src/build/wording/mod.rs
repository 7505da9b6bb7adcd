//! From what is to be said to sentences. The sentences are data: `templates.toml`.

mod answer_template;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use calico_result::Task;
use serde::Deserialize;

use super::BuildError;
use super::content::{Content, Phrase};
use crate::{DataError, Stream, answer_text};

use answer_template::{AnswerKind, AnswerTemplate, List, Number, Objects, Piece, Unique};
use words::{Article, Words};

/// All templates, ready for use.
#[derive(Debug)]
pub(crate) struct Wording {
    prefixes: Vec<Sentence>,
    questions: BTreeMap<Task, Vec<Sentence>>,
    answers: BTreeMap<AnswerKind, Vec<AnswerTemplate>>,
    words: Words,
}

/// A sentence with its name.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sentence {
    id: String,
    text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    prefixes: Vec<Sentence>,
    questions: Vec<Question>,
    answers: Vec<Answer>,
    words: Words,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    id: String,
    task: Task,
    text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    id: String,
    task: Task,
    #[serde(default)]
    objects: Objects,
    #[serde(default)]
    unique: Unique,
    text: String,
}

/// A question with the names of its templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AskedQuestion {
    pub(crate) text: String,
    pub(crate) prefix: String,
    pub(crate) question: String,
}

/// An answer with the name of its template, and the masks in the order of its `[SEG]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GivenAnswer {
    pub(crate) text: String,
    pub(crate) template: String,
    /// The slots of the masks.
    pub(crate) slots: Vec<u32>,
    /// The image of each mask, from 1.
    pub(crate) images: Vec<u8>,
}

impl Wording {
    /// The templates that are part of the program.
    pub(crate) fn embedded() -> Result<Self, DataError> {
        Self::parse(include_str!("../../../templates.toml"))
            .map_err(|reason| BuildError::Templates { reason }.into())
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let ids = [
            file.prefixes.iter().map(|sentence| &sentence.id).collect::<Vec<_>>(),
            file.questions.iter().map(|question| &question.id).collect(),
            file.answers.iter().map(|answer| &answer.id).collect(),
        ];
        for list in ids {
            if let Some(twice) = repeated(&list) {
                return Err(format!("the id {twice} is given twice"));
            }
        }
        let shows = |text: &str, image| text.matches(&format!("<image> (IMAGE{image})")).count();
        for prefix in &file.prefixes {
            let is_right = (1..=2).all(|image| shows(&prefix.text, image) == 1)
                && prefix.text.matches("<image>").count() == 2;
            if !is_right {
                return Err(format!("prefix {} does not show both images once", prefix.id));
            }
        }
        let mut questions: BTreeMap<Task, Vec<Sentence>> = BTreeMap::new();
        for Question { id, task, text } in file.questions {
            questions.entry(task).or_default().push(Sentence { id, text });
        }
        let mut answers: BTreeMap<AnswerKind, Vec<AnswerTemplate>> = BTreeMap::new();
        for Answer { id, task, objects, unique, text } in file.answers {
            let kind = AnswerKind { task, objects, unique };
            answers.entry(kind).or_default().push(AnswerTemplate::parse(&id, kind, &text)?);
        }
        let missing: Vec<_> =
            AnswerKind::all().into_iter().filter(|kind| !answers.contains_key(kind)).collect();
        let is_unasked = Task::ALL.iter().any(|task| !questions.contains_key(task));
        if !missing.is_empty() || is_unasked || file.prefixes.is_empty() {
            return Err(format!(
                "expected prefixes, questions and answers of every kind; {missing:?} are missing"
            ));
        }
        Ok(Self { prefixes: file.prefixes, questions, answers, words: file.words })
    }

    /// A question about two images, behind a sentence that shows them.
    pub(crate) fn question(&self, task: Task, stream: &mut Stream) -> AskedQuestion {
        let prefix = stream.pick(&self.prefixes);
        let questions = self.questions.get(&task).map_or(&[][..], Vec::as_slice);
        let question = stream.pick(questions);
        let text =
            |sentence: Option<&Sentence>| sentence.map_or("", |found| &found.text).to_owned();
        let id = |sentence: Option<&Sentence>| sentence.map_or("", |found| &found.id).to_owned();
        AskedQuestion {
            // As prompts are joined everywhere: a line for the images, a line for the question.
            text: format!("{}\n{}", text(prefix), text(question)),
            prefix: id(prefix),
            question: id(question),
        }
    }

    /// The answer that says what `content` holds.
    pub(crate) fn answer(
        &self,
        task: Task,
        content: &Content<'_>,
        stream: &mut Stream,
    ) -> GivenAnswer {
        let templates = self.answers.get(&kind_of(task, content)).map_or(&[][..], Vec::as_slice);
        let template = stream.pick(templates);
        // One article for all objects and one for all parts: lists that change it read badly.
        let articles = [Article::Indefinite, Article::Definite];
        let mut article = || *stream.pick(&articles).unwrap_or(&Article::Definite);
        let writer = Writer {
            words: &self.words,
            content,
            object_article: article(),
            part_article: article(),
        };
        let mut answer = GivenAnswer {
            text: String::new(),
            template: template.map_or("", |found| &found.id).to_owned(),
            slots: Vec::new(),
            images: Vec::new(),
        };
        for piece in template.map_or(&[][..], |found| &found.pieces) {
            writer.write(piece, &mut answer);
        }
        answer
    }
}

fn kind_of(task: Task, content: &Content<'_>) -> AnswerKind {
    let objects = match (task, content.objects.len()) {
        (Task::CommonObjects, _) | (_, 0) => Objects::None,
        (_, 1) => Objects::Same,
        _ => Objects::Different,
    };
    let unique = match (task, content.unique.iter().all(|list| !list.is_empty())) {
        (Task::UniqueParts, true) => Unique::Both,
        (Task::UniqueParts, false) => Unique::One,
        _ => Unique::None,
    };
    AnswerKind { task, objects, unique }
}

fn repeated<'a>(ids: &[&'a String]) -> Option<&'a String> {
    let mut seen = BTreeSet::new();
    ids.iter().copied().find(|id| !seen.insert(*id))
}

struct Writer<'a> {
    words: &'a Words,
    content: &'a Content<'a>,
    object_article: Article,
    part_article: Article,
}

impl Writer<'_> {
    fn write(&self, piece: &Piece, answer: &mut GivenAnswer) {
        match piece {
            Piece::Words(words) => answer.text.push_str(words),
            Piece::Agreement { list, number, one, many } => {
                let phrases: Vec<&Phrase<'_>> = self.phrases(*list).collect();
                let is_plural = match (phrases.as_slice(), number) {
                    ([only], Number::OfSubject) => self.words.is_plural(only.label),
                    ([_], Number::OfList) => false,
                    _ => true,
                };
                answer.text.push_str(if is_plural { many } else { one });
            }
            Piece::Phrases(list) => {
                let is_object = !matches!(
                    list,
                    List::Common | List::Unique | List::UniqueFirst | List::UniqueSecond
                );
                let article = if is_object { self.object_article } else { self.part_article };
                let mut groups = Vec::new();
                for phrase in self.phrases(*list) {
                    let images: Vec<u8> = phrase.segments().map(|(image, _)| image).collect();
                    let words = self.words.phrase(phrase.label, article);
                    groups.push(answer_text::group(&words, &images));
                    answer.images.extend(images);
                    answer.slots.extend(phrase.segments().map(|(_, slot)| slot));
                }
                answer.text.push_str(&answer_text::list(&groups));
            }
        }
    }

    fn phrases(&self, list: List) -> impl Iterator<Item = &Phrase<'_>> {
        let Content { objects, common, unique: [first, second] } = self.content;
        let (one, two): (&[Phrase<'_>], &[Phrase<'_>]) = match list {
            List::SharedObjects => (objects, &[]),
            List::FirstObject | List::SameObject => (objects.get(..1).unwrap_or_default(), &[]),
            List::SecondObject => (objects.get(1..).unwrap_or_default(), &[]),
            List::Common => (common, &[]),
            List::UniqueFirst => (first, &[]),
            List::UniqueSecond => (second, &[]),
            List::Unique => (first, second),
        };
        one.iter().chain(two)
    }
}

#[cfg(test)]
mod tests;
