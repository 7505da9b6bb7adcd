//! The tags of an answer: `<p> phrase </p> [SEG] (IMAGE1) [SEG] (IMAGE2)`.

const OPEN: &str = "<p>";
const CLOSE: &str = "</p>";
const SEGMENT: &str = "[SEG]";

/// A run of an answer's text, blanks at its ends kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Span<'a> {
    /// Words between the phrases.
    Words(&'a str),
    /// The inside of `<p> … </p>`, trimmed, and the images that its `[SEG]` tags name.
    Phrase(&'a str, Vec<u32>),
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
            found.push(Span::Phrase(piece.trim(), Vec::new()));
        } else if !inside && !piece.is_empty() {
            found.push(Span::Words(piece));
        }
        rest = &rest[at + tag.len()..];
        if tag == SEGMENT {
            // One inside of a phrase is a mistake and names nothing.
            let image = image_identifier(rest).filter(|_| !inside);
            let phrase = found.iter_mut().rev().find_map(|span| match span {
                Span::Phrase(_, images) => Some(images),
                Span::Words(_) => None,
            });
            if let Some(images) = phrase {
                images.extend(image);
            }
            rest = without_image_identifier(rest);
        }
        inside = tag == OPEN;
    }
    found
}

/// The answer as a sentence: no tags, single blanks, none before punctuation.
pub(crate) fn plain(text: &str) -> String {
    let mut sentence = String::with_capacity(text.len());
    for span in spans(text) {
        let words = match span {
            Span::Words(words) | Span::Phrase(words, _) => words,
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

/// The beginning of [`Answer::plain_text`](crate::Answer::plain_text) that no longer changes when
/// an answer, with its tags, grows: without its last word, which may go on, and without what may
/// become a tag or the identifier of an image.
pub fn plain_so_far(text: &str) -> String {
    let may_become = |tag: &str, end: &str| tag.starts_with(end) && tag.len() > end.len();
    let is_open = |end: &str| {
        let is_identifier = end
            .strip_prefix("(IMAGE")
            .is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
        is_identifier || [OPEN, CLOSE, SEGMENT, "(IMAGE"].iter().any(|tag| may_become(tag, end))
    };
    let starts = text.char_indices().map(|(at, _)| at);
    let end = starts.clone().find(|&at| is_open(&text[at..])).unwrap_or(text.len());
    let sentence = plain(&text[..end]);
    let whole = sentence.rfind(' ').unwrap_or(0);
    sentence[..whole].to_owned()
}

/// Whether a word begins with punctuation that stands without a blank before it.
pub(crate) fn closes(word: &str) -> bool {
    word.starts_with(['.', ',', ';', ':', '!', '?', ')'])
}

/// The image of a `[SEG]`: the number of the first `(IMAGE1)` before the next tag.
fn image_identifier(rest: &str) -> Option<u32> {
    let end = [OPEN, CLOSE, SEGMENT].into_iter().filter_map(|tag| rest.find(tag)).min();
    let digits = |after: &str| after.split_once(')').and_then(|(digits, _)| digits.parse().ok());
    rest[..end.unwrap_or(rest.len())].split("(IMAGE").skip(1).find_map(digits)
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
    fn a_growing_answer_is_told_word_by_word() {
        let told = |text| plain_so_far(text);
        assert_eq!(told("Both show <p> a ha"), "Both show a");
        assert_eq!(told("Both show <p> a handle </p> [SEG] (IMA"), "Both show a");
        assert_eq!(told("Both show <p> a handle </p> [SEG] (IMAGE1) ."), "Both show a");
        assert_eq!(
            told("Both show <p> a handle </p> [SEG] (IMAGE1) and a"),
            "Both show a handle and"
        );
    }

    #[test]
    fn a_phrase_cut_at_the_limit_is_still_a_phrase() {
        assert_eq!(spans("x <p> the le"), [Span::Words("x "), Span::Phrase("the le", vec![])]);
    }

    #[test]
    fn a_phrase_knows_the_images_that_its_segments_name() {
        let text = "<p> a </p> [SEG] (IMAGE2) [SEG] in (IMAGE1) and [SEG] <p> b </p> (IMAGE1)";
        let images = spans(text).into_iter().filter_map(|span| match span {
            Span::Phrase(_, images) => Some(images),
            Span::Words(_) => None,
        });
        assert_eq!(images.collect::<Vec<_>>(), [vec![2, 1], vec![]]);
    }

    #[test]
    fn stray_and_doubled_tags_are_dropped() {
        assert_eq!(plain("</p> a [SEG] [SEG] (IMAGE) b <p><p> c </p></p>"), "a (IMAGE) b c");
    }

    proptest::proptest! {
        #[test]
        fn what_is_told_of_a_growing_answer_stays(
            text in "(<p>|</p>|\\[SEG\\]| |  |\\(IMAGE1\\)|\\(IMAGE12\\)|\\(I|é|ab|\\.|<|1){0,30}"
        ) {
            let whole = plain(&text);
            for at in (0..=text.len()).filter(|&at| text.is_char_boundary(at)) {
                let told = plain_so_far(&text[..at]);
                proptest::prop_assert!(whole.starts_with(&told), "{at}: {told:?} of {whole:?}");
            }
        }

        #[test]
        fn no_text_makes_the_parser_fail(text in "(<p>|</p>|\\[SEG\\]| |\\(IMAGE1\\)|é|a|\\.){0,30}") {
            let sentence = plain(&text);
            proptest::prop_assert!(!sentence.contains("[SEG]"));
        }
    }
}
