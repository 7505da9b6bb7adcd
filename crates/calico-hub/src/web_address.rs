use std::fmt::Write as _;

use ureq::http::Uri;

/// Scheme, host and port: who is asked. What belongs to one never goes to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) is_secure: bool,
    host: String,
    port: u16,
}

impl Origin {
    /// Of an absolute address over HTTP or HTTPS.
    pub(crate) fn of(uri: &Uri) -> Option<Self> {
        let is_secure = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        let host = uri.host().filter(|host| !host.is_empty())?;
        Some(Self { is_secure, host: host.to_ascii_lowercase(), port })
    }

    /// For messages. Addresses are not shown whole: they may carry signatures.
    pub(crate) fn name(&self) -> String {
        match (self.is_secure, self.port) {
            (true, 443) | (false, 80) => self.host.clone(),
            (_, port) => format!("{}:{port}", self.host),
        }
    }
}

/// Where a redirect leads that was met at `base`, or why it leads nowhere.
pub(crate) fn follow(base: &Uri, location: &str) -> Result<Uri, String> {
    let scheme = base.scheme_str().unwrap_or("https");
    let authority = base.authority().map_or("", |authority| authority.as_str());
    // A query may hold a whole address of its own.
    let path = location.split(['?', '#']).next().unwrap_or_default();
    let text = if path.contains("://") {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else if path.is_empty() {
        format!("{scheme}://{authority}{}{location}", base.path())
    } else {
        let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{location}")
    };
    let text = text.split('#').next().unwrap_or_default();
    let uri: Uri = text.parse().map_err(|_unusable| "to what is no address".to_owned())?;
    let (Some(from), Some(to)) = (Origin::of(base), Origin::of(&uri)) else {
        return Err("to what is neither HTTP nor HTTPS".into());
    };
    if from.is_secure && !to.is_secure {
        return Err(format!("to {} without TLS, which is not followed", to.name()));
    }
    Ok(uri)
}

/// Text as a part of an address. With `keeps_slashes`, as several parts.
pub(crate) fn escaped(text: &str, keeps_slashes: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric()
            || b"-_.~".contains(&byte)
            || (byte == b'/' && keeps_slashes)
        {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn followed(location: &str) -> Result<String, String> {
        let base = "https://hub.example/a/resolve/main/b".parse().unwrap();
        follow(&base, location).map(|uri| uri.to_string())
    }

    #[test]
    fn redirects_are_followed_from_where_they_were_met() {
        for (location, expected) in [
            ("/c?d=e", "https://hub.example/c?d=e"),
            ("f", "https://hub.example/a/resolve/main/f"),
            ("/c?of=https://x.example/y", "https://hub.example/c?of=https://x.example/y"),
            ("?d=e", "https://hub.example/a/resolve/main/b?d=e"),
            ("//cdn.example/x", "https://cdn.example/x"),
            ("https://cdn.example/x#part", "https://cdn.example/x"),
        ] {
            assert_eq!(followed(location).as_deref(), Ok(expected));
        }
        assert!(followed("http://hub.example/c").unwrap_err().contains("without TLS"));
        for bad in ["file:///etc/passwd", "ftp://hub.example/a", "https://", "https://a b/"] {
            assert!(followed(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let origin = |text: &str| Origin::of(&text.parse().unwrap()).unwrap();
        assert_eq!(origin("https://A.example/x"), origin("https://a.example:443/y"));
        assert_ne!(origin("https://a.example"), origin("http://a.example"));
        assert_ne!(origin("http://a.example:80"), origin("http://a.example:81"));
        assert_eq!(origin("http://a.example:81").name(), "a.example:81");
    }

    #[test]
    fn special_letters_are_escaped() {
        assert_eq!(escaped("refs/pr/1", false), "refs%2Fpr%2F1");
        assert_eq!(escaped("a b/ä?#%", true), "a%20b/%C3%A4%3F%23%25");
    }
}
