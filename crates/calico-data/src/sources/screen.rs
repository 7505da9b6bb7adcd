use super::listing::CocoAnnotation;
use super::notes::Notes;
use crate::Code;
use crate::vocabulary::FileCategories;

/// What an annotation is about, before its mask is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Screened<T> {
    /// Its category.
    Sound(T),
    /// A note says why it is dropped; its category, if it is known.
    Dropped(Option<T>),
}

/// Looks for a repeated id, an unknown category and a crowd.
pub(super) fn screen<T: Copy>(
    annotation: &CocoAnnotation,
    categories: &FileCategories<T>,
    notes: &mut Notes,
) -> Screened<T> {
    let (id, category) = (annotation.id, categories.get(annotation.category_id));
    if annotation.is_repeat {
        notes.dropped(Code::AnnDup, id, "found the id once more: the first is kept");
        return Screened::Dropped(category.ok());
    }
    match category {
        Err(reason) => {
            notes.dropped(Code::CatUnknown, id, reason);
            Screened::Dropped(None)
        }
        Ok(category) if annotation.is_crowd => {
            notes.dropped(Code::Crowd, id, "found a crowd, expected one instance");
            Screened::Dropped(Some(category))
        }
        Ok(category) => Screened::Sound(category),
    }
}
