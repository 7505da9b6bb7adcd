//! Questions as token ids, and where everything lies in them.

mod layout;
mod template;

pub use layout::{PromptId, PromptLayout};
pub use template::{PromptConfig, PromptError, Template, prompt_ids, question_of, user_message};
