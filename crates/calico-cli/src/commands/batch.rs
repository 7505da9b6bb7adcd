//! `calico segment --batch`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use calico_model::batch::{BatchItem, BatchList, BatchObserver, BatchWork};
use calico_model::{Observer, Question, Stage};
use calico_result::batch::{BatchFolder, BatchIdentity, FailureLine, Progress, SCHEMA_ID, Shard};
use calico_result::{ExportFormat, terminal};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::segment::{Source, formats};
use crate::args::SegmentArgs;
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::run_bar;
use crate::stream;
use crate::watching::stop_flag;

/// How often a log is told how far the work has come.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// Entries of a folder that are told to be no item.
const MOST_LEFT_OUT: usize = 5;

/// Answers all questions of a list, or all that an earlier run left.
///
/// Nothing is written before the whole list is known to be good.
pub(crate) fn run(args: &SegmentArgs, list: &Path, out: &Path) -> Result<(), Failure> {
    let (question, options) = (args.question.question(), args.options.options());
    Output::check(out)?;
    let source = Source::choose(args.model.as_deref())?;
    // What is wrong with the options is wrong with every line; it is told once.
    source.check(1, &Question::AllTasks, &options)?;
    let place = place(list);
    let list = BatchList::read(list, &|images, own| {
        source.check(images, own.unwrap_or(&question), &options)
    })?;
    tell_left_out(&list);
    let shard = args.batch.shard.unwrap_or_default();
    let folder = list.has_relative_paths().then_some(place);
    let identity = BatchIdentity { folder, ..identity(args, &list, &source, shard)? };
    let numbered = list.items.iter().enumerate();
    let items: Vec<&BatchItem> =
        numbered.filter(|(position, _)| shard.has(*position)).map(|(_, item)| item).collect();
    let ids: BTreeSet<&str> = items.iter().map(|item| item.id.as_str()).collect();
    let mut folder = BatchFolder::open(out, &identity, shard, &ids)?;
    if args.batch.retry_failed {
        folder.reopen_failed()?;
    }

    let before = folder.progress();
    let mut watcher = Watcher::new(before);
    // Nothing is loaded where nothing is to be done.
    if before.open() > 0 {
        let segmenter = source.load(args.cache.as_deref())?;
        if let Some(notice) = &segmenter.config().notice {
            stream::tell(&format!("warning: {}", terminal::harmless(notice)));
        }
        let work = BatchWork {
            segmenter: &segmenter,
            question: &question,
            options: &options,
            pictures: args.batch.pictures,
            exports: &formats(args),
        };
        watcher.start();
        let worked = work.run(items, &mut folder, &mut watcher, stop_flag());
        watcher.bar.finish_and_clear();
        if let Err(error) = worked {
            watcher.summarise(folder.progress());
            return Err(error.into());
        }
    }
    watcher.summarise(folder.progress());
    ended(&folder)
}

/// What is left of the work, as the end of the command.
fn ended(folder: &BatchFolder) -> Result<(), Failure> {
    let progress = folder.progress();
    if progress.open() > 0 {
        return Err(Failure::found(format!(
            "stopped after {} of {} items; run the same command again to go on",
            progress.total - progress.open(),
            progress.total
        )));
    }
    if progress.failed > 0 {
        return Err(Failure::found(format!(
            "{} of {} items failed, {} says why; correct them and run the same command with \
             --retry-failed",
            progress.failed,
            progress.total,
            folder.failures_path().display()
        )));
    }
    Ok(())
}

/// The folder from which the paths of a list lead, from the root on.
fn place(list: &Path) -> String {
    let folder = if list.is_dir() { Some(list) } else { list.parent() };
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    folder.to_string_lossy().into_owned()
}

/// Everything that changes the results, but for the folder of the list.
fn identity(
    args: &SegmentArgs,
    list: &BatchList,
    source: &Source,
    shard: Shard,
) -> Result<BatchIdentity, Failure> {
    let (model, model_digest) = source.identity()?;
    let options = args.options.options();
    let asked = match args.question.question() {
        Question::AllTasks => ("task", json!("all")),
        Question::Task(task) => ("task", json!(task.name())),
        Question::Prompt(prompt) => ("prompt", json!(prompt)),
        Question::Answer(answer) => ("answer", json!(answer)),
    };
    let exports: Vec<&str> = formats(args).into_iter().map(ExportFormat::name).collect();
    let settings: BTreeMap<String, Value> = [
        asked,
        ("max-new-tokens", json!(options.max_new_tokens)),
        ("temperature", json!(options.sampling.temperature)),
        ("top-p", json!(options.sampling.top_p)),
        ("seed", json!(options.sampling.seed)),
        ("pictures", json!(args.batch.pictures)),
        ("export", json!(exports)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    Ok(BatchIdentity {
        schema: SCHEMA_ID.to_owned(),
        items: list.items.len(),
        list_digest: list.digest(),
        folder: None,
        model,
        model_digest,
        settings,
        shards: shard.count(),
    })
}

fn tell_left_out(list: &BatchList) {
    let names = &list.left_out;
    if names.is_empty() {
        return;
    }
    let shown: Vec<String> =
        names.iter().take(MOST_LEFT_OUT).map(|name| format!("{name:?}")).collect();
    let more = if names.len() > MOST_LEFT_OUT { ", …" } else { "" };
    stream::tell(&terminal::harmless(&format!(
        "left out, being neither pictures nor folders of pictures ({} in all): {}{more}",
        names.len(),
        shown.join(", ")
    )));
}

/// Shows a batch on the terminal, or tells a log about it.
struct Watcher {
    bar: ProgressBar,
    before: Progress,
    start: Instant,
    last_told: Instant,
    /// The item under way.
    id: String,
}

impl Watcher {
    fn new(before: Progress) -> Self {
        let now = Instant::now();
        Self { bar: run_bar(), before, start: now, last_told: now, id: String::new() }
    }

    /// The work begins.
    fn start(&mut self) {
        let ended = self.before.total - self.before.open();
        if ended > 0 {
            let total = self.before.total;
            self.tell(&format!("{ended} of {total} items were ended by an earlier run"));
        }
        self.bar.set_length(self.before.total as u64);
        self.bar.set_position(ended as u64);
        self.bar.reset_eta();
        self.start = Instant::now();
        self.last_told = self.start;
    }

    /// A line that stays, above the bar where there is one.
    fn tell(&self, line: &str) {
        let line = terminal::harmless(line);
        if self.bar.is_hidden() { stream::tell(&line) } else { self.bar.println(line) }
    }

    /// What became of all items, and how long those of this run took.
    fn summarise(&self, now: Progress) {
        let worked = self.before.open() - now.open();
        let seconds = self.start.elapsed().as_secs_f64();
        let time = if worked > 0 {
            format!("; {:.2} s per item", seconds / worked as f64)
        } else {
            String::new()
        };
        stream::tell(&format!(
            "{} of {} items done, {} failed{time}",
            now.done, now.total, now.failed
        ));
    }
}

impl Observer for Watcher {
    fn stage(&mut self, stage: Stage) {
        if !self.bar.is_hidden() {
            self.bar.set_message(terminal::harmless(&format!("{}: {stage}", self.id)));
        }
    }

    fn listens(&self) -> bool {
        false
    }
}

impl BatchObserver for Watcher {
    fn begins(&mut self, item: &BatchItem) {
        self.id.clone_from(&item.id);
        self.bar.set_message(terminal::harmless(&item.id));
    }

    fn ended(&mut self, item: &BatchItem, failure: Option<&FailureLine>, progress: Progress) {
        if let Some(FailureLine { image, message, .. }) = failure {
            let image = image.map_or_else(String::new, |image| format!(", image {image}"));
            self.tell(&format!("warning: no result for {:?}{image}: {message}", item.id));
        }
        let ended = progress.total - progress.open();
        self.bar.set_position(ended as u64);
        if self.bar.is_hidden() && self.last_told.elapsed() >= LOG_INTERVAL {
            self.last_told = Instant::now();
            let Progress { total, failed, .. } = progress;
            stream::tell(&format!("{ended} of {total} items ended, {failed} of them failed"));
        }
    }
}
