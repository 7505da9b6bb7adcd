//! What was wrong with the sources: whether it stops a build, and what is kept of it.

use std::collections::BTreeMap;

use super::rows::hex;
use super::{BuildError, BuildRecord, Destination, FilterCounts, SourceRecord};
use crate::sources::Reading;
use crate::{BuildConfig, Code, DataError, Level};

/// The text of `problems.jsonl`.
pub(crate) fn lines(readings: &[Reading]) -> Result<Vec<u8>, DataError> {
    let mut lines = Vec::new();
    for problem in readings.iter().flat_map(|reading| &reading.problems) {
        serde_json::to_writer(&mut lines, problem)
            .map_err(|error| DataError::Write(error.into()))?;
        lines.push(b'\n');
    }
    Ok(lines)
}

/// Stops a strict build at any finding of level E, and any build if too much was skipped. All
/// findings are written beside the destination then.
pub(crate) fn check(
    readings: &[Reading],
    config: &BuildConfig,
    is_strict: bool,
    destination: &Destination,
    lines: &[u8],
) -> Result<(), DataError> {
    let problems = readings.iter().flat_map(|reading| &reading.problems);
    let errors = problems.filter(|problem| problem.level == Level::Error).count() as u64;
    if is_strict && errors > 0 {
        let list = destination.write_problems(lines)?;
        return Err(BuildError::Strict { errors, list }.into());
    }
    let percent = config.problems.max_skipped_percent;
    for reading in readings {
        let lost = reading.problems.iter().filter(|problem| {
            let is_of_file = problem.image.is_none() && problem.annotation.is_none();
            problem.code == Code::JsonBad && is_of_file
        });
        let (lost, read) = (lost.count() as u64, reading.splits_read());
        let counts = [
            ("splits", lost, lost + read),
            ("images", reading.images_skipped, reading.images_listed),
            ("annotations", reading.annotations_skipped, reading.annotations_listed),
        ];
        for (what, skipped, listed) in counts {
            if u128::from(skipped) * 100 > u128::from(percent) * u128::from(listed) {
                let list = destination.write_problems(lines)?;
                let name = reading.vocabulary.source.clone();
                let error = BuildError::Skipped { name, what, skipped, listed, percent, list };
                return Err(error.into());
            }
        }
    }
    Ok(())
}

/// What is known of a data set before anything is filtered.
pub(crate) fn record(readings: &[Reading], config: &BuildConfig, seed: u64) -> BuildRecord {
    let sources = readings.iter().map(|reading| {
        let mut problems: BTreeMap<String, u64> = BTreeMap::new();
        for problem in &reading.problems {
            *problems.entry(problem.code.to_string()).or_default() += 1;
        }
        let files = reading.files.iter().map(|(path, sum)| (path.clone(), hex(sum))).collect();
        let record = SourceRecord {
            files,
            images_listed: reading.images_listed,
            images_skipped: reading.images_skipped,
            annotations_listed: reading.annotations_listed,
            annotations_skipped: reading.annotations_skipped,
            problems,
            filters: FilterCounts::default(),
        };
        (reading.vocabulary.source.clone(), record)
    });
    BuildRecord {
        format: BuildRecord::FORMAT.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seed,
        config: config.clone(),
        sources: sources.collect(),
        splits: BTreeMap::new(),
        test_cells: Vec::new(),
        warnings: Vec::new(),
    }
}
