//! Patterns of names.

mod error;
mod overlap;
mod placeholder;
#[cfg(test)]
mod tests;

pub use error::PatternError;
use placeholder::{Kind, Placeholder};

/// The name of a tensor in which some places may differ: `blocks.{i}.norm{n}.{kind}`.
///
/// | Placeholder | Stands for |
/// | --- | --- |
/// | `{i}`, any single letter | a number without leading zeros |
/// | `{kind}` | `weight` or `bias` |
/// | `{p:q\|k\|v}` | one of these texts |
/// | `{adapter}`, any other name | anything up to the next dot |
/// | `{rest}` | anything, dots too; only plain text may follow |
///
/// `{_c}` instead of `{c}` says that the other side does without it. `{{` and `}}` are braces.
///
/// A name matches in at most one way, which is found in one pass over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Placeholder(Placeholder),
}

/// What stood in the places of a pattern's placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values<'a>(Vec<(&'a str, &'a str)>);

impl Values<'_> {
    /// The value of a placeholder.
    pub fn get(&self, placeholder: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| *name == placeholder).map(|(_, value)| *value)
    }
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// If braces do not match, or it would not be clear where a placeholder ends.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        Self::read(text, &|_| None)
    }

    /// Reads a pattern that is filled in with the values of another. Its placeholders stand for
    /// what they stand for there.
    ///
    /// # Errors
    /// As [`Pattern::parse`], and if one of the two has a placeholder that the other lacks.
    pub fn parse_for(text: &str, source: &Self) -> Result<Self, PatternError> {
        let kind_of =
            |name: &str| source.placeholders().find(|it| it.name == name).map(|it| it.kind.clone());
        let pattern = Self::read(text, &kind_of)?;
        if let Some(unbound) = pattern.placeholders().find(|it| kind_of(&it.name).is_none()) {
            return Err(PatternError::Unbound(unbound.name.clone()));
        }
        let is_used = |name: &str| pattern.placeholders().any(|it| it.name == name);
        match source.placeholders().find(|it| !it.dropped && !is_used(&it.name)) {
            Some(lost) => Err(PatternError::Lost(lost.name.clone())),
            None => Ok(pattern),
        }
    }

    /// The pattern that only this name matches.
    pub fn literal(name: &str) -> Result<Self, PatternError> {
        Self::parse(&escaped(name))
    }

    /// What stands in the places of the placeholders, if the name matches.
    pub fn values<'a>(&'a self, name: &'a str) -> Option<Values<'a>> {
        let mut rest = name;
        let mut values = Vec::new();
        for (at, piece) in self.pieces.iter().enumerate() {
            rest = match piece {
                Piece::Text(text) => rest.strip_prefix(text.as_str())?,
                Piece::Placeholder(place) => {
                    let length = place.kind.length(rest, self.text_at(at + 1))?;
                    let (value, after) = rest.split_at_checked(length)?;
                    values.push((place.name.as_str(), value));
                    after
                }
            };
        }
        rest.is_empty().then_some(Values(values))
    }

    /// Whether the name matches.
    pub fn matches(&self, name: &str) -> bool {
        self.values(name).is_some()
    }

    /// The name in which these values stand; `None` if one is missing.
    pub fn render(&self, values: &Values<'_>) -> Option<String> {
        let mut name = String::new();
        for piece in &self.pieces {
            name.push_str(match piece {
                Piece::Text(text) => text,
                Piece::Placeholder(place) => values.get(&place.name)?,
            });
        }
        Some(name)
    }

    /// The pattern as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Words that are dropped. Different from numbers, they have to be the same in a whole file:
    /// they tell whose tensors it holds.
    pub(crate) fn dropped_words(&self) -> impl Iterator<Item = &str> {
        let words = self.placeholders().filter(|it| it.dropped && it.kind != Kind::Number);
        words.filter(|it| it.kind != Kind::Rest).map(|it| it.name.as_str())
    }

    fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Placeholder(place) => Some(place),
        })
    }

    /// The text at a place, empty if there is none.
    fn text_at(&self, at: usize) -> &str {
        match self.pieces.get(at) {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }

    fn read(text: &str, kind_of: &dyn Fn(&str) -> Option<Kind>) -> Result<Self, PatternError> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            plain.push_str(before);
            if let Some(after) = from.strip_prefix("{{") {
                plain.push('{');
                rest = after;
            } else if let Some(after) = from.strip_prefix("}}") {
                plain.push('}');
                rest = after;
            } else {
                let body = from.strip_prefix('{').ok_or(PatternError::Brace)?;
                let (body, after) = body.split_once('}').ok_or(PatternError::Brace)?;
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Placeholder(Placeholder::parse(body, kind_of)?));
                rest = after;
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        let pattern = Self { text: text.to_owned(), pieces };
        pattern.check()?;
        Ok(pattern)
    }

    /// It has to be clear where each placeholder ends.
    fn check(&self) -> Result<(), PatternError> {
        if self.pieces.is_empty() {
            return Err(PatternError::Empty);
        }
        let mut names: Vec<&str> = self.placeholders().map(|it| it.name.as_str()).collect();
        names.sort_unstable();
        if let Some([name, _]) = names.array_windows().find(|[one, other]| one == other) {
            return Err(PatternError::Twice((*name).to_owned()));
        }
        for (at, piece) in self.pieces.iter().enumerate() {
            let Piece::Placeholder(place) = piece else { continue };
            let next = self.text_at(at + 1);
            let is_last = at + 1 == self.pieces.len();
            let (is_clear, expected) = match place.kind {
                Kind::Number => (
                    is_last || next.starts_with(|first: char| !first.is_ascii_digit()),
                    "the end, or text that does not begin with a digit",
                ),
                Kind::Choice(_) => (is_last || !next.is_empty(), "the end, or text"),
                Kind::Word => (is_last || next.starts_with('.'), "the end, or a dot"),
                Kind::Rest => (at + 2 >= self.pieces.len(), "the end, or text up to the end"),
            };
            if !is_clear || (!is_last && next.is_empty()) {
                return Err(PatternError::End { name: place.name.clone(), expected });
            }
        }
        Ok(())
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// A name as the text of a pattern: braces stand for themselves.
pub(crate) fn escaped(name: &str) -> String {
    name.replace('{', "{{").replace('}', "}}")
}
