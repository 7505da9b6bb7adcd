//! In which order pairs are merged.
//!
//! The order is that of scores. Among pairs of one score, `SentencePiece` takes the leftmost in the
//! text, whichever it is, and a `tokenizer.json` the one that is listed first. LLaMA has such
//! pairs: its runs of blanks share a score. They are listed as upstream lists them, longer left part
//! first: then a run grows at its left end for as long as there is a longer piece, which is also
//! what taking the leftmost does.
//!
//! That both come to the same is checked, and a tokenizer where they might not is refused. First,
//! no piece may have a higher score than a part of it, so that all merges of one score follow each
//! other. Then, think of the first merge, by a pair `later`, that happens by the list and not in
//! `SentencePiece`. There its left part went to a pair `earlier` that ends with it; a merge on its
//! right cannot have come first. If `earlier` could be merged too, it has to be listed before
//! `later`. If not, the left part of `earlier` was not whole yet, and a pair that it is made of was
//! waiting: while `later` was merged, and while the part that both want was made, if that has the
//! same score. So it is enough that all pairs that it is made of are listed no later than the later
//! of these two. Merges by one pair happen from left to right either way.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::fault::{Fault, shown};
use super::merges::Merge;

/// Puts merges in the order of a `tokenizer.json`.
pub(super) fn rank(merges: &mut [Merge<'_>]) -> Result<(), Fault> {
    let lengths = |merge: &Merge<'_>| Reverse((characters(merge.left), characters(merge.right)));
    merges.sort_by_cached_key(|merge| (Descending(merge.score), lengths(merge)));
    let merges = &*merges;
    let mut all_differ = true;
    for equals in merges.chunk_by(|a, b| a.score.total_cmp(&b.score).is_eq()) {
        if equals.len() > 1 {
            all_differ = false;
            check(equals)?;
        }
    }
    if all_differ {
        return Ok(());
    }
    let scores: HashMap<&str, f32> = merges.iter().map(|it| (it.whole, it.score)).collect();
    for merge in merges {
        for part in [merge.left, merge.right] {
            if scores.get(part).is_some_and(|&score| score < merge.score) {
                let (whole, part) = (shown(merge.whole), shown(part));
                let reason = format!(
                    "found pieces of equal scores, and {whole} with a higher score than its part \
                     {part}; expected one of the two at most{ADVICE}"
                );
                return Err(Fault::refused("scores", reason));
            }
        }
    }
    Ok(())
}

const ADVICE: &str = ", since the order of merges would depend on the text, which a tokenizer.json \
                      cannot say; use the tokenizer.json that belongs to this model";

fn characters(text: &str) -> usize {
    text.chars().count()
}

/// A score of which the highest comes first.
#[derive(PartialEq)]
struct Descending(f32);

impl Eq for Descending {}

impl Ord for Descending {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.0.total_cmp(&self.0)
    }
}

impl PartialOrd for Descending {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// What is known of all pairs that end with one text.
#[derive(Debug, Clone, Copy, Default)]
struct Ending {
    /// Place of the last of them.
    last: usize,
    /// The last place of what their left parts are made of.
    last_within: usize,
}

/// Whether merges of one score come to the same in the order of their places and in that of the
/// text.
fn check(equals: &[Merge<'_>]) -> Result<(), Fault> {
    let places: HashMap<&str, usize> =
        equals.iter().enumerate().map(|(place, merge)| (merge.whole, place)).collect();
    let mut shortest_first: Vec<(usize, &Merge<'_>)> = equals.iter().enumerate().collect();
    shortest_first.sort_by_key(|(_, merge)| merge.whole.len());
    // The last place of what each piece is made of, itself included; its parts are shorter.
    let mut last: HashMap<&str, usize> = HashMap::with_capacity(equals.len());
    let mut endings: HashMap<&str, Ending> = HashMap::with_capacity(equals.len());
    for (place, merge) in shortest_first {
        let within = [merge.left, merge.right].map(|part| last.get(part).copied().unwrap_or(0));
        last.insert(merge.whole, within.into_iter().fold(place, usize::max));
        let ending = endings.entry(merge.right).or_default();
        ending.last = ending.last.max(place);
        ending.last_within = ending.last_within.max(within[0]);
    }
    for (place, later) in equals.iter().enumerate() {
        let Some(ending) = endings.get(later.left) else { continue };
        let made = places.get(later.left).copied().unwrap_or(0);
        if ending.last > place || ending.last_within > place.max(made) {
            let earlier = equals.get(ending.last).unwrap_or(later);
            let [earlier, whole] = [earlier, later].map(|merge| shown(merge.whole));
            let reason = format!(
                "found several pieces of the score {}, among them {earlier} and {whole}, which \
                 overlap in texts; expected different scores{ADVICE}",
                later.score
            );
            return Err(Fault::refused("scores", reason));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::merges::merges;
    use super::super::{Piece, PieceKind};
    use super::*;

    fn pieces(texts: &[(&str, f32)]) -> Vec<Piece> {
        let kind = PieceKind::Normal;
        texts.iter().map(|&(text, score)| Piece { text: text.into(), score, kind }).collect()
    }

    fn ranked(texts: &[(&str, f32)]) -> Result<Vec<(String, String)>, Fault> {
        let pieces = pieces(texts);
        let mut merges = merges(&pieces)?;
        rank(&mut merges)?;
        Ok(merges.iter().map(|it| (it.left.to_owned(), it.right.to_owned())).collect())
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|&(left, right)| (left.to_owned(), right.to_owned())).collect()
    }

    /// Merges a text as a `tokenizer.json` does: the pair that is listed first, and its leftmost.
    fn by_list(merges: &[Merge<'_>], text: &str) -> Vec<String> {
        merge(text, |pair| merges.iter().position(|it| (it.left, it.right) == pair))
    }

    /// Merges a text as `SentencePiece` does: the highest score, and its leftmost.
    fn by_score(pieces: &[Piece], text: &str) -> Vec<String> {
        merge(text, |(left, right)| {
            let whole = format!("{left}{right}");
            let piece = pieces.iter().find(|piece| piece.text == whole)?;
            // Scores of these tests are whole and below 1000.
            Some((1000.0 - piece.score) as usize)
        })
    }

    fn merge(text: &str, order: impl Fn((&str, &str)) -> Option<usize>) -> Vec<String> {
        let mut symbols: Vec<String> = text.chars().map(String::from).collect();
        loop {
            let pairs = symbols.windows(2).enumerate();
            let found = pairs.filter_map(|(at, it)| Some((order((&it[0], &it[1]))?, at))).min();
            let Some((_, at)) = found else { return symbols };
            let right = symbols.remove(at + 1);
            symbols[at].push_str(&right);
        }
    }

    #[test]
    fn higher_scores_come_first() {
        let found = ranked(&[("a", 0.0), ("b", 0.0), ("ab", -2.0), ("ba", -1.0)]).unwrap();
        assert_eq!(found, owned(&[("b", "a"), ("a", "b")]));
    }

    #[test]
    fn runs_of_one_score_grow_from_the_left_whichever_lengths_are_missing() {
        for missing in 0_u32..1 << 7 {
            let lengths = (2..9).filter(|length| missing >> (length - 2) & 1 == 0);
            let runs: Vec<String> = lengths.map(|length| "x".repeat(length)).collect();
            let mut texts = vec![("x", 0.0)];
            texts.extend(runs.iter().map(|run| (run.as_str(), -1.0)));
            let pieces = pieces(&texts);
            let mut merges = merges(&pieces).unwrap();
            if rank(&mut merges).is_ok() {
                for length in 0..40 {
                    let text = "x".repeat(length);
                    assert_eq!(by_list(&merges, &text), by_score(&pieces, &text), "{texts:?}");
                }
            } else {
                assert!(![0, 1 << 5].contains(&missing), "{texts:?}");
            }
        }
    }

    #[test]
    fn equal_scores_are_refused_where_the_order_of_the_list_gives_something_else() {
        // Every vocabulary of five pieces of two and three letters, with few different scores.
        let letters = ["a", "b"];
        let two = letters.iter().flat_map(|a| letters.iter().map(move |b| format!("{a}{b}")));
        let three = two.clone().flat_map(|two| letters.iter().map(move |c| format!("{two}{c}")));
        let all: Vec<String> = two.chain(three).collect();
        let texts: Vec<String> = (0_u32..1 << 8)
            .map(|bits| (0..8).map(|at| letters[(bits >> at & 1) as usize]).collect())
            .collect();
        let mut counts = [0, 0];
        for seed in 0_usize..300 {
            let mut state = seed * 2_654_435_761 + 1;
            let mut draw = |below: usize| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 33) % below
            };
            let mut chosen = vec![("a", 0.0), ("b", 0.0)];
            while chosen.len() < 7 {
                let text = all[draw(all.len())].as_str();
                if chosen.iter().all(|(known, _)| *known != text) {
                    chosen.push((text, -1.0 - draw(3) as f32));
                }
            }
            let pieces = pieces(&chosen);
            let mut merges = merges(&pieces).unwrap();
            let sound = rank(&mut merges).is_ok();
            counts[usize::from(sound)] += 1;
            if sound {
                for text in &texts {
                    assert_eq!(by_list(&merges, text), by_score(&pieces, text), "{chosen:?}");
                }
            }
        }
        assert!(counts.iter().all(|&count| count > 30), "{counts:?}");
    }

    #[test]
    fn a_higher_score_than_that_of_a_part_needs_scores_that_differ() {
        let differing = [("a", 0.0), ("b", 0.0), ("ab", -2.0), ("abb", -1.0)];
        assert_eq!(ranked(&differing).unwrap(), owned(&[("ab", "b"), ("a", "b")]));
        let equal = [&differing[..], &[("c", 0.0), ("cc", -5.0), ("ccc", -5.0)]].concat();
        let error = format!("{:?}", ranked(&equal).unwrap_err());
        assert!(error.contains("`abb` with a higher score than its part `ab`"), "{error}");
    }
}
