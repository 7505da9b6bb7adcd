//! The tags of an answer: `<p> phrase </p> [SEG] (IMAGE1) [SEG] (IMAGE2)`.

const OPEN: &str = "<p>";
const CLOSE: &str = "</p>";
const SEGMENT: &str = "[SEG]";

/// A run of an answer's text, blanks at its ends kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Span<'a> {
    /// Words between the phrases.
    Words(&'a str),
    /// The inside of `<p> … </p>`, trimmed.
    Phrase(&'a str),
}

/// Splits an answer at its tags. Stray tags vanish; a phrase that is never closed runs to the
/// end, since that is how an answer looks when it was cut at the token limit.
pub(crate) fn spans(text: &str) -> Vec<Span<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut inside = false;
    while !rest.is_empty() {
        let (at, tag) = [OPEN, CLOSE, SEGMENT]
            .into_iter()
            .filter_map(|tag| rest.find(tag).map(|at| (at, tag)))
            .min()
            .unwrap_or((rest.len(), ""));
        let piece = &rest[..at];
        if inside && !piece.trim().is_empty() {
            found.push(Span::Phrase(piece.trim()));
        } else if !inside && !piece.is_empty() {
            found.push(Span::Words(piece));
        }
        rest = &rest[at + tag.len()..];
        inside = tag == OPEN;
        if tag == SEGMENT {
            rest = without_image_identifier(rest);
        }
    }
    found
}

/// The answer as a sentence: no tags, single blanks, none before punctuation.
pub(crate) fn plain(text: &str) -> String {
    let mut sentence = String::with_capacity(text.len());
    for span in spans(text) {
        let words = match span {
            Span::Words(words) | Span::Phrase(words) => words,
        };
        for word in words.split_whitespace() {
            if !sentence.is_empty() && !closes(word) {
                sentence.push(' ');
            }
            sentence.push_str(word);
        }
    }
    sentence
}

/// Whether a word begins with punctuation that stands without a blank before it.
pub(crate) fn closes(word: &str) -> bool {
    word.starts_with(['.', ',', ';', ':', '!', '?', ')'])
}

/// Drops the `(IMAGE1)` that belongs to a `[SEG]`; one elsewhere is part of the sentence.
fn without_image_identifier(rest: &str) -> &str {
    let after = rest.trim_start().strip_prefix("(IMAGE");
    let Some((digits, after)) = after.and_then(|after| after.split_once(')')) else {
        return rest;
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if is_number { after } else { rest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_their_identifiers_vanish_from_the_sentence() {
        let text = "The images show <p> a dog </p> [SEG] (IMAGE1) [SEG] (IMAGE2) , and (IMAGE2) \
                    alone <p>a  cat</p>[SEG](IMAGE2).";
        assert_eq!(plain(text), "The images show a dog, and (IMAGE2) alone a cat.");
    }

    #[test]
    fn a_phrase_cut_at_the_limit_is_still_a_phrase() {
        assert_eq!(spans("x <p> the le"), [Span::Words("x "), Span::Phrase("the le")]);
    }

    #[test]
    fn stray_and_doubled_tags_are_dropped() {
        assert_eq!(plain("</p> a [SEG] [SEG] (IMAGE) b <p><p> c </p></p>"), "a (IMAGE) b c");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_fail(text in "(<p>|</p>|\\[SEG\\]| |\\(IMAGE1\\)|é|a|\\.){0,30}") {
            let sentence = plain(&text);
            proptest::prop_assert!(!sentence.contains("[SEG]"));
        }
    }
}
