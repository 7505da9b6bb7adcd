//! The addresses of the service.

mod app;
mod chat;
mod export;
mod gate;
mod openapi;
mod page;
mod segment;
mod status;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, Method, Uri, header};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tower_http::cors::{AllowOrigin, CorsLayer};

pub(crate) use app::App;

use crate::problem::{Kind, Problem};

/// How long a browser may remember which origins are allowed.
const CORS_SECONDS: u64 = 3600;

/// All addresses, behind the gate.
pub(crate) fn router(app: Arc<App>) -> Router {
    let origins = &app.settings.access.allowed_origins;
    let cors = (!origins.is_empty()).then(|| cors(origins));
    let mut router = Router::new()
        .route("/v1/segment", post(segment::segment))
        .route("/v1/export/{format}", post(export::export))
        .route("/v1/chat/completions", post(chat::completions))
        .route("/v1/models", get(status::models))
        .route("/healthz", get(status::healthz))
        .route("/readyz", get(status::readyz))
        .route("/metrics", get(status::metrics))
        .route("/openapi.json", get(openapi::document))
        .merge(page::router())
        .fallback(async |uri: Uri| {
            let detail = "expected an address of the API; /docs lists them";
            Problem::new(Kind::NotFound, detail).at(uri.path())
        })
        .method_not_allowed_fallback(async |uri: Uri| {
            let detail = "the header Allow names the methods that this address takes";
            Problem::new(Kind::MethodNotAllowed, detail).at(uri.path())
        })
        .layer(from_fn_with_state(Arc::clone(&app), gate::pass));
    if let Some(cors) = cors {
        router = router.layer(cors);
    }
    router.with_state(app)
}

fn cors(origins: &[String]) -> CorsLayer {
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        // The settings were checked: every one of them can be a header.
        AllowOrigin::list(origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()))
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::CONTENT_TYPE, header::AUTHORIZATION, header::ACCEPT])
        .expose_headers([header::RETRY_AFTER, gate::REQUEST_ID])
        .max_age(std::time::Duration::from_secs(CORS_SECONDS))
}
