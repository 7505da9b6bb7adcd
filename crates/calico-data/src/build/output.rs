//! Writes the files of a data set.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::vec;

use calico_result::OutputFolder;
use rayon::prelude::*;
use serde::Serialize;

use super::build_record::{BuildRecord, SplitCounts};
use super::card::card;
use super::corpus::Corpus;
use super::destination::BUILD_FILE;
use super::leaf::Planned;
use super::plan::SplitPlan;
use super::renderer::Renderer;
use super::rows::{UNNAMED, image_rows, region_rows};
use super::{BuildStage, BuildWatch, LeakReport};
use crate::wording::Wording;
use crate::{BuildConfig, DataError, Permutation, SampleRecord, Stream, tables};

/// Samples that are put into words at once.
const CHUNK: u64 = 8192;

/// What the files are written with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output<'a> {
    pub(crate) folder: &'a OutputFolder,
    pub(crate) config: &'a BuildConfig,
    pub(crate) wording: &'a Wording,
    pub(crate) seed: u64,
    pub(crate) watch: &'a BuildWatch<'a>,
}

impl Output<'_> {
    /// Writes the three tables, and completes the record with their counts.
    pub(crate) fn write(
        &self,
        mut corpus: Corpus,
        plans: &[SplitPlan],
        record: &mut BuildRecord,
    ) -> Result<(), DataError> {
        let region_ids = self.number_regions(&corpus, plans)?;
        let mut is_shown = vec![false; corpus.images.len()];
        for sample in plans.iter().flat_map(|plan| &plan.planned) {
            for member in sample.members {
                is_shown[member.image as usize] = true;
            }
        }
        for plan in plans {
            let split = plan.split;
            let mut counts = counts_of(&corpus, plan, &is_shown);
            let images = image_rows(&corpus, split, &is_shown);
            tables::write_images(self.folder, split, &images, &self.config.tables)?;
            let rows = region_rows(&mut corpus, split, &region_ids);
            let stage = BuildStage::WriteRegions(split);
            let rows = rows.take_while(|_| !self.watch.is_stopped()).inspect(|_| {
                counts.regions += 1;
                self.watch.report(stage, counts.regions, 0);
            });
            tables::write_regions(self.folder, split, rows, &self.config.tables)?;
            self.watch.check()?;
            record.splits.insert(split, counts);
            record.test_cells.extend(plan.cells.iter().cloned());
        }
        for plan in plans {
            self.write_samples(&corpus, plan, &region_ids)?;
        }
        Ok(())
    }

    /// By region: its id in the tables, counted through the regions that answers name, and the
    /// objects of such parts, so that every part in the tables has its object there.
    fn number_regions(&self, corpus: &Corpus, plans: &[SplitPlan]) -> Result<Vec<u32>, DataError> {
        let is_named: Vec<AtomicBool> = (0..corpus.slots).map(|_| AtomicBool::new(false)).collect();
        let renderer = self.renderer(corpus);
        let total = plans.iter().map(|plan| plan.planned.len() as u64).sum();
        let mut done = 0;
        for chunk in plans.iter().flat_map(|plan| plan.planned.chunks(CHUNK as usize)) {
            self.watch.check()?;
            renderer.named_regions(chunk, &is_named);
            done += chunk.len() as u64;
            self.watch.report(BuildStage::Regions, done, total);
        }
        for entry in corpus.images.iter().flat_map(|image| &image.entries) {
            let of_part = |slot: u32| is_named[slot as usize].load(Ordering::Relaxed);
            if (entry.slot + 1..).take(entry.parts.len()).any(of_part) {
                is_named[entry.slot as usize].store(true, Ordering::Relaxed);
            }
        }
        let mut next = 0;
        let numbered = is_named.into_iter().map(|is_named| {
            if !is_named.load(Ordering::Relaxed) {
                return UNNAMED;
            }
            next += 1;
            next - 1
        });
        Ok(numbered.collect())
    }

    fn renderer<'b>(&'b self, corpus: &'b Corpus) -> Renderer<'b> {
        let (limits, wording, seed) = (&self.config.answers, self.wording, self.seed);
        Renderer { corpus, limits, wording, seed }
    }

    fn write_samples(
        &self,
        corpus: &Corpus,
        plan: &SplitPlan,
        region_ids: &[u32],
    ) -> Result<(), DataError> {
        let total = plan.planned.len() as u64;
        let stream = Stream::new(self.seed, "shuffle", plan.split.name());
        let rows = RenderedSamples {
            renderer: self.renderer(corpus),
            planned: &plan.planned,
            order: Permutation::new(total, stream),
            region_ids,
            watch: self.watch,
            stage: BuildStage::WriteSamples(plan.split),
            next: 0,
            chunk: Vec::new().into_iter(),
        };
        let written =
            tables::write_samples(self.folder, plan.split, total, rows, &self.config.tables);
        // A build that is ended gives too few rows.
        self.watch.check()?;
        written
    }

    /// Writes everything that is not a table.
    pub(crate) fn write_reports(
        &self,
        record: &BuildRecord,
        leaks: &LeakReport,
        problems: &[u8],
        roots: &BTreeMap<String, String>,
    ) -> Result<(), DataError> {
        let roots = toml::to_string(&BTreeMap::from([("roots", roots)]))
            .map_err(|error| DataError::Config { reason: error.to_string() })?;
        self.folder.write("problems.jsonl", problems)?;
        self.folder.write("leak_report.json", &json(leaks)?)?;
        self.folder.write("roots.toml", roots.as_bytes())?;
        self.folder.write("README.md", card(record)?.as_bytes())?;
        self.folder.write(BUILD_FILE, &json(record)?)?;
        Ok(())
    }
}

fn counts_of(corpus: &Corpus, plan: &SplitPlan, is_shown: &[bool]) -> SplitCounts {
    let mut counts = SplitCounts {
        samples: plan.planned.len() as u64,
        class_pairs: plan.class_pairs.clone(),
        ..SplitCounts::default()
    };
    for source in &corpus.sources {
        counts.cells.insert(source.name().to_owned(), BTreeMap::new());
        counts.images_by_source.insert(source.name().to_owned(), 0);
    }
    for sample in &plan.planned {
        counts.ambiguous += u64::from(sample.is_ambiguous);
        let source = corpus.source_of(corpus.image(sample.members[0])).name();
        if let Some(cells) = counts.cells.get_mut(source) {
            *cells.entry(sample.task).or_default() += 1;
        }
    }
    for (image, is_shown) in corpus.images.iter().zip(is_shown) {
        if *is_shown && image.split == plan.split {
            counts.images += 1;
            let source = corpus.source_of(image).name();
            if let Some(images) = counts.images_by_source.get_mut(source) {
                *images += 1;
            }
        }
    }
    counts
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, DataError> {
    let mut text =
        serde_json::to_vec_pretty(value).map_err(|error| DataError::Write(error.into()))?;
    text.push(b'\n');
    Ok(text)
}

/// The samples of a split in their final order, made chunk by chunk on all threads.
struct RenderedSamples<'a> {
    renderer: Renderer<'a>,
    planned: &'a [Planned],
    order: Permutation,
    region_ids: &'a [u32],
    watch: &'a BuildWatch<'a>,
    stage: BuildStage,
    /// The first sample that is not in words yet.
    next: u64,
    chunk: vec::IntoIter<SampleRecord>,
}

impl Iterator for RenderedSamples<'_> {
    type Item = SampleRecord;

    fn next(&mut self) -> Option<SampleRecord> {
        if let Some(sample) = self.chunk.next() {
            return Some(sample);
        }
        let end = (self.next + CHUNK).min(self.order.len());
        if self.next == end || self.watch.is_stopped() {
            return None;
        }
        let rows: Vec<SampleRecord> = (self.next..end)
            .into_par_iter()
            .filter_map(|position| {
                let sample = self.planned.get(self.order.at(position)? as usize)?;
                Some(self.renderer.sample(sample, self.region_ids))
            })
            .collect();
        self.watch.report(self.stage, end, self.order.len());
        self.next = end;
        self.chunk = rows.into_iter();
        self.chunk.next()
    }
}
