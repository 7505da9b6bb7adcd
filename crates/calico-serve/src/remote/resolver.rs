//! Looks names up, and refuses addresses that are not public.

use std::fmt;
use std::net::IpAddr;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::address::is_public;

/// A name or an address that leads to this machine or its network.
#[derive(Debug, thiserror::Error)]
#[error(
    "its address does not belong to the public network, and this service fetches from there only"
)]
pub(super) struct Refused;

/// Every request and every redirect asks here before it connects.
pub(super) struct PublicResolver {
    names: Box<dyn Resolver>,
    is_allowed: fn(IpAddr) -> bool,
}

impl Default for PublicResolver {
    fn default() -> Self {
        Self::new(DefaultResolver::default(), is_public)
    }
}

impl PublicResolver {
    pub(super) fn new(names: impl Resolver, is_allowed: fn(IpAddr) -> bool) -> Self {
        Self { names: Box::new(names), is_allowed }
    }
}

impl fmt::Debug for PublicResolver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PublicResolver").finish_non_exhaustive()
    }
}

impl Resolver for PublicResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let addresses = self.names.resolve(uri, config, timeout)?;
        // One bad address among good ones is a trick, not an accident.
        if addresses.iter().all(|address| (self.is_allowed)(address.ip())) {
            return Ok(addresses);
        }
        tracing::warn!(host = uri.host(), "a picture at an address that is not public was refused");
        Err(ureq::Error::Other(Box::new(Refused)))
    }
}
