//! Servers that would keep a client busy for ever.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "support/desk.rs"]
mod desk;
mod support;

use std::time::{Duration, Instant};

use calico_hub::{Choice, HubError};
use desk::{Desk, Witness, pull, pull_seen};
use serde_json::json;
use support::{COMMIT, FakeHub, Reply, Request, listing, model};

const WEIGHTS: &str = "model.safetensors";

fn weights() -> Vec<u8> {
    model()[WEIGHTS].bytes.clone()
}

/// Where each request for the weights began.
fn starts(hub: &FakeHub) -> Vec<usize> {
    hub.requests_for(WEIGHTS).iter().map(Request::from).collect()
}

/// A hub that answers requests for the weights like this.
fn hub_with(rule: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> FakeHub {
    FakeHub::with_rule(model(), move |request| request.is_for(WEIGHTS).then(|| rule(request)))
}

#[test]
fn no_range_is_no_answer_to_who_asked_for_none() {
    let hub = FakeHub::with_rule(model(), |_| Some(Reply::new(416, "")));
    let error = Desk::new().pull(&hub.address).unwrap_err();
    assert!(matches!(error, HubError::Status { status: 416, .. }), "{error}");
    assert_eq!(hub.requests().len(), 1);
    let hub = hub_with(|_| Reply::new(416, ""));
    let error = Desk::new().pull(&hub.address).unwrap_err();
    assert!(matches!(error, HubError::Status { status: 416, .. }), "{error}");
    assert_eq!(starts(&hub), [0]);
}

#[test]
fn who_sends_a_byte_now_and_then_is_given_up() {
    let slow = |reply| Reply { trickles: Some(Duration::from_millis(20)), ..reply };
    let list = FakeHub::with_rule(model(), move |request| {
        request.path.starts_with("/api").then(|| slow(Reply::json(&listing(&model()))))
    });
    let body = hub_with(move |request| slow(Reply::file(request, &weights())));
    for hub in [list, body] {
        let desk = Desk::new();
        let mut settings = desk.settings(&hub.address);
        settings.silence = Duration::from_millis(50);
        let start = Instant::now();
        let error = pull(settings, "org/name").unwrap_err();
        assert!(matches!(error, HubError::Cut { .. }), "{error}");
        assert!(error.to_string().contains("bytes came in"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}

#[test]
fn a_refusal_that_trickles_is_reported_without_its_explanation() {
    let hub = FakeHub::with_rule(model(), |_| {
        let reply = Reply::new(403, format!("{{\"error\": \"{}\"}}", "x".repeat(3000)));
        Some(Reply { trickles: Some(Duration::from_millis(20)), ..reply })
    });
    let start = Instant::now();
    let error = Desk::new().pull(&hub.address).unwrap_err();
    assert!(matches!(error, HubError::Gated { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn the_list_of_another_commit_is_refused() {
    let other = "f".repeat(40);
    let hub = FakeHub::with_rule(model(), move |request| {
        let mut listing = listing(&model());
        listing["sha"] = other.clone().into();
        request.path.starts_with("/api").then(|| Reply::json(&listing))
    });
    let desk = Desk::new();
    let error = pull(desk.settings(&hub.address), &format!("org/name@{COMMIT}")).unwrap_err();
    assert!(error.to_string().contains(&format!("expected {COMMIT}")), "{error}");
    assert!(desk.files().is_empty());
    // A branch may stand for any, but this hub has no files of it.
    assert!(matches!(desk.pull(&hub.address), Err(HubError::NoFile { .. })));
}

#[test]
fn parts_that_do_not_fit_together_are_fetched_anew_once() {
    let mut wrong = weights();
    wrong[5] ^= 1;
    let first = wrong.clone();
    let once = hub_with(move |request| match request.earlier {
        0 => Reply::file(request, &first).cut_after(50_000),
        _ => Reply::file(request, &weights()),
    });
    let (desk, mut witness) = (Desk::new(), Witness::default());
    let settings = desk.settings(&once.address);
    let pulled = pull_seen(settings, "org/name", &Choice::Model, &mut witness).unwrap();
    assert_eq!(pulled.files[2].sha256, model()[WEIGHTS].sha256());
    assert_eq!(starts(&once), [0, 50_000, 0]);
    assert!(witness.warnings.iter().any(|text| text.contains("is damaged")));
    let always = hub_with(move |request| match request.from() {
        0 => Reply::file(request, &wrong).cut_after(50_000),
        _ => Reply::file(request, &weights()),
    });
    let error = Desk::new().pull(&always.address).unwrap_err();
    assert!(matches!(error, HubError::Digest { .. }), "{error}");
    assert_eq!(starts(&always), [0, 50_000, 0, 50_000]);
}

#[test]
fn a_server_that_begins_anew_and_always_gets_further_is_given_up() {
    let part = |request: &Request| Reply::new(200, weights()).cut_after(17_000 * request.earlier);
    let without_ranges = hub_with(part);
    let refuses_ranges = hub_with(move |request| match request.from() {
        0 => part(request),
        _ => Reply::new(416, ""),
    });
    for hub in [without_ranges, refuses_ranges] {
        let error = Desk::new().pull(&hub.address).unwrap_err();
        assert!(matches!(error, HubError::Cut { .. } | HubError::Status { .. }), "{error}");
        assert!((4..=10).contains(&starts(&hub).len()), "{:?}", starts(&hub));
    }
}

#[test]
fn a_server_that_sends_little_each_time_is_given_up() {
    let hub = hub_with(|request| Reply::file(request, &weights()).cut_after(10));
    assert!(matches!(Desk::new().pull(&hub.address), Err(HubError::Cut { .. })));
    assert_eq!(starts(&hub), [0, 10, 20]);
}

#[test]
fn an_index_that_nobody_could_read_is_not_fetched() {
    let index = "model.safetensors.index.json";
    let size = 65_u64 << 20;
    let listing = json!({ "sha": COMMIT, "siblings": [
        { "rfilename": index, "size": size, "blobId": "b".repeat(40) },
        { "rfilename": "a.json", "size": 1, "blobId": "b".repeat(40) },
    ] });
    let hub = FakeHub::with_rule(model(), move |request| {
        request.path.starts_with("/api").then(|| Reply::json(&listing))
    });
    let error = Desk::new().pull(&hub.address).unwrap_err();
    assert!(matches!(error, HubError::Index { .. }), "{error}");
    assert!(hub.requests_for(index).is_empty());
}
