use std::cell::Cell;
use std::error::Error as _;
use std::fs;
use std::io::Read as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ureq::http::header::{ACCEPT_ENCODING, AUTHORIZATION, LOCATION, RANGE, USER_AGENT};
use ureq::http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use crate::error::{HubError, short};
use crate::fault::{self, Fault};
use crate::file_name::FileName;
use crate::settings::{Proxy, Secret, Settings};
use crate::web_address::{Origin, escaped, follow};

/// Redirects of one request.
const MOST_REDIRECTS: usize = 10;
/// Bytes of an error's explanation that are read.
const MOST_EXPLANATION: usize = 4096;
/// How long an error's explanation may take; without it the error is reported as well.
const EXPLANATION: Duration = Duration::from_secs(5);
/// How long the headers of an answer may take, however steadily they trickle.
const HEADERS: Duration = Duration::from_mins(1);

/// Asks the hub, and whoever it redirects to.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    endpoint: String,
    hub: Origin,
    token: Option<Secret>,
    /// Whether anybody has answered yet: before, a failure is no interruption.
    is_answered: Cell<bool>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked<'a> {
    /// The files of a revision.
    Listing { repository: &'a str, revision: &'a str },
    /// A file of a commit, from this byte on.
    File { repository: &'a str, commit: &'a str, name: &'a FileName, from: u64 },
    /// The size and the digest of a file.
    Metadata { repository: &'a str, commit: &'a str, name: &'a FileName },
}

/// An answer, and who gave it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) response: Response<Body>,
    /// For messages.
    pub(crate) host: String,
}

impl Client {
    pub(crate) fn new(settings: &Settings) -> Result<Self, HubError> {
        let endpoint = settings.endpoint.clone();
        let is_plain = |uri: &Uri| {
            let has_name =
                uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
            uri.query().is_none() && !has_name
        };
        let hub = endpoint.parse().ok().filter(is_plain);
        let hub = hub.and_then(|uri| Origin::of(&uri)).ok_or_else(|| HubError::Setting {
            name: "HF_ENDPOINT",
            found: without_password(&endpoint),
            expected: "the address of a hub, such as https://huggingface.co".into(),
        })?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // Followed here, so that it is decided at each step who sees the token.
            .max_redirects(0)
            .proxy(settings.proxy.as_ref().map(proxy).transpose()?)
            .tls_config(tls(settings)?)
            .timeout_resolve(Some(settings.connect))
            .timeout_connect(Some(settings.connect))
            .timeout_per_read(Some(settings.silence))
            .timeout_per_write(Some(settings.silence))
            .timeout_recv_response(Some(HEADERS.max(settings.silence)))
            .build();
        let token = settings.token.clone();
        Ok(Self { agent: config.into(), endpoint, hub, token, is_answered: Cell::new(false) })
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Asks once.
    pub(crate) fn ask(&self, asked: Asked<'_>) -> Result<Answer, Fault> {
        let text = asked.address(&self.endpoint);
        let mut uri: Uri = text.parse().map_err(|_unusable| HubError::Setting {
            name: "HF_ENDPOINT",
            found: without_password(&self.endpoint),
            expected: "the address of a hub, such as https://huggingface.co".into(),
        })?;
        for _ in 0..MOST_REDIRECTS {
            let Some(origin) = Origin::of(&uri) else { break };
            let host = origin.name();
            let response = self.send(asked, &uri, &origin)?;
            let status = response.status();
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            match location {
                Some(location) if status.is_redirection() => {
                    let next = follow(&uri, location).map_err(|reason| HubError::Redirect {
                        host: host.clone(),
                        what: asked.what(),
                        reason,
                    })?;
                    // The storage behind the hub knows neither size nor digest in the hub's sense.
                    let leaves = Origin::of(&next).as_ref() != Some(&self.hub);
                    if leaves && matches!(asked, Asked::Metadata { .. }) {
                        return Ok(Answer { response, host });
                    }
                    uri = next;
                }
                _ if status.is_success() => return Ok(Answer { response, host }),
                _ => return Err(self.refusal(asked, response, &origin)),
            }
        }
        let reason = "in a circle".to_owned();
        Err(HubError::Redirect { host: self.hub.name(), what: asked.what(), reason }.into())
    }

    fn send(&self, asked: Asked<'_>, uri: &Uri, origin: &Origin) -> Result<Response<Body>, Fault> {
        let method = match asked {
            Asked::Metadata { .. } => Method::HEAD,
            _ => Method::GET,
        };
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header(USER_AGENT, concat!("calico/", env!("CARGO_PKG_VERSION")))
            // Sizes and ranges are those of the file itself.
            .header(ACCEPT_ENCODING, "identity");
        if let (Some(token), true) = (&self.token, *origin == self.hub) {
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.reveal()));
        }
        if let Asked::File { from: from @ 1.., .. } = asked {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        let sent = request.body(()).map_err(ureq::Error::from);
        match sent.and_then(|request| self.agent.run(request)) {
            Ok(response) => {
                self.is_answered.set(true);
                Ok(response)
            }
            Err(error) => Err(self.failure(asked, &error, origin)),
        }
    }

    /// Nobody answered.
    fn failure(&self, asked: Asked<'_>, error: &ureq::Error, origin: &Origin) -> Fault {
        let (host, what) = (origin.name(), asked.what());
        let reason = explained(error);
        let is_cut = match error {
            ureq::Error::Io(error) => {
                use std::io::ErrorKind::{
                    BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof,
                };
                let kind = error.kind();
                [BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof].contains(&kind)
            }
            ureq::Error::Timeout(timeout) => {
                !matches!(timeout, ureq::Timeout::Resolve | ureq::Timeout::Connect)
            }
            _ => false,
        };
        if is_cut || self.is_answered.get() {
            let told = format!("{host} does not answer: {reason}");
            let error = Box::new(HubError::Cut { host, what, reason });
            return Fault::Passing { error, reason: told, pause: None };
        }
        let advice = if reason.contains("certificate") {
            ": SSL_CERT_FILE names a file of certificates to trust"
        } else {
            ": check the connection, HF_ENDPOINT and HTTPS_PROXY"
        };
        HubError::Unreachable { host, reason, advice: advice.into() }.into()
    }

    /// Somebody answered, and refused.
    fn refusal(&self, asked: Asked<'_>, response: Response<Body>, origin: &Origin) -> Fault {
        let status = response.status();
        let (parts, body) = response.into_parts();
        let code = header(&parts.headers, "x-error-code").unwrap_or_default();
        let message = explanation(&parts.headers, body);
        let host = origin.name();
        let is_hub = *origin == self.hub;
        let general = HubError::Status {
            host: host.clone(),
            status: status.as_u16(),
            what: asked.what(),
            message: message.clone(),
        };
        let passes = matches!(status.as_u16(), 408 | 425 | 429 | 500..=599);
        let is_part = matches!(asked, Asked::File { from: 1.., .. });
        if is_part && status == StatusCode::RANGE_NOT_SATISFIABLE {
            return Fault::NoSuchRange(general);
        }
        // A signed address of the storage behind the hub may have run out: the hub signs a new one.
        if passes || !is_hub {
            let reason = format!("{host} answered {}", status.as_u16());
            let (error, pause) = (Box::new(general), fault::pause(&parts.headers));
            return Fault::Passing { error, reason, pause };
        }
        let endpoint = self.endpoint.clone();
        let has_token = self.token.is_some();
        let repository = asked.repository().to_owned();
        let error = match (status.as_u16(), &*code) {
            (401 | 403, "GatedRepo") | (403, _) => {
                HubError::Gated { repository, endpoint, message, has_token }
            }
            (404, "RevisionNotFound") => {
                HubError::NoRevision { repository, revision: asked.revision().to_owned(), endpoint }
            }
            (404, "RepoNotFound") | (401, _) => {
                HubError::NoRepository { repository, endpoint, has_token }
            }
            (404, _) => match asked {
                Asked::Listing { .. } => HubError::NoRepository { repository, endpoint, has_token },
                Asked::File { name, .. } | Asked::Metadata { name, .. } => {
                    HubError::NoFile { host, name: name.as_str().to_owned() }
                }
            },
            _ => general,
        };
        error.into()
    }
}

impl Asked<'_> {
    fn address(self, endpoint: &str) -> String {
        match self {
            Self::Listing { repository, revision } => {
                let revision = escaped(revision, false);
                format!("{endpoint}/api/models/{repository}/revision/{revision}?blobs=true")
            }
            Self::File { repository, commit, name, .. }
            | Self::Metadata { repository, commit, name } => {
                format!("{endpoint}/{repository}/resolve/{commit}/{}", escaped(name.as_str(), true))
            }
        }
    }

    /// For messages.
    pub(crate) fn what(self) -> String {
        match self {
            Self::Listing { repository, .. } => format!("the files of `{repository}`"),
            Self::File { name, .. } | Self::Metadata { name, .. } => format!("`{}`", name.as_str()),
        }
    }

    fn repository(&self) -> &str {
        match self {
            Self::Listing { repository, .. }
            | Self::File { repository, .. }
            | Self::Metadata { repository, .. } => repository,
        }
    }

    fn revision(&self) -> &str {
        match self {
            Self::Listing { revision, .. } => revision,
            Self::File { commit, .. } | Self::Metadata { commit, .. } => commit,
        }
    }
}

/// An address for messages: a name and a password in it are left out.
fn without_password(address: &str) -> String {
    match (address.split_once("://"), address.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://…@{rest}"),
        (None, Some((_, rest))) => format!("…@{rest}"),
        (_, None) => address.to_owned(),
    }
}

/// A header as text.
pub(crate) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

/// What a server says about an error, in one line.
fn explanation(headers: &HeaderMap, body: Body) -> String {
    let said = header(headers, "x-error-message").or_else(|| {
        let value: serde_json::Value = serde_json::from_slice(&beginning(body)).ok()?;
        Some(value["error"].as_str()?.to_owned())
    });
    let words = said.unwrap_or_default();
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    short(&line.replace(char::is_control, ""))
}

/// What arrives of a body in a short time, up to a limit.
fn beginning(body: Body) -> Vec<u8> {
    let mut reader = body.into_reader();
    let (end, mut bytes) = (Instant::now() + EXPLANATION, vec![0; MOST_EXPLANATION]);
    let mut len = 0;
    while len < bytes.len() && Instant::now() < end {
        match reader.read(&mut bytes[len..]) {
            Ok(0) | Err(_) => break,
            Ok(read) => len += read,
        }
    }
    bytes.truncate(len);
    bytes
}

/// An error and its causes in one line.
fn explained(error: &ureq::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        let words = deeper.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = deeper.source();
    }
    text
}

fn proxy(proxy: &Proxy) -> Result<ureq::Proxy, HubError> {
    let wrong = |_| HubError::Setting {
        name: "HTTPS_PROXY",
        found: "what is no address of a proxy".into(),
        expected: "http://[USER:PASSWORD@]HOST:PORT".into(),
    };
    let parsed = ureq::Proxy::new(proxy.address.reveal()).map_err(wrong)?;
    let mut builder =
        ureq::Proxy::builder(parsed.protocol()).host(parsed.host()).port(parsed.port());
    if let Some(name) = parsed.username() {
        builder = builder.username(name);
    }
    if let Some(password) = parsed.password() {
        builder = builder.password(password);
    }
    for host in proxy.exceptions.split(',').map(str::trim).filter(|host| !host.is_empty()) {
        builder = builder.no_proxy(host);
        // As everywhere else, a domain stands for what lies below it, too.
        if !host.starts_with(['.', '*']) {
            builder = builder.no_proxy(&format!(".{host}"));
        }
    }
    builder.build().map_err(wrong)
}

fn tls(settings: &Settings) -> Result<TlsConfig, HubError> {
    let Some(path) = &settings.roots else { return Ok(TlsConfig::default()) };
    let pem = fs::read(path).map_err(|source| HubError::io("read", path, source))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let Ok(PemItem::Certificate(certificate)) = item {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(HubError::Setting {
            name: "SSL_CERT_FILE",
            found: path.display().to_string(),
            expected: "a file with certificates in PEM form".into(),
        });
    }
    Ok(TlsConfig::builder().root_certs(RootCerts::Specific(Arc::new(certificates))).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_that_needs_no_proxy_stands_for_what_is_below_it() {
        let address = Secret::new("http://user:p%40ss@proxy.example:3128");
        let exceptions = " hub.example,,.cdn.example, localhost".to_owned();
        let proxy = super::proxy(&Proxy { address, exceptions }).unwrap();
        assert_eq!((proxy.host(), proxy.password()), ("proxy.example", Some("p@ss")));
        let is_direct = |host: &str| proxy.is_no_proxy(&format!("http://{host}/").parse().unwrap());
        for host in ["hub.example", "a.hub.example", "x.cdn.example", "localhost"] {
            assert!(is_direct(host), "{host}");
        }
        for host in ["nohub.example", "example", "hub.example.evil", "localhost.evil"] {
            assert!(!is_direct(host), "{host}");
        }
    }
}
