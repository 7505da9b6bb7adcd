//! Looks names up, and refuses addresses that are not public.

use std::fmt;
use std::net::IpAddr;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::address::is_public;

/// An address from which nothing is fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// A name or a number that leads to this machine or its network.
    #[error(
        "its address does not belong to the public network, and this service fetches from there \
         only"
    )]
    Address,
    /// A port of something else than the web.
    #[error("its port is not 80 or 443, and this service fetches from these only")]
    Port,
}

/// Every request and every redirect asks here before it connects.
pub(super) struct PublicResolver {
    names: Box<dyn Resolver>,
    is_allowed: fn(IpAddr) -> bool,
    is_allowed_port: fn(u16) -> bool,
}

impl Default for PublicResolver {
    fn default() -> Self {
        Self::new(DefaultResolver::default(), is_public, |port| [80, 443].contains(&port))
    }
}

impl PublicResolver {
    pub(super) fn new(
        names: impl Resolver,
        is_allowed: fn(IpAddr) -> bool,
        is_allowed_port: fn(u16) -> bool,
    ) -> Self {
        Self { names: Box::new(names), is_allowed, is_allowed_port }
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
        // Other ports are those of services that are not for everybody.
        if uri.port_u16().is_some_and(|port| !(self.is_allowed_port)(port)) {
            return Err(ureq::Error::Other(Box::new(Refused::Port)));
        }
        let addresses = self.names.resolve(uri, config, timeout)?;
        // One bad address among good ones is a trick, not an accident.
        if addresses.iter().all(|address| (self.is_allowed)(address.ip())) {
            return Ok(addresses);
        }
        tracing::warn!(host = uri.host(), "a picture at an address that is not public was refused");
        Err(ureq::Error::Other(Box::new(Refused::Address)))
    }
}
