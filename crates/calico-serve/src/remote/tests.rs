//! A server on this machine plays the world outside; only its own address is allowed.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::thread;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::*;

const OUTSIDE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn is_outside(address: IpAddr) -> bool {
    address == OUTSIDE
}

/// Answers every connection with the same bytes, and counts nothing.
fn server(response: String) -> SocketAddr {
    let listener = TcpListener::bind((OUTSIDE, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(response.as_bytes());
        }
    });
    address
}

fn fetcher() -> Fetcher {
    let limits = Limits { request_bytes: 1000, ..Limits::default() };
    let resolver = PublicResolver::new(DefaultResolver::default(), is_outside, |_| true);
    Fetcher::with_resolver(&limits, resolver)
}

fn found(body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

fn redirect(to: &str) -> String {
    format!(
        "HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )
}

fn fetch(response: String) -> Result<Bytes, Problem> {
    fetcher().fetch(1, &format!("http://{}/a.png", server(response)))
}

#[test]
fn a_picture_is_fetched_through_a_redirect() {
    let picture = server(found("picture"));
    assert_eq!(fetch(redirect(&format!("http://{picture}/b.png"))).unwrap(), "picture");
}

#[test]
fn a_redirect_to_an_address_inside_is_refused() {
    for inside in [
        "http://127.0.0.2/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/",
        "http://10.0.0.1",
    ] {
        let problem = fetch(redirect(inside)).unwrap_err();
        assert_eq!(problem.kind, Kind::RemoteImage);
        assert!(problem.detail.contains("public network"), "{inside}: {}", problem.detail);
    }
}

#[test]
fn addresses_inside_are_refused_in_every_spelling() {
    let fetcher = Fetcher::new(&Limits::default());
    for inside in [
        "http://127.0.0.1/",
        "http://localhost/",
        "http://0/",
        "http://0.0.0.0/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[::]/",
        "http://169.254.169.254/",
        "http://192.168.0.1/",
        "http://172.16.0.1/",
        "http://10.0.0.1/",
        "http://[fe80::1]/",
        "http://[fd00::1]/",
        "http://user@127.0.0.1/",
        "http://[64:ff9b::7f00:1]/",
        "https://127.0.0.1/",
    ] {
        let problem = fetcher.fetch(1, inside).unwrap_err();
        assert_eq!(problem.kind, Kind::RemoteImage, "{inside}");
        let is_refused = ["public network", "no address", "malformed"];
        assert!(
            is_refused.iter().any(|words| problem.detail.contains(words)),
            "{inside}: {}",
            problem.detail
        );
    }
}

#[test]
fn other_schemes_are_not_fetched() {
    for address in ["file:///etc/passwd", "ftp://example.org/a", "gopher://127.0.0.1", "http:", ""]
    {
        let problem = fetcher().fetch(1, address).unwrap_err();
        assert_eq!(problem.kind, Kind::RemoteImage, "{address}");
    }
}

/// Knows one name, which has an address outside and one inside.
#[derive(Debug)]
struct TwoFaced(SocketAddr);

impl Resolver for TwoFaced {
    fn resolve(
        &self,
        _: &Uri,
        _: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        addresses.push(self.0);
        addresses.push(([192, 168, 0, 1], 80).into());
        Ok(addresses)
    }
}

#[test]
fn a_name_with_one_address_inside_is_refused() {
    let resolver = PublicResolver::new(TwoFaced(server(found("picture"))), is_outside, |_| true);
    let fetcher = Fetcher::with_resolver(&Limits::default(), resolver);
    let problem = fetcher.fetch(1, "http://pictures.example/").unwrap_err();
    assert!(problem.detail.contains("public network"), "{}", problem.detail);
}

#[test]
fn circles_large_files_and_errors_are_told() {
    let problem = fetch(redirect("/again")).unwrap_err();
    assert!(problem.detail.contains("redirects"), "{}", problem.detail);
    let problem = fetch(found(&"x".repeat(1001))).unwrap_err();
    assert!(problem.detail.contains("more than 1000 bytes"), "{}", problem.detail);
    let problem = fetch("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".into()).unwrap_err();
    assert!(problem.detail.contains("404"), "{}", problem.detail);
    let problem = fetch("garbage\r\n\r\n".into()).unwrap_err();
    assert_eq!(problem.kind, Kind::RemoteImage);
}

#[test]
fn ports_of_other_services_are_refused() {
    let fetcher = Fetcher::new(&Limits::default());
    for address in ["http://1.1.1.1:22/", "https://example.org:6379/a.png"] {
        let problem = fetcher.fetch(1, address).unwrap_err();
        assert!(problem.detail.contains("port"), "{}", problem.detail);
    }
}
