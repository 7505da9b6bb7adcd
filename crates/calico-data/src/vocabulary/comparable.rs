//! Which classes may be compared.

use std::collections::BTreeMap;

use super::embedded::ComparableGroups;
use super::{ClassId, ComparablePair, PartId, Vocabulary};

impl Vocabulary {
    /// Adds the pairs of classes that may be compared.
    ///
    /// Two classes of a group are comparable if they share a part that is not weak; a class with
    /// parts is comparable with itself.
    /// The first group that holds both names the pair.
    pub(super) fn with_comparable_pairs(mut self) -> Self {
        let groups = ComparableGroups::load();
        let weak: Vec<PartId> =
            groups.weak_parts.iter().filter_map(|label| self.part_labelled(label)).collect();

        let mut candidates = BTreeMap::new();
        for group in groups.of(&self.source) {
            let mut members: Vec<ClassId> =
                group.members.iter().filter_map(|name| self.class_named(name)).collect();
            members.sort_unstable();
            for (index, &a) in members.iter().enumerate() {
                for &b in &members[index + 1..] {
                    candidates.entry((a, b)).or_insert(group.group.as_str());
                }
            }
        }
        for index in 0..self.classes.len() {
            let class = ClassId(index as u16);
            candidates.insert((class, class), "same class");
        }

        let parts = |class: ClassId| self.classes[usize::from(class.0)].parts.as_slice();
        let is_comparable = |a, b| {
            let shared = parts(a).iter().filter(|part| parts(b).contains(part));
            if a == b {
                shared.count() > 0
            } else {
                shared.filter(|part| !weak.contains(part)).count() > 0
            }
        };
        self.comparable = candidates
            .into_iter()
            .filter(|&((a, b), _)| is_comparable(a, b))
            .map(|((a, b), group)| ComparablePair { a, b, group: group.to_owned() })
            .collect();
        self
    }
}
