//! What is told of an answer while it is made: server-sent events.

use std::time::Instant;

use axum::body::Bytes;
use calico_model::Stage;
use calico_result::{Answer, EncodedMask, Segment, Segmentation};
use serde::Serialize;
use serde_json::json;

use crate::problem::Problem;

/// A step on the way to an answer.
#[derive(Debug)]
pub(crate) enum Event {
    /// So many questions are answered before this one.
    Queued { ahead: usize },
    /// The work begins, at this moment.
    Started(Instant),
    /// A stage of the model begins.
    Stage(Stage),
    /// A prompt of so many positions is read.
    Prompt { positions: usize },
    /// The answer with this index grew by a token, and perhaps by this text.
    Text { answer: usize, delta: String },
    /// A mask of the answer with this index was drawn.
    Mask { answer: usize, segment: Box<Segment> },
    /// The answer with this index is complete.
    Answer { answer: usize, value: Box<Answer> },
    /// Everything is complete.
    Result(Box<Segmentation>),
    /// There will be no result.
    Problem(Problem),
}

/// The data of a mask, which comes before its role is known.
#[derive(Serialize)]
struct MaskData<'a> {
    answer: usize,
    phrase: &'a str,
    image: u32,
    group: u32,
    mask: &'a EncodedMask,
}

/// The data of an answer.
#[derive(Serialize)]
struct AnswerData<'a> {
    answer: usize,
    value: &'a Answer,
}

impl Event {
    /// Name and data, as they are sent; nothing of what only counts.
    ///
    /// Data become text at once: a detour through [`serde_json::Value`] would widen the numbers of
    /// a result to 64 bits, and its text would differ from that of the file.
    fn data(&self) -> Result<Option<(&'static str, String)>, serde_json::Error> {
        let (name, data) = match self {
            Self::Queued { ahead } => ("queued", json!({ "ahead": ahead }).to_string()),
            Self::Started(_) => ("started", json!({}).to_string()),
            Self::Stage(stage) => {
                let task = stage.task().map(calico_result::Task::name);
                let (name, text, image) = (stage.name(), stage.to_string(), stage.image());
                let data = json!({ "name": name, "text": text, "image": image, "task": task });
                ("stage", data.to_string())
            }
            Self::Prompt { .. } => return Ok(None),
            Self::Text { delta, .. } if delta.is_empty() => return Ok(None),
            Self::Text { answer, delta } => {
                ("text", json!({ "answer": answer, "delta": delta }).to_string())
            }
            Self::Mask { answer, segment } => {
                let Segment { phrase, image, group, mask, .. } = segment.as_ref();
                let (answer, image, group) = (*answer, *image, *group);
                let data = MaskData { answer, phrase, image, group, mask };
                ("mask", serde_json::to_string(&data)?)
            }
            Self::Answer { answer, value } => {
                ("answer", serde_json::to_string(&AnswerData { answer: *answer, value })?)
            }
            Self::Result(result) => ("result", serde_json::to_string(result)?),
            Self::Problem(problem) => ("problem", problem.to_json().to_string()),
        };
        Ok(Some((name, data)))
    }

    /// The event as it is sent.
    pub(crate) fn to_bytes(&self) -> Option<Bytes> {
        let (name, data) = match self.data() {
            Ok(data) => data?,
            Err(error) => ("problem", Problem::internal(&error).to_json().to_string()),
        };
        // JSON has no line breaks, so the data is one line.
        Some(Bytes::from(format!("event: {name}\ndata: {data}\n\n")))
    }
}

/// An event without a name.
pub(crate) fn nameless(data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data)
        .unwrap_or_else(|error| Problem::internal(&error).to_chat_json().to_string());
    Bytes::from(format!("data: {data}\n\n"))
}

/// What keeps a connection open while nothing happens, and is no event.
pub(crate) fn heartbeat() -> Bytes {
    Bytes::from_static(b": still working\n\n")
}
