//! From annotation files to a [`Reading`]: what all sources have in common.
//!
//! ```text
//! file ── CocoListing ── records: placed, told apart ── annotations: grouped by image
//!      ── in parallel: picture looked at, masks decoded and joined ──► SourceImage
//! ```

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use calico_image::ColorMode;
use rayon::prelude::*;

use super::listing::{CocoAnnotation, CocoImage, CocoListing};
use super::notes::Notes;
use super::skip::Skip;
use super::source_rules::{ListedImage, Place, SourceRules};
use super::split_file::SplitFile;
use super::{Reading, SourceImage, Watch, image_path, picture};
use crate::{Code, DataError, Problem};

/// Reads all files of a source.
pub(super) fn read<S: SourceRules>(
    rules: &S,
    files: &[SplitFile],
    watch: &Watch<'_>,
) -> Result<Reading, DataError> {
    let mut reading = Reading {
        vocabulary: Arc::clone(rules.vocabulary()),
        picture_root: rules.picture_root().to_owned(),
        images: Vec::new(),
        problems: Vec::new(),
        images_listed: 0,
        annotations_listed: 0,
        images_skipped: 0,
        annotations_skipped: 0,
        files: Vec::new(),
    };
    // Reading a file and working through its images count the same.
    let total = files.iter().map(|file| 2 * file.bytes).sum();
    let mut done = 0;
    for file in files {
        let step = Step { watch, done, total };
        match list(file, &step) {
            Ok(listing) => {
                reading.files.push((file.shown.clone(), listing.sha256));
                let step = Step { done: done + file.bytes, ..step };
                SplitReader { rules, file, step, reading: &mut reading }.read(listing)?;
            }
            Err(DataError::Json { offset, reason, .. }) => {
                let problem = bad_json(&reading, file, offset, &reason);
                reading.problems.push(problem);
            }
            Err(error) => return Err(error),
        }
        done += 2 * file.bytes;
        watch.report(done, total);
    }
    reading.images.sort_by(|a, b| (&a.image_id, a.split).cmp(&(&b.image_id, b.split)));
    reading.files.sort();
    Ok(reading)
}

/// How far a reading is.
#[derive(Clone, Copy)]
struct Step<'a> {
    watch: &'a Watch<'a>,
    done: u64,
    total: u64,
}

fn list(file: &SplitFile, step: &Step<'_>) -> Result<CocoListing, DataError> {
    let source = File::open(&file.path).map_err(|error| DataError::read(&file.path, error))?;
    CocoListing::read(source, &file.path, &mut |bytes| {
        step.watch.report(step.done + bytes.min(file.bytes), step.total);
        !step.watch.is_stopped()
    })
}

fn bad_json(reading: &Reading, file: &SplitFile, offset: u64, reason: &str) -> Problem {
    Problem {
        level: Code::JsonBad.level(),
        code: Code::JsonBad,
        source: reading.vocabulary.source.clone(),
        split: file.split_name.to_owned(),
        image: None,
        annotation: None,
        detail: format!("`{}`, byte {offset}: {reason}; the split is left out", file.shown),
    }
}

/// Reads the images of one file.
struct SplitReader<'a, S> {
    rules: &'a S,
    file: &'a SplitFile,
    step: Step<'a>,
    reading: &'a mut Reading,
}

/// An image record on its way.
struct Record {
    image: CocoImage,
    /// The name in the record, empty if there is none.
    name: String,
    fate: Fate,
    annotations: Vec<CocoAnnotation>,
}

enum Fate {
    /// To be read.
    Placed(Place),
    Skipped(Skip),
    /// Not an image, but rubbish of an archiver; nothing is said about it.
    Rubbish,
}

/// What became of a record.
struct Outcome {
    name: String,
    image: Option<SourceImage>,
    is_rubbish: bool,
    notes: Notes,
}

impl<S: SourceRules> SplitReader<'_, S> {
    fn read(mut self, mut listing: CocoListing) -> Result<(), DataError> {
        self.reading.annotations_listed += listing.annotations.len() as u64;
        let context = self.rules.context(self.file, &listing);
        let mut records = self.place(std::mem::take(&mut listing.images));
        let strays = group(&mut records, listing.annotations);

        let (count, finished) = (records.len().max(1) as u128, AtomicU64::new(0));
        let (rules, file, step) = (self.rules, self.file, self.step);
        let read = RecordReader { rules, file, context };
        let outcomes: Vec<Option<Outcome>> = records
            .into_par_iter()
            .map(|record| {
                if step.watch.is_stopped() {
                    return None;
                }
                let outcome = read.outcome(record);
                let finished = u128::from(finished.fetch_add(1, Ordering::Relaxed) + 1);
                let share = u128::from(file.bytes) * finished / count;
                step.watch.report(step.done + share as u64, step.total);
                Some(outcome)
            })
            .collect();
        step.watch.check()?;

        outcomes.into_iter().flatten().for_each(|outcome| self.add(outcome));
        self.add_problems(strays, None);
        Ok(())
    }

    /// Finds out where each image is, and which were listed before.
    fn place(&self, images: Vec<CocoImage>) -> Vec<Record> {
        let (mut ids, mut stems) = (HashSet::new(), HashSet::new());
        let records = images.into_iter().map(|image| {
            let name = self.rules.name(&image);
            let placed = self.fate(&image, name.as_deref(), &mut ids);
            let fate = match placed {
                Ok(place) if !stems.insert(place.stem.clone()) => Fate::Skipped(Skip::new(
                    Code::ImgDup,
                    format!("found the image `{}` once more: the first is kept", place.stem),
                )),
                Ok(place) => Fate::Placed(place),
                Err(Some(skip)) => Fate::Skipped(skip),
                Err(None) => Fate::Rubbish,
            };
            Record { image, name: name.unwrap_or_default(), fate, annotations: Vec::new() }
        });
        records.collect()
    }

    fn fate(
        &self,
        image: &CocoImage,
        name: Option<&str>,
        ids: &mut HashSet<i64>,
    ) -> Result<Place, Option<Skip>> {
        let skip = |code, detail| Err(Some(Skip::new(code, detail)));
        let Some(name) = name else {
            return skip(Code::ImgPath, "found no `file_name` and no `coco_url`".to_owned());
        };
        if is_rubbish(name) {
            return Err(None);
        }
        if !ids.insert(image.id) {
            let detail = format!("found the image id {} once more: the first is kept", image.id);
            return skip(Code::ImgDup, detail);
        }
        if let Err(reason) = image_path::check(name) {
            return skip(Code::ImgPath, format!("found a path that is not harmless: {reason}"));
        }
        self.rules.place(self.file, name).map_err(Some)
    }

    fn add(&mut self, outcome: Outcome) {
        let Outcome { name, image, is_rubbish, notes } = outcome;
        if !is_rubbish {
            self.reading.images_listed += 1;
            self.reading.images_skipped += u64::from(image.is_none());
        }
        self.add_problems(notes, Some(&name));
        self.reading.images.extend(image);
    }

    fn add_problems(&mut self, notes: Notes, image: Option<&str>) {
        self.reading.annotations_skipped += notes.dropped;
        let source = &self.reading.vocabulary.source;
        let problems = notes.into_problems(source, self.file.split_name, image);
        self.reading.problems.extend(problems);
    }
}

/// Whether a file is one that macOS puts into archives.
fn is_rubbish(name: &str) -> bool {
    image_path::file_name(name).starts_with("._") || name.split('/').any(|it| it == "__MACOSX")
}

/// Gives each record its annotations, in the order of the file, and marks repeated ids. Returns
/// what there is to say about annotations of no image.
fn group(records: &mut [Record], annotations: Vec<CocoAnnotation>) -> Notes {
    let mut of_id: HashMap<i64, usize> = HashMap::new();
    for (index, record) in records.iter().enumerate() {
        // A repeated record leaves the annotations to the first one.
        of_id.entry(record.image.id).or_insert(index);
    }
    let mut seen = HashSet::with_capacity(annotations.len());
    let mut strays = Notes::default();
    for mut annotation in annotations {
        annotation.is_repeat = !seen.insert(annotation.id);
        match of_id.entry(annotation.image_id) {
            Entry::Occupied(index) => {
                let record = &mut records[*index.get()];
                // Nobody will ask for those of an image that is left out.
                if matches!(record.fate, Fate::Placed(_)) {
                    record.annotations.push(annotation);
                }
            }
            Entry::Vacant(image) => {
                let detail = format!("found the image id {}, expected a listed one", image.key());
                strays.dropped(Code::AnnImage, annotation.id, detail);
            }
        }
    }
    strays
}

/// Reads single images; shared by all threads.
struct RecordReader<'a, S: SourceRules> {
    rules: &'a S,
    file: &'a SplitFile,
    context: S::Context,
}

impl<S: SourceRules> RecordReader<'_, S> {
    fn outcome(&self, record: Record) -> Outcome {
        let Record { image, name, fate, annotations } = record;
        let mut notes = Notes::default();
        let read = match fate {
            Fate::Placed(place) => self.image(&image, place, annotations, &mut notes),
            Fate::Skipped(skip) => Err(skip),
            Fate::Rubbish => return Outcome { name, image: None, is_rubbish: true, notes },
        };
        let image = match read {
            Ok(image) => Some(image),
            Err(skip) => {
                // What was found before does not matter any more, and neither does what is dropped.
                notes = Notes::default();
                notes.image(skip.code, skip.detail);
                None
            }
        };
        Outcome { name, image, is_rubbish: false, notes }
    }

    fn image(
        &self,
        record: &CocoImage,
        place: Place,
        annotations: Vec<CocoAnnotation>,
        notes: &mut Notes,
    ) -> Result<SourceImage, Skip> {
        let limits = self.rules.limits();
        let size = picture::listed_size(record.width, record.height, limits)?;
        let path = self.rules.picture_root().join(&place.file_name);
        let picture = picture::look_at(&path, size, limits)?;
        if let Some(mode) = picture.mode
            && mode != ColorMode::Rgb
        {
            notes.image(Code::ImgMode, format!("found {mode:?} pixels: converted to RGB"));
        }
        let image = ListedImage { file: self.file, record, place: &place, size };
        let joined = self.rules.objects(&self.context, &image, annotations, notes)?;
        let lost_classes = joined.lost_classes();
        let objects = joined
            .finish(size)
            .map_err(|error| Skip::new(Code::ImgLimit, format!("its masks: {error}")))?;
        Ok(SourceImage {
            image_id: format!("{}/{}", self.rules.vocabulary().source, place.stem),
            split: self.file.split,
            file_name: place.file_name,
            size,
            sha256: picture.sha256,
            objects,
            lost_classes,
        })
    }
}
