use std::path::PathBuf;

use serde_json::{Value, json};

use crate::Question;

/// Images, and what to ask about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchItem {
    /// What it is called, unique in its list.
    pub id: String,
    /// The line of the list that asks for it, or its number in a folder, from 1.
    pub line: usize,
    /// Its images, as the list names them.
    pub images: Vec<String>,
    /// Where the images are.
    pub paths: Vec<PathBuf>,
    /// What to ask; `None` for what is asked of the whole list.
    pub question: Option<Question>,
}

impl BatchItem {
    /// All that makes it the same item, wherever its list is.
    pub(super) fn identity(&self) -> Value {
        let question = self.question.as_ref().map(|question| match question {
            Question::Task(task) => json!({ "task": task.name() }),
            Question::AllTasks => json!({ "task": "all" }),
            Question::Prompt(prompt) => json!({ "prompt": prompt }),
            Question::Answer(answer) => json!({ "answer": answer }),
        });
        json!([self.line, self.id, self.images, question])
    }
}
