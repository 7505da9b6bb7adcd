use std::collections::{BTreeMap, BTreeSet, HashSet};

use rayon::prelude::*;

use super::findings::{Findings, TableFindings};
use super::image_rules::ImageRules;
use super::known_labels::KnownLabels;
use super::progress::Progress;
use super::region_facts::{NOWHERE, RegionFacts};
use super::region_rules::RegionRules;
use super::sample_rules::SampleRules;
use super::split_images::SplitImages;
use super::tally::{SplitTally, Tally};
use super::{CheckedRows, PictureRules, Report, Rule, ValidateOptions, identities, pictures};
use crate::dataset::Rows;
use crate::sources::Watch;
use crate::tables::Row;
use crate::{BuildConfig, DataError, Dataset, ImageRecord, RegionRecord, SampleRecord, Split};

/// Rows that one thread looks at at once.
const CHUNK: usize = 256;

/// Looks at every row of a data set. `watch` is told the rows that were looked at.
///
/// # Errors
///
/// [`DataError::Stopped`] if `watch` says so. What is wrong with the data set is in the report.
pub fn validate(
    dataset: &Dataset,
    options: &ValidateOptions,
    watch: &Watch<'_>,
) -> Result<Report, DataError> {
    let progress = Progress::new(watch, total_rows(dataset, options));
    let mut run = Run {
        dataset,
        labels: KnownLabels::new(),
        config: dataset.build().map(|build| &build.config),
        progress,
        findings: Findings::new(options.most_per_rule),
        rows: BTreeMap::new(),
        region_ids: HashSet::new(),
    };
    let mut images = Vec::new();
    for split in dataset.splits() {
        images.push(run.images(split)?);
    }
    identities::check(&images, &mut run.findings);
    let mut tally = Tally::default();
    for of_split in &images {
        let regions = run.regions(of_split)?;
        run.samples(of_split, &images, &regions, &mut tally)?;
    }
    let notes = run.notes(options, &images);
    if options.pictures != PictureRules::Skip {
        for of_split in &images {
            let opened = pictures::check(
                dataset,
                of_split,
                options.pictures,
                &run.progress,
                &mut run.findings,
            )?;
            run.rows.entry(of_split.split).or_default().pictures = opened;
        }
    }
    let Findings { kept, counts, .. } = run.findings;
    Ok(Report { rows: run.rows, counts, findings: kept, notes })
}

/// Number of rows and pictures to look at, as far as the tables can be opened.
fn total_rows(dataset: &Dataset, options: &ValidateOptions) -> u64 {
    fn rows<R: Row>(dataset: &Dataset, split: Split) -> u64 {
        let files = dataset.table_files::<R>(split).unwrap_or_default();
        files.iter().map(crate::tables::TableFile::rows).sum()
    }
    let of_split = |split| {
        let images = rows::<ImageRecord>(dataset, split);
        let pictures = if options.pictures == PictureRules::Skip { 0 } else { images };
        let regions = rows::<RegionRecord>(dataset, split);
        images + pictures + regions + rows::<SampleRecord>(dataset, split)
    };
    dataset.splits().map(of_split).sum()
}

struct Run<'a> {
    dataset: &'a Dataset,
    labels: KnownLabels,
    config: Option<&'a BuildConfig>,
    progress: Progress<'a>,
    findings: Findings,
    rows: BTreeMap<Split, CheckedRows>,
    /// Those of all splits.
    region_ids: HashSet<u32>,
}

impl Run<'_> {
    fn images(&mut self, split: Split) -> Result<SplitImages, DataError> {
        let mut images = SplitImages::new(split);
        let mut table = Blocks::<ImageRecord>::open(self.dataset, split);
        let mut count = 0;
        while let Some(rows) = table.next(&mut self.findings) {
            count += rows.len() as u64;
            self.progress.add(rows.len() as u64)?;
            let rules = ImageRules { labels: &self.labels, config: self.config };
            let mut found = TableFindings::new(split, ImageRecord::TABLE);
            for row in rows {
                rules.check(row, &mut images, &mut found);
            }
            self.findings.take(found);
        }
        self.rows.entry(split).or_default().images = count;
        Ok(images)
    }

    fn regions(&mut self, images: &SplitImages) -> Result<RegionFacts, DataError> {
        let split = images.split;
        let rules = RegionRules { images, labels: &self.labels, config: self.config };
        let mut facts = RegionFacts::default();
        let mut table = Blocks::<RegionRecord>::open(self.dataset, split);
        let mut count = 0;
        while let Some(rows) = table.next(&mut self.findings) {
            count += rows.len() as u64;
            self.progress.add(rows.len() as u64)?;
            let look = |rows: &[RegionRecord]| {
                let mut found = TableFindings::new(split, RegionRecord::TABLE);
                for row in rows {
                    rules.check(row, &mut found);
                }
                found
            };
            let found: Vec<TableFindings> = rows.par_chunks(CHUNK).map(look).collect();
            for found in found {
                self.findings.take(found);
            }
            let mut found = TableFindings::new(split, RegionRecord::TABLE);
            for row in &rows {
                let (id, expected) = (row.region_id, "it once in the data set");
                if !self.region_ids.insert(id) {
                    found.add(Rule::RegionIdUnique, &id, "the id again", expected);
                }
                let image = images.place(&row.image_id).unwrap_or(NOWHERE);
                let part = row.part_label.as_deref();
                facts.push((row.region_id, image), &row.object_label, part, row.area);
            }
            self.findings.take(found);
        }
        facts.sort();
        let mut found = TableFindings::new(split, RegionRecord::TABLE);
        rules.check_all(&facts, &mut found);
        self.findings.take(found);
        self.rows.entry(split).or_default().regions = count;
        Ok(facts)
    }

    fn samples(
        &mut self,
        images: &SplitImages,
        all_images: &[SplitImages],
        regions: &RegionFacts,
        tally: &mut Tally,
    ) -> Result<(), DataError> {
        let split = images.split;
        let rules = SampleRules { images, other_images: all_images, regions, config: self.config };
        let mut of_split = SplitTally::new(images);
        let mut table = Blocks::<SampleRecord>::open(self.dataset, split);
        let mut count = 0;
        while let Some(rows) = table.next(&mut self.findings) {
            count += rows.len() as u64;
            self.progress.add(rows.len() as u64)?;
            let look = |rows: &[SampleRecord]| {
                let mut found = TableFindings::new(split, SampleRecord::TABLE);
                for row in rows {
                    rules.check(row, &mut found);
                }
                found
            };
            let found: Vec<TableFindings> = rows.par_chunks(CHUNK).map(look).collect();
            for found in found {
                self.findings.take(found);
            }
            let mut found = TableFindings::new(split, SampleRecord::TABLE);
            for row in &rows {
                of_split.count(row, images, tally, &mut found);
            }
            self.findings.take(found);
        }
        let rows = self.rows.entry(split).or_default();
        rows.samples = count;
        of_split.check(images, *rows, self.dataset.build(), &mut self.findings);
        Ok(())
    }

    /// What is not looked at.
    fn notes(&self, options: &ValidateOptions, images: &[SplitImages]) -> Vec<String> {
        let mut notes = Vec::new();
        if self.config.is_none() {
            notes
                .push("there is no build.json, so the limits of the build were not checked".into());
        }
        let records = || images.iter().flat_map(|images| &images.records);
        if records().any(|image| image.sha256.is_none()) {
            notes.push(
                "some images have no hash, so copies under other names cannot be found".into(),
            );
        }
        if options.pictures != PictureRules::Skip {
            let sources: BTreeSet<&String> = records().map(|image| &image.source).collect();
            for source in
                sources.iter().filter(|source| !self.dataset.roots().contains_key(**source))
            {
                notes.push(format!(
                    "it is not known where the pictures of {source} are: name their folder in roots.toml"
                ));
            }
        }
        notes
    }
}

/// The blocks of a table; what cannot be read is a finding.
struct Blocks<R> {
    split: Split,
    rows: Result<Rows<R>, Option<DataError>>,
}

impl<R: Row> Blocks<R> {
    fn open(dataset: &Dataset, split: Split) -> Self {
        Self { split, rows: dataset.rows::<R>(split).map_err(Some) }
    }

    fn next(&mut self, findings: &mut Findings) -> Option<Vec<R>> {
        let error = match &mut self.rows {
            Ok(rows) => match rows.next_block()? {
                Ok(rows) => return Some(rows),
                Err(error) => error,
            },
            Err(error) => error.take()?,
        };
        let mut found = TableFindings::new(self.split, R::TABLE);
        found.add(Rule::TableReadable, &"file", error, "a table of this format");
        findings.take(found);
        None
    }
}
