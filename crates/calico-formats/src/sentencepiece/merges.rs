//! Which pair of pieces makes which piece.
//!
//! `SentencePiece` merges any two neighbours whose joint text is a piece. A `tokenizer.json` has to
//! list the pairs. Every split of a piece in two could be listed, but one is enough: two neighbours
//! are there only if all that was merged between their outer ends stayed between them, and which
//! merges those were depends on nothing but the text between these ends. So the pair that makes a
//! piece is the one that is left when the text of the piece alone is merged, in whatever text the
//! piece may stand; and a piece that its own text does not lead to is never made.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap};

use super::fault::{Fault, shown};
use super::pieces::place;
use super::{Piece, PieceKind};

/// Two pieces that make a third.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Merge<'a> {
    pub(super) left: &'a str,
    pub(super) right: &'a str,
    /// Their joint text: the piece that they make.
    pub(super) whole: &'a str,
    /// Score of that piece.
    pub(super) score: f32,
}

/// The pair of each piece that can be made, in the order of ids.
pub(super) fn merges(pieces: &[Piece]) -> Result<Vec<Merge<'_>>, Fault> {
    let kinds: HashMap<&str, PieceKind> =
        pieces.iter().map(|piece| (piece.text.as_str(), piece.kind)).collect();
    let mut merger = Merger::new(pieces);
    let mut merges = Vec::new();
    for (id, piece) in pieces.iter().enumerate() {
        // No blank is left in a text when pieces are looked for.
        if !is_mergeable(piece) || piece.text.contains(' ') {
            continue;
        }
        let Some((left, right)) = merger.last_pair(&piece.text) else { continue };
        if piece.kind == PieceKind::Unused {
            let reason = "it is unused but can be made, so SentencePiece takes it apart again, \
                          which a tokenizer.json cannot say; use the tokenizer.json that belongs \
                          to this model";
            return Err(Fault::refused(place(id, &piece.text), reason));
        }
        let strange = [left, right]
            .into_iter()
            .find(|part| !matches!(kinds.get(part), Some(PieceKind::Normal | PieceKind::Unused)));
        match strange {
            None => merges.push(Merge { left, right, whole: &piece.text, score: piece.score }),
            // A user's piece never becomes a part of another.
            Some(part) if kinds.get(part) == Some(&PieceKind::UserDefined) => {}
            Some(part) => {
                let part = shown(part);
                let reason = format!(
                    "it is made with {part}, which is no piece of text itself, and a \
                     tokenizer.json can merge pieces only; use the tokenizer.json that belongs to \
                     this model"
                );
                return Err(Fault::refused(place(id, &piece.text), reason));
            }
        }
    }
    Ok(merges)
}

fn is_mergeable(piece: &Piece) -> bool {
    matches!(piece.kind, PieceKind::Normal | PieceKind::Unused)
}

/// Merges texts as `SentencePiece` does.
struct Merger<'a> {
    scores: HashMap<&'a str, f32>,
    symbols: Vec<Symbol>,
    agenda: BinaryHeap<Candidate>,
}

/// A part of the text that is being merged.
#[derive(Debug, Clone, Copy)]
struct Symbol {
    /// Where it begins and ends; equal once it belongs to its left neighbour.
    start: usize,
    end: usize,
    left: Option<usize>,
    right: Option<usize>,
}

/// Two neighbours that could be merged.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidate {
    score: f32,
    left: usize,
    right: usize,
    /// Where the right one ended when the two were found.
    end: usize,
}

impl Eq for Candidate {}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_score = self.score.total_cmp(&other.score);
        // The leftmost of equals is the greatest, and is taken first.
        let places = |it: &Self| Reverse((it.left, it.right, it.end));
        by_score.then_with(|| places(self).cmp(&places(other)))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<'a> Merger<'a> {
    fn new(pieces: &'a [Piece]) -> Self {
        let mergeable = pieces.iter().filter(|piece| is_mergeable(piece));
        let scores = mergeable.map(|piece| (piece.text.as_str(), piece.score)).collect();
        Self { scores, symbols: Vec::new(), agenda: BinaryHeap::new() }
    }

    /// The two symbols that make a text as a whole; none if its merges end before.
    fn last_pair<'t>(&mut self, text: &'t str) -> Option<(&'t str, &'t str)> {
        self.symbols.clear();
        self.agenda.clear();
        for (start, character) in text.char_indices() {
            let (index, end) = (self.symbols.len(), start + character.len_utf8());
            let right = (end < text.len()).then_some(index + 1);
            self.symbols.push(Symbol { start, end, left: index.checked_sub(1), right });
        }
        for index in 1..self.symbols.len() {
            self.suggest(text, Some(index - 1), Some(index));
        }
        while let Some(candidate) = self.agenda.pop() {
            let left = *self.symbols.get(candidate.left)?;
            let right = *self.symbols.get(candidate.right)?;
            let gone = left.start == left.end || right.start == right.end;
            if gone || right.end != candidate.end {
                continue;
            }
            if left.start == 0 && right.end == text.len() {
                return text.split_at_checked(left.end);
            }
            let merged = self.symbols.get_mut(candidate.left)?;
            (merged.end, merged.right) = (right.end, right.right);
            self.symbols.get_mut(candidate.right)?.end = right.start;
            if let Some(next) = right.right {
                self.symbols.get_mut(next)?.left = Some(candidate.left);
            }
            self.suggest(text, left.left, Some(candidate.left));
            self.suggest(text, Some(candidate.left), right.right);
        }
        None
    }

    /// Puts two neighbours on the agenda if together they are a piece.
    fn suggest(&mut self, text: &str, left: Option<usize>, right: Option<usize>) {
        let (Some(left), Some(right)) = (left, right) else { return };
        let symbols = (self.symbols.get(left), self.symbols.get(right));
        let (Some(first), Some(second)) = symbols else { return };
        let joint = text.get(first.start..second.end).unwrap_or_default();
        if let Some(&score) = self.scores.get(joint) {
            self.agenda.push(Candidate { score, left, right, end: second.end });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(pieces: &[(&str, f32)]) -> Vec<Piece> {
        let kind = PieceKind::Normal;
        pieces.iter().map(|&(text, score)| Piece { text: text.into(), score, kind }).collect()
    }

    fn pairs(pieces: &[Piece]) -> Vec<(&str, &str)> {
        merges(pieces).unwrap().iter().map(|merge| (merge.left, merge.right)).collect()
    }

    #[test]
    fn the_pair_of_a_piece_is_the_one_its_own_text_leads_to() {
        let mut pieces = normal(&[("a", 0.0), ("b", 0.0), ("c", 0.0)]);
        pieces.extend(normal(&[("ab", -1.0), ("bc", -2.0), ("abc", -3.0)]));
        assert_eq!(pairs(&pieces), [("a", "b"), ("b", "c"), ("ab", "c")]);
        pieces[3].score = -2.5;
        assert_eq!(pairs(&pieces), [("a", "b"), ("b", "c"), ("a", "bc")]);
    }

    #[test]
    fn of_equal_scores_the_leftmost_pair_comes_first() {
        let pieces = normal(&[("a", 0.0), ("aa", -1.0), ("aaa", -2.0), ("aaaa", -3.0)]);
        assert_eq!(pairs(&pieces), [("a", "a"), ("aa", "a"), ("aa", "aa")]);
    }

    #[test]
    fn a_piece_that_its_own_text_does_not_lead_to_has_no_pair() {
        let pieces = normal(&[
            ("a", 0.0),
            ("b", 0.0),
            ("c", 0.0),
            ("ab", -1.0),
            ("bc", -2.0),
            // Would need `ab` to stay away from the `b`.
            ("abcx", -3.0),
        ]);
        assert_eq!(pairs(&pieces), [("a", "b"), ("b", "c")]);
    }

    #[test]
    fn texts_with_a_blank_are_left_alone() {
        let pieces = normal(&[("a", 0.0), ("a b", -1.0), ("▁", 0.0), ("▁a", -2.0)]);
        assert_eq!(pairs(&pieces), [("▁", "a")]);
    }

    #[test]
    fn a_piece_that_is_made_of_what_is_no_piece_is_refused() {
        let pieces = normal(&[("a", 0.0), ("ax", -1.0)]);
        let error = merges(&pieces).unwrap_err();
        assert!(format!("{error:?}").contains("made with `x`"), "{error:?}");
        let mut pieces = normal(&[("a", 0.0), ("x", 0.0), ("ax", -1.0)]);
        assert_eq!(pairs(&pieces), [("a", "x")]);
        pieces[1].kind = PieceKind::UserDefined;
        assert_eq!(pairs(&pieces), []);
    }

    #[test]
    fn an_unused_piece_is_refused_only_if_it_can_be_made() {
        let mut pieces = normal(&[("a", 0.0), ("b", 0.0), ("ab", -1.0), ("[PAD]", -2.0)]);
        pieces[3].kind = PieceKind::Unused;
        assert_eq!(pairs(&pieces), [("a", "b")]);
        pieces[2].kind = PieceKind::Unused;
        assert!(format!("{:?}", merges(&pieces).unwrap_err()).contains("takes it apart"));
    }
}
