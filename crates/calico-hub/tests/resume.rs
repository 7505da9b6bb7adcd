//! Connections are cut, servers are busy, and nothing that has arrived is lost.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "support/desk.rs"]
mod desk;
mod support;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use calico_hub::{Choice, Hub, HubError, PullObserver};
use desk::{Desk, Witness, pull, pull_seen};
use support::{FakeHub, Reply, Request, model};

const WEIGHTS: &str = "model.safetensors";

fn weights() -> Vec<u8> {
    model()[WEIGHTS].bytes.clone()
}

fn blob(desk: &Desk) -> PathBuf {
    desk.folder().join("blobs").join(model()[WEIGHTS].etag())
}

fn partial(desk: &Desk) -> PathBuf {
    blob(desk).with_extension("incomplete")
}

/// Where each request for the weights began.
fn starts(hub: &FakeHub) -> Vec<usize> {
    hub.requests_for(WEIGHTS).iter().map(Request::from).collect()
}

/// A hub that answers requests for the weights like this.
fn hub_with(rule: impl Fn(&Request) -> Option<Reply> + Send + Sync + 'static) -> FakeHub {
    FakeHub::with_rule(
        model(),
        move |request| {
            if request.is_for(WEIGHTS) { rule(request) } else { None }
        },
    )
}

#[test]
fn a_cut_connection_is_taken_up_where_it_was_cut() {
    let hub = hub_with(|request| {
        (request.earlier < 6).then(|| Reply::file(request, &weights()).cut_after(30_000))
    });
    let (desk, mut witness) = (Desk::new(), Witness::default());
    let pulled =
        pull_seen(desk.settings(&hub.address), "org/name", &Choice::Model, &mut witness).unwrap();
    assert_eq!(fs::read(&pulled.files[2].path).unwrap(), weights());
    // More cuts than tries: what brings something new does not count.
    assert_eq!(starts(&hub), [0, 30_000, 60_000, 90_000, 120_000, 150_000, 180_000]);
    assert!(witness.warnings[0].contains("was cut off"), "{:?}", witness.warnings);
    assert!(witness.arrived.is_sorted() && !partial(&desk).exists());
}

#[test]
fn the_next_pull_goes_on_from_what_has_arrived() {
    let desk = Desk::new();
    let cut = hub_with(|request| {
        let reply = Reply::file(request, &weights());
        Some(if request.earlier == 0 { reply.cut_after(50_000) } else { Reply::new(503, "") })
    });
    let error = desk.pull(&cut.address).unwrap_err();
    assert!(error.to_string().contains("503") && !error.is_bad_input(), "{error}");
    assert_eq!(cut.requests_for(WEIGHTS).len(), 1 + 3 - 1);
    assert_eq!(fs::metadata(partial(&desk)).unwrap().len(), 50_000);
    assert!(!blob(&desk).exists());
    let (hub, mut witness) = (FakeHub::new(model()), Witness::default());
    let pulled =
        pull_seen(desk.settings(&hub.address), "org/name", &Choice::Model, &mut witness).unwrap();
    assert_eq!(starts(&hub), [50_000]);
    assert_eq!(witness.begun, Some((1, 200_000)));
    assert_eq!(witness.arrived[0], 50_000);
    assert_eq!(pulled.files[2].sha256, model()[WEIGHTS].sha256());
}

#[test]
fn a_connection_that_is_cut_at_once_is_given_up_after_some_tries() {
    let hub = hub_with(|request| Some(Reply::file(request, &weights()).cut_after(0)));
    let desk = Desk::new();
    let error = desk.pull(&hub.address).unwrap_err();
    assert!(matches!(error, HubError::Cut { .. }), "{error}");
    assert!(error.to_string().contains("same pull goes on"), "{error}");
    assert_eq!(starts(&hub), [0; 3]);
}

#[test]
fn a_silent_server_is_given_up() {
    let hub = hub_with(|request| {
        let mut reply = Reply { hangs: true, ..Reply::file(request, &weights()) };
        reply.announced = Some(reply.body.len());
        reply.body.truncate(100_000 - request.from());
        Some(reply)
    });
    let desk = Desk::new();
    let mut settings = desk.settings(&hub.address);
    settings.silence = Duration::from_millis(50);
    let start = Instant::now();
    let error = pull(settings, "org/name").unwrap_err();
    assert!(start.elapsed() < Duration::from_mins(1));
    assert!(matches!(error, HubError::Cut { .. }), "{error}");
    assert_eq!(starts(&hub), [0, 100_000, 100_000]);
    assert_eq!(fs::metadata(partial(&desk)).unwrap().len(), 100_000);
}

#[test]
fn a_server_without_ranges_begins_anew() {
    let hub = hub_with(|request| {
        let whole = Reply::new(200, weights());
        Some(if request.earlier == 0 { whole.cut_after(50_000) } else { whole })
    });
    let desk = Desk::new();
    let pulled = desk.pull(&hub.address).unwrap();
    assert_eq!(starts(&hub), [0, 50_000]);
    assert_eq!(fs::read(&pulled.files[2].path).unwrap(), weights());
}

#[test]
fn a_server_that_always_begins_anew_and_never_ends_is_given_up() {
    let hub = hub_with(|_| Some(Reply::new(200, weights()).cut_after(50_000)));
    let desk = Desk::new();
    assert!(matches!(desk.pull(&hub.address), Err(HubError::Cut { .. })));
    assert_eq!(starts(&hub), [0, 50_000, 50_000]);
}

#[test]
fn a_range_that_is_not_to_be_had_is_no_dead_end() {
    let hub = hub_with(|request| (request.from() > 0).then(|| Reply::new(416, "")));
    let desk = Desk::new();
    fs::create_dir_all(blob(&desk).parent().unwrap()).unwrap();
    fs::write(partial(&desk), &weights()[..10]).unwrap();
    desk.pull(&hub.address).unwrap();
    assert_eq!(starts(&hub), [10, 0]);
}

#[test]
fn a_range_that_begins_elsewhere_is_refused() {
    let hub = hub_with(|request| {
        let elsewhere = Reply::new(206, &weights()[request.from()..]);
        Some(elsewhere.with("Content-Range", "bytes 5-199999/200000"))
    });
    let error = Desk::new().pull(&hub.address).unwrap_err();
    assert!(matches!(error, HubError::Answer { .. }), "{error}");
}

#[test]
fn what_was_left_behind_damaged_or_too_long_is_fetched_anew() {
    let mut damaged = weights()[..70_000].to_vec();
    damaged[5] ^= 1;
    for (left, expected) in
        [(damaged, vec![70_000, 0]), (vec![0; 200_001], vec![0]), (vec![0; 200_000], vec![0])]
    {
        let (hub, desk) = (FakeHub::new(model()), Desk::new());
        fs::create_dir_all(blob(&desk).parent().unwrap()).unwrap();
        fs::write(partial(&desk), left).unwrap();
        let pulled = desk.pull(&hub.address).unwrap();
        assert_eq!(starts(&hub), expected);
        assert_eq!(fs::read(&pulled.files[2].path).unwrap(), weights());
    }
}

#[test]
fn what_is_left_whole_needs_no_request() {
    let (hub, desk) = (FakeHub::new(model()), Desk::new());
    fs::create_dir_all(blob(&desk).parent().unwrap()).unwrap();
    fs::write(partial(&desk), weights()).unwrap();
    desk.pull(&hub.address).unwrap();
    assert!(starts(&hub).is_empty() && blob(&desk).exists());
}

/// Asks to stop as soon as half of the weights are here.
struct Stopper<'a>(&'a AtomicBool);

impl PullObserver for Stopper<'_> {
    fn arrived(&mut self, bytes: u64) {
        if bytes > 100_000 {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

#[test]
fn a_pull_that_is_stopped_keeps_what_has_arrived() {
    let (hub, desk) = (FakeHub::new(model()), Desk::new());
    let (stop, source) = (AtomicBool::new(false), "org/name".parse().unwrap());
    let here = Hub::new(desk.settings(&hub.address));
    let error = here.pull(&source, &Choice::Model, &mut Stopper(&stop), &stop).unwrap_err();
    assert!(matches!(error, HubError::Stopped));
    assert!(error.to_string().contains("same command goes on"), "{error}");
    let kept = fs::metadata(partial(&desk)).unwrap().len();
    assert!((50_000..200_000).contains(&kept), "{kept}");
    desk.pull(&hub.address).unwrap();
    assert_eq!(starts(&hub), [0, kept as usize]);
}

#[test]
fn a_busy_hub_is_asked_again() {
    let hub = FakeHub::with_rule(model(), |request| match request.earlier {
        0 => Some(Reply::new(429, "").with("Retry-After", "0")),
        1 => Some(Reply::new(500, "oh")),
        _ => None,
    });
    let (desk, mut witness) = (Desk::new(), Witness::default());
    pull_seen(desk.settings(&hub.address), "org/name", &Choice::Model, &mut witness).unwrap();
    assert!(witness.warnings[0].contains("answered 429; try 2 of 3"), "{:?}", witness.warnings);
    assert!(hub.requests().len() == 5 * 3);
}

#[test]
fn a_hub_that_stays_busy_is_given_up() {
    for (reply, tries) in [
        (Reply::new(503, "{\"error\": \"down for\\nmaintenance\"}"), 3),
        // Nobody waits for an hour.
        (Reply::new(429, "{\"error\": \"down for maintenance\"}").with("Retry-After", "3600"), 1),
    ] {
        let status = reply.status;
        let hub = FakeHub::with_rule(model(), move |_| Some(reply.clone()));
        let error = Desk::new().pull(&hub.address).unwrap_err();
        assert!(!error.is_bad_input());
        let message = error.to_string();
        assert!(message.contains(&status.to_string()), "{message}");
        assert!(message.contains("(down for maintenance)"), "{message}");
        assert_eq!(hub.requests().len(), tries);
    }
}

#[test]
fn a_list_that_is_cut_is_asked_for_again() {
    let hub = FakeHub::with_rule(model(), |request| {
        let is_first = request.path.starts_with("/api") && request.earlier == 0;
        is_first.then(|| Reply::json(&support::listing(&model())).cut_after(40))
    });
    Desk::new().pull(&hub.address).unwrap();
}

#[test]
fn nobody_at_the_address_is_said_at_once_with_what_the_cache_has() {
    let (hub, desk) = (FakeHub::new(model()), Desk::new());
    let nobody = "http://127.0.0.1:1";
    let message = desk.pull(nobody).unwrap_err().to_string();
    assert!(
        message.contains("cannot reach 127.0.0.1:1") && !message.contains("OFFLINE"),
        "{message}"
    );
    desk.pull(&hub.address).unwrap();
    let message = desk.pull(nobody).unwrap_err().to_string();
    assert!(message.contains("HF_HUB_OFFLINE=1") && message.contains(support::COMMIT), "{message}");
}
