use std::time::Duration;

use ureq::http::HeaderMap;

use crate::error::HubError;

/// Why a request failed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It may pass: try again, after the pause that the server asks for.
    Passing {
        /// What is reported if it does not pass.
        error: Box<HubError>,
        /// Why it failed, in a few words.
        reason: String,
        pause: Option<Duration>,
    },
    /// The part of the file that was asked for cannot be had: begin anew, or report this.
    NoSuchRange(HubError),
    /// Trying again is no use.
    Final(HubError),
}

impl Fault {
    /// An answer that ended before its end.
    pub(crate) fn cut(host: String, what: String, reason: String) -> Self {
        let told = format!("{host} was cut off: {reason}");
        let error = Box::new(HubError::Cut { host, what, reason });
        Self::Passing { error, reason: told, pause: None }
    }
}

impl From<HubError> for Fault {
    fn from(error: HubError) -> Self {
        Self::Final(error)
    }
}

/// The pause that a busy server asks for: `Retry-After`, or the `t` of the hub's `RateLimit`.
pub(crate) fn pause(headers: &HeaderMap) -> Option<Duration> {
    let header = |name: &str| headers.get(name)?.to_str().ok();
    let after = header("retry-after").and_then(|text| text.trim().parse().ok());
    let limit = || {
        let mut parts = header("ratelimit")?.split(';');
        parts.find_map(|part| part.trim().strip_prefix("t=")?.parse().ok())
    };
    after.or_else(limit).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_server_says_how_long() {
        let pause = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            super::pause(&headers)
        };
        assert_eq!(pause("retry-after", "7"), Some(Duration::from_secs(7)));
        assert_eq!(pause("ratelimit", "\"api\";r=0;t=55"), Some(Duration::from_secs(55)));
        assert_eq!(pause("retry-after", "tomorrow"), None);
        assert_eq!(pause("date", "7"), None);
    }
}
