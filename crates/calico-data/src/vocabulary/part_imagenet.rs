use std::collections::HashMap;

use super::embedded::{SourceNames, parse};
use super::{Categories, ClassId, ClassNames, PartId, Vocabulary};

/// What a synset of `ImageNet` shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Synset {
    /// The noun.
    pub(crate) class: ClassId,
    /// The super-category, whose parts it has: a place in the list of the source.
    pub(crate) super_category: usize,
}

/// The names of `PartImageNet`.
///
/// Its categories are the parts, each of one super-category; the numbers of the label pictures
/// are the ids of the categories.
#[derive(Debug, Clone)]
pub(crate) struct PartImageNetNames {
    pub(crate) vocabulary: Vocabulary,
    /// By id and name: the super-category and the part.
    pub(crate) categories: Categories<(usize, PartId)>,
    synsets: HashMap<String, Synset>,
}

impl PartImageNetNames {
    pub(crate) fn load() -> Self {
        let names: SourceNames = parse(include_str!("../../vocabulary/part_imagenet.json"));
        let classes = names.labels.iter().map(|noun| ClassNames {
            name: &noun.label,
            label: &noun.label,
            part_labels: &noun.part_labels,
        });
        let vocabulary =
            Vocabulary::of_classes("part_imagenet", classes.collect()).with_comparable_pairs();

        let mut entries = Vec::new();
        for (super_category, object) in names.objects.iter().enumerate() {
            let ids_and_names = object.part_ids.iter().zip(&object.parts);
            for ((&id, name), label) in ids_and_names.zip(&object.part_labels) {
                let Some(part) = vocabulary.part_labelled(label) else { continue };
                entries.push((id, name.clone(), (super_category, part)));
            }
        }
        let synsets = names.synsets.iter().filter_map(|synset| {
            let mut objects = names.objects.iter();
            let super_category =
                objects.position(|object| object.object == synset.supercategory)?;
            let class = vocabulary.class_named(&synset.label)?;
            Some((synset.wnid.clone(), Synset { class, super_category }))
        });
        let synsets = synsets.collect();
        Self { vocabulary, categories: Categories::new(entries), synsets }
    }

    /// The synset that the name of a file begins with: `n02099601_1234.JPEG`.
    pub(crate) fn synset_of(&self, file_name: &str) -> Option<Synset> {
        let (wnid, _) = file_name.split_once('_')?;
        self.synsets.get(wnid).copied()
    }
}
