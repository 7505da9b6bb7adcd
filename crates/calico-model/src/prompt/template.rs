//! From a question to the ids of a prompt.

use calico_language::{Tokenizer, TokenizerError};
use calico_result::Task;
use serde::{Deserialize, Serialize};

use super::PromptId;

/// The literal that stands for an image in a user's message.
pub(crate) const IMAGE: &str = "<image>";

/// The conversation that surrounds a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Template {
    /// "… between a curious human and …": what GLaMM trains and evaluates with.
    #[default]
    LlavaV1,
    /// "… between a curious user and …": Vicuna's own.
    VicunaV1,
}

impl Template {
    /// The whole prompt around a user's message; it ends with `ASSISTANT:` and no blank.
    pub fn render(self, message: &str) -> String {
        let user = match self {
            Self::LlavaV1 => "human",
            Self::VicunaV1 => "user",
        };
        format!(
            "A chat between a curious {user} and an artificial intelligence assistant. The \
             assistant gives helpful, detailed, and polite answers to the {user}'s questions. \
             USER: {message} ASSISTANT:"
        )
    }
}

/// How prompts are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromptConfig {
    /// The conversation around a question.
    #[serde(default)]
    pub template: Template,
    /// Surrounds every image with `<im_start>` and `<im_end>`.
    #[serde(default = "yes")]
    pub image_start_end: bool,
}

fn yes() -> bool {
    true
}

/// Why a question cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// The message places another number of images than there are.
    #[error(
        "the prompt has {found} {IMAGE} placeholders for {expected} images; write one per image, \
         or none to have them placed"
    )]
    ImageCount {
        /// Placeholders in the message.
        found: usize,
        /// Images given.
        expected: usize,
    },
    /// The message is blank.
    #[error("the prompt is empty; expected a question")]
    Empty,
    /// Tokens cannot be made.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
}

/// The wording in which a task is asked; `None` asks to ground a given sentence.
pub fn question_of(task: Option<Task>) -> &'static str {
    // One line per question in `questions.toml`; a test proves that the file has all of them.
    static QUESTIONS: std::sync::LazyLock<Questions> = std::sync::LazyLock::new(|| {
        toml::from_str(include_str!("questions.toml")).unwrap_or_default()
    });
    let list = match task {
        Some(Task::CommonObjects) => &QUESTIONS.common_objects,
        Some(Task::CommonParts) => &QUESTIONS.common_parts,
        Some(Task::UniqueParts) => &QUESTIONS.unique_parts,
        None => &QUESTIONS.grounding,
    };
    list.first().map_or("", String::as_str)
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Questions {
    common_objects: Vec<String>,
    common_parts: Vec<String>,
    unique_parts: Vec<String>,
    grounding: Vec<String>,
}

/// The user's message: the question behind a sentence that shows all images, or, where the
/// question places the images itself, the question as it is.
pub fn user_message(question: &str, images: usize) -> Result<String, PromptError> {
    let question = question.trim();
    if question.is_empty() {
        return Err(PromptError::Empty);
    }
    let found = question.matches(IMAGE).count();
    if found == images {
        return Ok(question.to_owned());
    }
    if found > 0 {
        return Err(PromptError::ImageCount { found, expected: images });
    }
    let shown: Vec<String> = (1..=images).map(|n| format!("{IMAGE} (IMAGE{n})")).collect();
    let prefix = match shown.as_slice() {
        [only] => format!("The {only} provides an overview of the picture."),
        [most @ .., last] => {
            format!("The {} and {last} provide an overview of the pictures.", most.join(", "))
        }
        [] => return Ok(question.to_owned()),
    };
    Ok(format!("{prefix}\n{question}"))
}

/// The ids of a whole prompt, `<s>` first.
pub fn prompt_ids(
    message: &str,
    config: &PromptConfig,
    tokenizer: &Tokenizer,
) -> Result<Vec<PromptId>, PromptError> {
    let text = config.template.render(message);
    let special = tokenizer.special();
    let mut ids = vec![PromptId::Token(special.bos)];
    // Each piece between images is encoded on its own, as upstream does.
    for (number, piece) in text.split(IMAGE).enumerate() {
        let marked = |id| config.image_start_end.then_some(PromptId::Token(id));
        if number > 0 {
            ids.extend(marked(special.image_start));
            ids.push(PromptId::Image);
            ids.extend(marked(special.image_end));
        }
        ids.extend(tokenizer.encode(piece.trim_matches(' '))?.into_iter().map(PromptId::Token));
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_has_a_question() {
        let tasks = Task::ALL.into_iter().map(Some).chain([None]);
        for task in tasks {
            assert!(!question_of(task).is_empty(), "{task:?}");
        }
    }

    #[test]
    fn the_prefix_names_every_image() {
        let message = |n| user_message("What is shared?", n).unwrap();
        assert_eq!(
            message(1),
            "The <image> (IMAGE1) provides an overview of the picture.\nWhat is shared?"
        );
        assert_eq!(
            message(3),
            "The <image> (IMAGE1), <image> (IMAGE2) and <image> (IMAGE3) provide an overview of \
             the pictures.\nWhat is shared?"
        );
    }

    #[test]
    fn a_question_may_place_the_images_itself_but_all_of_them() {
        assert_eq!(
            user_message("Is <image> like <image>?", 2).unwrap(),
            "Is <image> like <image>?"
        );
        for (question, images) in [("see <image>", 2), ("<image> <image> <image>", 2)] {
            let error = user_message(question, images).unwrap_err();
            assert!(matches!(error, PromptError::ImageCount { .. }), "{error}");
        }
        assert!(matches!(user_message("  ", 2), Err(PromptError::Empty)));
    }

    #[test]
    fn a_prompt_starts_with_bos_wraps_images_and_ends_without_a_blank() {
        let json = calico_language::byte_level_json(259).to_string();
        let tokenizer = Tokenizer::parse(json.as_bytes(), std::path::Path::new("t")).unwrap();
        let config = PromptConfig { template: Template::LlavaV1, image_start_end: true };
        let ids = prompt_ids("<image> (IMAGE1) hi", &config, &tokenizer).unwrap();
        let special = tokenizer.special();
        assert_eq!(ids.first(), Some(&PromptId::Token(special.bos)));
        assert_eq!(ids.last(), Some(&PromptId::Token(3 + u32::from(b':'))));
        let at = ids.iter().position(|id| *id == PromptId::Image).unwrap();
        assert_eq!(ids[at - 1], PromptId::Token(special.image_start));
        assert_eq!(ids[at + 1], PromptId::Token(special.image_end));
        assert_eq!(ids[at + 2], PromptId::Token(3 + u32::from(b'(')));
    }
}
