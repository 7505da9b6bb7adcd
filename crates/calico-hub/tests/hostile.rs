//! Servers that lie, and servers that refuse.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "support/desk.rs"]
mod desk;
mod support;

use std::sync::{Arc, Mutex};

use calico_hub::HubError;
use desk::{Desk, pull};
use serde_json::json;
use support::{COMMIT, FakeHub, Files, Reply, Request, large, model, small};

const WEIGHTS: &str = "model.safetensors";

/// The model with other weights than those that are listed.
fn other_weights(bytes: impl Into<Vec<u8>>) -> impl Fn(&Request) -> Option<Reply> {
    let bytes = bytes.into();
    move |request| request.is_for(WEIGHTS).then(|| Reply::file(request, &bytes))
}

/// A hub that lists this, and has the files of the model.
fn listed(value: serde_json::Value) -> FakeHub {
    FakeHub::with_rule(model(), move |request| {
        request.path.starts_with("/api").then(|| Reply::json(&value))
    })
}

#[test]
fn bytes_of_another_digest_are_removed() {
    for name in [WEIGHTS, "config.json"] {
        let mut bytes = model()[name].bytes.clone();
        bytes[3] ^= 1;
        let wrong = large(bytes.clone());
        let hub = FakeHub::with_rule(model(), move |request| {
            request.is_for(name).then(|| Reply::file(request, &bytes))
        });
        let desk = Desk::new();
        let error = desk.pull(&hub.address).unwrap_err();
        let HubError::Digest { expected, found, .. } = &error else { panic!("{error}") };
        assert_eq!(expected, &model()[name].etag());
        assert!(name != WEIGHTS || found == &wrong.sha256());
        assert!(error.to_string().contains("removed") && !error.is_bad_input(), "{error}");
        assert!(!desk.blobs().iter().any(|blob| blob.starts_with(&model()[name].etag())));
        assert!(!desk.folder().join("snapshots").join(COMMIT).join(name).exists());
        assert!(!desk.folder().join("refs/main").exists());
    }
}

#[test]
fn more_bytes_than_listed_are_never_written() {
    let long = vec![7; 3_000_000];
    let announced = FakeHub::with_rule(model(), other_weights(long.clone()));
    let open = FakeHub::with_rule(model(), move |request| {
        let reply = Reply { is_open: true, ..Reply::new(200, long.clone()) };
        request.is_for(WEIGHTS).then_some(reply)
    });
    for (hub, found) in [(announced, "3000000"), (open, "more than 200000")] {
        let desk = Desk::new();
        let error = desk.pull(&hub.address).unwrap_err();
        assert!(matches!(error, HubError::Size { .. }), "{error}");
        assert!(error.to_string().contains(found), "{error}");
        assert!(desk.files().values().all(|&bytes| bytes <= 200_000), "{:?}", desk.files());
        assert_eq!(hub.requests_for(WEIGHTS).len(), 1);
    }
}

#[test]
fn fewer_bytes_than_listed_are_not_taken_for_the_file() {
    let hub = FakeHub::with_rule(model(), other_weights(model()[WEIGHTS].bytes[..9].to_vec()));
    let error = Desk::new().pull(&hub.address).unwrap_err();
    assert!(matches!(error, HubError::Size { .. }), "{error}");
}

#[test]
fn an_announced_size_that_is_not_kept_ends_in_nothing() {
    let hub = FakeHub::with_rule(model(), |request| {
        let reply = Reply { announced: Some(200_000), ..Reply::new(200, vec![1; 9]) };
        request.is_for(WEIGHTS).then_some(reply)
    });
    let error = Desk::new().pull(&hub.address).unwrap_err();
    assert!(
        matches!(error, HubError::Cut { .. } | HubError::Answer { .. } | HubError::Size { .. }),
        "{error}"
    );
}

#[test]
fn a_size_that_no_disk_holds_is_refused_before_anything_is_fetched() {
    let sha256 = "a".repeat(64);
    let weights = |size: u64| {
        json!({ "rfilename": WEIGHTS, "size": size, "blobId": "b".repeat(40),
            "lfs": { "sha256": sha256, "size": size } })
    };
    let mut second = weights(u64::MAX);
    second["rfilename"] = "other.safetensors".into();
    let hub = listed(json!({ "sha": COMMIT, "siblings": [weights(1 << 62), second] }));
    let desk = Desk::new();
    let error = desk.pull(&hub.address).unwrap_err();
    if cfg!(unix) {
        assert!(
            matches!(error, HubError::DiskFull { needed: Some(_), free: Some(_), .. }),
            "{error}"
        );
        assert!(hub.requests_for(WEIGHTS).is_empty());
    }
    assert!(desk.blobs().is_empty());
}

#[test]
fn names_that_lead_out_of_the_snapshot_are_refused_and_nothing_is_written() {
    for name in [
        "../evil.json",
        "a/../../evil.json",
        "/evil.json",
        "..",
        "a\\..\\evil.json",
        "a\u{0}.json",
        "./a.json",
        "a//b.json",
        "a\u{1b}[2J.json",
        "",
    ] {
        let mut files = model();
        files.insert(name.into(), small("{}"));
        let (hub, desk) = (FakeHub::new(files), Desk::new());
        let error = desk.pull(&hub.address).unwrap_err();
        assert!(matches!(error, HubError::UnsafeName { .. }), "{name:?}: {error}");
        assert!(!error.to_string().contains(['\u{0}', '\u{1b}']));
        assert!(desk.files().is_empty(), "{name:?}: {:?}", desk.files());
    }
}

#[test]
fn digests_and_commits_that_are_none_never_become_names() {
    let one = |digest: &str| json!([{ "rfilename": WEIGHTS, "size": 1, "blobId": digest }]);
    for value in [
        json!({ "sha": "../../../evil", "siblings": [] }),
        json!({ "sha": COMMIT, "siblings": one("../../evil") }),
        json!({ "sha": COMMIT, "siblings": one("") }),
        json!({ "siblings": [] }),
        json!("no"),
    ] {
        let (hub, desk) = (listed(value.clone()), Desk::new());
        let error = desk.pull(&hub.address).unwrap_err();
        assert!(matches!(error, HubError::Answer { .. }), "{value}: {error}");
        assert!(desk.files().is_empty());
    }
}

#[test]
fn an_etag_that_is_no_digest_is_not_trusted() {
    let names = json!({ "sha": COMMIT, "siblings": [{ "rfilename": WEIGHTS }] });
    let hub = FakeHub::with_rule(model(), move |request| match &*request.method {
        "HEAD" => Some(Reply::new(200, "x").with("ETag", "\"../../../evil\"")),
        _ => request.path.starts_with("/api").then(|| Reply::json(&names)),
    });
    let error = Desk::new().pull(&hub.address).unwrap_err();
    assert!(error.to_string().contains("neither size nor digest"), "{error}");
}

#[test]
fn the_token_goes_to_the_hub_and_nowhere_else() {
    let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
    let storage_seen = Arc::clone(&seen);
    let storage = FakeHub::elsewhere(move |request| {
        storage_seen.lock().unwrap().push(request.clone());
        Reply::file(request, &model()[WEIGHTS].bytes)
    });
    let signed = format!("{}/blob?signature=abc", storage.address);
    let hub = FakeHub::with_rule(model(), move |request| {
        request.is_for(WEIGHTS).then(|| Reply::redirect(signed.clone()))
    });
    Desk::new().pull(&hub.address).unwrap();
    let to_hub = hub.requests();
    assert!(to_hub.len() == 5);
    for request in to_hub {
        assert_eq!(request.headers["authorization"], "Bearer hf_secret");
        assert!(request.headers["user-agent"].starts_with("calico/"));
        assert_eq!(request.headers["accept-encoding"], "identity");
    }
    let to_storage = seen.lock().unwrap();
    assert_eq!(to_storage.len(), 1);
    assert_eq!(to_storage[0].path, "/blob?signature=abc");
    assert!(!format!("{to_storage:?}").contains("hf_secret"), "{to_storage:?}");
}

#[test]
fn a_cut_storage_is_asked_through_the_hub_again() {
    let storage = FakeHub::elsewhere(|request| match request.earlier {
        0 => Reply::file(request, &model()[WEIGHTS].bytes).cut_after(1000),
        // The signature has run out.
        1 => Reply::new(403, "<Error>Expired</Error>"),
        _ => Reply::file(request, &model()[WEIGHTS].bytes),
    });
    let address = storage.address.clone();
    let hub = FakeHub::with_rule(model(), move |request| {
        request.is_for(WEIGHTS).then(|| Reply::redirect(format!("{address}/blob")))
    });
    Desk::new().pull(&hub.address).unwrap();
    assert_eq!(hub.requests_for(WEIGHTS).len(), 3);
    let starts: Vec<_> = storage.requests().iter().map(Request::from).collect();
    assert_eq!(starts, [0, 1000, 1000]);
}

#[test]
fn a_renamed_repository_is_followed() {
    let hub = FakeHub::with_rule(model(), |request| {
        let name = request.path.strip_prefix("/api/models/old/name/")?;
        Some(Reply { status: 307, ..Reply::redirect(format!("/api/models/org/name/{name}")) })
    });
    let rest = FakeHub::with_rule(Files::new(), {
        let address = hub.address.clone();
        move |request| {
            let path = request.path.replace("old/name", "org/name");
            Some(Reply::redirect(format!("{address}{path}")))
        }
    });
    let desk = Desk::new();
    let pulled = pull(desk.settings(&rest.address), "old/name").unwrap();
    assert_eq!(pulled.repository, "old/name");
    assert_eq!(pulled.files.len(), 4);
}

#[test]
fn redirects_that_lead_nowhere_are_not_followed() {
    for location in
        ["/api/models/org/name/revision/main?blobs=true", "file:///etc/passwd", "https://"]
    {
        let hub = FakeHub::with_rule(model(), move |_| Some(Reply::redirect(location)));
        let error = Desk::new().pull(&hub.address).unwrap_err();
        assert!(matches!(error, HubError::Redirect { .. }), "{location}: {error}");
        assert!(hub.requests().len() <= 10);
    }
}

#[test]
fn every_refusal_says_what_to_do() {
    let refused = |reply: Reply, with_token: bool| {
        let hub = FakeHub::with_rule(model(), move |_| Some(reply.clone()));
        let mut settings = Desk::new().settings(&hub.address);
        if !with_token {
            settings.token = None;
        }
        let error = pull(settings, "org/name@v2").unwrap_err();
        assert!(error.is_bad_input(), "{error}");
        assert_eq!(hub.requests().len(), 1);
        assert!(!error.to_string().contains("hf_secret"));
        error.to_string()
    };
    let code = |status, code: &str| Reply::new(status, "").with("X-Error-Code", code);
    let gated = code(401, "GatedRepo").with("X-Error-Message", "Access is restricted");
    for (message, words) in [
        (
            refused(gated.clone(), false),
            ["accept its conditions", "set HF_TOKEN", "(Access is restricted)"],
        ),
        (refused(gated, true), ["accept its conditions", "account of your token", "org/name"]),
        (
            refused(Reply::new(403, "{\"error\": \"no\"}"), true),
            ["does not hand out", "(no)", "/org/name"],
        ),
        (
            refused(Reply::new(401, "Invalid username"), false),
            ["shows no model", "HF_TOKEN", "check the name"],
        ),
        (
            refused(Reply::new(401, "Invalid credentials"), true),
            ["shows no model", "your token is still valid", "check the name"],
        ),
        (
            refused(code(404, "RepoNotFound"), true),
            ["shows no model", "account of your token", "`org/name`"],
        ),
        (
            refused(code(404, "RevisionNotFound"), false),
            ["no revision `v2`", "branches", "tree/main"],
        ),
        (refused(Reply::new(404, "<html>"), false), ["shows no model", "`org/name`", "127.0.0.1"]),
    ] {
        for word in words {
            assert!(message.contains(word), "{word:?} is missing: {message}");
        }
    }
}

#[test]
fn a_gated_file_of_a_public_list_is_explained() {
    let hub = FakeHub::with_rule(model(), |request| {
        let is_file = request.path.contains("/resolve/");
        is_file.then(|| Reply::new(403, "").with("X-Error-Code", "GatedRepo"))
    });
    let error = Desk::new().pull(&hub.address).unwrap_err();
    assert!(matches!(error, HubError::Gated { has_token: true, .. }), "{error}");
}

#[test]
fn a_listed_file_that_is_gone_is_named() {
    let hub = FakeHub::with_rule(model(), |request| {
        request.is_for("tokenizer.json").then(|| Reply::new(404, ""))
    });
    let error = Desk::new().pull(&hub.address).unwrap_err().to_string();
    assert!(error.contains("`tokenizer.json`"), "{error}");
}

#[test]
fn an_encoding_that_was_not_asked_for_is_refused() {
    let hub = FakeHub::with_rule(model(), |request| {
        let bytes = &model()[WEIGHTS].bytes;
        let encoded = Reply::file(request, bytes).with("Content-Encoding", "br");
        request.is_for(WEIGHTS).then_some(encoded)
    });
    let error = Desk::new().pull(&hub.address).unwrap_err().to_string();
    assert!(error.contains("\"br\""), "{error}");
}

#[test]
fn an_address_that_is_none_is_named() {
    for endpoint in ["", "hub", "ftp://hub", "http://", "http://hub?a=b", "http://user:pass@hub"] {
        let error = Desk::new().pull(endpoint).unwrap_err();
        assert!(error.is_bad_input(), "{endpoint}: {error}");
        assert!(error.to_string().contains("HF_ENDPOINT"), "{error}");
        assert!(!error.to_string().contains("pass"), "{error}");
    }
}
