//! `POST /v1/segment`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use calico_result::Segmentation;
use futures_util::stream;
use tokio::time::{Duration, timeout};

use super::App;
use crate::admission::Share;
use crate::event::{Event, heartbeat};
use crate::incoming::{
    Asked, MediaType, SegmentForm, SegmentRequest, forget, json, media_type, of_form, receive,
};
use crate::problem::Problem;
use crate::queue::Ticket;

/// How often a stream without news shows that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// How often the bytes of a request stand in memory again while it is read: as text, and decoded.
pub(super) const COPIES: u64 = 2;

const EVENT_STREAM: &str = "text/event-stream";

/// Segment pictures
///
/// Answers a question about pictures, with a mask for every grounded phrase. As server-sent events
/// the answer comes while it is made: `queued` (`ahead`), `started`, `stage` (`name`, `text`,
/// `image`, `task`), `text` (`answer`, `delta`), `mask` (`answer`, `phrase`, `image`, `group`,
/// `mask`), `answer` (`answer`, `value`), and at last `result` with the same document as without
/// events, or `problem`.
#[utoipa::path(
    post,
    path = "/v1/segment",
    tag = "Calico",
    request_body(
        description = "Pictures, and one of `task`, `prompt` and `answer`, or none of them.",
        content((SegmentRequest = "application/json"), (SegmentForm = "multipart/form-data"))
    ),
    responses(
        (status = 200, description = "The answers with their masks", content(
            (super::openapi::Segmentation = "application/json"),
            (super::openapi::ServerEvent = "text/event-stream"),
        )),
        super::openapi::Problems,
    ),
    security((), ("token" = []))
)]
pub(super) async fn segment(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, mut body) = request.into_parts();
    match ask(&app, &parts.headers, &mut body).await {
        Ok((ticket, true)) => events(ticket),
        Ok((ticket, false)) => match whole(ticket).await {
            Ok(result) => json_response(&result),
            Err(problem) => problem.into_response(),
        },
        Err(problem) => {
            tracing::info!(reason = problem.detail, "refused");
            forget(&parts.headers, &mut body).await;
            problem.into_response()
        }
    }
}

/// Reads a request and hands it to the queue; also tells whether the answer is to be streamed.
async fn ask(app: &App, headers: &HeaderMap, body: &mut Body) -> Result<(Ticket, bool), Problem> {
    let ((asked, stream), share) = read(app, headers, body).await?;
    let accepts = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let stream = stream || accepts.contains(EVENT_STREAM);
    Ok((app.ask(asked, share).await?, stream))
}

async fn read(
    app: &App,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<((Asked, bool), Share), Problem> {
    app.queue.check_room()?;
    let limits = app.settings.limits.clone();
    let kind = media_type(headers)?;
    let (bytes, mut share) = receive(headers, body, &limits, &app.memory).await?;
    app.memory.grow(&mut share, COPIES * bytes.len() as u64)?;
    let (asked, share) = match kind {
        MediaType::Json => {
            let read = move || json::<SegmentRequest>(&bytes)?.asked(&limits);
            app.aside(app.turn(&app.turns.decode).await?, share, read).await?
        }
        MediaType::Form(boundary) => (of_form(bytes, boundary, &limits).await, share),
    };
    Ok((asked?, share))
}

/// Waits for the result.
pub(super) async fn whole(mut ticket: Ticket) -> Result<Segmentation, Problem> {
    while let Some(event) = ticket.next().await {
        match event {
            Event::Result(result) => return Ok(*result),
            Event::Problem(problem) => return Err(problem),
            _ => {}
        }
    }
    Err(Problem::internal(&"a question ended without an answer"))
}

/// The result as `result.json` has it, so that both have the same bytes.
fn json_response(result: &Segmentation) -> Response {
    match result.to_json() {
        Ok(text) => {
            let kind = HeaderValue::from_static("application/json");
            ([(CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => Problem::internal(&error).into_response(),
    }
}

/// A response that goes on while there are events.
fn events(ticket: Ticket) -> Response {
    stream_response(ticket, |event| event.to_bytes().into_iter().collect())
}

/// A stream of what `tell` makes of each event.
pub(super) fn stream_response(
    ticket: Ticket,
    tell: impl FnMut(Event) -> Vec<axum::body::Bytes> + Send + 'static,
) -> Response {
    let state = (ticket, tell);
    let stream = stream::unfold(state, async |(mut ticket, mut tell)| {
        loop {
            let told = match timeout(HEARTBEAT, ticket.next()).await {
                Ok(Some(event)) => tell(event).concat().into(),
                Ok(None) => return None,
                Err(_elapsed) => heartbeat(),
            };
            if !told.is_empty() {
                return Some((Ok::<_, std::convert::Infallible>(told), (ticket, tell)));
            }
        }
    });
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM)),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // Proxies would wait for more.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, Body::from_stream(stream)).into_response()
}
