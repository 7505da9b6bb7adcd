//! Errors as clients see them: problem documents (RFC 9457).

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use calico_model::{SegmentError, one_line};
use serde::Serialize;
use serde_json::{Value, json};

/// The media type of a problem document.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// Characters of what a problem says; no sentence of ours is longer.
const DETAIL_CHARS: usize = 600;

/// Where the kinds are described: the page of the API, which every service has.
const PAGE: &str = "/docs";

/// Defines the kinds with their names, codes and titles.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $name:literal $status:ident $title:literal)*) => {
        /// What went wrong, as far as a program has to tell it apart.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Kind { $($(#[$doc])* $kind,)* }

        impl Kind {
            /// All kinds.
            pub(crate) const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The end of the address that identifies the kind.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// The code of the response.
            pub(crate) fn status(self) -> StatusCode {
                match self { $(Self::$kind => StatusCode::$status,)* }
            }

            /// The kind in words.
            pub(crate) fn title(self) -> &'static str {
                match self { $(Self::$kind => $title,)* }
            }
        }
    };
}

kinds! {
    /// The request is not what the API takes.
    BadRequest "bad-request" BAD_REQUEST "The request is malformed"
    /// A token is needed.
    Unauthorized "unauthorized" UNAUTHORIZED "A bearer token is needed"
    /// A page of another origin asks.
    ForeignOrigin "foreign-origin" FORBIDDEN "Pages of this origin may not ask"
    /// There is nothing at this address.
    NotFound "not-found" NOT_FOUND "There is nothing here"
    /// The address takes other methods.
    MethodNotAllowed "method-not-allowed" METHOD_NOT_ALLOWED "The address takes other methods"
    /// The request did not arrive in time.
    Slow "slow-request" REQUEST_TIMEOUT "The request took too long to arrive"
    /// The request has too many bytes.
    TooLarge "too-large" PAYLOAD_TOO_LARGE "The request is too large"
    /// The request is of another kind than the API takes.
    MediaType "media-type" UNSUPPORTED_MEDIA_TYPE "The content type is not understood"
    /// A picture cannot be used.
    Image "image" UNPROCESSABLE_ENTITY "A picture cannot be used"
    /// A picture cannot be fetched.
    RemoteImage "remote-image" UNPROCESSABLE_ENTITY "A picture cannot be fetched"
    /// The question cannot be asked.
    Question "question" UNPROCESSABLE_ENTITY "The question cannot be answered"
    /// A result cannot be exported.
    Result "result" UNPROCESSABLE_ENTITY "The result cannot be used"
    /// Too many questions wait.
    QueueFull "queue-full" TOO_MANY_REQUESTS "Too many questions are waiting"
    /// Too much memory is taken.
    Memory "memory" TOO_MANY_REQUESTS "Other requests take all the memory"
    /// The question waited too long.
    Waited "waited" SERVICE_UNAVAILABLE "The question waited too long"
    /// Answering took too long.
    Unfinished "unfinished" SERVICE_UNAVAILABLE "The answer took too long"
    /// The service is stopping.
    Stopping "stopping" SERVICE_UNAVAILABLE "The service is stopping"
    /// Something broke that is not the client's fault.
    Internal "internal" INTERNAL_SERVER_ERROR "The service failed"
}

/// An error with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) kind: Kind,
    /// What was found, what was expected and what to do.
    pub(crate) detail: String,
    retry_seconds: Option<u64>,
}

/// The document, as it is written.
#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u64>,
}

impl Problem {
    /// A problem. What it quotes of a request may be as long as the request: it is cut.
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        if let Some((end, _)) = detail.char_indices().nth(DETAIL_CHARS) {
            detail.truncate(end);
            detail.push('…');
        }
        Self { kind, detail, retry_seconds: None }
    }

    pub(crate) fn bad(detail: impl Into<String>) -> Self {
        Self::new(Kind::BadRequest, detail)
    }

    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        Self { retry_seconds: Some(seconds), ..self }
    }

    /// The service is stopping, and another one may take over.
    pub(crate) fn stopping() -> Self {
        let detail = "the service is stopping and takes no new questions; ask again in a moment";
        Self::new(Kind::Stopping, detail).retry_after(5)
    }

    /// The question, or its pictures, had to wait too long.
    pub(crate) fn waited(seconds: u64) -> Self {
        let detail = format!("{seconds} seconds passed before the request's turn; ask again later");
        Self::new(Kind::Waited, detail).retry_after(seconds.min(60))
    }

    /// What a client cannot help. The reason is for the log.
    pub(crate) fn internal(reason: &dyn std::fmt::Display) -> Self {
        tracing::error!(%reason, "a request failed");
        let detail = "the reason is in the log of the service, under the id of this request";
        Self::new(Kind::Internal, detail)
    }

    /// The answer of a model that is an error.
    pub(crate) fn of_model(error: &SegmentError) -> Self {
        let text = one_line(error);
        match error {
            SegmentError::Stopped => Self::stopping(),
            SegmentError::Image(_) | SegmentError::Preprocess { .. } => {
                Self::new(Kind::Image, text)
            }
            error if error.is_bad_input() => Self::new(Kind::Question, text),
            _ => Self::internal(&text),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let Self { kind, detail, retry_seconds, .. } = self;
        let document = Document {
            r#type: format!("{PAGE}#{}", kind.name()),
            title: kind.title(),
            status: kind.status().as_u16(),
            detail,
            retry_after_seconds: *retry_seconds,
        };
        serde_json::to_value(document).unwrap_or_default()
    }

    /// As the clients of chat completions want it: the same document with a member `error`.
    pub(crate) fn to_chat_json(&self) -> Value {
        let mut document = self.to_json();
        let kind = if self.kind.status().is_client_error() {
            "invalid_request_error"
        } else {
            "server_error"
        };
        let (message, code) = (&self.detail, self.kind.name());
        document["error"] =
            json!({ "message": message, "type": kind, "param": null, "code": code });
        document
    }

    /// The response of an address: those of chats are told as their clients expect.
    pub(crate) fn at(&self, path: &str) -> Response {
        let is_chat = path.starts_with("/v1/chat/");
        self.response(&if is_chat { self.to_chat_json() } else { self.to_json() })
    }

    /// The response with a document of one's own.
    pub(crate) fn response(&self, document: &Value) -> Response {
        let mut response = (self.kind.status(), document.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = self.retry_seconds {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if self.kind == Kind::Unauthorized {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.response(&self.to_json())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own_and_a_code_of_errors() {
        let names: std::collections::BTreeSet<_> = Kind::ALL.iter().map(|k| k.name()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
        for kind in Kind::ALL {
            assert!(kind.status().is_client_error() || kind.status().is_server_error());
        }
    }

    #[test]
    fn a_document_says_what_is_wrong_and_when_to_come_back() {
        let problem = Problem::new(Kind::QueueFull, "64 questions wait").retry_after(3);
        assert_eq!(
            problem.to_json(),
            json!({
                "type": "/docs#queue-full", "title": "Too many questions are waiting",
                "status": 429, "detail": "64 questions wait", "retry_after_seconds": 3,
            })
        );
        let response = problem.into_response();
        assert_eq!(response.headers()[RETRY_AFTER], "3");
        assert_eq!(response.headers()[CONTENT_TYPE], MEDIA_TYPE);
    }

    #[test]
    fn what_is_quoted_of_a_request_is_cut() {
        let problem = Problem::bad("é".repeat(1_000_000));
        assert_eq!(problem.detail.chars().count(), DETAIL_CHARS + 1);
    }
}
