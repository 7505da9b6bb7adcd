//! The web page, inside of the program.

use std::sync::Arc;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::IntoResponse as _;
use axum::routing::get;

use super::App;

/// What a page may do: run our own files, show pictures that it made, talk to this service, and
/// use the camera if the user agrees. No inline code, no other host.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' \
                      blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";
const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");

/// A file of the page.
struct Asset {
    path: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

macro_rules! assets {
    ($($path:literal $kind:literal $file:literal)*) => {
        &[$(Asset { path: $path, kind: $kind, bytes: include_bytes!($file) },)*]
    };
}

const ASSETS: &[Asset] = assets! {
    "/" "text/html; charset=utf-8" "../page/index.html"
    "/docs" "text/html; charset=utf-8" "../page/docs.html"
    "/page.css" "text/css; charset=utf-8" "../page/page.css"
    "/page.js" "text/javascript; charset=utf-8" "../page/page.js"
    "/masks.js" "text/javascript; charset=utf-8" "../page/masks.js"
    "/stage.js" "text/javascript; charset=utf-8" "../page/stage.js"
    "/service.js" "text/javascript; charset=utf-8" "../page/service.js"
    "/docs.js" "text/javascript; charset=utf-8" "../page/docs.js"
    "/icon.svg" "image/svg+xml" "../page/icon.svg"
    "/examples/bicycles-1.jpg" "image/jpeg" "../../../../examples/drawn/bicycles-1.jpg"
    "/examples/bicycles-2.jpg" "image/jpeg" "../../../../examples/drawn/bicycles-2.jpg"
    "/examples/lanterns-1.jpg" "image/jpeg" "../../../../examples/drawn/lanterns-1.jpg"
    "/examples/lanterns-2.jpg" "image/jpeg" "../../../../examples/drawn/lanterns-2.jpg"
};

pub(super) fn router() -> Router<Arc<App>> {
    let serve = |asset: &'static Asset| {
        get(async || {
            let headers = [
                (CONTENT_TYPE, HeaderValue::from_static(asset.kind)),
                (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
                (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
                (PERMISSIONS, HeaderValue::from_static("camera=(self)")),
            ];
            (headers, asset.bytes).into_response()
        })
    };
    ASSETS.iter().fold(Router::new(), |router, asset| router.route(asset.path, serve(asset)))
}
