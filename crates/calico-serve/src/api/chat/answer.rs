//! Answers in the shape of chat completions.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use calico_result::{Segmentation, plain_so_far};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::event::{Event, nameless};
use crate::problem::Problem;

/// What separates the answers to several questions.
const BETWEEN: &str = "\n";

/// A completion, for the description of the API and as it is written.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChatCompletion {
    id: String,
    /// `chat.completion`.
    object: &'static str,
    /// Seconds since 1970.
    created: u64,
    model: String,
    #[schema(min_items = 1, max_items = 1)]
    choices: Vec<ChatChoice>,
    usage: ChatUsage,
    /// The whole result, with its masks.
    #[schema(value_type = crate::api::openapi::Segmentation)]
    calico: Segmentation,
}

#[derive(Debug, Serialize, ToSchema)]
struct ChatChoice {
    index: u32,
    message: ChatReply,
    /// `stop`, or `length` where the answer was cut.
    finish_reason: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
struct ChatReply {
    /// `assistant`.
    role: &'static str,
    /// The answer without tags.
    content: String,
    /// Always null.
    refusal: Option<String>,
}

/// How much was read and written.
#[expect(clippy::struct_field_names, reason = "the names of the API that it follows")]
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
struct ChatUsage {
    /// Positions that questions and pictures took.
    prompt_tokens: usize,
    completion_tokens: usize,
    total_tokens: usize,
}

/// What all pieces of an answer have in common.
#[derive(Debug)]
pub(super) struct Completion {
    id: String,
    created: u64,
    model: String,
    usage: ChatUsage,
}

impl Completion {
    pub(super) fn new(model: String) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let id = format!("chatcmpl-{}", Uuid::new_v4().simple());
        Self { id, created: now.as_secs(), model, usage: ChatUsage::default() }
    }

    fn count(&mut self, event: &Event) {
        let usage = &mut self.usage;
        match event {
            Event::Prompt { positions } => usage.prompt_tokens += positions,
            Event::Text { .. } => usage.completion_tokens += 1,
            _ => {}
        }
        usage.total_tokens = usage.prompt_tokens + usage.completion_tokens;
    }

    /// Takes an event in; after the last one there is a completion.
    pub(super) fn take(&mut self, event: Event) -> Result<Option<ChatCompletion>, Problem> {
        self.count(&event);
        match event {
            Event::Problem(problem) => Err(problem),
            Event::Result(result) => Ok(Some(self.complete(*result))),
            _ => Ok(None),
        }
    }

    fn complete(&self, result: Segmentation) -> ChatCompletion {
        let content: Vec<&str> =
            result.answers.iter().map(|answer| answer.plain_text.as_str()).collect();
        let content = content.join(BETWEEN);
        let message = ChatReply { role: "assistant", content, refusal: None };
        let finish_reason = finish_reason(&result);
        ChatCompletion {
            id: self.id.clone(),
            object: "chat.completion",
            created: self.created,
            model: self.model.clone(),
            choices: vec![ChatChoice { index: 0, message, finish_reason }],
            usage: self.usage,
            calico: result,
        }
    }

    fn chunk(&self, choices: &Value) -> Value {
        json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created,
            "model": self.model, "choices": choices,
        })
    }

    fn delta(&self, delta: &Value, finish_reason: Option<&str>) -> Value {
        self.chunk(&json!([{ "index": 0, "delta": delta, "finish_reason": finish_reason }]))
    }
}

fn finish_reason(result: &Segmentation) -> &'static str {
    let is_cut = result.answers.iter().any(|answer| answer.truncated);
    if is_cut { "length" } else { "stop" }
}

/// The last chunk with a choice.
#[derive(Serialize)]
struct LastChunk<'a> {
    #[serde(flatten)]
    chunk: Value,
    calico: &'a Segmentation,
}

/// A completion that is told while it is written.
#[derive(Debug)]
pub(super) struct Stream {
    completion: Completion,
    include_usage: bool,
    /// Whether the next words belong to another answer than those before.
    is_next: bool,
    /// The answer as it is written, with tags.
    text: String,
    /// What was told of it.
    told: String,
}

impl Stream {
    pub(super) fn new(completion: Completion, include_usage: bool) -> Self {
        let (text, told) = (String::new(), String::new());
        Self { completion, include_usage, is_next: false, text, told }
    }

    /// What an event adds.
    pub(super) fn tell(&mut self, event: Event) -> Vec<Bytes> {
        self.completion.count(&event);
        match event {
            Event::Text { delta, .. } => {
                self.text.push_str(&delta);
                let so_far = plain_so_far(&self.text);
                self.content(&so_far)
            }
            Event::Answer { value, .. } => {
                let told = self.content(&value.plain_text);
                self.text.clear();
                self.told.clear();
                self.is_next = true;
                told
            }
            Event::Started(_) => self.begin(),
            Event::Result(result) => self.end(&result),
            Event::Problem(problem) => {
                let document = problem.to_chat_json();
                vec![nameless(&document)]
            }
            _ => Vec::new(),
        }
    }

    /// Says who speaks.
    fn begin(&self) -> Vec<Bytes> {
        let delta = json!({ "role": "assistant", "content": "" });
        vec![nameless(&self.completion.delta(&delta, None))]
    }

    /// Tells what is new.
    fn content(&mut self, so_far: &str) -> Vec<Bytes> {
        let lead = if std::mem::take(&mut self.is_next) { BETWEEN } else { "" };
        let new = so_far.strip_prefix(self.told.as_str()).unwrap_or_default();
        if lead.is_empty() && new.is_empty() {
            return Vec::new();
        }
        let delta = json!({ "content": format!("{lead}{new}") });
        so_far.clone_into(&mut self.told);
        vec![nameless(&self.completion.delta(&delta, None))]
    }

    /// The last chunk with a choice, which carries the result, then the count, then the end.
    fn end(&mut self, result: &Segmentation) -> Vec<Bytes> {
        let chunk = self.completion.delta(&json!({}), Some(finish_reason(result)));
        let mut told = vec![nameless(&LastChunk { chunk, calico: result })];
        if self.include_usage {
            let mut usage = self.completion.chunk(&json!([]));
            usage["usage"] = serde_json::to_value(self.completion.usage).unwrap_or_default();
            told.push(nameless(&usage));
        }
        told.push(Bytes::from_static(b"data: [DONE]\n\n"));
        told
    }
}
