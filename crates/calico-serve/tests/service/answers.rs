//! What is answered, in every form.

use std::io::Read as _;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::support::{PICTURE, Reply, form, post, post_json};
use crate::{base64, chat, service};

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
fn events_leave_before_the_answer_is_there() {
    let service = service();
    let fields: [(&str, Option<&str>, &[u8]); 2] =
        [("image", None, PICTURE), ("prompt", None, b"hold")];
    let mut stream = service.open(&form(&fields, "accept: text/event-stream\r\n"));
    let mut bytes = Vec::new();
    let stage = b"event: stage";
    while !bytes.windows(stage.len()).any(|window| window == stage) {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&piece[..read]);
    }
    service.engine.is_released.store(true, Ordering::SeqCst);
    stream.read_to_end(&mut bytes).unwrap();
    assert_eq!(Reply::parse(&bytes).events().last().unwrap().0, "result");
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
    // 13 masks in each of 8 pictures: any of them could be drawn, and all take too long.
    let mut many = result.clone();
    let (image, segment) =
        (result["images"][0].clone(), result["answers"][0]["segments"][0].clone());
    many["images"] = (1..=8)
        .map(|index| {
            let mut image = image.clone();
            (image["index"], image["width"], image["height"]) =
                (json!(index), json!(8000), json!(6000));
            image
        })
        .collect();
    many["answers"][0]["segments"] = (0..8 * 13)
        .map(|at| {
            let mut segment = segment.clone();
            segment["image"] = json!(at % 8 + 1);
            segment
        })
        .collect();
    let reply = export("npz", &many);
    reply.is_problem(413, "too-large");
    assert!(reply.text().contains("pixels together"), "{}", reply.text());
    // JSON, and more than a score can be.
    let score = "/answers/0/segments/0/scores/predicted_iou";
    changed(score, json!(1e300)).is_problem(422, "result");
    let json = "content-type: application/json\r\n";
    let no_json: [&[u8]; 2] = [br#"{"answers": [1e300, }"#, b"{\"schema\": \"\xff\"}"];
    for bytes in no_json {
        service.send(&post("/v1/export/coco", json, bytes)).is_problem(400, "bad-request");
    }
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
    assert!(policy.contains("default-src 'none'"), "{policy}");
    assert!(!policy.contains("-inline") && !policy.contains("-eval"), "{policy}");
    let models = service.get("/v1/models").json();
    assert_eq!(models["data"][0]["calico"]["notice"], "It does what it is told.");
}
