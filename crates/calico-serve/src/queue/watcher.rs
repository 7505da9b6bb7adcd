//! Tells whoever waits what the model does, and measures it.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::time::Instant;

use calico_model::{ModelError, Observer, Stage, one_line};
use calico_result::{Answer, Segment};

use super::Job;
use crate::event::Event;
use crate::metrics::Metrics;

/// Follows one question.
pub(super) struct Watcher<'a> {
    job: &'a Job,
    metrics: &'a Metrics,
    stage: Option<(Stage, Instant)>,
    /// Answers that are complete.
    answers: usize,
    /// What was told of the current answer.
    told: String,
    has_token: bool,
}

impl<'a> Watcher<'a> {
    pub(super) fn new(job: &'a Job, metrics: &'a Metrics) -> Self {
        Self { job, metrics, stage: None, answers: 0, told: String::new(), has_token: false }
    }

    /// The last stage has ended.
    pub(super) fn end(&mut self) {
        if let Some((stage, start)) = self.stage.take() {
            self.metrics.stage(stage.name(), start.elapsed());
        }
    }

    fn tell(&self, event: Event) {
        // Whoever asked may be gone, which `goes_on` notices.
        let _ = self.job.waiter.events.send(event);
    }
}

impl Observer for Watcher<'_> {
    fn goes_on(&mut self) -> bool {
        !self.job.waiter.is_cancelled.load(Ordering::Relaxed)
    }

    fn known(&mut self, _image: usize) {
        self.metrics.known_images.inc();
    }

    fn stage(&mut self, stage: Stage) {
        self.end();
        self.stage = Some((stage, Instant::now()));
        if matches!(stage, Stage::Preprocess { .. }) {
            self.metrics.new_images.inc();
        }
        self.tell(Event::Stage(stage));
    }

    fn not_kept(&mut self, image: usize, error: &ModelError) {
        tracing::warn!(image, reason = one_line(error), "an encoded image is not kept");
    }

    fn prompt(&mut self, positions: usize) {
        self.tell(Event::Prompt { positions });
    }

    fn text(&mut self, so_far: &str) -> ControlFlow<()> {
        if !self.has_token {
            self.has_token = true;
            self.metrics.first_token_seconds.observe(self.job.arrived.elapsed().as_secs_f64());
        }
        self.metrics.tokens.inc();
        // Text that is not what was told before goes on is told with what follows.
        let delta = so_far.strip_prefix(self.told.as_str()).unwrap_or_default().to_owned();
        self.told.push_str(&delta);
        self.tell(Event::Text { answer: self.answers, delta });
        ControlFlow::Continue(())
    }

    fn mask(&mut self, segment: &Segment) {
        self.metrics.masks.inc();
        self.tell(Event::Mask { answer: self.answers, segment: Box::new(segment.clone()) });
    }

    fn answered(&mut self, answer: &Answer) {
        let value = Box::new(answer.clone());
        self.tell(Event::Answer { answer: self.answers, value });
        self.answers += 1;
        self.told.clear();
    }
}
