use std::collections::{BTreeMap, BTreeSet, HashMap};

use calico_annotation::Segmentation;
use calico_annotation::limits::MAX_PIXELS;
use calico_image::{Rle, Size};
use serde::Deserialize as _;
use serde_json::Value;

use super::KeyPath;
use super::findings::{Refusal, cut, shown};
use super::released_map::{
    AnnotationList, CategoryList, ImageList, LabelKeys, LabelMap, SourceMap,
};
use crate::Split;
use crate::answer_text::is_phrase;
use crate::sources::{check_image_path, image_stem};

/// What a mask shows: an object, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Label {
    pub(super) object: String,
    pub(super) part: Option<String>,
}

impl Label {
    /// The word for answers.
    pub(super) fn word(&self) -> &str {
        self.part.as_ref().unwrap_or(&self.object)
    }
}

/// A picture; documents may list it more than once.
#[derive(Debug)]
pub(super) struct Image {
    /// Source and stem.
    pub(super) id: String,
    pub(super) source: String,
    pub(super) file_name: String,
    pub(super) size: Size,
    /// Numbers of the labels that are annotated.
    pub(super) seen: BTreeSet<u32>,
    /// The split of the samples that show it.
    pub(super) split: Option<Split>,
}

/// An annotation, with its mask in compressed run lengths.
#[derive(Debug)]
pub(super) struct Annotation {
    pub(super) image: u32,
    pub(super) label: u32,
    pub(super) raw_id: Option<i64>,
    pub(super) counts: String,
}

/// All images, annotations and labels of all documents.
///
/// Ids are compared by their spelling, so the number 7 and the text "7" are one id. Documents are
/// told apart by number.
#[derive(Debug)]
pub(super) struct Store<'a> {
    pub(super) sources: &'a BTreeMap<String, SourceMap>,
    pub(super) label_map: &'a LabelMap,
    pub(super) labels: Vec<Label>,
    label_numbers: BTreeMap<Label, u32>,
    categories: HashMap<(u16, String), u32>,
    pub(super) images: Vec<Image>,
    image_numbers: HashMap<String, u32>,
    by_id: HashMap<(u16, String), u32>,
    by_path: HashMap<(u16, String), u32>,
    pub(super) annotations: Vec<Annotation>,
    annotation_numbers: HashMap<(u16, String), u32>,
}

impl<'a> Store<'a> {
    pub(super) fn new(sources: &'a BTreeMap<String, SourceMap>, label_map: &'a LabelMap) -> Self {
        Self {
            sources,
            label_map,
            labels: Vec::new(),
            label_numbers: BTreeMap::new(),
            categories: HashMap::new(),
            images: Vec::new(),
            image_numbers: HashMap::new(),
            by_id: HashMap::new(),
            by_path: HashMap::new(),
            annotations: Vec::new(),
            annotation_numbers: HashMap::new(),
        }
    }

    pub(super) fn add_category(
        &mut self,
        document: u16,
        keys: &CategoryList,
        record: &Value,
    ) -> Result<(), Refusal> {
        let id = id(record, &keys.id)?;
        let name = text(record, &keys.name)?;
        let object = keys.object.as_ref().and_then(|key| key.find(record)?.as_str());
        let split = keys.separator.as_ref().and_then(|separator| name.split_once(separator));
        let label = match (object.filter(|object| !object.is_empty() && *object != name), split) {
            (Some(object), _) => self.label(object, Some(name))?,
            (None, Some((object, part))) => self.label(object, Some(part))?,
            (None, None) => self.label(name, None)?,
        };
        if self.categories.contains_key(&(document, id.clone())) {
            return Err(Refusal::new("an id that is there before: the first is kept", id));
        }
        self.categories.insert((document, id), label);
        Ok(())
    }

    pub(super) fn add_image(
        &mut self,
        document: u16,
        keys: &ImageList,
        fixed_source: Option<&str>,
        record: &Value,
    ) -> Result<(), Refusal> {
        let id = id(record, &keys.id)?;
        let listed = text(record, &keys.file_name)?;
        let source = match keys.source.as_ref().and_then(|key| key.find(record)) {
            Some(value) => self.source(value)?,
            None => fixed_source.map(str::to_owned).ok_or_else(|| {
                Refusal::new("no source: set images.source or documents.source", listed)
            })?,
        };
        let size = size(record, keys)?;
        let number = self.place(&source, listed, size)?;
        if self.by_id.contains_key(&(document, id.clone())) {
            return Err(Refusal::new("an id that is there before: the first is kept", id));
        }
        self.by_id.insert((document, id), number);
        self.by_path.insert((document, listed.to_owned()), number);
        Ok(())
    }

    /// The name of the source that a value spells.
    pub(super) fn source(&self, value: &Value) -> Result<String, Refusal> {
        let found = value.as_str().unwrap_or_default();
        let mut sources = self.sources.iter();
        let known = sources.find(|(name, map)| {
            *name == found || map.spellings.iter().any(|spelling| spelling == found)
        });
        let unknown = || {
            let what = format!("the source {}: set sources.*.spellings", shown(value));
            Refusal::new(what, shown(value))
        };
        known.map(|(name, _)| name.clone()).ok_or_else(unknown)
    }

    /// The number of a picture, which may be new.
    fn place(&mut self, source: &str, listed: &str, size: Size) -> Result<u32, Refusal> {
        let refuse = |what: &str| Err(Refusal::new(what, listed));
        let mut file_name = listed.to_owned();
        if let Some(map) = self.sources.get(source) {
            let mut prefixes = map.strip_prefixes.iter();
            let rest = prefixes.find_map(|prefix| listed.strip_prefix(prefix.as_str()));
            file_name = format!("{}{}", map.add_prefix, rest.unwrap_or(listed));
        }
        if let Err(reason) = check_image_path(&file_name) {
            return refuse(&format!("a path that is not harmless: {reason}"));
        }
        let id = format!("{source}/{}", image_stem(&file_name));
        if let Some(&number) = self.image_numbers.get(&id) {
            let known = &self.images[number as usize];
            if known.file_name != file_name {
                return refuse("the file name of another image in another folder");
            }
            if known.size != size {
                return refuse("another size than where the image is listed before");
            }
            return Ok(number);
        }
        let number = self.images.len() as u32;
        let (source, seen, split) = (source.to_owned(), BTreeSet::new(), None);
        self.image_numbers.insert(id.clone(), number);
        self.images.push(Image { id, source, file_name, size, seen, split });
        Ok(number)
    }

    /// Adds an annotation, and tells what had to be mended.
    pub(super) fn add_annotation(
        &mut self,
        document: u16,
        keys: &AnnotationList,
        record: &Value,
    ) -> Result<Option<Refusal>, Refusal> {
        let id = id(record, &keys.id)?;
        let image_id = self::id(record, &keys.image)?;
        let Some(&image) = self.by_id.get(&(document, image_id.clone())) else {
            return Err(Refusal::new("an image that is not listed, or left out", image_id));
        };
        let label = self.label_of(document, record, &keys.label)?;
        let (mask, mended) = self.mask(image, record, &keys.segmentation)?;
        if self.annotation_numbers.contains_key(&(document, id.clone())) {
            return Err(Refusal::new("an id that is there before: the first is kept", id));
        }
        self.images[image as usize].seen.insert(label);
        let (raw_id, number) = (id.parse().ok(), self.annotations.len() as u32);
        self.annotation_numbers.insert((document, id), number);
        self.annotations.push(Annotation { image, label, raw_id, counts: mask.compressed() });
        Ok(mended)
    }

    /// Reads a mask at the size of its image.
    pub(super) fn mask(
        &self,
        image: u32,
        record: &Value,
        key: &KeyPath,
    ) -> Result<(Rle, Option<Refusal>), Refusal> {
        let value = find(record, key)?;
        let image = &self.images[image as usize];
        let refuse = |error: String| Refusal::new(error, &image.file_name);
        let segmentation = Segmentation::deserialize(value).map_err(|e| refuse(e.to_string()))?;
        let decoded = segmentation.decode(image.size).map_err(|e| refuse(e.to_string()))?;
        let mended = match (decoded.dropped_polygons, decoded.clipped) {
            (0, false) => None,
            (0, true) => Some(refuse("corners outside of the image: clipped".to_owned())),
            _ => Some(refuse("polygons of less than three corners: dropped".to_owned())),
        };
        Ok((decoded.mask, mended))
    }

    /// The number of the label that a record names.
    pub(super) fn label_of(
        &mut self,
        document: u16,
        record: &Value,
        keys: &LabelKeys,
    ) -> Result<u32, Refusal> {
        if let Some(key) = &keys.object {
            let part = keys.part.as_ref().filter(|key| key.find(record).is_some());
            let part = part.map(|key| text(record, key)).transpose()?;
            return self.label(text(record, key)?, part);
        }
        let Some(key) = &keys.category else {
            return Err(Refusal::new("no label: set category or object in the map", ""));
        };
        let category = id(record, key)?;
        let known = self.categories.get(&(document, category.clone()));
        known.copied().ok_or_else(|| Refusal::new("a category that is not listed", category))
    }

    /// The number of a label, which may be new.
    fn label(&mut self, object: &str, part: Option<&str>) -> Result<u32, Refusal> {
        let (object, part) = (self.word(object)?, part.map(|part| self.word(part)).transpose()?);
        let label = Label { object, part };
        if let Some(&number) = self.label_numbers.get(&label) {
            return Ok(number);
        }
        let number = self.labels.len() as u32;
        self.labels.push(label.clone());
        self.label_numbers.insert(label, number);
        Ok(number)
    }

    /// A name as answers spell it.
    pub(super) fn word(&self, name: &str) -> Result<String, Refusal> {
        let mut word = replaced(name, &self.label_map.replace).trim().to_owned();
        if self.label_map.lower_case {
            word = word.to_lowercase();
        }
        if word.len() <= 200 && is_phrase(&word) {
            return Ok(word);
        }
        let what = format!("the name {:?}, which cannot stand in an answer", cut(name, 60));
        Err(Refusal::new(what, cut(name, 60)))
    }

    /// The images that have an id, or a path, in some documents.
    pub(super) fn find_image(&self, documents: &[u16], key: &str, is_path: bool) -> Vec<u32> {
        let known = if is_path { &self.by_path } else { &self.by_id };
        let found: BTreeSet<u32> = documents
            .iter()
            .filter_map(|document| known.get(&(*document, key.to_owned())).copied())
            .collect();
        found.into_iter().collect()
    }

    /// The annotations that have an id in some documents.
    pub(super) fn find_annotations(&self, documents: &[u16], id: &str) -> Vec<&Annotation> {
        let numbers = documents
            .iter()
            .filter_map(|document| self.annotation_numbers.get(&(*document, id.to_owned())));
        numbers.map(|number| &self.annotations[*number as usize]).collect()
    }
}

/// A text with pieces replaced, in order.
pub(super) fn replaced(text: &str, pieces: &[(String, String)]) -> String {
    pieces.iter().fold(
        text.to_owned(),
        |text, (from, to)| {
            if from.is_empty() { text } else { text.replace(from, to) }
        },
    )
}

/// The value at a key.
pub(super) fn find<'a>(record: &'a Value, key: &KeyPath) -> Result<&'a Value, Refusal> {
    let absent = || Refusal::new(format!("no value at `{}`", String::from(key.clone())), "");
    key.find(record).ok_or_else(absent)
}

fn other(record: &Value, key: &KeyPath, expected: &str) -> Refusal {
    let found = shown(key.find(record).unwrap_or(&Value::Null));
    let key = String::from(key.clone());
    Refusal::new(format!("a value at `{key}` that is not {expected}"), found)
}

/// An id at a key: a whole number, or a text of at most 256 bytes.
pub(super) fn id(record: &Value, key: &KeyPath) -> Result<String, Refusal> {
    let found = match find(record, key)? {
        Value::String(text) if text.len() <= 256 => Some(text.clone()),
        Value::Number(number) if number.is_f64() => {
            let value = number.as_f64().unwrap_or(f64::NAN);
            (value.fract() == 0.0 && value.abs() < 9e15).then(|| (value as i64).to_string())
        }
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    found.ok_or_else(|| other(record, key, "an id"))
}

/// A text at a key.
pub(super) fn text<'a>(record: &'a Value, key: &KeyPath) -> Result<&'a str, Refusal> {
    find(record, key)?.as_str().ok_or_else(|| other(record, key, "a text"))
}

fn size(record: &Value, keys: &ImageList) -> Result<Size, Refusal> {
    let side = |key| -> Result<u32, Refusal> {
        let side = id(record, key)?.parse().ok().filter(|side| *side > 0);
        side.ok_or_else(|| other(record, key, "a number of pixels"))
    };
    let size = Size::new(side(&keys.height)?, side(&keys.width)?);
    if size.pixels() > MAX_PIXELS {
        let what = format!("a picture of more than {MAX_PIXELS} pixels");
        return Err(Refusal::new(what, size.to_string()));
    }
    Ok(size)
}
