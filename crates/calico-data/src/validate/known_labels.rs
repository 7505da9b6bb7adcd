use std::collections::{BTreeMap, BTreeSet};

use crate::Vocabulary;

/// The labels of the three sources: `chair` for an object, `chair/leg` for a part of it.
pub(super) struct KnownLabels(BTreeMap<String, BTreeSet<String>>);

impl KnownLabels {
    pub(super) fn new() -> Self {
        let known =
            [Vocabulary::paco_lvis(), Vocabulary::part_imagenet(), Vocabulary::ade20k_part_234()];
        let labels = |vocabulary: &Vocabulary| {
            let of_class = vocabulary.classes.iter().flat_map(|class| {
                let parts = class.parts.iter().map(|part| vocabulary.part_label(*part));
                let parts = parts.map(|part| format!("{}/{part}", class.label));
                std::iter::once(class.label.clone()).chain(parts)
            });
            of_class.collect()
        };
        Self(known.iter().map(|found| (found.source.clone(), labels(found))).collect())
    }

    /// Whether a label may occur in a source; anything may in other sources.
    pub(super) fn allow(&self, source: &str, label: &str) -> bool {
        self.0.get(source).is_none_or(|labels| labels.contains(label))
    }
}

/// How an object, or a part of it, is written in the list of what is seen.
pub(super) fn seen_label(object: &str, part: Option<&str>) -> String {
    part.map_or_else(|| object.to_owned(), |part| format!("{object}/{part}"))
}
