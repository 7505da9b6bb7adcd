//! What clients see, and what the service does when they misbehave.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::io::{Read as _, Write as _};
use std::sync::atomic::Ordering;
use std::time::Instant;

use calico_serve::{Access, Limits, Secret, Settings};
use serde_json::{Value, json};
use support::{PATIENCE, PICTURE, Reply, Service, form, leave, post, post_json, question};

fn service() -> Service {
    Service::start(Settings::default())
}

fn with_limits(limits: Limits) -> Service {
    Service::start(Settings { limits, ..Settings::default() })
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// A chat about the picture.
fn chat(text: &str, more: &Value) -> Vec<u8> {
    let url = format!("data:image/bmp;base64,{}", base64(PICTURE));
    let parts = json!([
        { "type": "image_url", "image_url": { "url": url } },
        { "type": "text", "text": text },
    ]);
    let mut request =
        json!({ "model": "obedient", "messages": [{ "role": "user", "content": parts }] });
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    post_json("/v1/chat/completions", &request)
}

#[test]
fn forms_and_json_get_the_same_answer() {
    let service = service();
    let of_form = service.ask("one two");
    assert_eq!(of_form.status, 200, "{}", of_form.text());
    let picture = json!({ "data": base64(PICTURE), "name": "a.bmp" });
    let request = json!({ "images": [picture], "prompt": "one two" });
    let of_json = service.send(&post_json("/v1/segment", &request));
    assert_eq!(of_json.text(), of_form.text());
    assert_eq!(of_form.json()["answers"][0]["text"], "one two");
    assert_eq!(of_form.json()["images"][0]["file_name"], "a.bmp");
    assert_eq!(of_form.header("x-content-type-options"), Some("nosniff"));
    assert!(of_form.header("x-request-id").is_some());
}

#[test]
fn events_tell_the_answer_while_it_is_made() {
    let service = service();
    let fields: [(&str, Option<&str>, &[u8]); 2] =
        [("image", Some("a.bmp"), PICTURE), ("prompt", None, b"one two three")];
    let reply = service.send(&form(&fields, "accept: text/event-stream\r\n"));
    assert_eq!(reply.header("content-type"), Some("text/event-stream"));
    let events = reply.events();
    let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["queued", "started", "stage", "text", "text", "text", "mask", "answer", "result"]
    );
    let text: String = events.iter().filter_map(|(_, data)| data["delta"].as_str()).collect();
    assert_eq!(text, "one two three");
    assert_eq!(events[6].1["mask"]["size"], json!([1, 1]));
    assert_eq!(events.last().unwrap().1["answers"][0]["text"], "one two three");
}

#[test]
fn a_chat_is_answered_whole_and_in_pieces_with_the_same_words() {
    let service = service();
    let text = "Both have <p> a pixel </p> [SEG] (IMAGE1) , and more";
    let whole = service.send(&chat(text, &json!({}))).json();
    let message = &whole["choices"][0]["message"];
    assert_eq!(message["content"], "Both have a pixel, and more");
    assert_eq!(whole["choices"][0]["finish_reason"], "stop");
    assert_eq!(
        whole["usage"],
        json!({
            "prompt_tokens": 7, "completion_tokens": 11, "total_tokens": 18,
        })
    );
    assert_eq!(whole["calico"]["answers"][0]["text"], text);

    let more = json!({ "stream": true, "stream_options": { "include_usage": true } });
    let events = service.send(&chat(text, &more)).events();
    let chunks: Vec<&Value> = events.iter().map(|(_, data)| data).collect();
    let (last, chunks) = chunks.split_last().unwrap();
    assert_eq!(**last, "[DONE]");
    let content: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(content, message["content"].as_str().unwrap());
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let end = chunks[chunks.len() - 2];
    assert_eq!(end["choices"][0]["finish_reason"], "stop");
    assert_eq!(end["calico"], whole["calico"]);
    assert_eq!(chunks[chunks.len() - 1]["usage"], whole["usage"]);
}

#[test]
fn problems_of_a_chat_are_told_as_its_clients_expect() {
    let service = service();
    let reply = service.send(&chat("x", &json!({ "tools": [1] })));
    reply.is_problem(400, "bad-request");
    assert!(reply.json()["error"]["message"].as_str().unwrap().contains("tools"));
    service.send(&chat("x", &json!({ "model": "gpt" }))).is_problem(404, "not-found");
    let reply = service.get("/v1/chat/completions");
    reply.is_problem(405, "method-not-allowed");
    assert_eq!(reply.json()["error"]["code"], "method-not-allowed");
    let events = service.send(&chat("fail", &json!({ "stream": true }))).events();
    assert_eq!(events.last().unwrap().1["error"]["code"], "internal");
}

#[test]
fn a_panic_or_a_failure_of_one_request_ends_nothing() {
    let service = service();
    service.ask("panic").is_problem(500, "internal");
    service.ask("fail").is_problem(500, "internal");
    assert!(!service.ask("panic").text().contains("as it was told"));
    assert_eq!(service.ask("go on").status, 200);
    assert!((service.measure("calico_panics_total") - 2.0).abs() < 0.1);
}

#[test]
fn a_full_queue_refuses_and_says_when_to_come_back() {
    let service = with_limits(Limits { queue: 2, ..Limits::default() });
    let working = service.open(&question("wait"));
    service.wait_for("calico_answering", 1.0);
    let waiting = [service.open(&question("a")), service.open(&question("b"))];
    service.wait_for("calico_queue_waiting", 2.0);
    let refused = service.ask("c");
    refused.is_problem(429, "queue-full");
    assert!(refused.header("retry-after").is_some());
    // Whoever leaves makes room, waiting or not.
    leave(&waiting[0]);
    service.wait_for("calico_queue_waiting", 1.0);
    leave(&working);
    let [_, second] = waiting;
    assert_eq!(Reply::read(second).status, 200);
    assert_eq!(service.engine.stopped.load(Ordering::SeqCst), 1);
    assert_eq!(service.engine.begun.load(Ordering::SeqCst), 2);
}

#[test]
fn limits_of_time_hold_while_waiting_and_while_answering() {
    let limits = Limits { wait_seconds: 1, answer_seconds: 2, ..Limits::default() };
    let service = with_limits(limits);
    let answering = service.open(&question("wait"));
    service.wait_for("calico_answering", 1.0);
    service.ask("a").is_problem(503, "waited");
    Reply::read(answering).is_problem(503, "unfinished");
    service.wait_for("calico_answering", 0.0);
    assert_eq!(service.ask("a").status, 200);
}

#[test]
fn several_workers_answer_at_once() {
    let service = with_limits(Limits { workers: Some(2), ..Limits::default() });
    let waiting = service.open(&question("wait"));
    service.wait_for("calico_answering", 1.0);
    assert_eq!(service.ask("a").status, 200);
    leave(&waiting);
}

#[test]
fn a_service_that_stops_answers_what_it_has_and_refuses_what_is_new() {
    let service = service();
    let under_way = service.open(&question("sleep"));
    service.wait_for("calico_answering", 1.0);
    let waiting = service.open(&question("one"));
    service.wait_for("calico_queue_waiting", 1.0);
    service.stop();
    let start = Instant::now();
    while service.get("/readyz").status == 200 {
        assert!(start.elapsed() < PATIENCE);
    }
    let refused = service.ask("two");
    refused.is_problem(503, "stopping");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(service.get("/healthz").status, 200);
    assert_eq!(Reply::read(under_way).status, 200);
    assert_eq!(Reply::read(waiting).status, 200);
    assert_eq!(service.ended(), 0);
}

#[test]
fn a_service_that_cannot_drain_in_time_ends_nevertheless() {
    let service = with_limits(Limits { drain_seconds: 1, ..Limits::default() });
    let answering = service.open(&question("wait"));
    service.wait_for("calico_answering", 1.0);
    let waiting = service.open(&question("one"));
    service.wait_for("calico_queue_waiting", 1.0);
    service.stop();
    Reply::read(waiting).is_problem(503, "stopping");
    Reply::read(answering).is_problem(503, "stopping");
    assert_eq!(service.ended(), 2);
}

#[test]
fn a_request_that_still_arrives_when_the_time_is_over_is_told_so() {
    let service = with_limits(Limits { drain_seconds: 1, ..Limits::default() });
    let arriving = service.open(
        b"POST /v1/segment HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\
          connection: close\r\ncontent-type: application/json\r\n\r\n{",
    );
    // The first connection is that of the request; its memory shows that it is being read.
    service.wait_for("calico_request_memory_bytes", f64::from(64 << 10));
    service.stop();
    Reply::read(arriving).is_problem(503, "stopping");
    assert_eq!(service.ended(), 1);
}

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
    let request = "GET /v1/models HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
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
    assert_eq!(self::service().get("/healthz").header("access-control-allow-origin"), None);
}

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
    assert!(service.measure("calico_request_memory_bytes") > 0.0);
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
fn whoever_leaves_a_stream_is_forgotten() {
    let service = service();
    let fields: [(&str, Option<&str>, &[u8]); 2] =
        [("image", None, PICTURE), ("prompt", None, b"wait")];
    let stream = service.open(&form(&fields, "accept: text/event-stream\r\n"));
    service.wait_for("calico_answering", 1.0);
    leave(&stream);
    service.wait_for("calico_answering", 0.0);
    service.wait_for("calico_questions_total{outcome=\"left\"}", 1.0);
    assert_eq!(service.engine.stopped.load(Ordering::SeqCst), 1);
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
fn names_of_other_machines_are_refused_where_only_this_one_may_ask() {
    let service = service();
    let request = "GET /v1/models HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    service.send(request.as_bytes()).is_problem(403, "foreign-origin");
}

#[test]
fn slow_clients_are_let_go() {
    let limits = Limits { header_seconds: 1, receive_seconds: 1, ..Limits::default() };
    let service = with_limits(limits);
    let mut head = service.open(b"GET / HTTP/1.1\r\nhost:");
    let mut body = service.open(
        b"POST /v1/segment HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\
          content-type: application/json\r\n\r\n{",
    );
    let _ = body.write_all(b" ");
    let mut bytes = Vec::new();
    let _ = body.read_to_end(&mut bytes);
    Reply::parse(&bytes).is_problem(408, "slow-request");
    let start = Instant::now();
    let _ = head.read_to_end(&mut Vec::new());
    assert!(start.elapsed() < PATIENCE);
    service.wait_for("calico_connections", 1.0);
}

#[test]
fn results_are_exported_and_hostile_ones_refused() {
    let service = service();
    let result = service.ask("Both have <p> a pixel </p> [SEG] (IMAGE1) .").json();
    let export = |format: &str, result: &Value| {
        service.send(&post_json(&format!("/v1/export/{format}"), result))
    };
    let coco = export("coco", &result);
    assert_eq!(coco.header("content-disposition"), Some("attachment; filename=\"coco.json\""));
    assert_eq!(coco.json()["annotations"][0]["area"], 1);
    for format in ["masks", "npz", "svg"] {
        let reply = export(format, &result);
        assert_eq!(reply.header("content-type"), Some("application/zip"), "{format}");
        assert!(reply.body.starts_with(b"PK"));
    }
    export("pdf", &result).is_problem(404, "not-found");
    export("%ff", &result).is_problem(404, "not-found");
    export("coco", &json!({})).is_problem(422, "result");
    let changed = |pointer: &str, value: Value| {
        let mut result = result.clone();
        *result.pointer_mut(pointer).unwrap() = value;
        export("npz", &result)
    };
    let label = json!("x".repeat(5 << 20));
    changed("/answers/0/segments/0/label", label).is_problem(413, "too-large");
    changed("/images/0/width", json!(60_000)).is_problem(413, "too-large");
    changed("/images/0/width", json!(7)).is_problem(422, "result");
    changed("/answers/0/segments/0/mask/counts", json!("zzzz")).is_problem(422, "result");
    changed("/answers/0/segments/0/area", json!(5)).is_problem(422, "result");
}

#[test]
fn what_happened_is_measured() {
    let service = service();
    service.ask("one two");
    service.ask("");
    let text = service.get("/metrics").text();
    for line in [
        "calico_requests_total{route=\"/v1/segment\",status=\"200\"} 1",
        "calico_requests_total{route=\"/v1/segment\",status=\"422\"} 1",
        "calico_first_token_seconds_count 1",
        "calico_queue_wait_seconds_count 1",
        "calico_stage_seconds_count{stage=\"language\"} 1",
        "calico_tokens_total 2",
        "calico_masks_total 1",
        "calico_image_cache_hits_total 0",
    ] {
        assert!(text.contains(line), "{line} is missing: {text}");
    }
    assert!(service.measure("calico_resident_memory_bytes") > 1e6);
}

#[test]
fn the_description_and_the_page_are_there() {
    let service = service();
    let document = service.get("/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    for path in ["/v1/segment", "/v1/chat/completions", "/v1/export/{format}", "/v1/models"] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    let page = service.get("/");
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("-inline"), "{policy}");
    let models = service.get("/v1/models").json();
    assert_eq!(models["data"][0]["calico"]["notice"], "It does what it is told.");
}
