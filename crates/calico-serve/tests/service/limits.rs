//! What no request may take, and what becomes of it.

use std::io::{Read as _, Write as _};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use calico_serve::Limits;
use serde_json::{Value, json};

use crate::support::{PICTURE, Reply, form, leave, post, post_json, question};
use crate::{base64, service, with_limits};

#[test]
fn requests_that_nobody_could_answer_are_refused_with_the_reason() {
    let service = service();
    let form = |fields: &[(&str, Option<&str>, &[u8])]| service.send(&form(fields, ""));
    let image = ("image", None, PICTURE);
    form(&[]).is_problem(422, "question");
    form(&[("image", None, b"")]).is_problem(422, "image");
    form(&[("image", None, b"GIF89a")]).is_problem(422, "image");
    form(&[image, ("surprise", None, b"1")]).is_problem(400, "bad-request");
    form(&[image, ("task", None, b"parts")]).is_problem(400, "bad-request");
    form(&[image, ("prompt", None, b"a"), ("prompt", None, b"b")]).is_problem(400, "bad-request");
    form(&[image, ("prompt", None, b"\xff\xfe")]).is_problem(400, "bad-request");
    form(&[image, ("prompt", None, &b"x".repeat(20_000))]).is_problem(413, "too-large");
    form(&[image, ("max_new_tokens", None, b"-1")]).is_problem(400, "bad-request");
    form(&[image, ("max_new_tokens", None, b"0")]).is_problem(422, "question");
    form(&[image; 9]).is_problem(413, "too-large");
    let json = |body: &Value| service.send(&post_json("/v1/segment", body));
    json(&json!({ "images": ["https://example.org/a.png"] })).is_problem(422, "remote-image");
    json(&json!([])).is_problem(400, "bad-request");
    service.send(&post("/v1/segment", "", b"x")).is_problem(415, "media-type");
    let cut = "content-type: multipart/form-data; boundary=b\r\n";
    service.send(&post("/v1/segment", cut, b"--b\r\n")).is_problem(400, "bad-request");
    service.get("/v1/nothing").is_problem(404, "not-found");
    service.get("/../etc/passwd").is_problem(404, "not-found");
    let reply = service.get("/v1/segment");
    reply.is_problem(405, "method-not-allowed");
    assert_eq!(reply.header("allow"), Some("post"));
    assert_eq!(service.engine.begun.load(Ordering::SeqCst), 0);
}

#[test]
fn sizes_are_refused_before_they_are_read() {
    let limits = Limits { request_bytes: 1000, ..Limits::default() };
    let service = with_limits(limits);
    let head = |more: &str| {
        format!(
            "POST /v1/segment HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             content-type: application/json\r\n{more}\r\n"
        )
    };
    let announced = [head("content-length: 2000\r\n").into_bytes(), vec![b'x'; 2000]].concat();
    service.send(&announced).is_problem(413, "too-large");
    let chunk = format!("{:x}\r\n{}\r\n", 600, "x".repeat(600));
    let chunks = head("transfer-encoding: chunked\r\n") + &chunk + &chunk + "0\r\n\r\n";
    service.send(chunks.as_bytes()).is_problem(413, "too-large");
    assert_eq!(service.ask("x").status, 200);
}

#[test]
fn pictures_are_refused_by_their_headers() {
    let limits = Limits { image_pixels: 10, image_side: 8, ..Limits::default() };
    let service = with_limits(limits);
    let with_size = |width: u8, height: u8| {
        let mut picture = PICTURE.to_vec();
        (picture[18], picture[22]) = (width, height);
        form(&[("image", None, &picture), ("prompt", None, b"x")], "")
    };
    service.send(&with_size(4, 3)).is_problem(413, "too-large");
    service.send(&with_size(1, 9)).is_problem(413, "too-large");
    service.send(&with_size(2, 2)).is_problem(422, "image");
}

#[test]
fn memory_is_given_back_after_every_request() {
    let service = service();
    for prompt in ["one", "panic", "fail"] {
        service.ask(prompt);
    }
    service.send(&form(&[("image", None, b"broken")], ""));
    let waiting = service.open(&question("wait"));
    service.wait_for("calico_answering", 1.0);
    // Of the request, only its picture of one pixel is left, in the smallest piece of memory.
    service.wait_for("calico_request_memory_bytes", 1024.0);
    leave(&waiting);
    service.wait_for("calico_request_memory_bytes", 0.0);
}

#[test]
fn memory_is_taken_as_bytes_come_and_given_back() {
    let limits = Limits { memory_bytes: 1 << 20, ..Limits::default() };
    let service = with_limits(limits);
    let large = form(&[("image", None, &vec![0; 400 << 10])], "");
    service.send(&large).is_problem(413, "too-large");
    let head = b"POST /v1/segment HTTP/1.1\r\nhost: localhost\r\ncontent-length: 250000\r\n\
                 content-type: application/json\r\n\r\n";
    // Whoever announces much and sends nothing takes nothing.
    let silent: Vec<_> = (0..8).map(|_| service.open(head)).collect();
    service.wait_for("calico_connections", 9.0);
    assert_eq!(service.ask("x").status, 200);
    service.wait_for("calico_request_memory_bytes", 0.0);
    drop(silent);
    let half: Vec<_> = (0..4)
        .map(|_| service.open(&[&head[..], b" ".repeat(249_999).as_slice()].concat()))
        .collect();
    service.wait_for("calico_request_memory_bytes", f64::from(1 << 20));
    service.ask("x").is_problem(429, "memory");
    half.iter().for_each(leave);
    service.wait_for("calico_request_memory_bytes", 0.0);
    assert_eq!(service.ask("x").status, 200);
}

#[test]
fn many_small_chunks_take_no_more_than_their_bytes() {
    let limits = Limits { memory_bytes: 1 << 20, ..Limits::default() };
    let service = with_limits(limits);
    let body = json!({ "images": [base64(PICTURE)], "prompt": "x".repeat(2000) }).to_string();
    let mut request = b"POST /v1/segment HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                        content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
        .to_vec();
    for byte in body.bytes() {
        request.extend_from_slice(&[b'1', b'\r', b'\n', byte, b'\r', b'\n']);
    }
    request.extend_from_slice(b"0\r\n\r\n");
    assert_eq!(service.send(&request).status, 200);
}

#[test]
fn pictures_that_never_fit_together_are_too_large_and_not_busy() {
    let limits = Limits { memory_bytes: 1 << 20, ..Limits::default() };
    let service = with_limits(limits);
    let mut picture = PICTURE.to_vec();
    (picture[18], picture[19], picture[22], picture[23]) = (0, 1, 0, 1);
    let fields = [("image", None, picture.as_slice()); 8];
    service.send(&form(&fields, "")).is_problem(413, "too-large");
}

#[test]
fn whoever_waits_for_a_word_before_sending_hears_a_refusal_at_once() {
    let limits = Limits { request_bytes: 1000, ..Limits::default() };
    let service = with_limits(limits);
    let head = "content-type: application/json\r\nexpect: 100-continue\r\n";
    let request = format!(
        "POST /v1/segment HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-length: 5000\r\n{head}\r\n"
    );
    service.send(request.as_bytes()).is_problem(413, "too-large");
}

#[test]
fn slow_clients_are_let_go() {
    let limits = Limits { header_seconds: 1, receive_seconds: 1, ..Limits::default() };
    let service = with_limits(limits);
    let start = Instant::now();
    let mut head = service.open(b"GET / HTTP/1.1\r\nhost:");
    let mut body = service.open(
        b"POST /v1/segment HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\
          content-type: application/json\r\n\r\n{",
    );
    let _ = body.write_all(b" ");
    let mut bytes = Vec::new();
    let _ = body.read_to_end(&mut bytes);
    Reply::parse(&bytes).is_problem(408, "slow-request");
    let _ = head.read_to_end(&mut Vec::new());
    // Well below every limit that stands without these.
    assert!(start.elapsed() < Duration::from_secs(25));
    service.wait_for("calico_connections", 1.0);
}
