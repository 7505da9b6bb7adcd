//! Removing what an earlier run left in an output folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::export::{COCO_NAME, LEGEND_NAME, MASKS_FOLDER};
use crate::pictures::SHEET_NAME;
use crate::segmentation::{FILE_NAME, SCHEMA_ID};
use crate::{OutputFolder, ResultError, Task};

/// Seconds per stage, which the command writes.
const TIMINGS_NAME: &str = "timings.json";

impl OutputFolder {
    /// Removes the pictures and exports of an earlier result, so that none of them lies beside
    /// the next one as if it belonged to it; returns their paths. Call it right before the new
    /// result is written, which replaces the earlier `result.json`.
    ///
    /// Only regular files with a name that we give are removed, from the folder and its `masks`,
    /// and only if a `result.json` of ours says that there was a run: elsewhere, a `coco.json`
    /// is somebody's data. Links are left alone, and not followed.
    pub fn clear_previous(&self) -> Result<Vec<PathBuf>, ResultError> {
        if !holds_a_result(self.path()) {
            return Ok(Vec::new());
        }
        self.clear_unfinished()?;
        let mut removed = remove_files(self.path(), is_own_name)?;
        let masks = self.path().join(MASKS_FOLDER);
        if fs::symlink_metadata(&masks).is_ok_and(|metadata| metadata.is_dir()) {
            removed.extend(remove_files(&masks, is_own_name_in_masks)?);
        }
        Ok(removed)
    }
}

/// A file that a result would replace and that no run wrote: its name is one that we give, and no
/// `result.json` of ours lies beside it. `None` also where there is no such folder.
pub fn foreign_file(folder: &Path) -> Option<PathBuf> {
    if holds_a_result(folder) {
        return None;
    }
    let first = |folder: &Path, is_ours: fn(&str) -> bool| {
        let entries = fs::read_dir(folder).ok()?.flatten();
        let ours = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_ours));
        ours.map(|entry| entry.path()).min()
    };
    first(folder, is_result_name)
        .or_else(|| first(&folder.join(MASKS_FOLDER), is_own_name_in_masks))
}

/// Whether a run could write its result over a file: one in the folder itself, with a name of ours.
pub fn is_written_over(file: &Path, folder: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    let Some((file, folder)) = real(file).zip(real(folder)) else { return false };
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let parent = file.parent();
    (parent == Some(&folder) && is_result_name(name))
        || (parent == Some(&folder.join(MASKS_FOLDER)) && is_own_name_in_masks(name))
}

/// Whether there is a `result.json` in any version of our format.
fn holds_a_result(folder: &Path) -> bool {
    #[derive(Deserialize)]
    struct Header {
        schema: String,
    }
    let (family, _) = SCHEMA_ID.split_once('/').unwrap_or((SCHEMA_ID, ""));
    fs::read(folder.join(FILE_NAME))
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Header>(&bytes).ok())
        .and_then(|header| header.schema.split_once('/').map(|(found, _)| found == family))
        .unwrap_or(false)
}

/// Removes the regular files with a name of ours; returns their paths, sorted.
fn remove_files(folder: &Path, is_ours: fn(&str) -> bool) -> Result<Vec<PathBuf>, ResultError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        |source| ResultError::Remove { path, source }
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let entry = entry.map_err(failed(folder))?;
        // Of the entry itself: a link is no regular file, wherever it leads.
        let is_file = entry.file_type().map_err(failed(&entry.path()))?.is_file();
        if is_file && entry.file_name().to_str().is_some_and(is_ours) {
            paths.push(entry.path());
        }
    }
    paths.sort();
    for path in &paths {
        match fs::remove_file(path) {
            // Somebody else was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            done => done.map_err(failed(path))?,
        }
    }
    Ok(paths)
}

/// Whether a run gives this name to a file.
fn is_result_name(name: &str) -> bool {
    name == FILE_NAME || is_own_name(name)
}

/// Whether a run gives this name to a file, `result.json` aside.
fn is_own_name(name: &str) -> bool {
    if [SHEET_NAME, COCO_NAME, TIMINGS_NAME].contains(&name) {
        return true;
    }
    let Some(rest) = after_number(name, "image") else { return false };
    let picture = rest.strip_prefix('_').and_then(|rest| rest.strip_suffix(".png"));
    picture.map_or(rest == ".npz" || rest == ".svg", |shown| {
        shown == "overlay"
            || Task::ALL.iter().any(|task| shown == task.name())
            || after_number(shown, "answer") == Some("")
    })
}

/// Whether the export of masks gives this name to a file.
fn is_own_name_in_masks(name: &str) -> bool {
    let rest = after_number(name, "image");
    let is_mask = |rest: &str| after_number(rest, "_segment") == Some(".png");
    name == LEGEND_NAME || rest.is_some_and(|rest| rest == "_labels.png" || is_mask(rest))
}

/// What follows a word and a number as we write it: from 1, without leading zeros.
fn after_number<'a>(name: &'a str, word: &str) -> Option<&'a str> {
    let rest = name.strip_prefix(word)?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, rest) = rest.split_at(end);
    let is_own = !digits.starts_with('0') && digits.parse::<u32>().is_ok();
    is_own.then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ExportFormat, create_output_folder, export, pictures, sample};

    /// The names of the files below a folder, sorted.
    fn names(folder: &Path) -> Vec<String> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                names.extend(self::names(&entry.path()));
            } else {
                names.push(entry.file_name().into_string().unwrap());
            }
        }
        names.sort();
        names
    }

    #[test]
    fn everything_that_a_run_writes_is_removed_but_the_result() {
        let mut result = sample::segmentation();
        let scratch = tempfile::tempdir().unwrap();
        let folder = create_output_folder(scratch.path()).unwrap();
        result.write(&folder).unwrap();
        let mut written = pictures::write(&result, &sample::photographs(), &folder).unwrap();
        result.answers[0].task = None;
        written.extend(pictures::write(&result, &sample::photographs(), &folder).unwrap());
        for format in ExportFormat::ALL {
            written.extend(export::write(&result, format, &folder).unwrap());
        }
        written.push(folder.write("timings.json", b"{}").unwrap());
        written.sort();
        written.dedup();
        let mut removed = folder.clear_previous().unwrap();
        removed.sort();
        assert_eq!(removed, written);
        assert_eq!(names(scratch.path()), ["result.json"]);
        assert!(folder.clear_previous().unwrap().is_empty());
    }

    #[test]
    fn what_we_would_not_name_so_stays() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = create_output_folder(scratch.path()).unwrap();
        sample::segmentation().write(&folder).unwrap();
        let foreign = [
            "image1.png",
            "image_overlay.png",
            "image0_overlay.png",
            "image01_overlay.png",
            "image1_holiday.png",
            "image1_answer.png",
            "image1_answer2_b.png",
            "image1_overlay.jpg",
            "image1_labels.png",
            "image99999999999.npz",
            "my_sheet.png",
            "notes.txt",
        ];
        for name in foreign {
            folder.write(name, b"x").unwrap();
        }
        folder.subfolder("masks").unwrap().write("image1_overlay.png", b"x").unwrap();
        folder.subfolder("image1.npz").unwrap().write("sheet.png", b"x").unwrap();
        assert!(folder.clear_previous().unwrap().is_empty());
        assert_eq!(names(scratch.path()).len(), foreign.len() + 3);
    }

    #[test]
    fn a_folder_without_a_result_of_ours_is_left_alone() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = create_output_folder(scratch.path()).unwrap();
        folder.write("coco.json", b"{}").unwrap();
        assert!(folder.clear_previous().unwrap().is_empty());
        for other in [r#"{"schema": "other/1"}"#, r#"{"score": 1}"#, "", "[]"] {
            folder.write("result.json", other.as_bytes()).unwrap();
            assert!(folder.clear_previous().unwrap().is_empty(), "{other}");
        }
        folder.write("result.json", br#"{"schema": "calico.result/9"}"#).unwrap();
        assert_eq!(folder.clear_previous().unwrap(), [scratch.path().join("coco.json")]);
    }

    #[test]
    fn what_no_run_wrote_is_found_before_it_would_be_replaced() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path();
        assert_eq!(foreign_file(&path.join("none")), None);
        let folder = create_output_folder(path).unwrap();
        folder.write("notes.txt", b"x").unwrap();
        assert_eq!(foreign_file(path), None);
        folder.write("result.json", b"[]").unwrap();
        assert_eq!(foreign_file(path), Some(path.join("result.json")));
        sample::segmentation().write(&folder).unwrap();
        folder.write("image1_overlay.png", b"x").unwrap();
        assert_eq!(foreign_file(path), None);
        assert!(is_written_over(&path.join("image1_overlay.png"), path));
        assert!(!is_written_over(&path.join("notes.txt"), path));
        assert!(!is_written_over(&path.join("image1_overlay.png"), &path.join("other")));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_neither_removed_nor_followed() {
        let (scratch, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folder = create_output_folder(scratch.path()).unwrap();
        sample::segmentation().write(&folder).unwrap();
        fs::write(elsewhere.path().join("legend.json"), "x").unwrap();
        let link = |to: &Path, name| std::os::unix::fs::symlink(to, scratch.path().join(name));
        link(elsewhere.path(), "masks").unwrap();
        link(&elsewhere.path().join("legend.json"), "sheet.png").unwrap();
        assert!(folder.clear_previous().unwrap().is_empty());
        assert_eq!(names(elsewhere.path()), ["legend.json"]);
        assert!(scratch.path().join("sheet.png").is_file());
    }
}
