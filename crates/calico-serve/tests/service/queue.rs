//! Questions wait, are answered in turn, and are forgotten with whoever asked.

use std::sync::atomic::Ordering;

use calico_serve::Limits;

use crate::support::{PICTURE, Reply, form, leave, question};
use crate::{service, with_limits};

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
fn whoever_waits_hears_how_many_come_before() {
    let service = service();
    let _holding = service.open(&question("hold"));
    service.wait_for("calico_answering", 1.0);
    let _waiting = service.open(&question("one"));
    service.wait_for("calico_queue_waiting", 1.0);
    let fields: [(&str, Option<&str>, &[u8]); 2] =
        [("image", None, PICTURE), ("prompt", None, b"two")];
    let stream = service.open(&form(&fields, "accept: text/event-stream\r\n"));
    service.wait_for("calico_queue_waiting", 2.0);
    service.engine.is_released.store(true, Ordering::SeqCst);
    let events = Reply::read(stream).events();
    let ahead: Vec<_> = events.iter().filter_map(|(_, data)| data["ahead"].as_u64()).collect();
    assert_eq!(ahead, [2, 1]);
}

#[test]
fn whoever_has_waited_too_long_is_told_so() {
    let service = with_limits(Limits { wait_seconds: 1, ..Limits::default() });
    let answering = service.open(&question("wait"));
    service.wait_for("calico_answering", 1.0);
    service.ask("a").is_problem(503, "waited");
    leave(&answering);
    service.wait_for("calico_answering", 0.0);
    assert_eq!(service.engine.begun.load(Ordering::SeqCst), 1);
}

#[test]
fn an_answer_that_takes_too_long_is_given_up() {
    let service = with_limits(Limits { answer_seconds: 1, ..Limits::default() });
    service.ask("wait").is_problem(503, "unfinished");
    service.wait_for("calico_answering", 0.0);
    assert_eq!(service.engine.stopped.load(Ordering::SeqCst), 1);
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
