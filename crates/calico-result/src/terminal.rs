//! Answers as lines of text, with or without colours.

use crate::{Answer, markup, palette};

/// The answer as one sentence, each phrase on a plate in the colour of its masks (24-bit ANSI
/// colours, black or white letters, so that it reads on dark and light terminals).
///
/// Whatever the model wrote, only this function's own colour codes reach the terminal.
pub fn colored(answer: &Answer) -> String {
    line(answer, |words, group| {
        let [red, green, blue] = palette::color(group);
        let ink = if palette::text_color([red, green, blue]) == [0; 3] { 16 } else { 231 };
        format!("\u{1b}[48;2;{red};{green};{blue};38;5;{ink}m {words} \u{1b}[0m")
    })
}

/// The answer as one sentence without colours, safe to print.
pub fn plain(answer: &Answer) -> String {
    line(answer, |words, _| words.to_owned())
}

/// Text from outside with every character replaced that could drive a terminal or reorder the
/// line: use it for file names, prompts and warnings, too.
pub fn harmless(text: &str) -> String {
    let safe = |c: char| {
        if is_harmful(c) { char::REPLACEMENT_CHARACTER } else { c }
    };
    text.chars().map(safe).collect()
}

fn line(answer: &Answer, paint: impl Fn(&str, u32) -> String) -> String {
    let mut sentence = String::new();
    for run in answer.runs() {
        let words: Vec<&str> = run.text.split_whitespace().collect();
        let Some(first) = words.first() else { continue };
        if !sentence.is_empty() && !markup::closes(first) {
            sentence.push(' ');
        }
        let words = harmless(&words.join(" "));
        match run.group {
            Some(group) => sentence.push_str(&paint(&words, group)),
            None => sentence.push_str(&words),
        }
    }
    sentence
}

/// Control characters (escape sequences begin with one), and invisible characters that hide or
/// reorder text.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn phrases_stand_on_the_colour_of_their_masks() {
        let answer = &sample::segmentation().answers[0];
        let text = colored(answer);
        assert_eq!(text, "The images show \u{1b}[48;2;230;159;0;38;5;16m a dog \u{1b}[0m.");
        assert_eq!(plain(answer), "The images show a dog.");
    }

    #[test]
    fn a_hostile_answer_cannot_drive_the_terminal() {
        let text = "\u{1b}]0;owned\u{7} \u{9b}2J <p> \u{1b}[2J\u{202e}dog </p>\r\u{8}.";
        let answer = Answer::new(None, "", text, Vec::new());
        for line in [plain(&answer), colored(&answer)] {
            assert!(!line.chars().any(is_harmful), "{line:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn only_our_own_escapes_reach_the_terminal(noise in "\\PC{0,20}|.{0,20}|[\u{0}-\u{9f}]{0,20}") {
            let answer = Answer::new(None, "", &noise, Vec::new());
            proptest::prop_assert!(!colored(&answer).chars().any(is_harmful));
        }
    }
}
