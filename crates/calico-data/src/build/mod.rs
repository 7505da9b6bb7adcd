//! From what was read of the sources to a data set on disk (mixedparts.md 3 to 8, 10).
//!
//! ```text
//! Reading ── leaks ── filter ──► Corpus: images, objects, parts, compressed masks
//! Corpus ── candidates, judge ── fill (train, dev), held_out (test) ──► Planned: pairs of objects
//! Planned ── content ── wording ──► SampleRecord, in chunks, while they are written
//! ```
//!
//! Every random decision has a stream of its own, named by what it is about, so the result does
//! not depend on threads.

mod balance;
mod build_error;
mod build_input;
mod build_record;
mod build_stage;
mod build_watch;
mod candidates;
mod card;
mod content;
mod corpus;
mod destination;
mod fill;
mod filter;
mod filter_counts;
mod held_out;
mod judge;
mod kept;
mod leaf;
mod leaks;
mod output;
mod plan;
mod problems;
mod renderer;
mod rows;
mod shares;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use corpus::{Corpus, CorpusSource};
use filter::Filter;
use kept::KeptImage;
use leaks::{remaining_leaks, remove_leaks};
use output::Output;
use plan::{SplitPlan, plan};

pub(crate) use leaks::file_key;
pub(crate) use rows::hex;

use crate::sources::Reading;
use crate::wording::Wording;
use crate::{BuildConfig, DataError, Split, answer_text};

pub use build_error::BuildError;
pub use build_input::BuildInput;
pub use build_record::{BuildRecord, ClassPairCount, SourceRecord, SplitCounts};
pub use build_stage::BuildStage;
pub use build_watch::BuildWatch;
pub use destination::Destination;
pub use filter_counts::FilterCounts;
pub use held_out::TestCell;
pub use leaks::{LeakReport, LeakRule, RemovedImage};

/// Builds a data set and returns what its `build.json` says.
///
/// Findings of level E stop a strict build, too many of them any
/// build; then all findings are in [`Destination::problems`].
///
/// # Errors
///
/// [`DataError::Build`] if the sources do not make a data set, [`DataError::Stopped`] if `watch`
/// says so, and what writing comes to. In each case an earlier data set is still there.
pub fn build(
    input: BuildInput,
    destination: &Destination,
    watch: &BuildWatch<'_>,
) -> Result<BuildRecord, DataError> {
    let BuildInput { mut readings, config, seed, is_strict } = input;
    let wording = Wording::embedded()?;
    readings.sort_by(|a, b| a.vocabulary.source.cmp(&b.vocabulary.source));
    let roots = roots_of(&readings)?;
    let problems = problems::lines(&readings)?;
    problems::check(&readings, &config, is_strict, destination, &problems)?;
    let (scratch, folder) = destination.scratch()?;

    let listed: u64 = readings.iter().map(|reading| reading.images.len() as u64).sum();
    watch.report(BuildStage::Leaks, 0, listed);
    let mut leaks = remove_leaks(&mut readings);
    watch.report(BuildStage::Leaks, listed, listed);
    let mut record = problems::record(&readings, &config, seed);
    let corpus = filter(readings, &config, watch, &mut record)?;
    check_leaks(&corpus, &mut leaks)?;

    let mut plans = Vec::new();
    for split in Split::ALL {
        plans.push(plan(&corpus, &config, seed, split, watch)?);
        watch.check()?;
    }
    if plans.iter().all(|plan| plan.planned.is_empty()) {
        let images = record.sources.values().map(|source| source.filters.images).sum();
        return Err(BuildError::NoSamples { images, kept: corpus.images.len() as u64 }.into());
    }
    record.warnings = warnings(&plans, &leaks);
    let output = Output { folder: &folder, config: &config, wording: &wording, seed, watch };
    output.write(corpus, &plans, &mut record)?;
    output.write_reports(&record, &leaks, &problems, &roots)?;
    watch.check()?;
    destination.put(&scratch)?;
    Ok(record)
}

/// Where the pictures of each source are on this machine; refuses sources that cannot be told
/// apart, or whose labels cannot stand in an answer.
fn roots_of(readings: &[Reading]) -> Result<BTreeMap<String, String>, DataError> {
    let mut roots = BTreeMap::new();
    for reading in readings {
        let vocabulary = &reading.vocabulary;
        let name = vocabulary.source.clone();
        let root = std::path::absolute(&reading.picture_root).ok();
        let Some(root) = root.and_then(|root| root.to_str().map(str::to_owned)) else {
            return Err(BuildError::Root { name }.into());
        };
        let classes = vocabulary.classes.iter().map(|class| &class.label);
        let mut labels = classes.chain(&vocabulary.part_labels);
        if let Some(label) = labels.find(|label| !answer_text::is_phrase(label)) {
            return Err(BuildError::Label { name, label: label.clone() }.into());
        }
        if roots.insert(name.clone(), root).is_some() {
            return Err(BuildError::RepeatedSource { name }.into());
        }
    }
    Ok(roots)
}

/// What is left of all images; the readings are taken apart on the way, so that masks are in
/// memory once.
fn filter(
    readings: Vec<Reading>,
    config: &BuildConfig,
    watch: &BuildWatch<'_>,
    record: &mut BuildRecord,
) -> Result<Corpus, DataError> {
    let total: u64 = readings.iter().map(|reading| reading.images.len() as u64).sum();
    let done = AtomicU64::new(0);
    let mut sources = Vec::new();
    let mut images: Vec<KeptImage> = Vec::new();
    for (number, reading) in readings.into_iter().enumerate() {
        let vocabulary = reading.vocabulary;
        let filter = Filter::new(config, number as u16, &vocabulary);
        let filtered: Vec<_> = reading
            .images
            .into_par_iter()
            .map(|image| {
                if watch.is_stopped() {
                    return Default::default();
                }
                let filtered = filter.apply(image);
                let done = 1 + done.fetch_add(1, Ordering::Relaxed);
                watch.report(BuildStage::Filter, done, total);
                filtered
            })
            .collect();
        watch.check()?;
        for (image, counts) in filtered {
            images.extend(image);
            if let Some(source) = record.sources.get_mut(&vocabulary.source) {
                source.filters += counts;
            }
        }
        sources.push(CorpusSource::new(vocabulary));
    }
    images.sort_by(|a, b| (a.source, &a.image_id, a.split).cmp(&(b.source, &b.image_id, b.split)));
    let regions: u64 =
        images.iter().flat_map(|image| &image.entries).map(|e| 1 + e.parts.len() as u64).sum();
    if regions >= u64::from(u32::MAX) {
        return Err(BuildError::TooManyRegions { found: regions }.into());
    }
    Ok(Corpus::new(sources, images))
}

/// Looks again, at what is about to be used.
fn check_leaks(corpus: &Corpus, report: &mut LeakReport) -> Result<(), DataError> {
    let left = remaining_leaks(&corpus.images, &corpus.names());
    report.test_images_in_train = left.len() as u64;
    match left.into_iter().next() {
        None => Ok(()),
        Some(RemovedImage { image_id, split, same_as, .. }) => {
            Err(BuildError::Leak { image_id, split, same_as }.into())
        }
    }
}

fn warnings(plans: &[SplitPlan], leaks: &LeakReport) -> Vec<String> {
    let mut warnings = Vec::new();
    if !leaks.bytes_compared {
        warnings.push(
            "The bytes of the pictures were not compared, so copies under other names may be in \
             two splits."
                .to_owned(),
        );
    }
    for plan in plans {
        let (split, made) = (plan.split, plan.planned.len() as u64);
        if made < plan.wanted {
            let wanted = plan.wanted;
            warnings.push(format!("The {split} split has {made} samples of {wanted} wanted."));
        }
        for cell in plan.cells.iter().filter(|cell| cell.pairs == 0) {
            let TestCell { source, subtask, candidates, .. } = cell;
            let why = match candidates {
                0 => "the images of its test split give none",
                _ => "the other sub-tasks need all of its images, raise test.max_uses",
            };
            warnings.push(format!("The test split has no pair of {source} for {subtask}: {why}."));
        }
    }
    warnings
}
