use super::embedded::{SourceNames, parse};
use super::{Categories, ClassId, ClassNames, PartId, Vocabulary};

/// What a category of PACO-LVIS stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PacoCategory {
    /// `chair`.
    Object(ClassId),
    /// `chair:leg`.
    Part(ClassId, PartId),
}

/// The names of PACO-LVIS.
#[derive(Debug, Clone)]
pub(crate) struct PacoNames {
    pub(crate) vocabulary: Vocabulary,
    pub(crate) categories: Categories<PacoCategory>,
}

impl PacoNames {
    pub(crate) fn load() -> Self {
        let names: SourceNames = parse(include_str!("../../vocabulary/paco_lvis.json"));
        let classes = names.objects.iter().map(|object| ClassNames {
            name: &object.object,
            label: &object.label,
            part_labels: &object.part_labels,
        });
        let vocabulary =
            Vocabulary::of_classes("paco_lvis", classes.collect()).with_comparable_pairs();

        let mut entries = Vec::new();
        for object in &names.objects {
            let Some(class) = vocabulary.class_named(&object.object) else { continue };
            entries.push((object.object_id, object.object.clone(), PacoCategory::Object(class)));
            let ids_and_names = object.part_ids.iter().zip(&object.parts);
            for ((&id, name), label) in ids_and_names.zip(&object.part_labels) {
                let Some(part) = vocabulary.part_labelled(label) else { continue };
                let name = format!("{}:{name}", object.object);
                entries.push((id, name, PacoCategory::Part(class, part)));
            }
        }
        Self { vocabulary, categories: Categories::new(entries) }
    }
}
