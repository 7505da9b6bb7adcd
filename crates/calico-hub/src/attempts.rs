use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::HubError;
use crate::fault::Fault;
use crate::observer::PullObserver;
use crate::settings::Retry;

/// Pauses are cut into pieces of this length, so that a wish to stop is soon heard.
const PIECE: Duration = Duration::from_millis(100);

/// Who looks on, and whether to go on.
pub(crate) struct Watch<'a> {
    pub(crate) observer: &'a mut dyn PullObserver,
    stop: &'a AtomicBool,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(observer: &'a mut dyn PullObserver, stop: &'a AtomicBool) -> Self {
        Self { observer, stop }
    }

    /// An error if somebody asked to stop.
    pub(crate) fn check(&self) -> Result<(), HubError> {
        if self.stop.load(Ordering::Relaxed) { Err(HubError::Stopped) } else { Ok(()) }
    }

    /// Waits, unless somebody asks to stop.
    pub(crate) fn wait(&self, pause: Duration) -> Result<(), HubError> {
        let end = Instant::now() + pause;
        loop {
            self.check()?;
            match end.checked_duration_since(Instant::now()) {
                Some(left) if !left.is_zero() => thread::sleep(left.min(PIECE)),
                _ => return Ok(()),
            }
        }
    }
}

/// The tries of one request.
#[derive(Debug)]
pub(crate) struct Attempts {
    retry: Retry,
    failed: u32,
}

impl Attempts {
    pub(crate) fn new(retry: Retry) -> Self {
        Self { retry, failed: 0 }
    }

    /// Something new arrived: the tries are counted from the beginning.
    pub(crate) fn succeeded(&mut self) {
        self.failed = 0;
    }

    /// Waits for the next try, or gives up.
    pub(crate) fn after(&mut self, fault: Fault, watch: &mut Watch<'_>) -> Result<(), HubError> {
        let (error, reason, asked) = match fault {
            Fault::Passing { error, reason, pause } => (error, reason, pause),
            // Whoever can begin anew does so before this is asked.
            Fault::Final(error) | Fault::NoSuchRange(error) => return Err(error),
        };
        self.failed += 1;
        let doubled = self.retry.pause.saturating_mul(1 << (self.failed - 1).min(16));
        let pause = asked.map_or(doubled, |asked| asked.max(self.retry.pause));
        if self.failed >= self.retry.tries || pause > self.retry.longest {
            return Err(*error);
        }
        watch.observer.warns(&format!(
            "{reason}; try {} of {} follows in {:.0} s",
            self.failed + 1,
            self.retry.tries,
            pause.as_secs_f64().ceil()
        ));
        watch.wait(pause)
    }
}
