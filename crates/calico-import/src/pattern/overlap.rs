//! Whether one name can match two patterns.

use std::collections::HashSet;

use super::{Kind, Pattern, Piece};

/// States in which two patterns are compared: their number grows with the product of the lengths
/// where one of them ends with `{rest}` and a text.
const MOST_STATES: usize = 1 << 18;

/// Bytes that may stand at one place of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bytes {
    One(u8),
    /// `1` to `9`, with which numbers begin.
    NoZero,
    Digit,
    NoDot,
    Any,
}

/// A place between two bytes of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Place {
    piece: usize,
    /// Which option of a choice.
    option: usize,
    /// Bytes of the piece that lie before; of a placeholder without a fixed length 0 or 1.
    at: usize,
}

impl Pattern {
    /// Whether there is a name that matches both. Patterns that are too long to tell count as if
    /// there were one.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.overlaps_within(other, &mut MOST_STATES.clone()).unwrap_or(true)
    }

    /// As [`Pattern::overlaps`]; `None` if it cannot be told in as many states as are `left`, which
    /// become fewer.
    pub(crate) fn overlaps_within(&self, other: &Self, left: &mut usize) -> Option<bool> {
        // Most pairs of a map already differ in their first words.
        let (head, other_head) = (self.text_at(0), other.text_at(0));
        if !head.starts_with(other_head) && !other_head.starts_with(head) {
            return Some(false);
        }
        let mut reached = HashSet::new();
        let mut open = vec![(Place::start_of(0), Place::start_of(0))];
        while let Some((mine, others)) = open.pop() {
            if self.may_end(mine) && other.may_end(others) {
                return Some(true);
            }
            if reached.len() > MOST_STATES {
                return None;
            }
            *left = left.checked_sub(1)?;
            for (byte, next) in self.steps(mine) {
                for (other_byte, other_next) in other.steps(others) {
                    if byte.meets(other_byte) && reached.insert((next, other_next)) {
                        open.push((next, other_next));
                    }
                }
            }
        }
        Some(false)
    }

    /// Whether a name may end here.
    fn may_end(&self, place: Place) -> bool {
        match self.pieces.get(place.piece) {
            None => true,
            Some(Piece::Text(_)) => false,
            Some(Piece::Placeholder(it)) => {
                let is_open = !matches!(it.kind, Kind::Choice(_));
                is_open && place.at > 0 && place.piece + 1 == self.pieces.len()
            }
        }
    }

    /// Which bytes may follow, and where each leads.
    fn steps(&self, place: Place) -> Vec<(Bytes, Place)> {
        let after = Place::start_of(place.piece + 1);
        let inside = Place { at: 1, ..place };
        let kind = match self.pieces.get(place.piece) {
            None => return Vec::new(),
            Some(Piece::Text(text)) => return place.along(text).into_iter().collect(),
            Some(Piece::Placeholder(it)) => &it.kind,
        };
        let (first, more) = match kind {
            Kind::Choice(options) if place.at == 0 => {
                let starts = options.iter().enumerate();
                return starts
                    .filter_map(|(option, text)| Place { option, ..place }.along(text))
                    .collect();
            }
            Kind::Choice(options) => {
                let text = options.get(place.option).map_or("", String::as_str);
                return place.along(text).into_iter().collect();
            }
            Kind::Number => (Bytes::NoZero, Bytes::Digit),
            Kind::Word => (Bytes::NoDot, Bytes::NoDot),
            Kind::Rest => (Bytes::Any, Bytes::Any),
        };
        if place.at > 0 {
            let mut steps = self.steps(after);
            steps.push((more, inside));
            return steps;
        }
        let mut steps = vec![(first, inside)];
        if *kind == Kind::Number {
            // Zero is a number of its own; nothing may follow it.
            steps.push((Bytes::One(b'0'), after));
        }
        steps
    }
}

impl Place {
    fn start_of(piece: usize) -> Self {
        Self { piece, option: 0, at: 0 }
    }

    /// The next byte of a text.
    fn along(self, text: &str) -> Option<(Bytes, Self)> {
        let byte = *text.as_bytes().get(self.at)?;
        let is_last = self.at + 1 == text.len();
        let next =
            if is_last { Self::start_of(self.piece + 1) } else { Self { at: self.at + 1, ..self } };
        Some((Bytes::One(byte), next))
    }
}

impl Bytes {
    fn holds(self, byte: u8) -> bool {
        match self {
            Self::One(one) => one == byte,
            Self::NoZero => byte.is_ascii_digit() && byte != b'0',
            Self::Digit => byte.is_ascii_digit(),
            Self::NoDot => byte != b'.',
            Self::Any => true,
        }
    }

    /// Whether some byte is in both.
    fn meets(self, other: Self) -> bool {
        match (self, other) {
            (Self::One(byte), set) | (set, Self::One(byte)) => set.holds(byte),
            // All others hold the digit 1.
            _ => true,
        }
    }
}
