//! Questions as token ids, and where everything lies in them.

mod layout;
mod template;

pub use layout::{PromptId, PromptLayout};
pub(crate) use template::prompt_ids;
pub use template::{PromptConfig, PromptError, Template, question_of, user_message};
