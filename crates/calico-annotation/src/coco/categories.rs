use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Serialize, Serializer};

use crate::{Document, Region};

/// The categories of a document: labels of objects, and labels of parts per object.
pub(super) struct Categories<'a> {
    ids: BTreeMap<Key<'a>, u32>,
    names: Vec<String>,
}

/// What regions of one category have in common. Objects come first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    is_part: bool,
    /// The label of the object that a part belongs to, if that is known.
    object: Option<&'a str>,
    label: &'a str,
}

/// One category as it is written.
#[derive(Serialize)]
struct Category<'a> {
    id: u32,
    /// Unique in the file.
    name: &'a str,
    supercategory: &'a str,
    label: &'a str,
}

impl<'a> Categories<'a> {
    pub(super) fn new(document: &'a Document) -> Self {
        let mut ids = BTreeMap::new();
        for image in &document.images {
            let labels = labels(&image.regions);
            for region in &image.regions {
                ids.insert(Key::new(region, &labels), 0);
            }
        }
        let mut names = Vec::new();
        let mut taken = BTreeSet::new();
        for ((key, id), number) in ids.iter_mut().zip(1..) {
            *id = number;
            let name = free_name(key.name(), &taken);
            taken.insert(name.clone());
            names.push(name);
        }
        Self { ids, names }
    }

    /// The numbers of the categories of these regions of one image, in their order.
    pub(super) fn of(&self, regions: &'a [Region]) -> impl Iterator<Item = u32> {
        let labels = labels(regions);
        regions.iter().map(move |region| self.ids[&Key::new(region, &labels)])
    }

    /// All of them, by number.
    fn iter(&self) -> impl Iterator<Item = Category<'_>> {
        self.ids.iter().zip(&self.names).map(|((key, &id), name)| Category {
            id,
            name,
            supercategory: if key.is_part { key.object.unwrap_or("part") } else { "object" },
            label: key.label,
        })
    }
}

impl Serialize for Categories<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'a> Key<'a> {
    fn new(region: &'a Region, labels: &HashMap<u32, &'a str>) -> Self {
        let is_part = region.kind.is_part();
        let object = region.parent.and_then(|id| labels.get(&id).copied()).filter(|_| is_part);
        Self { is_part, object, label: &region.label }
    }

    fn name(&self) -> String {
        match self.object {
            Some(object) => format!("{object}:{}", self.label),
            None if self.is_part => format!("part:{}", self.label),
            None => self.label.to_owned(),
        }
    }
}

/// The labels of an image's regions by their ids.
fn labels(regions: &[Region]) -> HashMap<u32, &str> {
    regions.iter().map(|region| (region.id, &*region.label)).collect()
}

/// The name, with a number behind it if it is taken: an object may be called "chair:leg".
fn free_name(name: String, taken: &BTreeSet<String>) -> String {
    if !taken.contains(&name) {
        return name;
    }
    let numbered = (2_u32..).map(|number| format!("{name} ({number})"));
    numbered.into_iter().find(|name| !taken.contains(name)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn names(document: &Document) -> Vec<(u32, String, String)> {
        let categories = Categories::new(document);
        let names = categories.iter().map(|category| {
            (category.id, category.name.to_owned(), category.supercategory.to_owned())
        });
        names.collect()
    }

    #[test]
    fn an_object_and_a_part_of_one_label_are_two_categories() {
        let document = sample::document();
        let expected = [
            (1, "chair", "object"),
            (2, "leg", "object"),
            (3, "thing", "object"),
            (4, "part:seat", "part"),
            (5, "chair:leg", "chair"),
            (6, "leg:leg", "leg"),
        ];
        let expected = expected.map(|(id, name, over)| (id, name.to_owned(), over.to_owned()));
        assert_eq!(names(&document), expected);
    }

    #[test]
    fn names_that_would_collide_are_numbered() {
        let mut document = sample::document();
        document.images[1].regions[0].label = "chair:leg".to_owned();
        let names: Vec<_> = names(&document).into_iter().map(|(_, name, _)| name).collect();
        assert!(names.contains(&"chair:leg".to_owned()));
        assert!(names.contains(&"chair:leg (2)".to_owned()));
    }
}
