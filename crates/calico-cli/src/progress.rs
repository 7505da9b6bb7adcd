//! What happens right now, and how long everything took.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use calico_model::{ModelError, Observer, Stage, one_line};
use calico_result::{Task, terminal};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::stream;

/// How many characters of a growing answer are shown.
const TAIL: usize = 60;

/// Shorter steps pass without a line of their own.
const SHOWN_SECONDS: f64 = 0.1;

/// Follows the work on standard error, where that is a terminal, and measures it.
#[derive(Debug)]
pub(crate) struct Progress {
    spinner: ProgressBar,
    start: Instant,
    current: Option<(Step, Instant)>,
    finished: Vec<Step>,
    /// Whether a table of the times follows at the end.
    has_table: bool,
}

#[derive(Debug)]
struct Step {
    stage: &'static str,
    image: Option<usize>,
    task: Option<Task>,
    description: String,
    seconds: f64,
}

impl Progress {
    /// With `has_table`, times are kept for [`Progress::table`] and not shown one by one.
    pub(crate) fn new(has_table: bool) -> Self {
        let spinner = spinner();
        Self { spinner, start: Instant::now(), current: None, finished: Vec::new(), has_table }
    }

    /// A step of the command itself begins.
    pub(crate) fn begin(&mut self, stage: &'static str, image: Option<usize>, description: &str) {
        let description = terminal::harmless(description);
        self.enter(Step { stage, image, task: None, description, seconds: 0.0 });
    }

    fn enter(&mut self, step: Step) {
        self.end();
        self.spinner.set_message(step.description.clone());
        self.current = Some((step, Instant::now()));
    }

    /// The last step has ended.
    pub(crate) fn end(&mut self) {
        let Some((mut step, start)) = self.current.take() else { return };
        step.seconds = start.elapsed().as_secs_f64();
        if !self.has_table && step.seconds >= SHOWN_SECONDS {
            self.spinner.println(format!("  {} ({:.1} s)", step.description, step.seconds));
        }
        self.finished.push(step);
    }

    /// All steps have ended; nothing is shown any more.
    pub(crate) fn finish(&mut self) {
        self.end();
        self.spinner.finish_and_clear();
    }

    /// The content of `timings.json`.
    pub(crate) fn timings(&self) -> Value {
        let stage = |step: &Step| {
            let mut entry = json!({ "stage": step.stage, "seconds": milliseconds(step.seconds) });
            if let Some(image) = step.image {
                entry["image"] = image.into();
            }
            if let Some(task) = step.task {
                entry["task"] = task.name().into();
            }
            entry
        };
        let stages: Vec<Value> = self.finished.iter().map(stage).collect();
        json!({ "stages": stages, "total_seconds": milliseconds(self.total()) })
    }

    /// The times as lines of text.
    pub(crate) fn table(&self) -> String {
        let mut table = String::new();
        for step in &self.finished {
            let _ = writeln!(table, "{:9.3} s  {}", step.seconds, step.description);
        }
        let _ = write!(table, "{:9.3} s  in all", self.total());
        table
    }

    fn total(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
}

impl Observer for Progress {
    fn stage(&mut self, stage: Stage) {
        let (image, task) = (stage.image(), stage.task());
        let description = stage.to_string();
        self.enter(Step { stage: stage.name(), image, task, description, seconds: 0.0 });
    }

    fn not_kept(&mut self, image: usize, error: &ModelError) {
        let reason = terminal::harmless(&one_line(error));
        let tell = || stream::tell(&format!("warning: image {image} is not kept: {reason}"));
        self.spinner.suspend(tell);
    }

    fn listens(&self) -> bool {
        !self.spinner.is_hidden()
    }

    fn text(&mut self, so_far: &str) -> ControlFlow<()> {
        if let Some((step, _)) = &self.current
            && !self.spinner.is_hidden()
        {
            self.spinner.set_message(format!("{}: {}", step.description, tail(so_far)));
        }
        ControlFlow::Continue(())
    }
}

/// The end of a text, on one line.
fn tail(text: &str) -> String {
    let count = text.chars().count();
    let end: String = text.chars().skip(count.saturating_sub(TAIL)).collect();
    let words = end.split_whitespace().collect::<Vec<_>>().join(" ");
    let dots = if count > TAIL { "…" } else { "" };
    dots.to_owned() + &terminal::harmless(&words)
}

fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// A bar of bytes, for work whose amount is known.
pub(crate) fn bytes_bar(total: u64) -> ProgressBar {
    bar(ProgressBar::new(total), "{bar:30} {bytes}/{total_bytes} {wide_msg}")
}

/// A bar of bytes that arrive, whose amount is told later, with their rate and the time left.
pub(crate) fn download_bar() -> ProgressBar {
    let template = "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} left  {wide_msg}";
    bar(ProgressBar::new(0), template)
}

/// A bar of things that are counted, whose amount is told as it goes on.
pub(crate) fn counts_bar() -> ProgressBar {
    bar(ProgressBar::new(0), "{bar:30} {human_pos}/{human_len} {wide_msg}")
}

/// A bar of a training's steps, with their rate and the time left.
pub(crate) fn run_bar() -> ProgressBar {
    let template = "{bar:30} {human_pos}/{human_len} {per_sec} {eta} left  {wide_msg}";
    bar(ProgressBar::new(0), template)
}

/// A spinner, for work whose amount is not known.
pub(crate) fn spinner() -> ProgressBar {
    bar(ProgressBar::new_spinner(), "{spinner} {wide_msg}")
}

/// Drawn on standard error if that is a terminal, silent otherwise.
fn bar(bar: ProgressBar, template: &str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
        return bar;
    }
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_measured_once() {
        let mut progress = Progress::new(true);
        progress.begin("open_model", None, "opening the model");
        progress.stage(Stage::EvaClip { image: 2 });
        progress.stage(Stage::Language { task: Some(Task::CommonParts) });
        progress.finish();
        let timings = progress.timings();
        let stages = timings["stages"].as_array().unwrap();
        assert_eq!(stages.len(), 3);
        assert_eq!((&stages[1]["stage"], &stages[1]["image"]), (&json!("eva_clip"), &json!(2)));
        assert_eq!(stages[2]["task"], "common_parts");
        assert_eq!(progress.table().lines().count(), 4);
    }

    #[test]
    fn a_growing_answer_shows_its_end_on_one_line() {
        assert_eq!(tail("They\n share"), "They share");
        let long = tail(&"word\u{1b} ".repeat(50));
        assert!(long.starts_with('…') && long.chars().count() <= TAIL + 1, "{long}");
        assert!(!long.contains('\u{1b}'));
    }
}
