use std::path::Path;

use super::json_lines::{self, JsonLines};
use super::{MetricsRow, WatchError};

/// The name of the file in the folder of a run.
pub const METRICS_NAME: &str = "metrics.jsonl";

/// `metrics.jsonl`: a line of JSON per step and per validation.
///
/// Each row is written at once, so that others can follow the file; [`Self::sync`] makes it last.
/// A checkpoint stores [`Self::bytes`], and a resumed run cuts the file to it: lines after the
/// checkpoint are written again, and equal the ones that were cut.
#[derive(Debug)]
pub struct MetricsFile(JsonLines);

impl MetricsFile {
    /// A new file; one that is there already is refused.
    pub fn create(path: &Path) -> Result<Self, WatchError> {
        JsonLines::create(path).map(Self)
    }

    /// The first `bytes` of a file, to go on from there; what follows them is cut off, and a
    /// missing file counts as an empty one.
    ///
    /// A file that is shorter, or has no line end there, is an error and stays as it is.
    pub fn open_at(path: &Path, bytes: u64) -> Result<Self, WatchError> {
        JsonLines::open_at(path, bytes).map(Self)
    }

    /// Adds a row, all of it or nothing.
    ///
    /// NaN and infinities are refused, since JSON has none and a run must not go on with them.
    pub fn append(&mut self, row: &MetricsRow) -> Result<(), WatchError> {
        if let Some((field, value)) = row.values().into_iter().find(|(_, it)| !it.is_finite()) {
            let field = field.to_owned();
            return Err(WatchError::NotFinite { field, step: row.step(), value });
        }
        self.0.append(row)
    }

    /// Waits until every row is on disk; returns the length in bytes, which a checkpoint stores.
    pub fn sync(&mut self) -> Result<u64, WatchError> {
        self.0.sync()?;
        Ok(self.bytes())
    }

    /// The length of the file in bytes.
    pub fn bytes(&self) -> u64 {
        self.0.bytes()
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// All rows of a `metrics.jsonl`; a last line that was torn when its writer died is left out.
pub fn read_metrics(path: &Path) -> Result<Vec<MetricsRow>, WatchError> {
    json_lines::read(path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::watch::metrics_row::{train_row, validation_row};

    fn append_all(file: &mut MetricsFile, rows: &[MetricsRow]) {
        for row in rows {
            file.append(row).unwrap();
        }
    }

    #[test]
    fn a_resumed_file_has_the_bytes_of_one_that_was_never_stopped() {
        let scratch = tempfile::tempdir().unwrap();
        let rows: Vec<_> = (1..=6).map(|step| train_row(step, 1.0 / step as f64)).collect();
        let whole = scratch.path().join("whole.jsonl");
        let mut file = MetricsFile::create(&whole).unwrap();
        append_all(&mut file, &rows);

        let path = scratch.path().join(METRICS_NAME);
        let mut file = MetricsFile::create(&path).unwrap();
        append_all(&mut file, &rows[..3]);
        let bytes = file.sync().unwrap();
        append_all(&mut file, &rows[3..5]);
        drop(file);
        let torn = [fs::read(&path).unwrap(), b"{\"kind\":\"tr".to_vec()].concat();
        fs::write(&path, torn).unwrap();
        assert_eq!(read_metrics(&path).unwrap(), rows[..5]);

        let mut file = MetricsFile::open_at(&path, bytes).unwrap();
        append_all(&mut file, &rows[3..]);
        assert_eq!(file.bytes(), fs::metadata(&path).unwrap().len());
        assert_eq!(fs::read(&path).unwrap(), fs::read(&whole).unwrap());
    }

    #[test]
    fn a_file_that_lost_rows_or_was_changed_is_refused_and_kept() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join(METRICS_NAME);
        fs::write(&path, "{}\n{}\n").unwrap();
        let error = MetricsFile::open_at(&path, 9).unwrap_err();
        assert!(error.to_string().contains("found 6 bytes"), "{error}");
        let error = MetricsFile::open_at(&path, 4).unwrap_err();
        assert!(matches!(error, WatchError::NotAtLineEnd { bytes: 4, .. }), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"{}\n{}\n");
        let missing = MetricsFile::open_at(&scratch.path().join("none"), 1);
        assert!(matches!(missing, Err(WatchError::Shorter { found: 0, expected: 1, .. })));
        assert!(!scratch.path().join("none").exists());
    }

    #[test]
    fn a_run_stopped_before_its_first_checkpoint_starts_an_empty_file() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join(METRICS_NAME);
        drop(MetricsFile::open_at(&path, 0).unwrap());
        let taken = MetricsFile::create(&path);
        assert!(matches!(taken, Err(WatchError::Exists { .. })));
        fs::write(&path, "{\"kind\":\"train\"").unwrap();
        drop(MetricsFile::open_at(&path, 0).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"");
    }

    #[test]
    fn a_number_that_json_has_not_is_refused_by_name() {
        let scratch = tempfile::tempdir().unwrap();
        let mut file = MetricsFile::create(&scratch.path().join(METRICS_NAME)).unwrap();
        let error = file.append(&train_row(7, f64::NAN)).unwrap_err();
        assert!(error.to_string().contains("found NaN for loss of step 7"), "{error}");
        let error = file.append(&validation_row(7, f64::INFINITY)).unwrap_err();
        assert!(error.to_string().contains("found inf for common_parts/miou"), "{error}");
        assert_eq!(file.bytes(), 0);
    }

    #[test]
    fn a_damaged_line_in_the_middle_is_an_error_with_its_number() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join(METRICS_NAME);
        let row = serde_json::to_string(&validation_row(1, 2.0)).unwrap();
        fs::write(&path, format!("{row}\n{{\"kind\":\"other\"}}\n{row}\n")).unwrap();
        let error = read_metrics(&path).unwrap_err();
        assert!(matches!(error, WatchError::Line { line: 2, .. }), "{error}");
        fs::write(&path, vec![b'x'; 3 << 20]).unwrap();
        let error = read_metrics(&path).unwrap_err();
        assert!(matches!(error, WatchError::LongLine { line: 1, .. }), "{error}");
    }
}
