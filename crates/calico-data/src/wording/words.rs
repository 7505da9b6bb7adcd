use serde::Deserialize;

/// What is known of words, to put an article before a label.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Words {
    plural: Vec<String>,
    uncountable: Vec<String>,
    a_before_vowel: Vec<String>,
    an_before_consonant: Vec<String>,
}

/// Which article a phrase begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Article {
    /// "a", "an", or none before a plural.
    Indefinite,
    /// "the".
    Definite,
}

impl Words {
    /// The label behind its article: "a wing", "an ear", "the ear", "scissors".
    pub(crate) fn phrase(&self, label: &str, article: Article) -> String {
        match article {
            Article::Definite => format!("the {label}"),
            Article::Indefinite
                if self.is_plural(label) || is_or_ends(&self.uncountable, label) =>
            {
                label.to_owned()
            }
            Article::Indefinite if self.takes_an(label) => format!("an {label}"),
            Article::Indefinite => format!("a {label}"),
        }
    }

    /// Whether the label takes a plural verb.
    pub(crate) fn is_plural(&self, label: &str) -> bool {
        is_or_ends(&self.plural, label)
    }

    fn takes_an(&self, label: &str) -> bool {
        let first = label.split(' ').next().unwrap_or_default().to_lowercase();
        // "one-wheeled" begins as "one" does.
        let begins = |words: &[String]| {
            words.iter().any(|word| {
                first
                    .strip_prefix(word.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            })
        };
        if first.starts_with(['a', 'e', 'i', 'o', 'u']) {
            !begins(&self.a_before_vowel)
        } else {
            begins(&self.an_before_consonant)
        }
    }
}

/// Whether a label, or its last word, is one of some words.
fn is_or_ends(words: &[String], label: &str) -> bool {
    let last = label.rsplit(' ').next().unwrap_or_default();
    words.iter().any(|word| word == label || word == last)
}

#[cfg(test)]
mod tests {
    use crate::wording::Wording;

    use super::*;

    #[test]
    fn articles_follow_the_word() {
        let words = Wording::embedded().unwrap().words;
        let cases = [
            ("wing", "a wing"),
            ("ear", "an ear"),
            ("unicycle", "a unicycle"),
            ("hourglass", "an hourglass"),
            ("one-armed chair", "a one-armed chair"),
            ("scissors", "scissors"),
            ("lower bristles", "lower bristles"),
            ("tissue paper", "tissue paper"),
            ("newspaper", "a newspaper"),
            ("chest of drawers", "a chest of drawers"),
            ("usb cable", "a usb cable"),
        ];
        for (label, expected) in cases {
            assert_eq!(words.phrase(label, Article::Indefinite), expected);
            assert_eq!(words.phrase(label, Article::Definite), format!("the {label}"));
        }
        assert!(words.is_plural("scissors") && !words.is_plural("bus"));
    }
}
