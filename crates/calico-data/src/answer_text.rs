//! The text of a grounded answer: the one place that writes it and reads it.
//!
//! ```text
//! answer := text (group text)*
//! group  := "<p> " phrase " </p>" (" [SEG] (IMAGE" n ")")+
//! ```
//!
//! One blank stands around every tag. Behind a group a blank, a punctuation mark or the end may
//! follow, so that a sentence reads as one: `… [SEG] (IMAGE2).` No `[SEG]` stands outside of a
//! group, no phrase inside of another, and a group names each of the images `1..=N` once at most.
//! (mixedparts.md 4)

mod error;
mod group;

pub use error::AnswerTextError;
pub use group::AnswerGroup;

const OPEN: &str = "<p>";
const CLOSE: &str = "</p>";
const SEGMENT: &str = "[SEG]";
const IMAGE: &str = "<image>";

/// What may follow a group without a blank.
const PUNCTUATION: [char; 6] = ['.', ',', ';', ':', '!', '?'];

/// The characters that a phrase must not hold, since tags are made of them.
const TAG_CHARACTERS: [char; 4] = ['<', '>', '[', ']'];

/// A phrase with a `[SEG]` for each image, counted from 1:
/// `<p> a dog </p> [SEG] (IMAGE1) [SEG] (IMAGE2)`.
pub fn group(phrase: &str, images: &[u8]) -> String {
    let mut text = format!("{OPEN} {phrase} {CLOSE}");
    for image in images {
        text.push_str(" [SEG] (IMAGE");
        text.push_str(&image.to_string());
        text.push(')');
    }
    text
}

/// Several things in a sentence: `x`, `x and y`, `x, y, and z`.
pub fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first, second] => format!("{first} and {second}"),
        [most @ .., last] => format!("{}, and {last}", most.join(", ")),
    }
}

/// Whether a label can stand in a phrase: not empty, single blanks, none at the ends, and none of
/// the characters that tags are made of.
pub fn is_phrase(text: &str) -> bool {
    !text.is_empty()
        && !text.contains(TAG_CHARACTERS)
        && !text.chars().any(char::is_control)
        && text.split(' ').all(|word| !word.is_empty())
}

/// Takes an answer about `images` images apart, or says where it leaves the grammar.
pub fn parse(answer: &str, images: usize) -> Result<Vec<AnswerGroup<'_>>, AnswerTextError> {
    check_blanks(answer)?;
    if let Some(at) = answer.find(IMAGE) {
        return Err(AnswerTextError::Placeholder { at });
    }
    let mut groups = Vec::new();
    let mut at = 0;
    while let Some((found, tag)) = next_tag(answer, at) {
        if tag != OPEN {
            return Err(AnswerTextError::Stray { tag, at: found });
        }
        if found > at && !answer[..found].ends_with(' ') {
            return Err(AnswerTextError::Blank { at: found });
        }
        let group = read_group(answer, found, images)?;
        at = group.place.end;
        groups.push(group);
    }
    Ok(groups)
}

fn check_blanks(answer: &str) -> Result<(), AnswerTextError> {
    if answer.starts_with(' ') {
        return Err(AnswerTextError::Blank { at: 0 });
    }
    if let Some(at) = answer.find("  ") {
        return Err(AnswerTextError::Blank { at: at + 1 });
    }
    if answer.ends_with(' ') {
        return Err(AnswerTextError::Blank { at: answer.len() - 1 });
    }
    Ok(())
}

/// The first tag from a position on.
fn next_tag(answer: &str, from: usize) -> Option<(usize, &'static str)> {
    let rest = &answer[from..];
    let found = [OPEN, CLOSE, SEGMENT].into_iter().filter_map(|tag| Some((rest.find(tag)?, tag)));
    found.min().map(|(at, tag)| (from + at, tag))
}

/// Reads the group whose `<p>` is at `start`.
fn read_group(
    answer: &str,
    start: usize,
    images: usize,
) -> Result<AnswerGroup<'_>, AnswerTextError> {
    let inside = start + OPEN.len();
    let (end, tag) = next_tag(answer, inside).ok_or(AnswerTextError::Open { at: start })?;
    if tag != CLOSE {
        return Err(AnswerTextError::Inside { tag, at: end });
    }
    let phrase = answer[inside..end]
        .strip_prefix(' ')
        .and_then(|text| text.strip_suffix(' '))
        .filter(|text| is_phrase(text))
        .ok_or(AnswerTextError::Phrase { at: inside })?;
    let mut at = end + CLOSE.len();
    let mut named = Vec::new();
    while let Some(rest) = answer[at..].strip_prefix(" [SEG]") {
        let place = answer.len() - rest.len();
        let (image, after) = read_identifier(rest, place, images)?;
        if named.contains(&image) {
            return Err(AnswerTextError::Repeated { image, at: place });
        }
        named.push(image);
        at = after;
    }
    if named.is_empty() {
        return Err(AnswerTextError::NoSegment { at });
    }
    if !answer[at..].is_empty() && !answer[at..].starts_with([' ']) {
        let is_closed = answer[at..].starts_with(PUNCTUATION);
        if !is_closed {
            return Err(AnswerTextError::Blank { at });
        }
    }
    Ok(AnswerGroup { phrase, images: named, place: start..at })
}

/// Reads ` (IMAGE1)` at the start of `rest`, which begins at byte `place`; returns the image and
/// the byte behind it.
fn read_identifier(
    rest: &str,
    place: usize,
    images: usize,
) -> Result<(u8, usize), AnswerTextError> {
    let no_image = AnswerTextError::NoImage { at: place };
    let Some(digits) = rest.strip_prefix(" (IMAGE") else { return Err(no_image) };
    let Some((digits, after)) = digits.split_once(')') else { return Err(no_image) };
    let is_plain = !digits.is_empty()
        && !digits.starts_with('0')
        && digits.bytes().all(|digit| digit.is_ascii_digit());
    match digits.parse::<u8>() {
        Ok(image) if is_plain && usize::from(image) <= images => {
            Ok((image, place + rest.len() - after.len()))
        }
        _ => Err(AnswerTextError::UnknownImage { found: digits.to_owned(), images, at: place }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(answer: &str) -> Vec<(&str, Vec<u8>)> {
        let groups = parse(answer, 2).unwrap();
        groups.into_iter().map(|group| (group.phrase, group.images)).collect()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let groups = [group("a dog", &[1, 2]), group("the left leg", &[2]), group("x", &[1])];
        let answer = format!("They show {}.", list(&groups));
        assert_eq!(
            answer,
            "They show <p> a dog </p> [SEG] (IMAGE1) [SEG] (IMAGE2), <p> the left leg </p> [SEG] \
             (IMAGE2), and <p> x </p> [SEG] (IMAGE1)."
        );
        let expected = [("a dog", vec![1, 2]), ("the left leg", vec![2]), ("x", vec![1])];
        assert_eq!(parsed(&answer), expected);
    }

    #[test]
    fn lists_are_joined_as_in_a_sentence() {
        let words: Vec<String> = ["x", "y", "z"].map(str::to_owned).to_vec();
        let lists: Vec<String> = (0..=3).map(|count| list(&words[..count])).collect();
        assert_eq!(lists, ["", "x", "x and y", "x, y, and z"]);
    }

    #[test]
    fn a_group_knows_its_place() {
        let answer = "Here <p> a </p> [SEG] (IMAGE2); done";
        assert_eq!(
            &answer[parse(answer, 2).unwrap()[0].place.clone()],
            "<p> a </p> [SEG] (IMAGE2)"
        );
    }

    #[test]
    fn groups_of_more_than_two_images_are_read() {
        let answer = group("a dog", &[3, 10, 1]);
        assert_eq!(parse(&answer, 10).unwrap()[0].images, [3, 10, 1]);
        assert!(parse(&answer, 9).is_err());
    }

    #[test]
    fn every_way_out_of_the_grammar_is_told_with_its_place() {
        use AnswerTextError as E;
        let unknown = |found: &str, at| E::UnknownImage { found: found.into(), images: 2, at };
        let cases = [
            ("x [SEG] (IMAGE1)", E::Stray { tag: "[SEG]", at: 2 }),
            ("x </p>", E::Stray { tag: "</p>", at: 2 }),
            ("<p> a </p> [SEG] (IMAGE1) [SEG] (IMAGE1)", E::Repeated { image: 1, at: 31 }),
            ("<p> a </p> [SEG] (IMAGE3)", unknown("3", 16)),
            ("<p> a </p> [SEG] (IMAGE0)", unknown("0", 16)),
            ("<p> a </p> [SEG] (IMAGE01)", unknown("01", 16)),
            ("<p> a </p> [SEG] (IMAGE+1)", unknown("+1", 16)),
            ("<p> a </p> [SEG] (IMAGE99999)", unknown("99999", 16)),
            ("<p> a </p> [SEG] x", E::NoImage { at: 16 }),
            ("<p> a </p> [SEG]", E::NoImage { at: 16 }),
            ("<p> a </p> x", E::NoSegment { at: 10 }),
            ("<p> a </p>[SEG] (IMAGE1)", E::NoSegment { at: 10 }),
            ("<p> a", E::Open { at: 0 }),
            ("<p> a <p> b </p> [SEG] (IMAGE1)", E::Inside { tag: "<p>", at: 6 }),
            ("<p> a [SEG] (IMAGE1) </p>", E::Inside { tag: "[SEG]", at: 6 }),
            ("<p>a </p> [SEG] (IMAGE1)", E::Phrase { at: 3 }),
            ("<p> </p> [SEG] (IMAGE1)", E::Phrase { at: 3 }),
            ("<p> a > b </p> [SEG] (IMAGE1)", E::Phrase { at: 3 }),
            ("x<p> a </p> [SEG] (IMAGE1)", E::Blank { at: 1 }),
            ("<p> a </p> [SEG] (IMAGE1)x", E::Blank { at: 25 }),
            ("x  <p> a </p> [SEG] (IMAGE1)", E::Blank { at: 2 }),
            (" x", E::Blank { at: 0 }),
            ("x ", E::Blank { at: 1 }),
            ("see <image>", E::Placeholder { at: 4 }),
        ];
        for (answer, expected) in cases {
            assert_eq!(parse(answer, 2).unwrap_err(), expected, "{answer}");
        }
    }

    #[test]
    fn an_answer_may_name_nothing() {
        assert_eq!(parse("Nothing is unique here.", 2).unwrap(), []);
        assert_eq!(parse("", 2).unwrap(), []);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_fail(
            text in "(<p>|</p>|\\[SEG\\]| |\\(IMAGE[0-9]{1,4}\\)|<image>|é|a|\\.){0,30}"
        ) {
            let _ = parse(&text, 2);
        }

        #[test]
        fn written_groups_are_always_read_back(
            phrases in proptest::collection::vec(("[a-z]{1,8}( [a-zé'-]{1,8}){0,2}", 1_u8..4), 0..9)
        ) {
            let images = |bits: u8| [1, 2].into_iter().filter(|n| bits & n != 0).collect::<Vec<u8>>();
            let groups: Vec<String> =
                phrases.iter().map(|(phrase, bits)| group(phrase, &images(*bits))).collect();
            let answer = format!("They are {}.", list(&groups));
            let answer = answer.replace("are .", "are none.");
            let expected: Vec<_> =
                phrases.iter().map(|(phrase, bits)| (phrase.as_str(), images(*bits))).collect();
            proptest::prop_assert_eq!(parsed(&answer), expected);
        }
    }
}
