//! What clients see, and what the service does when they misbehave.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod access;
mod answers;
mod limits;
mod queue;
mod stopping;
#[path = "../support/mod.rs"]
mod support;

use calico_serve::{Limits, Settings};
use serde_json::{Value, json};
use support::{PICTURE, Service, post_json};

pub(crate) fn service() -> Service {
    Service::start(Settings::default())
}

pub(crate) fn with_limits(limits: Limits) -> Service {
    Service::start(Settings { limits, ..Settings::default() })
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// A chat about the picture.
pub(crate) fn chat(text: &str, more: &Value) -> Vec<u8> {
    let url = format!("data:image/bmp;base64,{}", base64(PICTURE));
    let parts = json!([
        { "type": "image_url", "image_url": { "url": url } },
        { "type": "text", "text": text },
    ]);
    let mut request =
        json!({ "model": "obedient", "messages": [{ "role": "user", "content": parts }] });
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    post_json("/v1/chat/completions", &request)
}
