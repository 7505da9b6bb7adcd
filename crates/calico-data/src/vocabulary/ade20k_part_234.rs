use super::embedded::{SourceNames, parse};
use super::{Categories, ClassId, ClassNames, PartId, Vocabulary};

/// The names of ADE20K-Part-234.
///
/// Its categories are the objects; the parts have numbers of their own, which the part pictures
/// and `part_category_id` use.
#[derive(Debug, Clone)]
pub(crate) struct Ade20kPart234Names {
    pub(crate) vocabulary: Vocabulary,
    pub(crate) categories: Categories<ClassId>,
    /// The class and the part of each number, which begin with 0.
    parts: Vec<(ClassId, PartId)>,
}

impl Ade20kPart234Names {
    pub(crate) fn load() -> Self {
        let names: SourceNames = parse(include_str!("../../vocabulary/ade20k_part_234.json"));
        let classes = names.objects.iter().map(|object| ClassNames {
            name: &object.object,
            label: &object.label,
            part_labels: &object.part_labels,
        });
        let vocabulary =
            Vocabulary::of_classes("ade20k_part_234", classes.collect()).with_comparable_pairs();

        let (mut entries, mut parts) = (Vec::new(), Vec::new());
        for object in &names.objects {
            let Some(class) = vocabulary.class_named(&object.object) else { continue };
            entries.push((object.object_id, object.object.clone(), class));
            for (&id, label) in object.part_ids.iter().zip(&object.part_labels) {
                let Some(part) = vocabulary.part_labelled(label) else { continue };
                parts.push((id, (class, part)));
            }
        }
        parts.sort_unstable();
        let parts = parts.into_iter().map(|(_, part)| part).collect();
        Self { vocabulary, categories: Categories::new(entries), parts }
    }

    /// The class and the part that a number stands for.
    pub(crate) fn part(&self, number: i64) -> Option<(ClassId, PartId)> {
        self.parts.get(usize::try_from(number).ok()?).copied()
    }

    /// How many numbers there are, from 0 on.
    pub(crate) fn part_count(&self) -> usize {
        self.parts.len()
    }
}
