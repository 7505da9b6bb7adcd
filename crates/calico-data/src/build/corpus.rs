use std::collections::BTreeSet;
use std::sync::Arc;

use super::kept::{Entry, KeptImage};
use super::leaks;
use crate::{ClassId, Split, Vocabulary};

/// All images that passed the filters, sorted by source and id.
#[derive(Debug)]
pub(crate) struct Corpus {
    pub(crate) sources: Vec<CorpusSource>,
    pub(crate) images: Vec<KeptImage>,
    /// Number of regions.
    pub(crate) slots: u32,
}

/// A source, with its comparable classes ready to be asked for.
#[derive(Debug)]
pub(crate) struct CorpusSource {
    pub(crate) vocabulary: Arc<Vocabulary>,
    /// By class: the classes that it may be compared with, sorted.
    partners: Vec<Box<[ClassId]>>,
}

impl CorpusSource {
    pub(crate) fn new(vocabulary: Arc<Vocabulary>) -> Self {
        let mut partners = vec![BTreeSet::new(); vocabulary.classes.len()];
        for pair in &vocabulary.comparable {
            for (one, other) in [(pair.a, pair.b), (pair.b, pair.a)] {
                if let Some(found) = partners.get_mut(usize::from(one.0)) {
                    found.insert(other);
                }
            }
        }
        let partners = partners.into_iter().map(|set| set.into_iter().collect()).collect();
        Self { vocabulary, partners }
    }

    pub(crate) fn name(&self) -> &str {
        &self.vocabulary.source
    }

    pub(crate) fn are_comparable(&self, a: ClassId, b: ClassId) -> bool {
        let partners = self.partners.get(usize::from(a.0));
        partners.is_some_and(|partners| partners.binary_search(&b).is_ok())
    }
}

impl Corpus {
    /// Numbers the regions and the pictures of images that are sorted by source and id.
    pub(crate) fn new(sources: Vec<CorpusSource>, mut images: Vec<KeptImage>) -> Self {
        let mut slots: u32 = 0;
        for entry in images.iter_mut().flat_map(|image| &mut image.entries) {
            entry.slot = slots;
            slots += 1 + entry.parts.len() as u32;
        }
        let names: Vec<String> = sources.iter().map(|source| source.name().to_owned()).collect();
        leaks::number_pictures(&mut images, &names);
        Self { sources, images, slots }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.sources.iter().map(|source| source.name().to_owned()).collect()
    }

    pub(crate) fn image(&self, member: Member) -> &KeptImage {
        &self.images[member.image as usize]
    }

    pub(crate) fn entry(&self, member: Member) -> &Entry {
        &self.image(member).entries[usize::from(member.entry)]
    }

    pub(crate) fn source_of(&self, image: &KeptImage) -> &CorpusSource {
        &self.sources[usize::from(image.source)]
    }
}

/// An object of an image of the corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Member {
    pub(crate) image: u32,
    /// Index among the image's entries.
    pub(crate) entry: u16,
}

/// The objects of one class in one split of a source: those with parts first, each sorted by image.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClassMembers {
    pub(crate) members: Vec<Member>,
    pub(crate) with_parts: usize,
}

/// The objects of all classes of a source in one split, by class.
pub(crate) fn members_of(corpus: &Corpus, source: usize, split: Split) -> Vec<ClassMembers> {
    let mut classes =
        vec![ClassMembers::default(); corpus.sources[source].vocabulary.classes.len()];
    for has_parts in [true, false] {
        for (number, image) in corpus.images.iter().enumerate() {
            if usize::from(image.source) != source || image.split != split {
                continue;
            }
            for (index, entry) in image.entries.iter().enumerate() {
                if entry.parts.is_empty() == has_parts {
                    continue;
                }
                if let Some(class) = classes.get_mut(usize::from(entry.class.0)) {
                    class.members.push(Member { image: number as u32, entry: index as u16 });
                    class.with_parts += usize::from(has_parts);
                }
            }
        }
    }
    classes
}
