//! The bytes of a request, within limits of size, time and memory.

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http_body_util::BodyExt as _;
use tokio::time::{Duration, timeout};

use crate::admission::{Memory, Share};
use crate::problem::{Kind, Problem};
use crate::settings::Limits;

/// How long, and how much, is read of a request that is refused, so that the client is done with
/// sending and hears why.
const REST: Duration = Duration::from_secs(5);
const REST_BYTES: usize = 256 << 20;

/// How many bytes of memory are taken at once for a request that arrives.
const STEP: usize = 64 << 10;

/// What a request is written in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MediaType {
    Json,
    /// A form, with what separates its fields.
    Form(String),
}

/// Finds out what a request is written in.
pub(crate) fn media_type(headers: &HeaderMap) -> Result<MediaType, Problem> {
    let found = headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or("unreadable"));
    let essence = found.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    if essence == "application/json" {
        return Ok(MediaType::Json);
    }
    if essence == "multipart/form-data" {
        let boundary = multer::parse_boundary(found.unwrap_or_default());
        return boundary.map(MediaType::Form).map_err(|error| {
            Problem::bad(format!("the content type of the form is not usable: {error}"))
        });
    }
    let found = found.map_or("no content type".to_owned(), |found| format!("{found:?}"));
    let detail = format!("found {found}; expected application/json or multipart/form-data");
    Err(Problem::new(Kind::MediaType, detail))
}

/// Reads a request, with the memory that it takes.
pub(crate) async fn receive(
    headers: &HeaderMap,
    body: &mut Body,
    limits: &Limits,
    memory: &Memory,
) -> Result<(Bytes, Share), Problem> {
    let most = limits.most_request_bytes();
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let length: Option<usize> = length.and_then(|length| length.parse().ok());
    if length.is_some_and(|length| length > most) {
        return Err(too_large(length, most));
    }
    // Memory is taken as bytes come, in steps: who announces much and sends nothing takes nothing.
    let mut share = memory.take(0)?;
    let mut taken = 0;
    let mut bytes = Vec::new();
    let reading = async {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                Problem::bad(format!("the request ended before its end: {error}"))
            })?;
            let Ok(data) = frame.into_data() else { continue };
            let has = bytes.len() + data.len();
            if has > most {
                return Err(too_large(None, most));
            }
            if has > taken {
                // Twice as much, so that bytes are seldom moved, up to what can come.
                let end = length.unwrap_or(most).max(has);
                let next = (2 * taken).clamp(has, end).next_multiple_of(STEP);
                memory.grow(&mut share, (next - taken) as u64)?;
                taken = next;
                bytes.reserve_exact(taken - bytes.len());
            }
            bytes.extend_from_slice(&data);
        }
        Ok(())
    };
    match timeout(limits.receiving(), reading).await {
        Ok(Ok(())) => {}
        Ok(Err(problem)) => {
            // Whoever waited for a word before sending has got it by now.
            rest(body).await;
            return Err(problem);
        }
        Err(_elapsed) => {
            let seconds = limits.receive_seconds;
            let detail = format!("the request had not arrived after {seconds} seconds");
            return Err(Problem::new(Kind::Slow, detail));
        }
    }
    Ok((bytes.into(), share))
}

fn too_large(found: Option<usize>, most: usize) -> Problem {
    let found = found.map_or("more".to_owned(), |found| found.to_string());
    let detail = format!(
        "the request has {found} bytes, and this service takes at most {most}; send fewer or \
         smaller pictures"
    );
    Problem::new(Kind::TooLarge, detail)
}

/// Reads what is left of a request that is refused before any of it was read, and forgets it.
pub(crate) async fn forget(headers: &HeaderMap, body: &mut Body) {
    // Whoever waits for a word before sending has sent nothing, and should not.
    if !headers.contains_key(EXPECT) {
        rest(body).await;
    }
}

/// Reads on and keeps nothing: a client that still sends when the connection closes would not see
/// the answer.
async fn rest(body: &mut Body) {
    let reading = async {
        let mut left = REST_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            let read = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(read) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    };
    let _ = timeout(REST, reading).await;
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn of(content_type: &'static str) -> Result<MediaType, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        media_type(&headers)
    }

    #[test]
    fn content_types_are_recognised() {
        assert_eq!(of("application/json").unwrap(), MediaType::Json);
        assert_eq!(of("Application/JSON; charset=utf-8").unwrap(), MediaType::Json);
        assert_eq!(of("multipart/form-data; boundary=x").unwrap(), MediaType::Form("x".into()));
        assert_eq!(of("multipart/form-data").unwrap_err().kind, Kind::BadRequest);
        for other in ["text/plain", "", "application/jsonx", "image/png"] {
            assert_eq!(of(other).unwrap_err().kind, Kind::MediaType, "{other}");
        }
        assert_eq!(media_type(&HeaderMap::new()).unwrap_err().kind, Kind::MediaType);
    }
}
