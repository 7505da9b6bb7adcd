//! Answers one question after the other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Instant;

use calico_model::panic_message;

use super::watcher::Watcher;
use super::{Job, Shared, Work};
use crate::event::Event;
use crate::problem::Problem;

/// How much the last answer counts in the mean time of answers.
const WEIGHT: f64 = 0.3;

impl Shared {
    /// Never returns.
    pub(super) fn work(&self) {
        loop {
            let job = self.next();
            let start = Instant::now();
            job.span.in_scope(|| self.answer(&job));
            let mut state = self.state();
            state.answering.retain(|answering| answering.id != job.waiter.id);
            let took = start.elapsed().as_secs_f64();
            state.mean_seconds += WEIGHT * (took - state.mean_seconds);
            self.count(&state);
            // The photographs and their memory are gone before the next question begins.
            drop(job);
        }
    }

    fn next(&self) -> Job {
        let mut state = self.state();
        loop {
            if let Some(job) = state.waiting.pop_front() {
                state.answering.push(job.waiter.clone());
                state.tell_places(self.limits.workers());
                self.count(&state);
                return job;
            }
            state = self.arrival.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn answer(&self, job: &Job) {
        self.metrics.wait_seconds.observe(job.arrived.elapsed().as_secs_f64());
        if job.waiter.is_cancelled.load(Ordering::Relaxed)
            || job.waiter.events.send(Event::Started(Instant::now())).is_err()
        {
            return;
        }
        let Work { photographs, question, options, .. } = &job.work;
        let mut watcher = Watcher::new(job, &self.metrics);
        // What the model keeps between questions is a cache behind a lock, whole at any time.
        let done = catch_unwind(AssertUnwindSafe(|| {
            self.engine.segment(photographs, question, options, &mut watcher)
        }));
        watcher.end();
        let event = match done {
            Ok(Ok(result)) => Event::Result(Box::new(result)),
            Ok(Err(error)) => Event::Problem(Problem::of_model(&error)),
            Err(panic) => {
                self.metrics.panics.inc();
                let message = panic_message(panic.as_ref()).unwrap_or("a panic without a message");
                Event::Problem(Problem::internal(&message))
            }
        };
        // Whoever asked may be gone.
        let _ = job.waiter.events.send(event);
    }
}
