//! `POST /v1/chat/completions`: the same in the shape of OpenAI's API.

mod answer;
mod message;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::App;
use super::segment::{COPIES, stream_response};
use crate::incoming::{
    Asked, Asks, EXAMPLE_PICTURE, MediaType, SamplingInput, TaskChoice, few, forget, integer, json,
    media_type, question, receive,
};
use crate::problem::{Kind, Problem};
use crate::queue::Ticket;
use crate::settings::Limits;
use answer::{Completion, Stream};
use message::ChatMessage;

/// A chat of one message: pictures and a question. What else clients send is ignored if it changes
/// nothing, and refused if it would.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({
    "model": "mini",
    "messages": [{ "role": "user", "content": [
        { "type": "image_url", "image_url": { "url": EXAMPLE_PICTURE } },
        { "type": "image_url", "image_url": { "url": EXAMPLE_PICTURE } },
        { "type": "text", "text": "Which parts do they share?" },
    ] }],
}))]
pub(crate) struct ChatRequest {
    /// The name of the model, as `/v1/models` tells it.
    model: String,
    /// One message of the role `user`.
    #[serde(deserialize_with = "few")]
    #[schema(min_items = 1, max_items = 1)]
    messages: Vec<ChatMessage>,
    /// Whether the answer comes as server-sent events while it is written.
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    /// Longest answer, in tokens.
    #[serde(default, deserialize_with = "integer")]
    #[schema(minimum = 1)]
    max_completion_tokens: Option<u64>,
    /// The older name of the same.
    #[serde(default, deserialize_with = "integer")]
    #[schema(minimum = 1)]
    max_tokens: Option<u64>,
    /// Divides the scores of the next word; 0, which always takes the best, if it is left out.
    #[serde(default)]
    #[schema(minimum = 0)]
    temperature: Option<f64>,
    /// Draw among the likeliest words that together reach this probability.
    #[serde(default)]
    #[schema(exclusive_minimum = 0, maximum = 1)]
    top_p: Option<f64>,
    /// Seed of the draws.
    #[serde(default, deserialize_with = "integer")]
    #[schema(minimum = 0, format = "uint64")]
    seed: Option<u64>,
    /// Answers to the same question: 1.
    #[serde(default, deserialize_with = "integer")]
    #[schema(minimum = 1, maximum = 1)]
    n: Option<u64>,
    #[serde(default)]
    calico: Option<ChatExtension>,
}

#[derive(Debug, Deserialize, ToSchema)]
struct StreamOptions {
    /// Whether the last event counts the tokens.
    #[serde(default)]
    include_usage: Option<bool>,
}

/// What other chats do not have.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChatExtension {
    /// A built-in question; the message then has pictures only.
    #[serde(default)]
    task: Option<TaskChoice>,
}

/// Defines what other chats can do, and finds what of it is asked.
macro_rules! unsupported {
    ($($name:ident)*) => {
        /// What changes the answers of other chats, and cannot be had here.
        #[derive(Debug, Default, Deserialize)]
        #[serde(default)]
        struct Unsupported {
            $($name: Asks,)*
        }

        impl Unsupported {
            /// The name of something that is asked all the same.
            fn asked(&self) -> Option<&'static str> {
                let all = [$((stringify!($name), self.$name),)*];
                let is_free = |name: &str, asks| match asks {
                    Asks::Nothing => true,
                    Asks::For("none") => ["tool_choice", "function_call"].contains(&name),
                    Asks::For("text") => ["modalities", "response_format"].contains(&name),
                    _ => false,
                };
                all.into_iter().find(|(name, asks)| !is_free(name, *asks)).map(|(name, _)| name)
            }
        }
    };
}

unsupported! {
    audio frequency_penalty function_call functions logit_bias logprobs modalities prediction
    presence_penalty response_format stop tool_choice tools top_logprobs
}

/// Chat about pictures
///
/// For the clients of OpenAI's API: a message with `image_url` parts (data URIs; addresses where
/// the service allows them) and text. The content of the answer is plain text; the member `calico`
/// of the answer, and of the last event of a stream with a choice, is the whole result with its
/// masks, as `/v1/segment` gives it. A chat has one message, since the model answers one question.
#[utoipa::path(
    post,
    path = "/v1/chat/completions",
    tag = "Chat",
    request_body = ChatRequest,
    responses(
        (status = 200, description = "The answer; `calico` holds its masks", content(
            (answer::ChatCompletion = "application/json"),
            (super::openapi::ServerEvent = "text/event-stream"),
        )),
        (status = 404, description = "The model has another name", body = super::openapi::Problem,
            content_type = "application/problem+json"),
        super::openapi::Problems,
    ),
    security((), ("token" = []))
)]
pub(super) async fn completions(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, mut body) = request.into_parts();
    let answered = match ask(&app, &parts.headers, &mut body).await {
        Ok((ticket, told)) => answered(&app, ticket, told).await,
        Err(problem) => {
            tracing::info!(reason = problem.detail, "refused");
            forget(&parts.headers, &mut body).await;
            Err(problem)
        }
    };
    answered.unwrap_or_else(|problem| problem.response(&problem.to_chat_json()))
}

/// How the answer is to be told.
struct Told {
    stream: bool,
    include_usage: bool,
}

async fn answered(app: &App, mut ticket: Ticket, told: Told) -> Result<Response, Problem> {
    let mut completion = Completion::new(app.engine.identity().name.clone());
    if told.stream {
        let mut stream = Stream::new(completion, told.include_usage);
        return Ok(stream_response(ticket, move |event| stream.tell(event)));
    }
    while let Some(event) = ticket.next().await {
        if let Some(document) = completion.take(event)? {
            return Ok(axum::Json(document).into_response());
        }
    }
    Err(Problem::internal(&"a question ended without an answer"))
}

async fn ask(app: &App, headers: &HeaderMap, body: &mut Body) -> Result<(Ticket, Told), Problem> {
    let limits = &app.settings.limits;
    if media_type(headers)? != MediaType::Json {
        return Err(Problem::new(Kind::MediaType, "expected application/json"));
    }
    app.queue.check_room()?;
    let (bytes, mut share) = receive(headers, body, limits, &app.memory).await?;
    app.memory.grow(&mut share, COPIES * bytes.len() as u64)?;
    let (model, own_limits) = (app.engine.identity().name.clone(), limits.clone());
    let read = move || ChatRequest::read(&bytes, &model)?.asked(&own_limits);
    let turn = app.turn(&app.turns.decode).await?;
    let (asked, share) = app.aside(turn, share, read).await?;
    let (asked, told) = asked?;
    Ok((app.ask(asked, share).await?, told))
}

impl ChatRequest {
    /// What is asked, and how the answer is to be told.
    fn asked(self, limits: &Limits) -> Result<(Asked, Told), Problem> {
        let usage = self.stream_options.and_then(|options| options.include_usage);
        let told =
            Told { stream: self.stream.unwrap_or(false), include_usage: usage.unwrap_or(false) };
        let sampling = SamplingInput {
            max_new_tokens: self.max_completion_tokens.or(self.max_tokens),
            temperature: self.temperature,
            top_p: self.top_p,
            seed: self.seed,
        };
        let options = sampling.options(limits)?;
        let (prompt, uploads) = message::read(self.messages, limits)?;
        let task = self.calico.and_then(|extension| extension.task);
        if prompt.is_none() && task.is_none() {
            let detail = "the message has no text; write a question, or choose one in calico.task";
            return Err(Problem::new(Kind::Question, detail));
        }
        let question = question(task, prompt, None, limits)?;
        Ok((Asked { uploads, question, options }, told))
    }

    /// Reads a request to a model, and refuses what cannot be had.
    fn read(bytes: &[u8], model: &str) -> Result<Self, Problem> {
        let request: Self = json(bytes)?;
        if request.model != model {
            let detail = format!("there is no model {:?} here; expected {model:?}", request.model);
            return Err(Problem::new(Kind::NotFound, detail));
        }
        if request.n.is_some_and(|n| n != 1) {
            return Err(Problem::bad("n is not 1; ask again with another seed for another answer"));
        }
        // Read apart: in one go, serde would keep all of what it does not know.
        match json::<Unsupported>(bytes)?.asked() {
            Some(name) => Err(Problem::bad(format!("{name} is not supported; leave it out"))),
            None => Ok(request),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(member: &str) -> Result<(), Problem> {
        let text = format!(r#"{{"model": "mini", "messages": [], {member}}}"#);
        ChatRequest::read(text.as_bytes(), "mini").map(|_| ())
    }

    #[test]
    fn what_changes_nothing_is_ignored_and_what_would_is_refused() {
        for member in [
            r#""user": "me""#,
            r#""tools": []"#,
            r#""n": 1"#,
            r#""frequency_penalty": 0"#,
            r#""response_format": {"type": "text"}"#,
            r#""modalities": ["text"]"#,
            r#""tool_choice": "none""#,
            r#""logprobs": false"#,
        ] {
            assert_eq!(request(member), Ok(()), "{member}");
        }
        for member in [
            r#""tools": [{"type": "function"}]"#,
            r#""n": 2"#,
            r#""presence_penalty": 0.5"#,
            r#""response_format": {"type": "json_object"}"#,
            r#""stop": "\n""#,
            r#""stop": "none""#,
            r#""stop": ["text"]"#,
            r#""tools": [{"type": "text"}]"#,
            r#""tool_choice": "text""#,
            r#""logprobs": true"#,
            r#""seed": -1"#,
        ] {
            assert_eq!(request(member).unwrap_err().kind, Kind::BadRequest, "{member}");
        }
        let other = ChatRequest::read(br#"{"model": "gpt", "messages": []}"#, "mini");
        assert_eq!(other.unwrap_err().kind, Kind::NotFound);
    }
}
