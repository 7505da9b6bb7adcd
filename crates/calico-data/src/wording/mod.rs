//! From what is to be said to sentences, for groups of two to four images. The sentences are data:
//! `templates.toml`.
//!
//! ```text
//! Task, number of images ── Wording::question ──► AskedQuestion   <image> (IMAGE1) … \n Which …?
//! Task, Content          ── Wording::answer   ──► GivenAnswer     They have <p> a wing </p> [SEG] …
//! ```

mod answer_template;
mod asked_question;
mod content;
mod given_answer;
mod phrase;
mod prefixes;
mod template_file;
mod words;
mod writer;

use std::collections::{BTreeMap, BTreeSet};

use calico_result::Task;

use crate::build::BuildError;
use crate::{DataError, Stream};

use answer_template::{AnswerKind, AnswerTemplate};
use prefixes::{Prefixes, filled};
use template_file::{Answer, Images, Question, TemplateFile};
use words::{Article, Words};
use writer::Writer;

pub use asked_question::AskedQuestion;
pub use content::Content;
pub use given_answer::GivenAnswer;
pub use phrase::Phrase;

/// All templates, ready for use.
#[derive(Debug)]
pub struct Wording {
    prefixes: Prefixes,
    /// For two images.
    questions: BTreeMap<Task, Vec<Sentence>>,
    /// For more than two.
    group_questions: BTreeMap<Task, Vec<Sentence>>,
    answers: BTreeMap<AnswerKind, Vec<AnswerTemplate>>,
    words: Words,
}

/// A sentence with its name.
#[derive(Debug, Clone)]
struct Sentence {
    id: String,
    text: String,
}

impl Wording {
    /// The templates that are part of the program.
    ///
    /// # Errors
    ///
    /// [`BuildError::Templates`] if they contradict each other, which a test rules out.
    pub fn embedded() -> Result<Self, DataError> {
        Self::parse(include_str!("../../templates.toml"))
            .map_err(|reason| BuildError::Templates { reason }.into())
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: TemplateFile = toml::from_str(text).map_err(|error| error.to_string())?;
        let ids = [
            file.prefixes.iter().map(|prefix| &prefix.id).collect::<Vec<_>>(),
            file.questions.iter().map(|question| &question.id).collect(),
            file.answers.iter().map(|answer| &answer.id).collect(),
        ];
        for list in ids {
            if let Some(twice) = repeated(&list) {
                return Err(format!("the id {twice} is given twice"));
            }
        }
        let (mut questions, mut group_questions) = (BTreeMap::new(), BTreeMap::new());
        for Question { id, task, images, text } in file.questions {
            let sentence = Sentence { id, text };
            if images != Images::Two {
                let of_task: &mut Vec<_> = group_questions.entry(task).or_default();
                of_task.push(sentence.clone());
            }
            if images != Images::More {
                let of_task: &mut Vec<_> = questions.entry(task).or_default();
                of_task.push(sentence);
            }
        }
        let mut answers: BTreeMap<AnswerKind, Vec<AnswerTemplate>> = BTreeMap::new();
        for Answer { id, task, about, objects, unique, text } in file.answers {
            let kind = AnswerKind { task, about, objects, unique };
            answers.entry(kind).or_default().push(AnswerTemplate::parse(&id, kind, &text)?);
        }
        let missing: Vec<_> =
            AnswerKind::all().into_iter().filter(|kind| !answers.contains_key(kind)).collect();
        let is_asked = |task| questions.contains_key(task) && group_questions.contains_key(task);
        if !missing.is_empty() || !Task::ALL.iter().all(is_asked) {
            return Err(format!(
                "expected questions and answers of every kind; {missing:?} are missing"
            ));
        }
        let prefixes = Prefixes::new(file.prefixes)?;
        Ok(Self { prefixes, questions, group_questions, answers, words: file.words })
    }

    /// A question about `images` images, two or more, behind a sentence that shows them.
    pub fn question(&self, task: Task, images: usize, stream: &mut Stream) -> AskedQuestion {
        let prefix = stream.pick(self.prefixes.of(images));
        let questions = if images == 2 { &self.questions } else { &self.group_questions };
        let question = stream.pick(questions.get(&task).map_or(&[][..], Vec::as_slice));
        let text = |sentence: Option<&Sentence>| sentence.map_or(String::new(), |s| s.text.clone());
        let id = |sentence: Option<&Sentence>| sentence.map_or(String::new(), |s| s.id.clone());
        AskedQuestion {
            // As prompts are joined everywhere: a line for the images, a line for the question.
            text: format!("{}\n{}", filled(&text(prefix), images), text(question)),
            prefix: id(prefix),
            question: id(question),
        }
    }

    /// The answer that says what `content` holds, or that there is nothing.
    ///
    /// Its phrases have a slot for each image. A content of more than two images is worded for a
    /// group.
    pub fn answer(&self, task: Task, content: &Content<'_>, stream: &mut Stream) -> GivenAnswer {
        let kind = AnswerKind::of(task, content);
        let templates = self.answers.get(&kind).map_or(&[][..], Vec::as_slice);
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

fn repeated<'a>(ids: &[&'a String]) -> Option<&'a String> {
    let mut seen = BTreeSet::new();
    ids.iter().copied().find(|id| !seen.insert(*id))
}

#[cfg(test)]
mod tests;
