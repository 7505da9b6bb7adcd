//! The names of a file: whose they are, and what becomes of them.

mod draft;
mod starter;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use calico_formats::StoredTensor;
use draft::Draft;

use crate::translate_error::Close;
use crate::{Copies, NameMap, TranslateError, Translation};

/// Words before all names that are tried without: three wrappers of two words each.
const MOST_WORDS: usize = 6;
/// Names that are looked at to tell which maps come close.
const SAMPLE: usize = 1000;
/// Maps that are told to come close.
const MOST_CLOSE: usize = 3;

/// The tensors of a file, or of all files of a model, by name.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    tensors: &'a BTreeMap<String, StoredTensor>,
}

impl<'a> Names<'a> {
    /// These tensors.
    pub fn new(tensors: &'a BTreeMap<String, StoredTensor>) -> Self {
        Self { tensors }
    }

    /// Finds the map that fits, and what becomes of each tensor.
    ///
    /// Whatever stands before all names, such as `module.` or `base_model.model.`, is left out
    /// where that makes a map recognise the rest. Of several maps, the one that knows most fits.
    ///
    /// # Errors
    /// If no map recognises the names, several fit equally well, the family cannot be used, or
    /// tensors contradict each other. Names that the map does not know are no error here: they
    /// are listed.
    pub fn translate(
        self,
        maps: &[NameMap],
        copies: Copies,
    ) -> Result<Translation, TranslateError> {
        let drafts = self.drafts(maps)?;
        let Some(least) = drafts.iter().map(Draft::misfit).min() else {
            return Err(TranslateError::NoFamily { close: self.close(maps) });
        };
        let mut best: Vec<Draft<'_>> =
            drafts.into_iter().filter(|draft| draft.misfit() == least).collect();
        match (best.pop(), best.is_empty()) {
            (Some(draft), true) => draft.finish(copies),
            (last, _) => {
                let names = best.iter().chain(&last).map(|draft| draft.map().name().to_owned());
                Err(TranslateError::Several(names.collect()))
            }
        }
    }

    /// What becomes of each tensor by this map, whether it recognises the names or not.
    ///
    /// # Errors
    /// As [`Names::translate`].
    pub fn translate_by(
        self,
        map: &NameMap,
        copies: Copies,
    ) -> Result<Translation, TranslateError> {
        if let Some(reason) = map.refuses() {
            return Err(refused(map, reason));
        }
        let drafts =
            self.prefixes().into_iter().map(|prefix| Draft::new(map, self.tensors, prefix));
        let best = drafts.min_by_key(Draft::misfit).filter(|_| !self.tensors.is_empty());
        best.ok_or(TranslateError::Empty)?.finish(copies)
    }

    /// What each map that recognises the names makes of them.
    fn drafts<'m>(self, maps: &'m [NameMap]) -> Result<Vec<Draft<'m>>, TranslateError>
    where
        'a: 'm,
    {
        if self.tensors.is_empty() {
            return Err(TranslateError::Empty);
        }
        let mut drafts = Vec::new();
        for prefix in self.prefixes() {
            for map in maps.iter().filter(|map| self.is_recognised_by(map, prefix)) {
                if let Some(reason) = map.refuses() {
                    return Err(refused(map, reason));
                }
                drafts.push(Draft::new(map, self.tensors, prefix));
            }
        }
        Ok(drafts)
    }

    fn is_recognised_by(self, map: &NameMap, prefix: &str) -> bool {
        let mut stripped = self.tensors.keys().filter_map(|name| name.strip_prefix(prefix));
        stripped.any(|name| map.recognises(name))
    }

    /// What stands before all names and ends with a dot, from nothing to the longest.
    fn prefixes(self) -> Vec<&'a str> {
        let mut prefixes = vec![""];
        // The first and the last name in order differ earlier than any others.
        let first = self.tensors.keys().next().map_or("", String::as_str);
        let last = self.tensors.keys().next_back().map_or("", String::as_str);
        let common = first.bytes().zip(last.bytes()).take_while(|(one, other)| one == other);
        let dots = common.enumerate().filter(|(_, (byte, _))| *byte == b'.');
        prefixes.extend(dots.take(MOST_WORDS).filter_map(|(dot, _)| first.get(..=dot)));
        prefixes
    }

    /// The maps that know most of the names.
    fn close(self, maps: &[NameMap]) -> Vec<Close> {
        let step = self.tensors.len().div_ceil(SAMPLE).max(1);
        let sample: Vec<&str> = self.tensors.keys().step_by(step).map(String::as_str).collect();
        let known = |map: &NameMap, prefix: &str| {
            sample
                .iter()
                .filter(|name| map.knows(name.strip_prefix(prefix).unwrap_or(name)))
                .count()
        };
        let prefixes = self.prefixes();
        let close = maps.iter().filter(|map| !map.recognise().is_empty()).filter_map(|map| {
            let known = prefixes.iter().map(|prefix| known(map, prefix)).max().unwrap_or(0);
            (known > 0).then(|| Close {
                map: map.name().to_owned(),
                title: map.title().to_owned(),
                percent: (known * 100).div_ceil(sample.len().max(1)),
                missing: map.recognise().iter().map(ToString::to_string).collect(),
            })
        });
        let mut close: Vec<Close> = close.collect();
        close.sort_by_key(|close| std::cmp::Reverse(close.percent));
        close.truncate(MOST_CLOSE);
        close
    }
}

fn refused(map: &NameMap, reason: &str) -> TranslateError {
    TranslateError::Refused { title: map.title().to_owned(), reason: reason.to_owned() }
}
