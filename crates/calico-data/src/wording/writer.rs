use super::answer_template::{List, Number, Piece};
use super::words::{Article, Words};
use super::{Content, GivenAnswer, Phrase};
use crate::answer_text;

/// Fills the pieces of a template.
pub(super) struct Writer<'a> {
    pub(super) words: &'a Words,
    pub(super) content: &'a Content<'a>,
    pub(super) object_article: Article,
    pub(super) part_article: Article,
}

impl Writer<'_> {
    /// Puts a piece behind what is written.
    pub(super) fn write(&self, piece: &Piece, answer: &mut GivenAnswer) {
        match piece {
            Piece::Words(words) => answer.text.push_str(words),
            Piece::Agreement { list, number, one, many } => {
                let phrases: Vec<&Phrase<'_>> = self.phrases(*list).collect();
                let is_plural = match (phrases.as_slice(), number) {
                    ([only], Number::OfSubject) => self.words.is_plural(only.label),
                    ([_], Number::OfList) => false,
                    _ => true,
                };
                answer.text.push_str(if is_plural { many } else { one });
            }
            Piece::Phrases(list) => {
                let is_object = !matches!(
                    list,
                    List::Common | List::Unique | List::UniqueFirst | List::UniqueSecond
                );
                let article = if is_object { self.object_article } else { self.part_article };
                let mut groups = Vec::new();
                for phrase in self.phrases(*list) {
                    let images: Vec<u8> = phrase.segments().map(|(image, _)| image).collect();
                    let words = self.words.phrase(phrase.label, article);
                    groups.push(answer_text::group(&words, &images));
                    answer.images.extend(images);
                    answer.slots.extend(phrase.segments().map(|(_, slot)| slot));
                }
                answer.text.push_str(&answer_text::list(&groups));
            }
        }
    }

    fn phrases(&self, list: List) -> impl Iterator<Item = &Phrase<'_>> {
        let Content { objects, common, unique } = self.content;
        let no_parts: &[Vec<Phrase<'_>>] = &[];
        let (phrases, parts): (&[Phrase<'_>], _) = match list {
            List::SharedObjects => (objects, no_parts),
            List::FirstObject | List::SameObject => {
                (objects.get(..1).unwrap_or_default(), no_parts)
            }
            List::SecondObject => (objects.get(1..).unwrap_or_default(), no_parts),
            List::Common => (common, no_parts),
            List::UniqueFirst => (&[], unique.get(..1).unwrap_or_default()),
            List::UniqueSecond => (&[], unique.get(1..).unwrap_or_default()),
            List::Unique => (&[], unique.as_slice()),
        };
        phrases.iter().chain(parts.iter().flatten())
    }
}
