use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io::{BufReader, Read};
use std::path::Path;

use calico_annotation::SegmentationError;
use calico_data::Vocabulary;
use calico_image::Rle;
use serde::de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};

use super::detection::{Detection, ImageKey, Thing};
use super::image_index::{ImageIndex, Named};
use super::item_limit::ItemLimit;
use super::{Names, Thresholds};
use crate::{EvalError, Truths, normalized_label};

/// The most labels of one image; masks are joined per label, so that this bounds the memory.
const MOST_LABELS: usize = 2000;

/// What a detector found in the images of a split, joined per label.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Detections {
    /// By image id.
    images: HashMap<String, ImageLabels>,
    /// Detections that were used.
    pub used: usize,
    /// Detections whose score was too low.
    pub below_threshold: usize,
    /// Detections in images that the split does not show.
    pub elsewhere: usize,
    /// Detections without a pixel.
    pub empty: usize,
}

/// By whether it is a part, and its label.
type ImageLabels = BTreeMap<(bool, String), Found>;

/// A label with the union of its masks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub(super) label: String,
    pub(super) mask: Rle,
    pub(super) score: f64,
}

impl Detections {
    /// Reads a file of detections; `path` names it in errors.
    pub fn read(
        path: &Path,
        from: impl Read,
        names: &Names,
        truths: &Truths,
        thresholds: Thresholds,
    ) -> Result<Self, EvalError> {
        let wrong = |reason: String| EvalError::Detections { path: path.to_owned(), reason };
        let from = BufReader::new(ItemLimit::new(from, 1));
        let mut json = serde_json::Deserializer::from_reader(from);
        let mut gathering = Gathering {
            names,
            index: ImageIndex::new(truths),
            words: HashMap::new(),
            thresholds,
            found: Self::default(),
        };
        gathering
            .deserialize(&mut json)
            .and_then(|()| json.end())
            .map_err(|error| wrong(error.to_string()))?;
        let found = gathering.found;
        if found.used + found.below_threshold == 0 && found.elsewhere > 0 {
            return Err(wrong(format!(
                "none of {} detections is in an image of the split; give a COCO file with \
                 `images`, or ids of the data set",
                found.elsewhere
            )));
        }
        Ok(found)
    }

    /// What is worth telling, one statement each.
    pub fn notes(&self) -> Vec<String> {
        let counted = [
            (self.below_threshold, "have a lower score than the threshold"),
            (self.elsewhere, "are in images that the split does not show"),
            (self.empty, "have no pixel"),
        ];
        let told = counted.into_iter().filter(|(count, _)| *count > 0);
        told.map(|(count, what)| format!("{count} detections {what} and are left out")).collect()
    }

    /// The labels of an image, of parts or of objects.
    pub(super) fn of(&self, image_id: &str, of_parts: bool) -> Vec<&Found> {
        let labels = self.images.get(image_id).into_iter().flatten();
        labels.filter(|((is_part, _), _)| *is_part == of_parts).map(|(_, found)| found).collect()
    }
}

/// Takes detections one by one out of the file.
struct Gathering<'a> {
    names: &'a Names,
    index: ImageIndex,
    /// The words of the data set for the object names of each source's files.
    words: HashMap<String, HashMap<String, String>>,
    thresholds: Thresholds,
    found: Detections,
}

impl Gathering<'_> {
    fn add(&mut self, detection: &Detection) -> Result<(), String> {
        let Some(index) = self.image(&detection.image_id)? else {
            self.found.elsewhere += 1;
            return Ok(());
        };
        let thing = detection.thing(|id| self.names.category(id))?;
        let is_part = thing.part.is_some();
        let Thresholds { object, part } = self.thresholds;
        if detection.score < if is_part { part } else { object } {
            self.found.below_threshold += 1;
            return Ok(());
        }
        let image = self.index.image(index);
        let mask = match detection.segmentation.decode(image.size) {
            Ok(decoded) => decoded.mask,
            Err(SegmentationError::Empty) => {
                self.found.empty += 1;
                return Ok(());
            }
            Err(error) => return Err(format!("its mask cannot be used: {error}")),
        };
        let label = label(&mut self.words, &image.source, &thing);
        if label.is_empty() {
            return Err("its label is empty; name what was found".to_owned());
        }
        let labels = self.found.images.entry(image.image_id.clone()).or_default();
        join(labels, (is_part, label), mask, detection.score)?;
        self.found.used += 1;
        Ok(())
    }

    /// The image of a detection, if the split has it.
    fn image(&self, key: &ImageKey) -> Result<Option<usize>, String> {
        let name = match key {
            ImageKey::Name(name) => Some(name.as_str()),
            ImageKey::Number(id) => self.names.image(*id),
        };
        match name.map_or(Named::None, |name| self.index.find(name)) {
            Named::One(index) => Ok(Some(index)),
            Named::None => Ok(None),
            Named::Several => Err(format!(
                "several images of the split end in {:?}; write file names with their folders",
                name.unwrap_or_default()
            )),
        }
    }
}

/// The words of the data set: those of the source's vocabulary for objects that are named as in
/// its files, else the name itself, normalised.
fn label(
    words: &mut HashMap<String, HashMap<String, String>>,
    source: &str,
    thing: &Thing,
) -> String {
    if let Some(part) = &thing.part {
        return normalized_label(part);
    }
    if !words.contains_key(source) {
        words.insert(source.to_owned(), object_words(source));
    }
    let known = words.get(source).and_then(|words| words.get(&thing.object));
    known.cloned().unwrap_or_else(|| normalized_label(&thing.object))
}

fn object_words(source: &str) -> HashMap<String, String> {
    let vocabularies =
        [Vocabulary::paco_lvis, Vocabulary::part_imagenet, Vocabulary::ade20k_part_234];
    let vocabulary = vocabularies.into_iter().map(|load| load()).find(|it| it.source == source);
    let classes = vocabulary.into_iter().flat_map(|vocabulary| vocabulary.classes);
    classes.map(|class| (class.name, class.label)).collect()
}

/// Adds a mask to those of its label.
fn join(
    labels: &mut ImageLabels,
    key: (bool, String),
    mask: Rle,
    score: f64,
) -> Result<(), String> {
    if let Some(found) = labels.get_mut(&key) {
        found.mask = Rle::union(mask.size(), [&found.mask, &mask])
            .map_err(|error| format!("its mask cannot be joined: {error}"))?;
        found.score = found.score.max(score);
        return Ok(());
    }
    if labels.len() >= MOST_LABELS {
        return Err(format!("its image has more than {MOST_LABELS} labels; raise the thresholds"));
    }
    labels.insert(key.clone(), Found { label: key.1, mask, score });
    Ok(())
}

impl<'de> DeserializeSeed<'de> for &mut Gathering<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &mut Gathering<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of detections in COCO's results format")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut number = 0_u64;
        while let Some(detection) = list.next_element::<Detection>()? {
            number += 1;
            self.add(&detection)
                .map_err(|reason| A::Error::custom(format!("detection {number}: {reason}")))?;
        }
        Ok(())
    }
}
