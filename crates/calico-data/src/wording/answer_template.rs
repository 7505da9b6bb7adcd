use calico_result::Task;
use serde::Deserialize;

use super::Content;

/// A list of phrases that a template can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum List {
    /// `{O}`: the shared objects.
    SharedObjects,
    /// `{o1}`: the object of the first image.
    FirstObject,
    /// `{o2}`: the object of the second image.
    SecondObject,
    /// `{same}`: the object of both images.
    SameObject,
    /// `{C}`: the common parts.
    Common,
    /// `{U1}`: the unique parts of the first image.
    UniqueFirst,
    /// `{U2}`: the unique parts of the second image.
    UniqueSecond,
    /// `{U}`: the unique parts of all images.
    Unique,
}

impl List {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "O" => Self::SharedObjects,
            "o1" => Self::FirstObject,
            "o2" => Self::SecondObject,
            "same" => Self::SameObject,
            "C" => Self::Common,
            "U1" => Self::UniqueFirst,
            "U2" => Self::UniqueSecond,
            "U" => Self::Unique,
            _ => return None,
        })
    }
}

/// What decides between two words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Number {
    /// The number of phrases: "the parts are …".
    OfList,
    /// The grammatical number of the phrases as a subject: "scissors appear".
    OfSubject,
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Words as they are.
    Words(String),
    /// A list of grounded phrases.
    Phrases(List),
    /// One of two words.
    Agreement {
        /// The list that decides.
        list: List,
        /// What of it decides.
        number: Number,
        /// The word for one.
        one: String,
        /// The word for many.
        many: String,
    },
}

/// What an answer is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum About {
    /// Two images.
    #[default]
    Pair,
    /// More than two images.
    Group,
    /// Any number of images, with nothing to name.
    Nothing,
}

/// Whether an answer about parts grounds the objects first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Objects {
    /// No.
    #[default]
    None,
    /// One of all images.
    Same,
    /// One of each image.
    Different,
}

/// Which images have unique parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unique {
    /// The answer is not about unique parts, or not about a pair.
    #[default]
    None,
    /// Only one of them.
    One,
    /// Both.
    Both,
}

/// What an answer is to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AnswerKind {
    pub(crate) task: Task,
    pub(crate) about: About,
    pub(crate) objects: Objects,
    pub(crate) unique: Unique,
}

impl AnswerKind {
    /// Every kind of answer that a sample can have.
    pub(crate) fn all() -> Vec<Self> {
        let plain =
            |task, about| Self { task, about, objects: Objects::None, unique: Unique::None };
        let mut kinds = vec![plain(Task::CommonObjects, About::Pair)];
        for about in [About::Group, About::Nothing] {
            kinds.extend(Task::ALL.map(|task| plain(task, about)));
        }
        let parts = |task, about| Self { objects: Objects::Same, ..plain(task, about) };
        kinds.extend([Task::CommonParts, Task::UniqueParts].map(|task| parts(task, About::Group)));
        for objects in [Objects::None, Objects::Same, Objects::Different] {
            kinds.push(Self { objects, ..plain(Task::CommonParts, About::Pair) });
            let of_unique =
                |unique| Self { objects, unique, ..plain(Task::UniqueParts, About::Pair) };
            kinds.extend([Unique::One, Unique::Both].map(of_unique));
        }
        kinds
    }

    /// The kind of answer that says what `content` holds.
    pub(crate) fn of(task: Task, content: &Content<'_>) -> Self {
        let named = match task {
            Task::CommonObjects => content.objects.len(),
            Task::CommonParts => content.common.len(),
            Task::UniqueParts => content.unique.iter().map(Vec::len).sum(),
        };
        let about = match (named, content.images()) {
            (0, _) => About::Nothing,
            (_, 0..=2) => About::Pair,
            _ => About::Group,
        };
        let objects = match (task, about, content.objects.len()) {
            (Task::CommonObjects, _, _) | (_, About::Nothing, _) | (_, _, 0) => Objects::None,
            (_, _, 1) => Objects::Same,
            (_, About::Pair, _) => Objects::Different,
            (_, About::Group, _) => Objects::None,
        };
        let with_parts = content.unique.iter().filter(|list| !list.is_empty()).count();
        let unique = match (task, about, with_parts) {
            (Task::UniqueParts, About::Pair, 2) => Unique::Both,
            (Task::UniqueParts, About::Pair, _) => Unique::One,
            _ => Unique::None,
        };
        Self { task, about, objects, unique }
    }

    /// The lists that an answer of this kind must name, sorted; any of the alternatives.
    fn wanted(self) -> Vec<Vec<List>> {
        let objects = match self.objects {
            Objects::None => Vec::new(),
            Objects::Same => vec![List::SameObject],
            Objects::Different => vec![List::FirstObject, List::SecondObject],
        };
        let rest = match (self.task, self.unique) {
            _ if self.about == About::Nothing => vec![Vec::new()],
            (Task::CommonObjects, _) => vec![vec![List::SharedObjects]],
            (Task::CommonParts, _) => vec![vec![List::Common]],
            (Task::UniqueParts, Unique::Both) => {
                vec![vec![List::UniqueFirst, List::UniqueSecond], vec![List::Unique]]
            }
            (Task::UniqueParts, _) => vec![vec![List::Unique]],
        };
        let joined = rest.into_iter().map(|lists| {
            let mut all = objects.clone();
            all.extend(lists);
            all.sort();
            all
        });
        joined.collect()
    }
}

/// The form of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AnswerTemplate {
    pub(crate) id: String,
    pub(crate) pieces: Vec<Piece>,
}

impl AnswerTemplate {
    /// Reads a template's text, or says what is wrong with it.
    pub(crate) fn parse(id: &str, kind: AnswerKind, text: &str) -> Result<Self, String> {
        let pieces = pieces(text).map_err(|reason| format!("answer {id}: {reason}"))?;
        let mut named: Vec<List> = pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Phrases(list) => Some(*list),
                Piece::Words(_) | Piece::Agreement { .. } => None,
            })
            .collect();
        named.sort();
        if !kind.wanted().contains(&named) {
            let wanted = kind.wanted();
            return Err(format!("answer {id} names {named:?}, expected one of {wanted:?}"));
        }
        Ok(Self { id: id.to_owned(), pieces })
    }
}

fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((words, after)) = rest.split_once('{') {
        let (inside, after) = after.split_once('}').ok_or("a { has no }")?;
        if !words.is_empty() {
            found.push(Piece::Words(words.to_owned()));
        }
        found.push(piece(inside).ok_or_else(|| format!("{{{inside}}} is not known"))?);
        rest = after;
    }
    if !rest.is_empty() {
        found.push(Piece::Words(rest.to_owned()));
    }
    Ok(found)
}

fn piece(inside: &str) -> Option<Piece> {
    let Some(at) = inside.find([':', '~']) else {
        return List::named(inside).map(Piece::Phrases);
    };
    let number = if inside[at..].starts_with(':') { Number::OfList } else { Number::OfSubject };
    let (one, many) = inside[at + 1..].split_once('|')?;
    let list = List::named(&inside[..at])?;
    Some(Piece::Agreement { list, number, one: one.to_owned(), many: many.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMON: AnswerKind = AnswerKind {
        task: Task::CommonParts,
        about: About::Pair,
        objects: Objects::None,
        unique: Unique::None,
    };

    #[test]
    fn a_template_is_taken_apart() {
        let template = AnswerTemplate::parse("X", COMMON, "The {C:part|parts}: {C}.").unwrap();
        let agreement = Piece::Agreement {
            list: List::Common,
            number: Number::OfList,
            one: "part".into(),
            many: "parts".into(),
        };
        let expected = [
            Piece::Words("The ".into()),
            agreement,
            Piece::Words(": ".into()),
            Piece::Phrases(List::Common),
            Piece::Words(".".into()),
        ];
        assert_eq!(template.pieces, expected);
    }

    #[test]
    fn a_template_that_names_other_lists_is_refused() {
        for text in ["Nothing.", "{C} and {C}.", "{O}.", "{C}, {o1}.", "{X}", "{C", "{C:a} {C}"] {
            assert!(AnswerTemplate::parse("X", COMMON, text).is_err(), "{text}");
        }
    }
}
