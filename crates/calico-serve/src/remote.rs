//! Pictures of other machines, fetched from addresses of the public network only.

mod address;
mod resolver;

use std::time::Duration;

use axum::body::Bytes;
use ureq::Agent;
use ureq::unversioned::transport::DefaultConnector;

use crate::problem::{Kind, Problem};
use crate::settings::Limits;
use resolver::{PublicResolver, Refused};

/// Redirects of one picture.
const MOST_REDIRECTS: u32 = 3;
/// How long a picture takes at most, redirects and all.
const MOST_TIME: Duration = Duration::from_secs(20);

/// Fetches pictures. Every address that a name or a redirect leads to is checked before there is
/// a connection, and the connection goes to the address that was checked.
#[derive(Debug, Clone)]
pub(crate) struct Fetcher {
    agent: Agent,
    most_bytes: u64,
}

impl Fetcher {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self::with_resolver(limits, PublicResolver::default())
    }

    fn with_resolver(limits: &Limits, resolver: PublicResolver) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(MOST_REDIRECTS)
            // A proxy would look names up itself, behind our back.
            .proxy(None)
            .timeout_global(Some(MOST_TIME))
            .user_agent(concat!("calico/", env!("CARGO_PKG_VERSION")))
            .build();
        let agent = Agent::with_parts(config, DefaultConnector::default(), resolver);
        Self { agent, most_bytes: limits.most_request_bytes() as u64 }
    }

    /// Fetches image `number` (from 1). Blocks.
    pub(crate) fn fetch(&self, number: usize, address: &str) -> Result<Bytes, Problem> {
        let refuse = |reason: &str| {
            let detail = format!("image {number} cannot be fetched: {reason}");
            Problem::new(Kind::RemoteImage, detail)
        };
        let mut response = self.agent.get(address).call().map_err(|error| refuse(&told(&error)))?;
        let status = response.status();
        if !status.is_success() {
            return Err(refuse(&format!("its server answered {status}")));
        }
        let body = response.body_mut().with_config().limit(self.most_bytes);
        body.read_to_vec().map(Bytes::from).map_err(|error| refuse(&told(&error)))
    }
}

/// What went wrong, without what it says about the inside of a network.
fn told(error: &ureq::Error) -> String {
    match error {
        ureq::Error::HostNotFound => "its host has no address".into(),
        ureq::Error::TooManyRedirects => format!("more than {MOST_REDIRECTS} redirects"),
        ureq::Error::Timeout(_) => "it took too long".into(),
        ureq::Error::BodyExceedsLimit(most) => format!("it has more than {most} bytes"),
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => "its address is malformed".into(),
        ureq::Error::Other(other) if other.is::<Refused>() => other.to_string(),
        ureq::Error::Io(_) | ureq::Error::ConnectionFailed => "its server cannot be reached".into(),
        _ => "its server does not answer as it should".into(),
    }
}

#[cfg(test)]
mod tests;
