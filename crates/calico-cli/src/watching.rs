//! Long work: a bar on the terminal, and Ctrl-C as a wish to stop.

use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::ProgressBar;

use crate::progress::counts_bar;
use crate::stream;

/// Set by the first Ctrl-C.
static STOP: AtomicBool = AtomicBool::new(false);

/// Becomes true when the user presses Ctrl-C; a second time ends the program at once.
pub(crate) fn stop_flag() -> &'static AtomicBool {
    static HANDLER: OnceLock<()> = OnceLock::new();
    HANDLER.get_or_init(|| {
        // Without a handler Ctrl-C ends the program, as it does anyway.
        let _ = ctrlc::set_handler(|| {
            if STOP.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
            stream::tell("stopping; press Ctrl-C again to end at once");
        });
    });
    &STOP
}

/// A bar for the stage that goes on. It may be told of progress from any thread.
#[derive(Debug)]
pub(crate) struct StageBar {
    bar: ProgressBar,
    stage: Mutex<String>,
}

impl StageBar {
    pub(crate) fn new() -> Self {
        Self { bar: counts_bar(), stage: Mutex::new(String::new()) }
    }

    /// `done` of `total` of a stage are done.
    pub(crate) fn set(&self, stage: &str, done: u64, total: u64) {
        if self.bar.is_hidden() {
            return;
        }
        // A thread that panicked while it held the name has not broken it.
        let mut shown = self.stage.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *shown != stage {
            stage.clone_into(&mut shown);
            self.bar.reset();
            self.bar.set_message(stage.to_owned());
        }
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    /// Nothing is shown any more.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
