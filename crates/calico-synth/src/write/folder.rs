use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use calico_data::build::Destination;
use calico_data::wording::Wording;
use calico_data::{Split, Stream, Tables, tables};
use calico_result::{OutputFolder, ResultError};
use rayon::prelude::*;

use super::case::Case;
use super::rows::{Rows, SOURCE};
use super::{SynthRecord, SynthWatch, TableCounts};
use crate::plan::Kind;
use crate::{Suite, SynthError, SynthOptions};

/// Cases that are drawn at once; their pictures are in memory.
const CHUNK: usize = 64;
/// The folder of the pictures, in that of the data set.
const PICTURES: &str = "pictures";
/// How a data set was drawn, and counts; the file that tells a drawn one from others.
pub const RECORD_FILE: &str = "synth.json";
/// The folder of the suites.
const SUITES: &str = "suites";
/// A suite has a case for so many groups of the test split.
const SUITE_SHARE: u64 = 3;

/// Draws a data set, and, where it has a test split, the suites below it.
///
/// Equal options give equal bytes, whatever the number of threads.
///
/// # Errors
/// If the options are out of range, the folder holds anything but an earlier data set, or it is
/// ended; then an earlier data set is still there.
pub fn synthesize(
    options: &SynthOptions,
    destination: &Destination,
    watch: &SynthWatch<'_>,
) -> Result<SynthRecord, SynthError> {
    options.check()?;
    let wording = Wording::embedded()?;
    let (scratch, folder) = destination.scratch()?;
    let suite_cases = |(split, groups): &(Split, u64)| {
        if *split == Split::Test { (groups / SUITE_SHARE).next_multiple_of(3) } else { 0 }
    };
    let of_suites: u64 = options.groups.iter().map(suite_cases).sum();
    let plans: Vec<(Split, Vec<(Kind, u64)>)> = options
        .groups
        .iter()
        .map(|(split, groups)| (*split, Kind::of_split(*split, *groups)))
        .collect();
    let planned: usize = plans.iter().map(|(_, cases)| cases.len()).sum();
    let total = planned as u64 + of_suites * Suite::ALL.len() as u64;
    let mut studio = Studio { options, wording, watch, done: 0, total };

    (watch.progress)(0, total);
    let record = studio.draw(&folder, &plans, None)?;
    if of_suites > 0 {
        let suites = folder.subfolder(SUITES)?;
        for suite in Suite::ALL {
            let cases = (0..of_suites).map(|number| (Kind::of_suite(suite, number), number));
            let plan = [(Split::Test, cases.collect())];
            studio.draw(&suites.subfolder(suite.name())?, &plan, Some(suite))?;
        }
    }
    watch.check()?;
    destination.put(&scratch)?;
    Ok(record)
}

/// Draws one data set after the other.
struct Studio<'a> {
    options: &'a SynthOptions,
    wording: Wording,
    watch: &'a SynthWatch<'a>,
    done: u64,
    total: u64,
}

impl Studio<'_> {
    /// Draws a data set into its folder.
    fn draw(
        &mut self,
        folder: &OutputFolder,
        plans: &[(Split, Vec<(Kind, u64)>)],
        suite: Option<Suite>,
    ) -> Result<SynthRecord, SynthError> {
        let mut splits = BTreeMap::new();
        let mut next_region = 0;
        for (split, cases) in plans {
            let rows = self.split(folder, (*split, suite), cases, &mut next_region)?;
            let counts = TableCounts {
                images: rows.images.len() as u64,
                regions: rows.regions.len() as u64,
                samples: rows.samples.len() as u64,
            };
            let config = Tables::default();
            tables::write_images(folder, *split, &rows.images, &config)?;
            tables::write_regions(folder, *split, rows.regions.into_iter(), &config)?;
            let samples = rows.samples.into_iter();
            tables::write_samples(folder, *split, counts.samples, samples, &config)?;
            splits.insert(split.name(), counts);
        }
        let record = SynthRecord {
            version: env!("CARGO_PKG_VERSION"),
            suite: suite.map(Suite::name),
            options: self.options.clone(),
            splits,
        };
        let mut text = serde_json::to_vec_pretty(&record)
            .map_err(|error| SynthError::Encode(error.to_string()))?;
        text.push(b'\n');
        folder.write("roots.toml", format!("[roots]\n{SOURCE} = \"{PICTURES}\"\n").as_bytes())?;
        folder.write(RECORD_FILE, &text)?;
        Ok(record)
    }

    fn split(
        &mut self,
        folder: &OutputFolder,
        (split, suite): (Split, Option<Suite>),
        cases: &[(Kind, u64)],
        next_region: &mut u32,
    ) -> Result<Rows, SynthError> {
        let pictures = folder.subfolder(PICTURES)?;
        make(&pictures.path().join(split.name()))?;
        let mut rows = Rows::default();
        for chunk in cases.chunks(CHUNK) {
            self.watch.check()?;
            let drawn: Vec<Case> = chunk
                .par_iter()
                .map(|(kind, number)| {
                    // Splits and suites draw from streams of their own.
                    let stage = format!("synthparts {split} {}", kind.name());
                    let stream = Stream::new(self.options.seed, &stage, &number.to_string());
                    Case::draw(*kind, self.options, &self.wording, stream)
                })
                .collect::<Result<_, _>>()?;
            for ((kind, number), case) in chunk.iter().zip(drawn) {
                let name = format!("{}/{number:05}", kind.name());
                make(&pictures.path().join(split.name()).join(kind.name()))?;
                // Names of cases are read by whoever scores a suite.
                let id = if suite.is_some() { name.clone() } else { format!("{split}/{name}") };
                for (file, bytes) in rows.add(case, split, [&id, &name], next_region) {
                    // Nothing is lost if it is not on disk yet: the folder appears as a whole.
                    let path = pictures.path().join(file);
                    fs::write(&path, bytes)
                        .map_err(|source| ResultError::Write { path, source })?;
                }
            }
            self.done += chunk.len() as u64;
            (self.watch.progress)(self.done, self.total);
        }
        Ok(rows)
    }
}

fn make(folder: &Path) -> Result<(), SynthError> {
    fs::create_dir_all(folder)
        .map_err(|source| ResultError::Write { path: folder.to_owned(), source }.into())
}
