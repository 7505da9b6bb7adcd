//! What the service says about itself.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::App;
use crate::problem::Problem;

/// The models
///
/// The model that answers, in the form of a list that clients of chat completions know.
#[utoipa::path(
    get,
    path = "/v1/models",
    tag = "Chat",
    responses((status = 200, body = ModelList), super::openapi::Problems),
    security((), ("token" = []))
)]
pub(super) async fn models(State(app): State<Arc<App>>) -> Json<ModelList> {
    let engine = &app.engine;
    let limits = &app.settings.limits;
    let entry = ModelEntry {
        id: engine.identity().name.clone(),
        object: "model",
        created: 0,
        owned_by: "calico",
        calico: ModelFacts {
            notice: engine.notice().map(str::to_owned),
            is_built_in: app.settings.is_built_in,
            version: env!("CARGO_PKG_VERSION"),
            limits: ClientLimits {
                images: limits.images,
                request_bytes: limits.most_request_bytes(),
                image_pixels: app.decode_options().max_pixels,
                image_side: app.decode_options().max_side,
                answer_tokens: limits.answer_tokens,
            },
        },
    };
    Json(ModelList { object: "list", data: vec![entry] })
}

#[derive(Serialize, ToSchema)]
pub(super) struct ModelList {
    object: &'static str,
    data: Vec<ModelEntry>,
}

#[derive(Serialize, ToSchema)]
struct ModelEntry {
    /// The name of the model.
    id: String,
    object: &'static str,
    /// Always 0: a model does not say when it was made.
    created: u64,
    owned_by: &'static str,
    calico: ModelFacts,
}

#[derive(Serialize, ToSchema)]
struct ModelFacts {
    /// What everybody should know about the answers of this model.
    notice: Option<String>,
    /// Whether this is the model inside of the program.
    is_built_in: bool,
    /// The version of the service.
    version: &'static str,
    limits: ClientLimits,
}

/// What one request may have.
#[derive(Serialize, ToSchema)]
struct ClientLimits {
    /// Pictures.
    images: usize,
    /// Bytes.
    request_bytes: usize,
    /// Pixels of a picture.
    image_pixels: u64,
    /// Pixels of a side of a picture.
    image_side: u32,
    /// Tokens of an answer.
    answer_tokens: usize,
}

/// Alive
///
/// Answers as long as the process lives.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "Service",
    responses((status = 200, body = String, content_type = "text/plain"))
)]
pub(super) async fn healthz() -> &'static str {
    "alive\n"
}

/// Ready
///
/// Answers 503 when the service stops: a load balancer then sends nothing more.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "Service",
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = 503, description = "The service is stopping", body = String, content_type = "text/plain")
    )
)]
pub(super) async fn readyz(State(app): State<Arc<App>>) -> (StatusCode, &'static str) {
    if app.is_stopping() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}

/// Measures
///
/// Requests, queue, times, cache and memory, in the text format of Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "Service",
    responses(
        (status = 200, body = String, content_type = "application/openmetrics-text"),
        super::openapi::Problems,
    ),
    security((), ("token" = []))
)]
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    match app.metrics.text(app.memory.taken(), app.engine.cached_bytes()) {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => Problem::internal(&error).into_response(),
    }
}
