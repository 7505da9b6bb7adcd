//! Which keys of a document the map does not name.

use std::collections::BTreeMap;

use super::findings::{Findings, Matter, Refusal};
use super::released_map::{
    AnnotationList, CategoryList, ImageList, LabelKeys, MaskList, Said, SampleList, Shape,
};
use super::{KeyPath, Outline};

/// Lists every key of a document that its shape does not name, with how often it is there.
pub(super) fn list(name: &str, outline: &Outline, shape: &Shape, findings: &mut Findings) {
    let mut tell = |path: &str, at: &Outline| {
        let times = at.types.values().sum::<u64>().max(at.other_keys);
        findings.add_times(name, Matter::Key, &Refusal::new(path, at.line()), times);
    };
    let lists: Vec<Vec<String>> = shape.lists().into_iter().map(|it| vec![it.to_owned()]).collect();
    if outline.elements.is_none() {
        let known = lists.iter().map(Vec::as_slice);
        let known: Steps<'_> = known.chain(shape.ignore.iter().map(KeyPath::steps)).collect();
        outline.uncovered("", &known, &mut tell);
    }
    for (list, steps) in steps_of_lists(shape) {
        let place = if list.is_empty() { Some(outline) } else { outline.keys.get(list) };
        let Some(records) = place.and_then(|place| place.elements.as_deref()) else { continue };
        records.uncovered(list, &steps, &mut tell);
    }
    for sample in &shape.samples {
        let place =
            if sample.list.is_empty() { Some(outline) } else { outline.keys.get(&sample.list) };
        for masks in &sample.masks {
            let records = place.and_then(|place| place.elements.as_deref());
            let elements = records.and_then(|records| records.at(masks.list.steps()));
            if let Some(elements) = elements.and_then(|it| it.elements.as_deref()) {
                let path = format!("{}.{}", sample.list, String::from(masks.list.clone()));
                elements.uncovered(&path, &masks.steps(), &mut tell);
            }
        }
    }
}

/// The keys that are known in the records of each list.
fn steps_of_lists(shape: &Shape) -> BTreeMap<&str, Steps<'_>> {
    let Shape { categories, images, annotations, samples, .. } = shape;
    let mut lists: BTreeMap<&str, Steps<'_>> = BTreeMap::new();
    let all = categories.iter().map(|it| (&it.list, it.steps()));
    let all = all.chain(images.iter().map(|it| (&it.list, it.steps())));
    let all = all.chain(annotations.iter().map(|it| (&it.list, it.steps())));
    for (list, steps) in all.chain(samples.iter().map(|it| (&it.list, it.steps()))) {
        lists.entry(list).or_default().extend(steps);
    }
    lists
}

/// The steps of the keys that are read or ignored.
type Steps<'a> = Vec<&'a [String]>;

impl CategoryList {
    fn steps(&self) -> Steps<'_> {
        let keys = [&self.id, &self.name].into_iter().chain(&self.object).chain(&self.ignore);
        keys.map(KeyPath::steps).collect()
    }
}

impl ImageList {
    fn steps(&self) -> Steps<'_> {
        let Self { id, file_name, width, height, source, ignore, .. } = self;
        let keys = [id, file_name, width, height].into_iter().chain(source).chain(ignore);
        keys.map(KeyPath::steps).collect()
    }
}

impl AnnotationList {
    fn steps(&self) -> Steps<'_> {
        let Self { id, image, segmentation, label, ignore, .. } = self;
        let keys = [id, image, segmentation].into_iter().chain(label.keys()).chain(ignore);
        keys.map(KeyPath::steps).collect()
    }
}

impl LabelKeys {
    fn keys(&self) -> impl Iterator<Item = &KeyPath> {
        self.category.iter().chain(&self.object).chain(&self.part)
    }
}

impl MaskList {
    /// Those within an element.
    fn steps(&self) -> Steps<'_> {
        let Self { id, segmentation, image_number, label, ignore, .. } = self;
        let keys = id.iter().chain(segmentation).chain(image_number);
        keys.chain(label.keys()).chain(ignore).map(KeyPath::steps).collect()
    }
}

impl SampleList {
    fn steps(&self) -> Steps<'_> {
        let subtask = match &self.subtask {
            Said::Key { key } => Some(key),
            Said::Always { .. } => None,
        };
        let images = self.images.iter().flat_map(|image| image.id.iter().chain(&image.file_name));
        let texts = self.question.iter().chain(&self.answer).map(|text| &text.key);
        let masks = self.masks.iter().map(|masks| &masks.list);
        let keys = self.id.iter().chain(&self.source).chain(subtask).chain(images).chain(texts);
        keys.chain(masks).chain(&self.classes).chain(&self.ignore).map(KeyPath::steps).collect()
    }
}
