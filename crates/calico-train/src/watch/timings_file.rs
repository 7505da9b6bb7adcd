use std::path::Path;

use serde::{Deserialize, Serialize};

use super::WatchError;
use super::json_lines::{self, JsonLines};

/// The name of the file in the folder of a run.
pub const TIMINGS_NAME: &str = "timings.jsonl";

/// How long a step took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimingsRow {
    /// Number of the optimiser step in the whole run, from 1.
    pub step: u64,
    /// Seconds on the wall that the step took.
    pub seconds: f64,
    /// Samples of the step by its seconds; absent if the clock stood still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples_per_second: Option<f64>,
    /// The most memory that the process has had, in bytes, where the system tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_memory_bytes: Option<u64>,
}

impl TimingsRow {
    /// A step with its rate, which follows from the samples and the seconds.
    pub fn new(step: u64, seconds: f64, samples: u64, peak_memory_bytes: Option<u64>) -> Self {
        let rate = samples as f64 / seconds;
        let samples_per_second = Some(rate).filter(|rate| rate.is_finite());
        Self { step, seconds, samples_per_second, peak_memory_bytes }
    }
}

/// `timings.jsonl`: what the clock said, a line of JSON per step.
///
/// It differs from run to run and is never compared. A step that was taken again after a resume
/// is in it twice.
#[derive(Debug)]
pub struct TimingsFile(JsonLines);

impl TimingsFile {
    /// Goes on after the whole lines of a file; a torn line at the end is cut off. A missing file
    /// is created.
    pub fn open(path: &Path) -> Result<Self, WatchError> {
        JsonLines::open_at_end(path).map(Self)
    }

    /// Adds a row, all of it or nothing.
    pub fn append(&mut self, row: &TimingsRow) -> Result<(), WatchError> {
        self.0.append(row)
    }

    /// Waits until every row is on disk.
    pub fn sync(&mut self) -> Result<(), WatchError> {
        self.0.sync()
    }
}

/// All rows of a `timings.jsonl`; a last line that was torn when its writer died is left out.
pub fn read_timings(path: &Path) -> Result<Vec<TimingsRow>, WatchError> {
    json_lines::read(path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn timings_go_on_after_the_last_whole_line() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join(TIMINGS_NAME);
        let row = |step| TimingsRow::new(step, 0.5, 2, (step > 1).then_some(1 << 30));
        TimingsFile::open(&path).unwrap().append(&row(1)).unwrap();
        let torn = [fs::read(&path).unwrap(), b"{\"step\":2,\"se".to_vec()].concat();
        fs::write(&path, torn).unwrap();
        let mut file = TimingsFile::open(&path).unwrap();
        file.append(&row(2)).unwrap();
        file.sync().unwrap();
        assert_eq!(read_timings(&path).unwrap(), [row(1), row(2)]);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("{\"step\":1,\"seconds\":0.5,\"samples_per_second\":4.0}\n"));
    }

    #[test]
    fn a_clock_that_stood_still_gives_no_rate() {
        let text = serde_json::to_string(&TimingsRow::new(1, 0.0, 2, None)).unwrap();
        assert_eq!(text, "{\"step\":1,\"seconds\":0.0}");
    }
}
