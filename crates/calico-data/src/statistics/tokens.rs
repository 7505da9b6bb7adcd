use std::collections::HashSet;

/// Counts the words of a text and collects them in lower case. Tags and placeholders, `<p>`,
/// `[SEG]`, `(IMAGE1)` and the like, are no words, wherever blanks stand.
pub(super) fn count_words(text: &str, words: &mut HashSet<String>) -> u64 {
    let mut count = 0;
    for token in text.split_whitespace() {
        let token = token.trim_end_matches(['.', ',', ';', ':', '!', '?']);
        let is_tag = ["<p>", "</p>", "[SEG]", "<image>"].contains(&token)
            || token.strip_prefix("(IMAGE").is_some_and(|rest| rest.ends_with(')'));
        let word = token.trim_matches(|c: char| !c.is_alphanumeric());
        if is_tag || word.is_empty() {
            continue;
        }
        count += 1;
        let word = word.to_lowercase();
        if !words.contains(&word) {
            words.insert(word);
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_placeholders_are_no_words() {
        let mut words = HashSet::new();
        let answer = "The chair is <p> a chair </p> [SEG] (IMAGE1), [SEG] (IMAGE2).";
        assert_eq!(count_words(answer, &mut words), 5);
        assert_eq!(count_words("Compare <image> (IMAGE1) - the CHAIRS?", &mut words), 3);
        let mut words: Vec<_> = words.into_iter().collect();
        words.sort();
        assert_eq!(words, ["a", "chair", "chairs", "compare", "is", "the"]);
    }
}
