//! What a service allows, and to whom.

use std::time::Duration;

use axum::http::HeaderValue;
use calico_image::DecodeOptions;
use serde::Deserialize;

/// How a service behaves.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    /// What one request, and all of them together, may take.
    pub limits: Limits,
    /// Who may ask, and what may be fetched for them.
    pub access: Access,
    /// Whether the built-in model answers: the page then says how to load another one.
    pub is_built_in: bool,
}

/// What one request, and all of them together, may take.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Answers that are computed at once: one unless it is said, since one answer of a large
    /// model keeps the whole processor busy. Of a small model several at once are faster.
    pub workers: Option<usize>,
    /// Questions that may wait while others are answered.
    pub queue: usize,
    /// Connections at once; others wait to be accepted.
    pub connections: usize,
    /// Bytes of a request.
    pub request_bytes: usize,
    /// Bytes of the requests and pictures of everybody, at once.
    pub memory_bytes: usize,
    /// Bytes of a question or a sentence.
    pub text_bytes: usize,
    /// Pictures of a request.
    pub images: usize,
    /// Pixels of a picture.
    pub image_pixels: u64,
    /// Pixels of a side of a picture.
    pub image_side: u32,
    /// Tokens of an answer.
    pub answer_tokens: usize,
    /// Seconds until the head of a request has arrived.
    pub header_seconds: u64,
    /// Seconds until the rest of a request has arrived.
    pub receive_seconds: u64,
    /// Seconds that a question waits for its turn.
    pub wait_seconds: u64,
    /// Seconds that answering takes.
    pub answer_seconds: u64,
    /// Seconds that a client may leave what is sent to it untouched.
    pub send_seconds: u64,
    /// Seconds that requests under way get when the service is stopped.
    pub drain_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            workers: None,
            queue: 64,
            connections: 1024,
            request_bytes: 64 << 20,
            memory_bytes: 2 << 30,
            text_bytes: 16 << 10,
            images: 8,
            image_pixels: 50_000_000,
            image_side: 16_384,
            answer_tokens: 512,
            header_seconds: 10,
            receive_seconds: 60,
            wait_seconds: 300,
            answer_seconds: 600,
            send_seconds: 60,
            drain_seconds: 60,
        }
    }
}

/// Who may ask, and what may be fetched for them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Access {
    /// Whoever asks must send one of these as `Authorization: Bearer …`; empty: nobody must.
    pub bearer_tokens: Vec<Secret>,
    /// Origins of other pages that may ask from a browser, as `https://example.org`; `*` is any.
    pub allowed_origins: Vec<String>,
    /// Whether pictures may be named by addresses, which are then fetched: from the public network
    /// and the ports 80 and 443 only. Machines of one's own that have public addresses, too, are
    /// part of that network: a firewall must guard them.
    pub remote_images: bool,
}

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secret")
    }
}

/// A setting with which no service can work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {found}; expected {expected}")]
pub struct SettingError {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub found: String,
    /// What it should be.
    pub expected: &'static str,
}

/// The memory of all requests is at least so many times the largest one.
const REQUESTS: usize = 4;

/// The longest that any step may take: a day.
const MOST_SECONDS: u64 = 86_400;

impl Settings {
    /// Checks what can be checked before there is a service.
    pub fn check(&self) -> Result<(), SettingError> {
        self.limits.check()?;
        self.access.check()
    }
}

impl Limits {
    fn check(&self) -> Result<(), SettingError> {
        let decoder = DecodeOptions::default();
        let counts = [
            ("workers", self.workers() as u64, 1024),
            ("queue", self.queue as u64, 1 << 20),
            ("connections", self.connections as u64, 1 << 20),
            ("request_bytes", self.request_bytes as u64, 1 << 32),
            ("memory_bytes", self.memory_bytes as u64, 1 << 42),
            ("text_bytes", self.text_bytes as u64, 1 << 20),
            ("images", self.images as u64, 1 << 10),
            ("image_pixels", self.image_pixels, decoder.max_pixels),
            ("image_side", u64::from(self.image_side), u64::from(decoder.max_side)),
            ("answer_tokens", self.answer_tokens as u64, 1 << 20),
            ("header_seconds", self.header_seconds, MOST_SECONDS),
            ("receive_seconds", self.receive_seconds, MOST_SECONDS),
            ("wait_seconds", self.wait_seconds, MOST_SECONDS),
            ("answer_seconds", self.answer_seconds, MOST_SECONDS),
            ("send_seconds", self.send_seconds, MOST_SECONDS),
            ("drain_seconds", self.drain_seconds, MOST_SECONDS),
        ];
        for (name, value, most) in counts {
            if value == 0 || value > most {
                let expected = if value == 0 { "at least 1" } else { "a smaller number" };
                return Err(SettingError { name, found: value.to_string(), expected });
            }
        }
        Ok(())
    }

    pub(crate) fn workers(&self) -> usize {
        self.workers.unwrap_or(1)
    }

    /// Bytes that a request may really have: what is read of it takes memory beside it, so a large
    /// share of all memory could never be had.
    pub(crate) fn most_request_bytes(&self) -> usize {
        self.request_bytes.min(self.memory_bytes / REQUESTS)
    }

    pub(crate) fn receiving(&self) -> Duration {
        Duration::from_secs(self.receive_seconds)
    }
}

impl Access {
    fn check(&self) -> Result<(), SettingError> {
        for Secret(token) in &self.bearer_tokens {
            if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(SettingError {
                    name: "bearer_tokens",
                    found: "a token that no header can carry".into(),
                    expected: "visible ASCII characters without blanks",
                });
            }
        }
        for origin in &self.allowed_origins {
            let has_scheme = ["http://", "https://"].iter().any(|scheme| {
                let host = origin.strip_prefix(scheme).unwrap_or_default();
                !host.is_empty() && !host.contains(['/', '?', '#', '@', ' '])
            });
            if !(origin == "*" || has_scheme) || HeaderValue::from_str(origin).is_err() {
                return Err(SettingError {
                    name: "allowed_origins",
                    found: format!("{origin:?}"),
                    expected: "the origin of a page, such as https://example.org, or *",
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_sound() {
        assert_eq!(Settings::default().check(), Ok(()));
    }

    #[test]
    fn what_no_service_can_work_with_is_named() {
        let limits = Limits { queue: 0, ..Limits::default() };
        assert_eq!(limits.check().unwrap_err().to_string(), "queue is 0; expected at least 1");
        let limits = Limits { wait_seconds: u64::MAX, ..Limits::default() };
        assert_eq!(limits.check().unwrap_err().name, "wait_seconds");
        for origin in ["example.org", "https://", "https://a/b", "ftp://a", ""] {
            let access = Access { allowed_origins: vec![origin.into()], ..Access::default() };
            assert_eq!(access.check().unwrap_err().name, "allowed_origins", "{origin}");
        }
        for token in ["", "two words", "ümlaut"] {
            let access = Access { bearer_tokens: vec![Secret::new(token)], ..Access::default() };
            assert_eq!(access.check().unwrap_err().name, "bearer_tokens", "{token}");
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        let access = Access { bearer_tokens: vec![Secret::new("hidden")], ..Access::default() };
        assert!(!format!("{access:?}").contains("hidden"));
    }
}
