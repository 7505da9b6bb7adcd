//! Who may ask.

use calico_serve::{Access, Secret, Settings};

use crate::service;
use crate::support::{PICTURE, Service, form};

#[test]
fn tokens_guard_the_api_and_its_measures() {
    let access = Access { bearer_tokens: vec![Secret::new("secret")], ..Access::default() };
    let service = Service::start(Settings { access, ..Settings::default() });
    let refused = service.ask("x");
    refused.is_problem(401, "unauthorized");
    assert_eq!(refused.header("www-authenticate"), Some("bearer"));
    service.get("/v1/models").is_problem(401, "unauthorized");
    service.get("/metrics").is_problem(401, "unauthorized");
    for open in ["/", "/docs", "/healthz", "/readyz", "/openapi.json", "/page.js"] {
        assert_eq!(service.get(open).status, 200, "{open}");
    }
    let request = "GET /v1/models HTTP/1.1\r\nhost: proxy.example\r\nconnection: close\r\n\
                   authorization: Bearer secret\r\n\r\n";
    assert_eq!(service.send(request.as_bytes()).json()["data"][0]["id"], "obedient");
}

#[test]
fn pages_of_other_origins_may_ask_only_if_they_are_allowed() {
    let fields: [(&str, Option<&str>, &[u8]); 2] =
        [("image", None, PICTURE), ("prompt", None, b"x")];
    let foreign = form(&fields, "origin: https://page.example\r\n");
    service().send(&foreign).is_problem(403, "foreign-origin");
    let allowed_origins = vec!["https://page.example".to_owned()];
    let access = Access { allowed_origins, ..Access::default() };
    let service = Service::start(Settings { access, ..Settings::default() });
    let reply = service.send(&foreign);
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://page.example"));
    let preflight = "OPTIONS /v1/segment HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                     origin: https://page.example\r\naccess-control-request-method: POST\r\n\r\n";
    let reply = service.send(preflight.as_bytes());
    assert_eq!(
        (reply.status, reply.header("access-control-allow-methods")),
        (200, Some("get,post"))
    );
    assert_eq!(crate::service().get("/healthz").header("access-control-allow-origin"), None);
}

#[test]
fn names_of_other_machines_are_refused_where_only_this_one_may_ask() {
    let service = service();
    let request = "GET /v1/models HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    service.send(request.as_bytes()).is_problem(403, "foreign-origin");
    // One that listens for others is called by names that it does not know.
    let service = Service::start_at([0, 0, 0, 0], Settings::default());
    assert_eq!(service.send(request.as_bytes()).status, 200);
}
