use super::Phrase;

/// What an answer names, each list in the order of the text.
///
/// If there is nothing to name, the answer says so: common objects without `objects`, common parts
/// without `common`, unique parts without a phrase in `unique`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Content<'a> {
    /// The shared objects; of answers about parts, the object of all images, or that of each, or
    /// none. Of more than two images, only an object that all of them show is named.
    pub objects: Vec<Phrase<'a>>,
    /// The common parts.
    pub common: Vec<Phrase<'a>>,
    /// The unique parts, by image.
    pub unique: Vec<Vec<Phrase<'a>>>,
}

impl Content<'_> {
    /// The numbers of all regions of the lists.
    pub fn slots(&self) -> impl Iterator<Item = u32> {
        self.phrases().flat_map(Phrase::segments).map(|(_, slot)| slot)
    }

    /// The number of images that its phrases know of.
    pub(super) fn images(&self) -> usize {
        let of_phrases = self.phrases().map(|phrase| phrase.slots.len()).max();
        of_phrases.unwrap_or(0).max(self.unique.len())
    }

    fn phrases(&self) -> impl Iterator<Item = &Phrase<'_>> {
        self.objects.iter().chain(&self.common).chain(self.unique.iter().flatten())
    }
}
