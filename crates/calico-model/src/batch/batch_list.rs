use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::{BatchItem, Fault, ListError, ListFault, folder_entries, list_lines};
use crate::digest::hex;
use crate::{Question, SegmentError};

/// Faults that are told one by one.
const MOST_FAULTS: usize = 100;

/// The longest id, in bytes.
const MAX_ID_BYTES: usize = 200;

/// Says whether a question can be asked about a number of images; `None` stands for the question
/// that is asked where a line has none.
pub type QuestionCheck<'a> = dyn Fn(usize, Option<&Question>) -> Result<(), SegmentError> + 'a;

/// The items of a batch, each sound as far as that shows without opening an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchList {
    /// The items, in order.
    pub items: Vec<BatchItem>,
    /// Entries of a folder that are no item, by name.
    pub left_out: Vec<String>,
}

impl BatchList {
    /// Reads a list in JSON Lines, or a folder.
    ///
    /// A line of a list is an object with `images`, paths relative to the folder of the list, and
    /// at most one of `task`, `prompt` and `answer`; without an `id`, line 7 is called `line-7`.
    /// In a folder every entry is an item, in the order of the names' bytes: a picture for itself,
    /// a folder with all pictures that are directly in it. Hidden entries are passed over.
    ///
    /// # Errors
    /// If anything is wrong with it; all faults come back at once.
    pub fn read(path: &Path, check: &QuestionCheck<'_>) -> Result<Self, ListError> {
        let mut draft = Draft::new(path, check);
        let expected = if path.is_dir() {
            folder_entries::read(path, &mut draft)?;
            "pictures, or folders of pictures"
        } else {
            list_lines::read(path, &mut draft)?;
            "a line like {\"images\": [\"a.jpg\", \"b.jpg\"]}"
        };
        draft.finish(expected)
    }

    /// SHA-256 over all items as the list names them: equal for lists that ask the same.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for item in &self.items {
            hash.update(item.identity().to_string());
            hash.update("\n");
        }
        hex(&hash.finalize())
    }

    /// Whether any image is named from the folder of the list on, so that the same list elsewhere
    /// asks about other files.
    pub fn has_relative_paths(&self) -> bool {
        let mut images = self.items.iter().flat_map(|item| &item.images);
        images.any(|image| Path::new(image).is_relative())
    }
}

/// A list in the making.
pub(super) struct Draft<'a> {
    path: &'a Path,
    check: &'a QuestionCheck<'a>,
    items: Vec<BatchItem>,
    pub(super) left_out: Vec<String>,
    faults: Vec<ListFault>,
    more: usize,
    /// Where each id was found.
    places: BTreeMap<String, String>,
    /// What can be asked.
    sound: HashSet<(usize, Option<Question>)>,
}

impl<'a> Draft<'a> {
    fn new(path: &'a Path, check: &'a QuestionCheck<'a>) -> Self {
        Self {
            path,
            check,
            items: Vec::new(),
            left_out: Vec::new(),
            faults: Vec::new(),
            more: 0,
            places: BTreeMap::new(),
            sound: HashSet::new(),
        }
    }

    /// The number of the next item.
    pub(super) fn next_number(&self) -> usize {
        self.items.len() + 1
    }

    /// Adds an item, or what is wrong with it.
    pub(super) fn add(&mut self, place: String, item: Result<BatchItem, Fault>) {
        match item.and_then(|item| self.judged(&place, item)) {
            Ok(item) => self.items.push(item),
            Err(_) if self.faults.len() == MOST_FAULTS => self.more += 1,
            Err(fault) => self.faults.push(ListFault { place, fault }),
        }
    }

    fn judged(&mut self, place: &str, item: BatchItem) -> Result<BatchItem, Fault> {
        check_id(&item.id)?;
        if let Some(first) = self.places.get(&item.id) {
            return Err(Fault::RepeatedId { id: item.id, first: first.clone() });
        }
        self.places.insert(item.id.clone(), place.to_owned());
        let asked = (item.images.len(), item.question.clone());
        if !self.sound.contains(&asked) {
            (self.check)(asked.0, asked.1.as_ref())?;
            self.sound.insert(asked);
        }
        Ok(item)
    }

    fn finish(self, expected: &'static str) -> Result<BatchList, ListError> {
        let path = self.path.to_owned();
        if !self.faults.is_empty() {
            return Err(ListError::Faulty { path, faults: self.faults, more: self.more });
        }
        if self.items.is_empty() {
            return Err(ListError::Empty { path, expected });
        }
        Ok(BatchList { items: self.items, left_out: self.left_out })
    }
}

fn check_id(id: &str) -> Result<(), Fault> {
    let reason = if id.trim().is_empty() {
        "is empty".to_owned()
    } else if id.len() > MAX_ID_BYTES {
        format!("has {} bytes, expected at most {MAX_ID_BYTES}", id.len())
    } else if id.contains(char::is_control) {
        "has control characters".to_owned()
    } else {
        return Ok(());
    };
    Err(Fault::Id { id: id.to_owned(), reason })
}

#[cfg(test)]
mod tests;
