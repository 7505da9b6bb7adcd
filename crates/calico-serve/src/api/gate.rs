//! What every request passes: its id, who may ask, and what is written down about it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use subtle::{Choice, ConstantTimeEq as _};
use tracing::Instrument as _;

use super::App;
use super::app::UnderWay;
use crate::incoming::forget;
use crate::metrics::{RequestLabels, RouteLabels};
use crate::problem::{Kind, Problem};
use crate::settings::Access;

/// Names a request in the log; what a proxy has given is kept.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Characters of an id that is kept.
const ID_CHARS: usize = 64;

pub(super) async fn pass(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let id = request_id(request.headers());
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = route.unwrap_or_else(|| "none".into());
    let method = request.method().clone();
    let span = tracing::info_span!("request", id = %id, %method, path = request.uri().path());
    let mut response = answer(&app, &route, request, next).instrument(span.clone()).await;

    let seconds = start.elapsed().as_secs_f64();
    let status = response.status().as_u16();
    span.in_scope(|| tracing::info!(status, seconds, "answered"));
    app.metrics
        .request_seconds
        .get_or_create(&RouteLabels { route: route.clone() })
        .observe(seconds);
    app.metrics.requests.get_or_create(&RequestLabels { route, status }).inc();

    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    for (name, value) in SAFETY {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// No page of another origin shows or reads what the service says, and nothing is guessed.
const SAFETY: [(HeaderName, &str); 4] = [
    (HeaderName::from_static("x-content-type-options"), "nosniff"),
    (HeaderName::from_static("x-frame-options"), "DENY"),
    (HeaderName::from_static("referrer-policy"), "no-referrer"),
    (
        HeaderName::from_static("content-security-policy"),
        "default-src 'none'; frame-ancestors 'none'",
    ),
];

async fn answer(app: &Arc<App>, route: &str, request: Request, next: Next) -> Response {
    match admit(app, route, &request) {
        Ok(_under_way) => {
            let path = request.uri().path().to_owned();
            tokio::select! {
                response = next.run(request) => response,
                () = app.over() => Problem::stopping().at(&path),
            }
        }
        Err(problem) => {
            tracing::info!(reason = problem.detail, "refused");
            let (parts, mut body) = request.into_parts();
            forget(&parts.headers, &mut body).await;
            problem.at(parts.uri.path())
        }
    }
}

/// Who may ask, and when. What is asked of the model, and not refused, is under way.
///
/// The page, its files, the description of the API and the signs of life are for everybody: none
/// of them tells anything about anybody's pictures. Everything below `/v1/`, and the measures, are
/// for those who know a token.
fn admit(app: &App, route: &str, request: &Request) -> Result<Option<UnderWay>, Problem> {
    let asks = request.method() == Method::POST;
    // Before the question whether the service stops: who stops it counts afterwards.
    let under_way = asks.then(|| app.enter());
    if asks && app.is_stopping() {
        return Err(Problem::stopping());
    }
    let (headers, access) = (request.headers(), &app.settings.access);
    if app.is_local && access.bearer_tokens.is_empty() && !is_local_name(headers, access) {
        let detail = "the header Host names another machine, and this service is for programs of \
                      its own machine; a proxy's name belongs into the setting allowed_origins";
        return Err(Problem::new(Kind::ForeignOrigin, detail));
    }
    if asks && is_foreign(headers, access) {
        let detail = "a page of another origin sent this request; the setting allowed_origins \
                      names those that may, and a proxy must pass the header Host on";
        return Err(Problem::new(Kind::ForeignOrigin, detail));
    }
    let is_guarded = request.uri().path().starts_with("/v1/") || route == "/metrics";
    if is_guarded && !is_known(headers, access) {
        let detail = "this service answers those who know a token; send the header \
                      `Authorization: Bearer TOKEN`";
        return Err(Problem::new(Kind::Unauthorized, detail));
    }
    Ok(under_way)
}

/// Whether the request calls this machine by a name of its own. A page whose name was made to
/// lead here calls it by that name, and would pass for one of ours.
fn is_local_name(headers: &HeaderMap, access: &Access) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let port = host.rsplit_once(':').filter(|(_, port)| is_port(port));
    let name = port.map_or(host, |(name, _)| name);
    // A number was not made to lead here by anybody.
    let is_number = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let is_allowed = |origin: &String| {
        let allowed = origin.split_once("://").map_or("", |(_, allowed)| allowed);
        origin == "*" || allowed.eq_ignore_ascii_case(host)
    };
    is_number
        || name.eq_ignore_ascii_case("localhost")
        || access.allowed_origins.iter().any(is_allowed)
}

/// Whether a browser says that a page of another origin asks, one that was not allowed.
fn is_foreign(headers: &HeaderMap, access: &Access) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return false };
    let Ok(origin) = origin.to_str() else { return true };
    let is_allowed = |allowed: &String| allowed == "*" || allowed == origin;
    if access.allowed_origins.iter().any(is_allowed) {
        return false;
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let own = origin.split_once("://").map(|(_, authority)| authority);
    !matches!((own, host), (Some(own), Some(host)) if own.eq_ignore_ascii_case(host))
}

/// Whether the request carries one of the tokens. How long this takes tells nothing about them
/// but their number and lengths.
fn is_known(headers: &HeaderMap, access: &Access) -> bool {
    if access.bearer_tokens.is_empty() {
        return true;
    }
    let sent = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (scheme, token) = sent.split_once(' ').unwrap_or((sent, ""));
    let token = token.trim().as_bytes();
    let known = access
        .bearer_tokens
        .iter()
        .fold(Choice::from(0), |known, secret| known | secret.reveal().as_bytes().ct_eq(token));
    scheme.eq_ignore_ascii_case("bearer") && bool::from(known)
}

/// The id that a proxy has given, or a new one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let is_sound = |id: &&str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        (1..=ID_CHARS).contains(&id.len()) && id.bytes().all(allowed)
    };
    given.filter(is_sound).map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Secret;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let value = |text: &str| HeaderValue::from_str(text).unwrap();
        pairs.iter().map(|(name, text)| (name.clone(), value(text))).collect()
    }

    #[test]
    fn one_of_the_tokens_opens_and_nothing_else_does() {
        let bearer_tokens = vec![Secret::new("first"), Secret::new("second")];
        let access = Access { bearer_tokens, ..Access::default() };
        let knows = |text| is_known(&headers(&[(AUTHORIZATION, text)]), &access);
        assert!(knows("Bearer first") && knows("bearer second"));
        for other in ["Bearer ", "Bearer firs", "Bearer firstsecond", "Basic first", "first", ""] {
            assert!(!knows(other), "{other}");
        }
        assert!(!is_known(&HeaderMap::new(), &access));
        assert!(is_known(&HeaderMap::new(), &Access::default()));
    }

    #[test]
    fn pages_of_other_origins_are_told_from_our_own() {
        let access =
            Access { allowed_origins: vec!["https://friend.example".into()], ..Access::default() };
        let asked = |origin| headers(&[(ORIGIN, origin), (HOST, "localhost:8080")]);
        for ours in ["http://localhost:8080", "https://LOCALHOST:8080", "https://friend.example"] {
            assert!(!is_foreign(&asked(ours), &access), "{ours}");
        }
        for other in ["http://localhost", "http://evil.example", "null", "http://friend.example"] {
            assert!(is_foreign(&asked(other), &access), "{other}");
        }
        assert!(!is_foreign(&headers(&[(HOST, "localhost")]), &access));
    }

    #[test]
    fn names_that_were_made_to_lead_here_are_no_names_of_this_machine() {
        let allowed_origins = vec!["https://proxy.example".into()];
        let access = Access { allowed_origins, ..Access::default() };
        let is_local = |host| is_local_name(&headers(&[(HOST, host)]), &access);
        for own in ["localhost", "LOCALHOST:8080", "127.0.0.2:1", "[::1]:80", "Proxy.example"] {
            assert!(is_local(own), "{own}");
        }
        for other in
            ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.x", ""]
        {
            assert!(!is_local(other), "{other}");
        }
        assert!(!is_local_name(&HeaderMap::new(), &access));
    }

    #[test]
    fn an_id_is_kept_if_it_can_stand_in_a_log() {
        let id = |text| request_id(&headers(&[(REQUEST_ID, text)]));
        assert_eq!(id("a-1"), "a-1");
        for other in ["", "a b", "a\"", &"x".repeat(65)] {
            assert_eq!(id(other).len(), 36, "{other}");
        }
    }
}
