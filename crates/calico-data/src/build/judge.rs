//! Whether a pair of images makes a sample (mixedparts.md 3.4, 3.5).

use std::cmp::Reverse;

use calico_result::Task;

use super::corpus::{Corpus, CorpusSource, Member};
use super::kept::{Entry, KeptImage};
use crate::{AnswerLimits, ClassId, PairLimits, PartId};

/// A pair that makes a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Whether another reading of the question has another right answer.
    pub(crate) is_ambiguous: bool,
}

/// The rules for pairs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judge<'a> {
    pub(crate) corpus: &'a Corpus,
    pub(crate) pairs: &'a PairLimits,
    pub(crate) answers: &'a AnswerLimits,
    /// By source and class: number of objects in the split.
    pub(crate) frequencies: &'a [Vec<u64>],
}

impl Judge<'_> {
    /// Whether the objects of two images make a sample of a sub-task, and of which kind.
    pub(crate) fn judge(&self, task: Task, left: Member, right: Member) -> Option<Verdict> {
        let (first, second) = (self.corpus.image(left), self.corpus.image(right));
        if first.identity == second.identity {
            return None;
        }
        let (a, b) = (self.corpus.entry(left), self.corpus.entry(right));
        if self.pairs.skip_full_frame && self.fills(first, a) && self.fills(second, b) {
            return None;
        }
        match task {
            Task::CommonObjects => self.common_objects(first, second, a),
            Task::CommonParts => {
                let has_common = shares_part(a, b);
                has_common.then(|| self.combination((first, a), (second, b)))?
            }
            Task::UniqueParts => {
                let sides = usize::from(has_unique(a, seen_parts(second, b)))
                    + usize::from(has_unique(b, seen_parts(first, a)));
                // One part of each side must have a place, or the answer would deny the other.
                let fits = sides > 0 && self.answers.max_parts as usize >= sides;
                (fits && shares_part(a, b)).then(|| self.combination((first, a), (second, b)))?
            }
        }
    }

    /// All classes that both images show are named, so none of them is another answer. Of the
    /// class pairs that lead to these two images, the rarest takes them.
    fn common_objects(
        &self,
        first: &KeptImage,
        second: &KeptImage,
        entry: &Entry,
    ) -> Option<Verdict> {
        let source = self.corpus.source_of(first);
        let shared = shared_classes(first, second);
        let most = self.answers.max_shared_objects.min(self.answers.max_segments / 2) as usize;
        if shared.len() > most {
            return None;
        }
        let frequencies = self.frequencies.get(usize::from(first.source));
        let count = |class: ClassId| frequencies.and_then(|all| all.get(usize::from(class.0)));
        let owner = shared
            .iter()
            .filter(|class| source.are_comparable(**class, **class))
            .min_by_key(|class| (count(**class), **class));
        (owner == Some(&entry.class))
            .then(|| Verdict { is_ambiguous: hides_shared_class(first, second) })
    }

    /// The question does not name the objects: it is clear if only these two can be compared, and
    /// these are meant if they are the largest that can.
    fn combination(
        &self,
        (first, a): (&KeptImage, &Entry),
        (second, b): (&KeptImage, &Entry),
    ) -> Option<Verdict> {
        // Two images come in both orders; equal areas must be decided in the same way in both.
        let ((first, a), (second, b)) =
            if a.slot < b.slot { ((first, a), (second, b)) } else { ((second, b), (first, a)) };
        let source = self.corpus.source_of(first);
        let ours = (Reverse(smaller(a, b)), a.class, b.class);
        let mut is_sole = true;
        for (c, d) in combinations(source, first, second) {
            if (c.class, d.class) == (a.class, b.class) {
                continue;
            }
            is_sole = false;
            if (Reverse(smaller(c, d)), c.class, d.class) < ours {
                return None;
            }
        }
        let is_whole = a.is_complete && b.is_complete;
        let is_ambiguous = !is_sole || !is_whole || hides_shared_class(first, second);
        Some(Verdict { is_ambiguous })
    }

    fn fills(&self, image: &KeptImage, entry: &Entry) -> bool {
        let limit = u128::from(self.pairs.full_frame_per_10000);
        u128::from(entry.object.area) * 10_000 > limit * u128::from(image.size.pixels())
    }
}

/// The smaller share that two objects take of their images.
fn smaller(a: &Entry, b: &Entry) -> u32 {
    a.object.share.min(b.object.share)
}

fn combinations<'a>(
    source: &'a CorpusSource,
    first: &'a KeptImage,
    second: &'a KeptImage,
) -> impl Iterator<Item = (&'a Entry, &'a Entry)> {
    first.entries.iter().flat_map(move |a| {
        let others = second.entries.iter();
        others.filter(move |b| source.are_comparable(a.class, b.class)).map(move |b| (a, b))
    })
}

/// The classes with an entry in both images, sorted.
pub(crate) fn shared_classes(first: &KeptImage, second: &KeptImage) -> Vec<ClassId> {
    let classes = first.entries.iter().map(|entry| entry.class);
    classes.filter(|class| second.entry_of(*class).is_some()).collect()
}

/// Whether both images show a class that was dropped, or is not whole, in one of them: an answer
/// that names it would be as right as one that does not.
fn hides_shared_class(first: &KeptImage, second: &KeptImage) -> bool {
    first.seen.iter().any(|seen| {
        let other = second.seen.binary_search_by_key(&seen.class, |other| other.class);
        let other = other.ok().and_then(|at| second.seen.get(at));
        other.is_some_and(|other| !(seen.is_whole && other.is_whole))
    })
}

/// The parts that are annotated for an entry's class, also those without an entry.
pub(crate) fn seen_parts<'a>(image: &'a KeptImage, entry: &Entry) -> &'a [PartId] {
    let at = image.seen.binary_search_by_key(&entry.class, |seen| seen.class);
    at.ok().and_then(|at| image.seen.get(at)).map_or(&[], |seen| &seen.parts)
}

fn shares_part(a: &Entry, b: &Entry) -> bool {
    a.parts.iter().any(|part| b.parts.binary_search_by_key(&part.part, |p| p.part).is_ok())
}

fn has_unique(entry: &Entry, seen: &[PartId]) -> bool {
    entry.parts.iter().any(|part| seen.binary_search(&part.part).is_err())
}
