use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use calico_image::Size;
use calico_result::Task;
use rayon::prelude::*;

use super::tokens::count_words;
use super::{
    ClassPairSamples, LabelCount, MaskSizes, SourceStatistics, SplitStatistics, Spread, Statistics,
};
use crate::dataset::TextPool;
use crate::sources::Watch;
use crate::tables::{Row, TableFile};
use crate::{DataError, Dataset, ImageRecord, RegionRecord, SampleRecord, Split};

/// Counts what a data set holds. `watch` is told the rows that were counted.
///
/// # Errors
///
/// If a table cannot be read; [`DataError::Stopped`] if `watch` says so.
pub fn statistics(dataset: &Dataset, watch: &Watch<'_>) -> Result<Statistics, DataError> {
    let mut files = Vec::new();
    for split in dataset.splits() {
        files.push(SplitTableFiles {
            split,
            images: dataset.table_files::<ImageRecord>(split)?,
            regions: dataset.table_files::<RegionRecord>(split)?,
            samples: dataset.table_files::<SampleRecord>(split)?,
        });
    }
    let all = files.iter().flat_map(|of| [&of.images, &of.regions, &of.samples]).flatten();
    let total = all.map(TableFile::rows).sum();
    let progress = Progress { watch, done: AtomicU64::new(0), total };
    let mut splits = BTreeMap::new();
    for of_split in &files {
        splits.insert(of_split.split, Counter::default().count(of_split, &progress)?);
    }
    Ok(Statistics { splits })
}

struct SplitTableFiles {
    split: Split,
    images: Vec<TableFile>,
    regions: Vec<TableFile>,
    samples: Vec<TableFile>,
}

struct Progress<'a> {
    watch: &'a Watch<'a>,
    done: AtomicU64,
    total: u64,
}

impl Progress<'_> {
    fn add(&self, rows: usize) -> Result<(), DataError> {
        let rows = rows as u64;
        let done = rows + self.done.fetch_add(rows, Ordering::Relaxed);
        self.watch.report(done, self.total);
        self.watch.check()
    }

    /// Reads the blocks of a table one after the other.
    fn each<R: Row>(&self, files: &[TableFile], mut take: impl FnMut(R)) -> Result<(), DataError> {
        for file in files {
            for block in 0..file.block_count() {
                let rows: Vec<R> = file.read(block)?;
                self.add(rows.len())?;
                rows.into_iter().for_each(&mut take);
            }
        }
        Ok(())
    }
}

/// What is known of a split while it is counted.
#[derive(Default)]
struct Counter {
    /// The number of an image by its id; numbers count up.
    images: HashMap<String, u32>,
    /// By image: the number of its source.
    image_sources: Vec<u32>,
    texts: TextPool,
    /// By region, sorted: its id and its label, with whether that is of a part.
    regions: Vec<(u32, Label)>,
    region_counts: HashMap<Label, u64>,
    sources: HashMap<u32, SourceStatistics>,
    mask_sizes: MaskSizes,
}

/// The number of a label, and whether it is of a part.
type Label = (u32, bool);

impl Counter {
    fn count(
        mut self,
        files: &SplitTableFiles,
        progress: &Progress<'_>,
    ) -> Result<SplitStatistics, DataError> {
        progress.each(&files.images, |image: ImageRecord| self.count_image(image))?;
        progress.each(&files.regions, |region: RegionRecord| self.count_region(&region))?;
        self.regions.sort_unstable();
        let uses: Vec<AtomicU32> = self.image_sources.iter().map(|_| AtomicU32::new(0)).collect();
        let places: Vec<(&TableFile, usize)> = files
            .samples
            .iter()
            .flat_map(|file| (0..file.block_count()).map(move |block| (file, block)))
            .collect();
        let counted = places
            .par_iter()
            .map(|(file, block)| {
                let rows: Vec<SampleRecord> = file.read(*block)?;
                progress.add(rows.len())?;
                let mut counts = SampleCounts::default();
                for sample in &rows {
                    counts.count(sample, &self, &uses);
                }
                Ok(counts)
            })
            .try_reduce(SampleCounts::default, |mut one, other| {
                one.add(other);
                Ok::<_, DataError>(one)
            })?;
        Ok(self.finish(counted, &uses))
    }

    fn count_image(&mut self, image: ImageRecord) {
        let source = self.texts.number(&image.source);
        self.sources.entry(source).or_default().images += 1;
        let number = self.image_sources.len() as u32;
        self.image_sources.push(source);
        self.images.insert(image.image_id, number);
    }

    fn count_region(&mut self, region: &RegionRecord) {
        let name = region.part_label.as_ref().unwrap_or(&region.object_label);
        let label = (self.texts.number(name), region.part_label.is_some());
        *self.region_counts.entry(label).or_default() += 1;
        self.regions.push((region.region_id, label));
        let image = self.images.get(&region.image_id);
        let source = image.and_then(|image| self.image_sources.get(*image as usize));
        if let Some(source) = source {
            self.sources.entry(*source).or_default().regions += 1;
        }
        let [height, width] = region.rle.size;
        let pixels = Size::new(height, width).pixels();
        self.mask_sizes.count(label.1, region.area.into(), pixels);
    }

    fn label(&self, region_id: u32) -> Option<Label> {
        let place = self.regions.binary_search_by_key(&region_id, |(id, _)| *id).ok()?;
        self.regions.get(place).map(|(_, label)| *label)
    }

    fn finish(mut self, counted: SampleCounts, uses: &[AtomicU32]) -> SplitStatistics {
        let mut sources: BTreeMap<String, SourceStatistics> = std::mem::take(&mut self.sources)
            .into_iter()
            .map(|(source, counts)| (self.texts.text(source).to_owned(), counts))
            .collect();
        let mut class_pairs: BTreeMap<(String, String, String), BTreeMap<Task, u64>> =
            BTreeMap::new();
        for (cell, count) in counted.cells {
            let of_source = sources.entry(cell.source.clone()).or_default();
            *of_source.samples.entry(cell.subtask).or_default() += count;
            let pair = class_pairs.entry((cell.source, cell.class_a, cell.class_b)).or_default();
            *pair.entry(cell.subtask).or_default() += count;
        }
        let mut class_pairs: Vec<ClassPairSamples> = class_pairs
            .into_iter()
            .map(|((source, class_a, class_b), samples)| ClassPairSamples {
                source,
                class_a,
                class_b,
                samples,
            })
            .collect();
        class_pairs.sort_by_key(|pair| Reverse(pair.total()));
        let mut times_used: BTreeMap<u64, u64> = BTreeMap::new();
        for uses in uses {
            *times_used.entry(uses.load(Ordering::Relaxed).into()).or_default() += 1;
        }
        let labels = |is_part: bool| {
            let mut labels: Vec<LabelCount> = self
                .region_counts
                .iter()
                .filter(|((_, of_part), _)| *of_part == is_part)
                .map(|(label, regions)| LabelCount {
                    label: self.texts.text(label.0).to_owned(),
                    regions: *regions,
                    segments: counted.segments.get(label).copied().unwrap_or(0),
                })
                .collect();
            labels.sort_by(|a, b| (b.segments, &a.label).cmp(&(a.segments, &b.label)));
            labels
        };
        let spread = |counts: &BTreeMap<u64, u64>| {
            Spread::of(counts.iter().map(|(number, times)| (*number, *times)))
        };
        SplitStatistics {
            images: self.image_sources.len() as u64,
            regions: self.regions.len() as u64,
            samples: counted.segments_per_answer.values().sum(),
            ambiguous: counted.ambiguous,
            sources,
            class_pairs,
            parts: labels(true),
            objects: labels(false),
            uses_per_image: spread(&times_used),
            segments_per_answer: counted.segments_per_answer,
            mask_sizes: self.mask_sizes,
            words_per_question: spread(&counted.words_per_question),
            words_per_answer: spread(&counted.words_per_answer),
            distinct_words: counted.words.len() as u64,
        }
    }
}

/// Source, sub-task, and classes in the order of the alphabet.
#[derive(PartialEq, Eq, Hash)]
struct Cell {
    source: String,
    subtask: Task,
    class_a: String,
    class_b: String,
}

/// What is counted in some samples.
#[derive(Default)]
struct SampleCounts {
    ambiguous: u64,
    cells: HashMap<Cell, u64>,
    /// By label: masks in answers.
    segments: HashMap<Label, u64>,
    segments_per_answer: BTreeMap<u64, u64>,
    words_per_question: BTreeMap<u64, u64>,
    words_per_answer: BTreeMap<u64, u64>,
    words: HashSet<String>,
}

impl SampleCounts {
    fn count(&mut self, sample: &SampleRecord, split: &Counter, uses: &[AtomicU32]) {
        self.ambiguous += u64::from(sample.ambiguous);
        let (a, b) = (&sample.class_a, &sample.class_b);
        let (class_a, class_b) = if a <= b { (a, b) } else { (b, a) };
        let cell = Cell {
            source: sample.source.clone(),
            subtask: sample.subtask,
            class_a: class_a.clone(),
            class_b: class_b.clone(),
        };
        *self.cells.entry(cell).or_default() += 1;
        for label in sample.region_ids.iter().filter_map(|id| split.label(*id)) {
            *self.segments.entry(label).or_default() += 1;
        }
        for image_id in &sample.image_ids {
            let image = split.images.get(image_id);
            if let Some(uses) = image.and_then(|image| uses.get(*image as usize)) {
                uses.fetch_add(1, Ordering::Relaxed);
            }
        }
        *self.segments_per_answer.entry(sample.region_ids.len() as u64).or_default() += 1;
        let words = count_words(&sample.question, &mut self.words);
        *self.words_per_question.entry(words).or_default() += 1;
        let words = count_words(&sample.answer, &mut self.words);
        *self.words_per_answer.entry(words).or_default() += 1;
    }

    fn add(&mut self, other: Self) {
        self.ambiguous += other.ambiguous;
        for (cell, count) in other.cells {
            *self.cells.entry(cell).or_default() += count;
        }
        for (label, count) in other.segments {
            *self.segments.entry(label).or_default() += count;
        }
        let histograms = [
            (&mut self.segments_per_answer, other.segments_per_answer),
            (&mut self.words_per_question, other.words_per_question),
            (&mut self.words_per_answer, other.words_per_answer),
        ];
        for (counts, more) in histograms {
            for (number, count) in more {
                *counts.entry(number).or_default() += count;
            }
        }
        self.words.extend(other.words);
    }
}
