use calico_result::Task;

use super::corpus::{ClassMembers, CorpusSource, Member};
use crate::{ComparablePair, Permutation, Split, Stream};

/// All pairs of images for one pair of classes in one split, in a random order and without memory
/// for them (mixedparts.md 3.4, 8).
///
/// Questions about parts need objects with parts, so these pairs have an order of their own. The
/// question about common objects walks the same order, and lays the other pairs evenly between: so
/// the three questions are asked about the same pairs where they can be.
#[derive(Debug)]
pub(crate) struct PairCandidates<'a> {
    pub(crate) source: u16,
    pub(crate) pair: &'a ComparablePair,
    left: &'a ClassMembers,
    right: &'a ClassMembers,
    with_parts: Permutation,
    others: Permutation,
}

impl<'a> PairCandidates<'a> {
    pub(crate) fn new(
        seed: u64,
        split: Split,
        (number, source): (usize, &'a CorpusSource),
        pair: &'a ComparablePair,
        classes: &'a [ClassMembers],
    ) -> Option<Self> {
        let left = classes.get(usize::from(pair.a.0))?;
        let right = classes.get(usize::from(pair.b.0))?;
        let with_parts = if pair.a == pair.b {
            triangle(left.with_parts as u64)
        } else {
            left.with_parts as u64 * right.with_parts as u64
        };
        let others =
            if pair.a == pair.b { triangle(left.members.len() as u64) - with_parts } else { 0 };
        let vocabulary = &source.vocabulary;
        let (a, b) = (vocabulary.class_label(pair.a), vocabulary.class_label(pair.b));
        let id = format!("{}/{split}/{a}#{b}", vocabulary.source);
        Some(Self {
            source: number as u16,
            pair,
            left,
            right,
            with_parts: Permutation::new(with_parts, Stream::new(seed, "pairs with parts", &id)),
            others: Permutation::new(others, Stream::new(seed, "other pairs", &id)),
        })
    }

    pub(crate) fn is_same_class(&self) -> bool {
        self.pair.a == self.pair.b
    }

    /// Number of candidates for a task.
    pub(crate) fn len(&self, task: Task) -> u64 {
        match task {
            Task::CommonObjects if !self.is_same_class() => 0,
            Task::CommonObjects => self.with_parts.len() + self.others.len(),
            Task::CommonParts | Task::UniqueParts => self.with_parts.len(),
        }
    }

    /// The candidate at a position of the random order.
    pub(crate) fn at(&self, task: Task, position: u64) -> Option<(Member, Member)> {
        if position >= self.len(task) {
            return None;
        }
        let number = match task {
            Task::CommonParts | Task::UniqueParts => self.with_parts.at(position)?,
            Task::CommonObjects => {
                // Of the first `t` candidates, the share of pairs with parts is as of all.
                let (share, all) = (u128::from(self.with_parts.len()), u128::from(self.len(task)));
                let before = |t: u64| (u128::from(t) * share / all) as u64;
                let done = before(position);
                if before(position + 1) > done {
                    self.with_parts.at(done)?
                } else {
                    self.with_parts.len() + self.others.at(position - done)?
                }
            }
        };
        self.members(number)
    }

    fn members(&self, number: u64) -> Option<(Member, Member)> {
        let (left, right) = if self.is_same_class() {
            // Pairs among the first objects have the first numbers, however many follow.
            let second = ((1 + 8 * u128::from(number)).isqrt() as u64).div_ceil(2);
            (number - triangle(second), second)
        } else {
            let width = self.right.with_parts as u64;
            (number / width, number % width)
        };
        Some((*self.left.members.get(left as usize)?, *self.right.members.get(right as usize)?))
    }
}

/// Number of pairs of `n` things.
fn triangle(n: u64) -> u64 {
    n * n.saturating_sub(1) / 2
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::*;
    use crate::{ClassId, Vocabulary};

    fn members(from: u32, with_parts: usize, count: usize) -> ClassMembers {
        let members = (0..count as u32).map(|n| Member { image: from + n, entry: 0 }).collect();
        ClassMembers { members, with_parts }
    }

    fn pair(a: u16, b: u16) -> ComparablePair {
        ComparablePair { a: ClassId(a), b: ClassId(b), group: "g".into() }
    }

    fn check(pair: &ComparablePair, classes: &[ClassMembers], task: Task, expected: usize) {
        let vocabulary = Vocabulary {
            source: "s".into(),
            classes: vec![],
            part_labels: vec![],
            comparable: vec![],
        };
        let source = CorpusSource::new(Arc::new(vocabulary));
        let candidates = PairCandidates::new(1, Split::Train, (0, &source), pair, classes).unwrap();
        let found: Vec<_> =
            (0..candidates.len(task)).map(|at| candidates.at(task, at).unwrap()).collect();
        let distinct: BTreeSet<_> =
            found.iter().map(|(a, b)| [a.min(b).image, a.max(b).image]).collect();
        assert_eq!((found.len(), distinct.len()), (expected, expected));
        assert!(found.iter().all(|(a, b)| a.image != b.image));
        assert_eq!(candidates.at(task, found.len() as u64), None);
    }

    #[test]
    fn every_pair_of_one_class_comes_once() {
        let classes = [members(0, 4, 9)];
        check(&pair(0, 0), &classes, Task::CommonObjects, 36);
        check(&pair(0, 0), &classes, Task::CommonParts, 6);
        check(&pair(0, 0), &[members(0, 0, 5)], Task::CommonObjects, 10);
        check(&pair(0, 0), &[members(0, 5, 5)], Task::CommonObjects, 10);
        check(&pair(0, 0), &[members(0, 1, 1)], Task::CommonObjects, 0);
    }

    #[test]
    fn every_pair_of_two_classes_comes_once_and_only_for_parts() {
        let classes = [members(0, 4, 9), members(20, 3, 3)];
        check(&pair(0, 1), &classes, Task::UniqueParts, 12);
        check(&pair(0, 1), &classes, Task::CommonObjects, 0);
    }

    #[test]
    fn the_questions_walk_the_pairs_with_parts_in_the_same_order() {
        let classes = [members(0, 5, 20)];
        let vocabulary = Vocabulary {
            source: "s".into(),
            classes: vec![],
            part_labels: vec![],
            comparable: vec![],
        };
        let source = CorpusSource::new(Arc::new(vocabulary));
        let same = pair(0, 0);
        let candidates =
            PairCandidates::new(1, Split::Train, (0, &source), &same, &classes).unwrap();
        let all: Vec<_> = (0..candidates.len(Task::CommonObjects))
            .filter_map(|at| candidates.at(Task::CommonObjects, at))
            .filter(|(a, b)| a.image < 5 && b.image < 5)
            .collect();
        let parts: Vec<_> = (0..candidates.len(Task::CommonParts))
            .filter_map(|at| candidates.at(Task::CommonParts, at))
            .collect();
        assert_eq!(all, parts);
    }
}
