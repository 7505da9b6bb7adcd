//! How `templates.toml` is written.

use calico_result::Task;
use serde::Deserialize;

use super::answer_template::{About, Objects, Unique};
use super::words::Words;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TemplateFile {
    pub(super) prefixes: Vec<Prefix>,
    pub(super) questions: Vec<Question>,
    pub(super) answers: Vec<Answer>,
    pub(super) words: Words,
}

/// How many images a sentence speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Images {
    /// Two.
    #[default]
    Two,
    /// Two or more.
    Any,
    /// More than two.
    More,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prefix {
    pub(super) id: String,
    #[serde(default)]
    pub(super) images: Images,
    pub(super) text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    pub(super) id: String,
    pub(super) task: Task,
    #[serde(default)]
    pub(super) images: Images,
    pub(super) text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    pub(super) id: String,
    pub(super) task: Task,
    #[serde(default)]
    pub(super) about: About,
    #[serde(default)]
    pub(super) objects: Objects,
    #[serde(default)]
    pub(super) unique: Unique,
    pub(super) text: String,
}
