//! What makes two labels equal, and how much they have in common.

use std::collections::BTreeSet;

/// The form in which labels are compared: `<p> The left_leg. </p>` becomes `left leg`.
///
/// `<p>` and `</p>` are taken out, letters are made small, every character that is neither a
/// letter nor a digit becomes a blank, blanks are joined, and a leading `the`, `a` or `an` is
/// dropped unless it is the only word.
pub fn normalized_label(text: &str) -> String {
    let text = text.replace("<p>", " ").replace("</p>", " ").to_lowercase();
    let text: String = text.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    let mut words: Vec<&str> = text.split_whitespace().collect();
    if words.len() > 1 && ["the", "a", "an"].contains(&words[0]) {
        words.remove(0);
    }
    words.join(" ")
}

/// The share of words that two normalised labels have in common: |A ∩ B| / |A ∪ B| of their sets
/// of words, 0 if neither has a word.
///
/// This is the S-IoU of Osprey (semantic intersection over union).
pub fn word_overlap(a: &str, b: &str) -> f64 {
    let words = |label: &'_ str| label.split_whitespace().map(str::to_owned).collect();
    let (a, b): (BTreeSet<String>, BTreeSet<String>) = (words(a), words(b));
    let all = a.union(&b).count();
    if all == 0 { 0.0 } else { a.intersection(&b).count() as f64 / all as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_label_become_equal() {
        for text in ["<p> The left_leg. </p>", "left leg", "a LEFT-leg", " An  left:leg,"] {
            assert_eq!(normalized_label(text), "left leg", "{text}");
        }
        assert_eq!(normalized_label("the"), "the");
        assert_eq!(normalized_label("theatre seat"), "theatre seat");
        assert_eq!(normalized_label("a the leg"), "the leg");
        assert_eq!(normalized_label("Über-Größe 2"), "über größe 2");
        assert_eq!(normalized_label(" . "), "");
    }

    #[test]
    fn words_in_common_are_counted_once() {
        assert!((word_overlap("left leg", "leg") - 0.5).abs() < 1e-15);
        assert!((word_overlap("leg leg", "leg") - 1.0).abs() < 1e-15);
        assert!((word_overlap("front left leg", "left hind leg") - 0.5).abs() < 1e-15);
        assert!(word_overlap("", "") == 0.0 && word_overlap("leg", "") == 0.0);
    }
}
