//! Questions wait here for a worker that answers them.

mod watcher;
mod worker;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use calico_model::{Photograph, Question, SegmentOptions};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::time::sleep_until;

use crate::admission::Share;
use crate::engine::Engine;
use crate::event::Event;
use crate::metrics::{Metrics, OutcomeLabels};
use crate::problem::{Kind, Problem};
use crate::settings::Limits;

/// What is asked.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) photographs: Vec<Photograph>,
    pub(crate) question: Question,
    pub(crate) options: SegmentOptions,
    /// The memory of the photographs, given back with them.
    #[expect(dead_code, reason = "held, not read")]
    pub(crate) memory: Share,
}

/// Work that somebody waits for.
struct Job {
    waiter: Waiter,
    work: Work,
    arrived: Instant,
    /// Names the request in the log.
    span: tracing::Span,
}

/// Whoever waits for an answer.
#[derive(Clone)]
struct Waiter {
    id: u64,
    events: UnboundedSender<Event>,
    is_cancelled: Arc<AtomicBool>,
}

impl Waiter {
    /// Tells that there will be no answer, and ends the work for it.
    fn let_go(&self) {
        let _ = self.events.send(Event::Problem(Problem::stopping()));
        self.is_cancelled.store(true, Ordering::Relaxed);
    }
}

/// Takes questions, up to a number of them.
#[derive(Clone)]
pub(crate) struct Queue(Arc<Shared>);

struct Shared {
    engine: Arc<dyn Engine>,
    metrics: Arc<Metrics>,
    limits: Limits,
    state: Mutex<State>,
    /// Wakes workers when there is a job.
    arrival: Condvar,
    /// Jobs that wait or are worked on.
    pending: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    answering: Vec<Waiter>,
    /// Whether no more questions are taken.
    is_closed: bool,
    next_id: u64,
    /// How long answers took, the last ones counting most.
    mean_seconds: f64,
}

/// A question that waits or is answered. Dropping it means that nobody waits any more.
pub(crate) struct Ticket {
    id: u64,
    events: UnboundedReceiver<Event>,
    is_cancelled: Arc<AtomicBool>,
    is_over: bool,
    deadline: tokio::time::Instant,
    is_started: bool,
    /// Names the request in the log.
    span: tracing::Span,
    shared: Arc<Shared>,
}

impl Queue {
    /// Starts the workers, which live as long as the process.
    pub(crate) fn start(
        engine: Arc<dyn Engine>,
        metrics: Arc<Metrics>,
        limits: &Limits,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            engine,
            metrics,
            limits: limits.clone(),
            state: Mutex::default(),
            arrival: Condvar::new(),
            pending: watch::Sender::new(0),
        });
        for number in 1..=limits.workers() {
            let shared = Arc::clone(&shared);
            let work = move || shared.work();
            thread::Builder::new().name(format!("answers-{number}")).spawn(work)?;
        }
        Ok(Self(shared))
    }

    /// Whether there is room for a question right now, before anything is done for it.
    pub(crate) fn check_room(&self) -> Result<(), Problem> {
        self.0.check_room(&self.0.state())
    }

    /// Takes a question in, if there is room for it.
    pub(crate) fn submit(&self, work: Work) -> Result<Ticket, Problem> {
        let shared = &self.0;
        let (sender, events) = unbounded_channel();
        let is_cancelled = Arc::new(AtomicBool::new(false));
        let mut state = shared.state();
        shared.check_room(&state)?;
        let id = state.next_id;
        state.next_id += 1;
        // Somebody holds the other end: it is in this function.
        let ahead = state.ahead(state.waiting.len(), shared.limits.workers());
        let _ = sender.send(Event::Queued { ahead });
        state.waiting.push_back(Job {
            waiter: Waiter { id, events: sender, is_cancelled: Arc::clone(&is_cancelled) },
            work,
            arrived: Instant::now(),
            span: tracing::Span::current(),
        });
        shared.count(&state);
        drop(state);
        shared.arrival.notify_one();
        let wait = Duration::from_secs(shared.limits.wait_seconds);
        let deadline = tokio::time::Instant::now() + wait;
        Ok(Ticket {
            id,
            events,
            is_cancelled,
            is_over: false,
            deadline,
            is_started: false,
            span: tracing::Span::current(),
            shared: Arc::clone(shared),
        })
    }

    /// Resolves when no question waits or is worked on.
    pub(crate) async fn idle(&self) {
        // The sender lives as long as this queue.
        let _ = self.0.pending.subscribe().wait_for(|&pending| pending == 0).await;
    }

    /// Lets go of every question, and takes no more: those who wait are told.
    pub(crate) fn abandon(&self) -> usize {
        let mut state = self.0.state();
        let left = state.waiting.len() + state.answering.len();
        state.is_closed = true;
        for waiter in &state.answering {
            waiter.let_go();
        }
        for job in state.waiting.drain(..) {
            job.waiter.let_go();
        }
        self.0.count(&state);
        left
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_room(&self, state: &State) -> Result<(), Problem> {
        if state.is_closed {
            return Err(Problem::stopping());
        }
        let most = self.limits.queue;
        if state.waiting.len() < most {
            return Ok(());
        }
        let seconds = state.seconds_until_room(self.limits.workers());
        let detail = format!("{most} questions wait already; ask again in {seconds} seconds");
        Err(Problem::new(Kind::QueueFull, detail).retry_after(seconds))
    }

    /// Tells how much there is to do.
    fn count(&self, state: &State) {
        self.metrics.waiting.set(state.waiting.len() as i64);
        self.metrics.answering.set(state.answering.len() as i64);
        self.pending.send_replace(state.waiting.len() + state.answering.len());
    }

    /// Takes a question out that nobody waits for.
    fn withdraw(&self, id: u64) {
        let mut state = self.state();
        if let Some(place) = state.waiting.iter().position(|job| job.waiter.id == id) {
            state.waiting.remove(place);
            state.tell_places(self.limits.workers());
            self.count(&state);
        }
    }
}

impl State {
    /// A guess: as long as the questions before take, and at least a second.
    fn seconds_until_room(&self, workers: usize) -> u64 {
        let seconds = self.mean_seconds * self.answering.len().max(1) as f64 / workers as f64;
        seconds.ceil().clamp(1.0, 600.0) as u64
    }

    /// How many answers must be complete before the question at a place of the queue is begun.
    fn ahead(&self, place: usize, workers: usize) -> usize {
        (place + self.answering.len() + 1).saturating_sub(workers)
    }

    /// Tells everybody who waits how many come before.
    fn tell_places(&self, workers: usize) {
        for (place, job) in self.waiting.iter().enumerate() {
            let ahead = self.ahead(place, workers);
            let _ = job.waiter.events.send(Event::Queued { ahead });
        }
    }
}

impl Ticket {
    /// The next event; the last one is a result or a problem, and nothing follows it.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        if self.is_over {
            return None;
        }
        let event = tokio::select! {
            // What is there already is not late.
            biased;
            event = self.events.recv() => event.unwrap_or_else(|| {
                Event::Problem(Problem::internal(&"a worker ended without an answer"))
            }),
            () = sleep_until(self.deadline) => Event::Problem(self.late()),
        };
        match &event {
            Event::Started(start) => {
                self.is_started = true;
                let answer = Duration::from_secs(self.shared.limits.answer_seconds);
                self.deadline = tokio::time::Instant::from_std(*start) + answer;
            }
            Event::Result(_) => self.end("complete"),
            Event::Problem(problem) => self.end(problem.kind.name()),
            _ => {}
        }
        Some(event)
    }

    /// Nothing follows, and nobody waits for more.
    fn end(&mut self, outcome: &'static str) {
        self.is_over = true;
        self.is_cancelled.store(true, Ordering::Relaxed);
        let shared = &self.shared;
        shared.metrics.questions.get_or_create(&OutcomeLabels { outcome }).inc();
        self.span.in_scope(|| tracing::info!(outcome, "the question is over"));
    }

    fn late(&self) -> Problem {
        self.shared.withdraw(self.id);
        let limits = &self.shared.limits;
        if !self.is_started {
            return Problem::waited(limits.wait_seconds);
        }
        let seconds = limits.answer_seconds;
        let detail = format!(
            "the answer was not complete after {seconds} seconds; ask for fewer tokens or about \
             fewer images"
        );
        Problem::new(Kind::Unfinished, detail).retry_after(60)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.is_over {
            self.shared.withdraw(self.id);
            self.end("left");
        }
    }
}
