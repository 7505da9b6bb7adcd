use std::fs;
use std::path::Path;

use super::appended_file::AppendedFile;
use super::event_message::{Content, Event, Image, START, SessionLog, Summary, Value, What};
use super::record::framed;
use super::{MetricsRow, WatchError};

/// What the first event of every file says.
const VERSION: &str = "brain.Event:2";

/// A picture must fit into one message.
const LARGEST_PICTURE: usize = 1 << 30;

/// An event file of `TensorBoard`.
///
/// Each event is written at once; [`Self::sync`] makes it last. Wall times, in seconds since 1970,
/// arrive from the caller, and only order and label the events.
#[derive(Debug)]
pub struct EventFile(AppendedFile);

impl EventFile {
    /// A new file for a run that starts: `events.out.tfevents.SECONDS.HOST.N`, with the first `N`
    /// that is free. Creates the folder.
    ///
    /// Characters of `host` other than letters, digits, `-`, `_` and `.` become `-`.
    pub fn create(folder: &Path, host: &str, wall_time: f64) -> Result<Self, WatchError> {
        let not_made = |source| WatchError::Write { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(not_made)?;
        let stem = format!("events.out.tfevents.{:010}.{}", seconds(wall_time), plain(host));
        for number in 0..=u32::MAX {
            let path = folder.join(format!("{stem}.{number}"));
            match AppendedFile::create(path) {
                Ok(file) => {
                    let mut events = Self(file);
                    events.event(wall_time, 0, What::FileVersion(VERSION.to_owned()))?;
                    return Ok(events);
                }
                Err(WatchError::Exists { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        Err(WatchError::Exists { path: folder.join(stem) })
    }

    /// A new file for a run that goes on with `first_step`: tells the board to forget what earlier
    /// files say of this step and later ones, which are taken again.
    ///
    /// The board reads the files of a folder in the order of their names, so `wall_time` must not
    /// be before that of the earlier files.
    pub fn resume(
        folder: &Path,
        host: &str,
        wall_time: f64,
        first_step: u64,
    ) -> Result<Self, WatchError> {
        let mut events = Self::create(folder, host, wall_time)?;
        events.event(wall_time, first_step, What::SessionLog(SessionLog { status: START }))?;
        Ok(events)
    }

    /// Adds numbers of a step, each with its tag, such as `train/loss`.
    pub fn scalars(
        &mut self,
        wall_time: f64,
        step: u64,
        scalars: &[(&str, f64)],
    ) -> Result<(), WatchError> {
        let value = |&(tag, number): &(&str, f64)| Value {
            tag: tag.to_owned(),
            content: Some(Content::SimpleValue(number as f32)),
        };
        let value = scalars.iter().map(value).collect();
        self.event(wall_time, step, What::Summary(Summary { value }))
    }

    /// Adds the values of a row under `train/` or `validation/`.
    pub fn row(&mut self, wall_time: f64, row: &MetricsRow) -> Result<(), WatchError> {
        let kind = match row {
            MetricsRow::Train(_) => "train",
            MetricsRow::Validation(_) => "validation",
        };
        let values = row.values();
        let tags: Vec<String> = values.iter().map(|(name, _)| format!("{kind}/{name}")).collect();
        let scalars: Vec<(&str, f64)> =
            tags.iter().zip(&values).map(|(tag, (_, value))| (tag.as_str(), *value)).collect();
        self.scalars(wall_time, row.step(), &scalars)
    }

    /// Adds a picture of a step, the bytes of a PNG file.
    pub fn image(
        &mut self,
        wall_time: f64,
        step: u64,
        tag: &str,
        png: &[u8],
    ) -> Result<(), WatchError> {
        let image = picture(png)
            .ok_or_else(|| WatchError::Picture { tag: tag.to_owned(), bytes: png.len() })?;
        let value = vec![Value { tag: tag.to_owned(), content: Some(Content::Image(image)) }];
        self.event(wall_time, step, What::Summary(Summary { value }))
    }

    /// Waits until every event is on disk.
    pub fn sync(&mut self) -> Result<(), WatchError> {
        self.0.sync()
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    fn event(&mut self, wall_time: f64, step: u64, what: What) -> Result<(), WatchError> {
        let number = i64::try_from(step).ok().ok_or(WatchError::Step { step })?;
        let event = Event { wall_time, step: number, what: Some(what) };
        // A reader stops at half a record, so a record is written as a whole or not at all.
        self.0.append(&framed(&prost::Message::encode_to_vec(&event)))
    }
}

/// Whole seconds of a time, 0 before 1970.
fn seconds(wall_time: f64) -> u64 {
    wall_time as u64
}

/// A name that can be part of a file's name on every system.
fn plain(host: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = host.chars().take(64).map(|c| if fits(c) { c } else { '-' }).collect();
    if name.is_empty() { "host".to_owned() } else { name }
}

/// The message of a PNG file; `None` if the bytes are none.
///
/// A PNG begins with eight fixed bytes and its header: length, `IHDR`, width, height, bits and
/// colour type (PNG specification, sections 5.2 and 11.2.1).
fn picture(png: &[u8]) -> Option<Image> {
    if png.len() > LARGEST_PICTURE || !png.starts_with(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR") {
        return None;
    }
    let side = |at: usize| {
        let bytes = png.get(at..at + 4)?.try_into().ok()?;
        i32::try_from(u32::from_be_bytes(bytes)).ok().filter(|side| *side > 0)
    };
    let colorspace = match png.get(25)? {
        0 => 1,
        4 => 2,
        2 | 3 => 3,
        6 => 4,
        _ => return None,
    };
    let (width, height) = (side(16)?, side(20)?);
    Some(Image { height, width, colorspace, encoded_image_string: png.to_vec() })
}

#[cfg(test)]
mod tests;
