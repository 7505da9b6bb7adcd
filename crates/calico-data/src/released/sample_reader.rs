use std::collections::BTreeMap;

use calico_image::Rle;
use calico_result::Task;
use serde_json::Value;

use super::KeyPath;
use super::answer::{SampleMask, SampleTexts, TextSource};
use super::findings::{Refusal, shown};
use super::released_map::{MaskList, ReleasedMap, Said, SampleList};
use super::store::{Annotation, Store, find, id, text};
use crate::wording::Wording;
use crate::{Split, Stream};

/// A sample that was understood.
#[derive(Debug)]
pub(super) struct Understood {
    pub(super) sample_id: String,
    pub(super) task: Task,
    /// Numbers of the images, in order.
    pub(super) images: Vec<u32>,
    /// The labels of the objects, by image.
    pub(super) classes: Vec<String>,
    pub(super) masks: Vec<SampleMask>,
    pub(super) texts: SampleTexts,
    /// What of it was left out or mended.
    pub(super) notes: Vec<Refusal>,
}

/// Reads the samples of a document in one of the ways that the map names.
pub(super) struct SampleReader<'a> {
    pub(super) map: &'a ReleasedMap,
    pub(super) list: &'a SampleList,
    pub(super) split: Split,
    /// The name of the document without its ending.
    pub(super) name: &'a str,
    /// Its number.
    pub(super) document: u16,
    /// The documents where images and annotations are looked up.
    pub(super) images_in: &'a [u16],
    pub(super) annotations_in: &'a [u16],
    pub(super) wording: &'a Wording,
    pub(super) seed: u64,
}

impl SampleReader<'_> {
    /// Reads the record at a position of its list.
    pub(super) fn read(
        &self,
        store: &mut Store<'_>,
        at: u64,
        record: &Value,
    ) -> Result<Understood, Refusal> {
        let task = self.task(record)?;
        let own_id = self.list.id.as_ref().filter(|key| key.find(record).is_some());
        let own_id = own_id.map(|key| id(record, key)).transpose()?;
        let own_id = own_id.map(|id| format!("-{id}")).unwrap_or_default();
        let sample_id = format!("{}/{at:07}{own_id}/{task}", self.name);
        let images = self.images(store, record)?;
        let (mut masks, mut notes) = (Vec::new(), Vec::new());
        for list in &self.list.masks {
            self.add_masks(store, (record, list), &images, (&mut masks, &mut notes))?;
        }
        if masks.is_empty() {
            return Err(Refusal::new(format!("no mask for {task}"), &sample_id));
        }
        let answer = self.list.answer.as_ref().and_then(|answer| answer.key.find(record));
        if answer.is_none() {
            masks = joined(masks)?;
        }
        let (map, labels) = (self.list, store.labels.as_slice());
        let source = TextSource { map, record, task, masks: &masks, labels };
        let mut stream = Stream::new(self.seed, "released words", &sample_id);
        let mut texts = source.texts(self.wording, &mut stream)?;
        notes.append(&mut texts.notes);
        let classes = self.classes(store, record, &masks, task)?;
        Ok(Understood { sample_id, task, images, classes, masks, texts, notes })
    }

    fn task(&self, record: &Value) -> Result<Task, Refusal> {
        let found = match &self.list.subtask {
            Said::Always { always } => always.as_str(),
            Said::Key { key } => text(record, key)?,
        };
        let spellings = |task: Task| self.map.subtasks.get(&task).into_iter().flatten();
        let known = Task::ALL.into_iter().find(|task| {
            task.name() == found || spellings(*task).any(|spelling| spelling == found)
        });
        known.ok_or_else(|| {
            let found = shown(&Value::from(found));
            Refusal::new(format!("the sub-task {found}: add the spelling to [subtasks]"), found)
        })
    }

    fn images(&self, store: &Store<'_>, record: &Value) -> Result<Vec<u32>, Refusal> {
        let source = self.list.source.as_ref().map(|key| store.source(find(record, key)?));
        let wanted = source.transpose()?;
        let source = |image: &u32| &store.images[*image as usize].source;
        let mut images = Vec::new();
        for keys in &self.list.images {
            let (name, is_path) = match (&keys.id, &keys.file_name) {
                (Some(key), _) => (id(record, key)?, false),
                (None, Some(key)) => (text(record, key)?.to_owned(), true),
                (None, None) => continue,
            };
            let mut found = store.find_image(self.images_in, &name, is_path);
            found.retain(|image| wanted.as_ref().is_none_or(|wanted| wanted == source(image)));
            match found.as_slice() {
                [only] if images.contains(only) => {
                    return Err(Refusal::new("one image twice in a sample", name));
                }
                [only] => images.push(*only),
                [] => return Err(Refusal::new("an image that is not listed, or left out", name)),
                _ => {
                    let what = "an id of images of several documents: set samples.source";
                    return Err(Refusal::new(what, name));
                }
            }
        }
        if images.iter().any(|image| source(image) != source(&images[0])) {
            let sources: Vec<&str> = images.iter().map(|image| source(image).as_str()).collect();
            return Err(Refusal::new("images of two sources", sources.join(", ")));
        }
        let elsewhere = images.iter().filter_map(|image| store.images[*image as usize].split);
        if let Some(other) = elsewhere.into_iter().find(|split| *split != self.split) {
            let what = format!("an image that is also in the {other} split");
            return Err(Refusal::new(what, &store.images[images[0] as usize].id));
        }
        Ok(images)
    }

    /// Adds the masks of a list, one for each element.
    fn add_masks(
        &self,
        store: &mut Store<'_>,
        (record, list): (&Value, &MaskList),
        images: &[u32],
        (masks, notes): (&mut Vec<SampleMask>, &mut Vec<Refusal>),
    ) -> Result<(), Refusal> {
        let elements = match list.list.find(record) {
            None => return Ok(()),
            Some(Value::Array(elements)) => elements,
            Some(other) => {
                let key = String::from(list.list.clone());
                let what = format!("a value at `{key}` that is not a list of masks");
                return Err(Refusal::new(what, shown(other)));
            }
        };
        for element in elements {
            let (mask, mended) = match &list.id {
                Some(key) => (self.annotated(store, find(element, key)?, images)?, None),
                None => self.inlined(store, list, element, images)?,
            };
            masks.push(mask);
            notes.extend(mended);
        }
        Ok(())
    }

    /// The mask of an annotation, or of several of one label in one image.
    fn annotated(
        &self,
        store: &Store<'_>,
        ids: &Value,
        images: &[u32],
    ) -> Result<SampleMask, Refusal> {
        let itself = KeyPath::from(String::new());
        let mut found = Vec::new();
        for value in ids.as_array().map_or(std::slice::from_ref(ids), Vec::as_slice) {
            let id = id(value, &itself)?;
            // Documents of several sources may use one id; that of another image is not meant.
            let place = |it: &Annotation| images.iter().position(|image| *image == it.image);
            let known = store.find_annotations(self.annotations_in, &id).into_iter();
            let known: Vec<_> = known.filter_map(|it| Some((place(it)?, it))).collect();
            let [(place, annotation)] = known[..] else {
                let what = "an annotation that is not listed, left out, of another image, or in \
                            several documents";
                return Err(Refusal::new(what, id));
            };
            let size = store.images[annotation.image as usize].size;
            let mask = Rle::from_compressed(size, &annotation.counts)
                .map_err(|error| Refusal::new(error.to_string(), &id))?;
            let raw_ids = annotation.raw_id.into_iter().collect();
            let image = place as u8 + 1;
            found.push(SampleMask { image, label: annotation.label, raw_ids, mask });
        }
        let mut found = joined(found)?;
        match (found.pop(), found.is_empty()) {
            (Some(mask), true) => Ok(mask),
            _ => Err(Refusal::new("one [SEG] of no label, or of several", shown(ids))),
        }
    }

    /// A mask that stands in the sample.
    fn inlined(
        &self,
        store: &mut Store<'_>,
        list: &MaskList,
        element: &Value,
        images: &[u32],
    ) -> Result<(SampleMask, Option<Refusal>), Refusal> {
        let number = match (&list.image_number, list.image) {
            (Some(key), _) => {
                let number = id(element, key)?.parse().unwrap_or(u8::MAX);
                number.checked_sub(list.first_number).and_then(|place| place.checked_add(1))
            }
            (None, fixed) => fixed,
        };
        let number = number.filter(|it| (1..=images.len()).contains(&usize::from(*it)));
        let (Some(image), Some(key)) = (number, &list.segmentation) else {
            return Err(Refusal::new("a mask in no image of its sample", shown(element)));
        };
        let label = store.label_of(self.document, element, &list.label)?;
        let place = images[usize::from(image) - 1];
        let (mask, mended) = store.mask(place, element, key)?;
        store.images[place as usize].seen.insert(label);
        Ok((SampleMask { image, label, raw_ids: Vec::new(), mask }, mended))
    }

    /// The labels of the objects: those at the keys of the map, or what the masks say.
    fn classes(
        &self,
        store: &Store<'_>,
        record: &Value,
        masks: &[SampleMask],
        task: Task,
    ) -> Result<Vec<String>, Refusal> {
        if !self.list.classes.is_empty() {
            let labels = self.list.classes.iter();
            return labels.map(|key| store.word(text(record, key)?)).collect();
        }
        let object = |mask: &SampleMask| &store.labels[mask.label as usize].object;
        let mut classes = Vec::new();
        for image in 1..=self.list.images.len() {
            let of_image = || masks.iter().filter(|mask| usize::from(mask.image) == image);
            let first = of_image().map(object).next();
            let is_only = of_image().map(object).all(|other| Some(other) == first);
            let object = first.filter(|_| is_only || task == Task::CommonObjects);
            classes.push(object.cloned().ok_or_else(|| {
                let what = "masks that do not say the object of an image: set samples.classes";
                Refusal::new(what, format!("image {image}"))
            })?);
        }
        Ok(classes)
    }
}

/// Joins the masks of one label in one image, in the order of their first.
fn joined(masks: Vec<SampleMask>) -> Result<Vec<SampleMask>, Refusal> {
    let mut places: BTreeMap<(u8, u32), usize> = BTreeMap::new();
    let mut joined: Vec<SampleMask> = Vec::new();
    for mask in masks {
        let place = *places.entry((mask.image, mask.label)).or_insert(joined.len());
        match joined.get_mut(place) {
            None => joined.push(mask),
            Some(known) => {
                known.mask = Rle::union(known.mask.size(), [&known.mask, &mask.mask])
                    .map_err(|error| Refusal::new(error.to_string(), ""))?;
                known.raw_ids.extend(mask.raw_ids);
                known.raw_ids.sort_unstable();
                known.raw_ids.dedup();
            }
        }
    }
    Ok(joined)
}
