//! A service that is stopped.

use std::sync::atomic::Ordering;
use std::time::Instant;

use calico_serve::Limits;

use crate::support::{PATIENCE, Reply, question};
use crate::{service, with_limits};

#[test]
fn a_service_that_stops_answers_what_it_has_and_refuses_what_is_new() {
    let service = service();
    let under_way = service.open(&question("hold"));
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
    service.engine.is_released.store(true, Ordering::SeqCst);
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
