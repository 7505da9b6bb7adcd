//! `calico train`: recipes in, a run out.

use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use calico_nn::process;
use calico_result::terminal;
use calico_train::plan::{Machine, Plan};
use calico_train::recipe::{Overrides, Recipe};
use calico_train::watch::{TrainRow, ValidationRow};
use calico_train::{Outcome, TrainObserver, Trainer};
use indicatif::ProgressBar;

use crate::args::TrainArgs;
use crate::failure::Failure;
use crate::machine::gflops;
use crate::progress::run_bar;
use crate::stream;
use crate::watching::stop_flag;

/// The most warnings that are shown.
const MOST_WARNINGS: usize = 20;

/// Trains, or plans a training.
pub(crate) fn run(args: &TrainArgs) -> Result<(), Failure> {
    let overrides = Overrides {
        model: args.model.clone(),
        data: args.data.clone(),
        roots: args.root.clone(),
        features: args.features.clone(),
        seed: args.seed,
    };
    let recipe = Recipe::open(&args.recipe, &overrides)?;
    if args.out.is_some() {
        recipe.check_complete()?;
    }
    let plan = plan(&recipe)?;
    let Some(out) = &args.out else {
        let text = if args.json { stream::json(&plan)? } else { plan.to_text() };
        return Ok(stream::print(&text)?);
    };
    if !args.finish {
        plan.check(process::available_bytes())?;
    }
    train(recipe, out, args.finish)
}

/// What the training needs on this machine.
fn plan(recipe: &Recipe) -> Result<Plan, Failure> {
    let machine = Machine { gflops: gflops()?, is_cpu: true };
    Ok(Plan::of_recipe(recipe, machine)?)
}

/// Trains to the end, or to where the user stops it; with `finishes`, not at all.
fn train(recipe: Recipe, out: &Path, finishes: bool) -> Result<(), Failure> {
    let mut watcher = Watcher::new();
    let trainer = Trainer::open(recipe, out, &watcher)?;
    let ended = if finishes {
        trainer.finish_early(&mut watcher)
    } else {
        trainer.run(&mut watcher, stop_flag())
    };
    watcher.bar.finish_and_clear();
    match ended? {
        Outcome::Finished { step, best, output, report } => Ok(stream::print(&format!(
            "trained {step} steps\nresult  {}{}\nreport  {}\n",
            output.display(),
            best.map_or_else(String::new, |best| format!(
                "  (validation of step {}: {:.2})",
                best.step, best.score
            )),
            report.display()
        ))?),
        Outcome::Stopped { step, total } => Err(Failure::found(format!(
            "stopped after {step} of {total} steps; run the same command again to go on"
        ))),
    }
}

/// Shows a training on the terminal, and tells it the time.
struct Watcher {
    bar: ProgressBar,
    start: Instant,
    warnings: usize,
}

impl Watcher {
    fn new() -> Self {
        Self { bar: run_bar(), start: Instant::now(), warnings: 0 }
    }

    /// A line that stays, above the bar where there is one.
    fn tell(&self, line: &str) {
        let line = terminal::harmless(line);
        if self.bar.is_hidden() { stream::tell(&line) } else { self.bar.println(line) }
    }
}

impl TrainObserver for Watcher {
    fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    fn unix_seconds(&self) -> f64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
    }

    fn peak_memory(&self) -> Option<u64> {
        process::peak_bytes()
    }

    fn begins(&mut self, done: u64, total: u64) {
        if done > 0 {
            self.tell(&format!("going on after step {done} of {total}"));
        }
        self.bar.set_length(total);
        self.bar.set_position(done);
        self.bar.reset_eta();
    }

    fn stepped(&mut self, row: &TrainRow, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(row.step);
        self.bar.set_message(format!(
            "{}: loss {:.4}, rate {:.1e}",
            row.stage, row.loss, row.learning_rate
        ));
        if self.bar.is_hidden() && (row.step == 1 || row.step.is_multiple_of(50)) {
            stream::tell(&format!(
                "step {}/{total} {}: loss {:.4}, rate {:.1e}",
                row.step, row.stage, row.loss, row.learning_rate
            ));
        }
    }

    fn validating(&mut self, done: usize, total: usize) {
        self.bar.set_message(format!("validating: {done}/{total} answers"));
    }

    fn validated(&mut self, row: &ValidationRow, best: bool) {
        let names = ["ap50", "miou", "miou_strict", "recall"];
        let is_shown = |name: &str| names.contains(&name) || name.starts_with("labels/");
        let scores = row.scores.iter().filter(|(name, _)| is_shown(name));
        let scores: Vec<String> =
            scores.map(|(name, score)| format!("{name} {score:.2}")).collect();
        let best = if best { ", the best so far" } else { "" };
        self.tell(&format!("step {}: {} of dev, {}{best}", row.step, row.pairs, scores.join(", ")));
    }

    fn warns(&mut self, warning: &str) {
        self.warnings += 1;
        match self.warnings {
            n if n <= MOST_WARNINGS => self.tell(&format!("warning: {warning}")),
            n if n == MOST_WARNINGS + 1 => self.tell("more warnings are not shown"),
            _ => {}
        }
    }
}
