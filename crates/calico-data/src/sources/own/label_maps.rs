//! Own data as pictures of labels.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use calico_image::{ColorMode, Rle};
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use super::OwnData;
use super::labels_file::LabelsFile;
use super::names::{self, PartsOf};
use crate::sources::joined_objects::JoinedObjects;
use crate::sources::label_picture::{open_any_labels, open_labels};
use crate::sources::notes::Notes;
use crate::sources::skip::Skip;
use crate::sources::{Reading, SourceImage, Watch, image_path, picture};
use crate::{Code, DataError, Split, Vocabulary};

/// The folder of the pictures whose values are object classes.
pub(super) const OBJECTS: &str = "objects";
const PARTS: &str = "parts";
const IMAGES: &str = "images";

pub(super) fn read(
    own: &OwnData,
    labels: &LabelsFile,
    watch: &Watch<'_>,
) -> Result<Reading, DataError> {
    // Any object may have any part; which ones it does have, the pictures say.
    let parts: BTreeSet<String> = labels.parts.values().cloned().collect();
    let names: PartsOf =
        labels.objects.values().map(|object| (object.clone(), parts.clone())).collect();
    if names.is_empty() {
        let reason = "found no [objects], expected what the values of the label pictures mean";
        return Err(DataError::Labels { path: labels.path.clone(), reason: reason.to_owned() });
    }
    let vocabulary = Arc::new(names::vocabulary(&own.name, &names, labels)?);
    let listed = list(&own.root)?;
    if listed.is_empty() {
        return Err(DataError::NoSource {
            what: "pictures of your own",
            path: own.root.clone(),
            expected: "images/train/, images/dev/ or images/test/ with pictures",
        });
    }
    let (total, done) = (listed.len() as u64, AtomicU64::new(0));
    let reader = Reader { own, labels, vocabulary: &vocabulary };
    let read: Vec<Option<Outcome>> = listed
        .par_iter()
        .map(|listed| {
            if watch.is_stopped() {
                return None;
            }
            let outcome = reader.outcome(listed);
            watch.report(done.fetch_add(1, Ordering::Relaxed) + 1, total);
            Some(outcome)
        })
        .collect();
    watch.check()?;
    let mut reading = Reading {
        vocabulary: Arc::clone(&vocabulary),
        picture_root: own.root.clone(),
        images: Vec::new(),
        problems: Vec::new(),
        images_listed: total,
        annotations_listed: 0,
        images_skipped: 0,
        annotations_skipped: 0,
        files: vec![(LabelsFile::NAME.to_owned(), Sha256::digest(&labels.text).into())],
    };
    for (listed, outcome) in listed.iter().zip(read.into_iter().flatten()) {
        reading.images_skipped += u64::from(outcome.image.is_none());
        let name = Some(listed.file_name.as_str());
        let problems = outcome.notes.into_problems(&own.name, listed.split.name(), name);
        reading.problems.extend(problems);
        reading.images.extend(outcome.image);
        reading.files.extend(outcome.files);
    }
    reading.images.sort_by(|a, b| (&a.image_id, a.split).cmp(&(&b.image_id, b.split)));
    reading.files.sort();
    Ok(reading)
}

/// A picture that has a file.
#[derive(Debug)]
struct Listed {
    split: Split,
    /// Path below the root.
    file_name: String,
    stem: String,
}

/// The pictures of all splits, sorted.
fn list(root: &Path) -> Result<Vec<Listed>, DataError> {
    let mut found = Vec::new();
    for (split, name) in OwnData::SPLITS {
        let folder = root.join(IMAGES).join(name);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(DataError::read(&folder, error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| DataError::read(&folder, error))?;
            // A name that is no text cannot stand in a table; hidden files are no pictures.
            let Ok(file) = entry.file_name().into_string() else { continue };
            if file.starts_with('.') || image_path::check(&file).is_err() || entry.path().is_dir() {
                continue;
            }
            let (file_name, stem) =
                (format!("{IMAGES}/{name}/{file}"), image_path::stem(&file).to_owned());
            found.push(Listed { split, file_name, stem });
        }
    }
    found.sort_by(|a, b| (a.split, &a.file_name).cmp(&(b.split, &b.file_name)));
    Ok(found)
}

struct Outcome {
    image: Option<SourceImage>,
    notes: Notes,
    /// The label pictures with their digests.
    files: Vec<(String, [u8; 32])>,
}

struct Reader<'a> {
    own: &'a OwnData,
    labels: &'a LabelsFile,
    vocabulary: &'a Vocabulary,
}

impl Reader<'_> {
    fn outcome(&self, listed: &Listed) -> Outcome {
        let mut notes = Notes::default();
        let mut files = Vec::new();
        match self.image(listed, &mut notes, &mut files) {
            Ok(image) => Outcome { image: Some(image), notes, files },
            Err(skip) => {
                let mut notes = Notes::default();
                notes.image(skip.code, skip.detail);
                Outcome { image: None, notes, files }
            }
        }
    }

    fn image(
        &self,
        listed: &Listed,
        notes: &mut Notes,
        files: &mut Vec<(String, [u8; 32])>,
    ) -> Result<SourceImage, Skip> {
        let shown = |kind: &str| format!("{kind}/{}/{}.png", listed.split, listed.stem);
        let path = |shown: &str| self.own.root.join(shown);
        let objects = shown(OBJECTS);
        let object_map = open_any_labels(&path(&objects), &objects, self.own.images.max_pixels)?;
        let size = object_map.size();
        picture::listed_size(size.width.into(), size.height.into(), &self.own.images)?;
        let file = self.own.root.join(&listed.file_name);
        let picture = picture::look_at(&file, size, &self.own.images)?;
        if let Some(mode) = picture.mode.filter(|mode| *mode != ColorMode::Rgb) {
            notes.image(Code::ImgMode, format!("found {mode:?} pixels: converted to RGB"));
        }
        let parts = shown(PARTS);
        // A picture without parts needs no file that says so.
        let has_parts = path(&parts).exists();
        let part_map =
            if has_parts { Some(open_labels(&path(&parts), &parts, size)?) } else { None };
        for shown in [Some(objects), part_map.as_ref().map(|_| parts)].into_iter().flatten() {
            let digest = picture::sha256(&path(&shown));
            files.extend(digest.ok().map(|digest| (shown, digest)));
        }
        let object_masks = object_map.masks();
        let part_masks = part_map.map(|map| map.masks()).unwrap_or_default();
        check_values(&object_masks, &self.labels.objects, OBJECTS, notes);
        check_values(&part_masks, &self.labels.parts, PARTS, notes);
        let objects = self
            .joined(&object_masks, &part_masks)
            .and_then(|joined| joined.finish(size))
            .map_err(|error| Skip::new(Code::ImgLimit, format!("its masks: {error}")))?;
        Ok(SourceImage {
            image_id: format!("{}/{}/{}", self.own.name, listed.split, listed.stem),
            split: listed.split,
            file_name: listed.file_name.clone(),
            size,
            sha256: picture.sha256,
            objects,
            lost_classes: Vec::new(),
        })
    }

    /// The objects, each with the parts that lie on it.
    fn joined(
        &self,
        objects: &BTreeMap<u16, Rle>,
        parts: &BTreeMap<u16, Rle>,
    ) -> Result<JoinedObjects, calico_image::ImageError> {
        let mut joined = JoinedObjects::default();
        for (value, mask) in objects {
            let label = self.labels.objects.get(value);
            let Some(class) = label.and_then(|label| self.vocabulary.class_named(label)) else {
                continue;
            };
            joined.instance(class, None, Some(mask.clone()));
            for (value, part_mask) in parts {
                let label = self.labels.parts.get(value);
                let Some(part) = label.and_then(|label| self.vocabulary.part_labelled(label))
                else {
                    continue;
                };
                let visible = mask.intersection(part_mask)?;
                if !visible.is_empty() {
                    joined.part(class, part, None, visible);
                }
            }
        }
        Ok(joined)
    }
}

/// Notes the values that mean nothing.
fn check_values(
    masks: &BTreeMap<u16, Rle>,
    labels: &BTreeMap<u16, String>,
    folder: &str,
    notes: &mut Notes,
) {
    for (value, mask) in masks.iter().filter(|(value, _)| **value != 0) {
        if !labels.contains_key(value) {
            let detail = format!(
                "found the value {value} at {} pixels of the picture in {folder}/, which \
                 labels.toml does not explain: taken as nothing",
                mask.area()
            );
            notes.image(Code::PngValue, detail);
        }
    }
}
