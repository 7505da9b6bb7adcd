/// What a reader did not understand or set right, in the order of the file.
///
/// It holds at most [`MAX_MESSAGES`](Self::MAX_MESSAGES) messages and counts the others, so that
/// a file cannot fill the memory with its faults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    messages: Vec<String>,
    unlisted: usize,
}

impl Findings {
    /// The most messages that are kept.
    pub const MAX_MESSAGES: usize = 1000;

    /// One sentence each, saying where, what was found, and what was done about it.
    pub fn messages(&self) -> &[String] {
        &self.messages
    }

    /// How many more there were.
    pub const fn unlisted(&self) -> usize {
        self.unlisted
    }

    /// Whether everything was understood.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(crate) fn add(&mut self, message: String) {
        if self.messages.len() < Self::MAX_MESSAGES {
            self.messages.push(message);
        } else {
            self.unlisted += 1;
        }
    }
}

/// A foreign text for a message: in backticks, without control characters, and cut if it is
/// long.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_messages_are_kept_and_the_others_counted() {
        let mut findings = Findings::default();
        for number in 0..Findings::MAX_MESSAGES + 3 {
            findings.add(number.to_string());
        }
        assert_eq!(findings.messages().len(), Findings::MAX_MESSAGES);
        assert_eq!(findings.unlisted(), 3);
    }

    #[test]
    fn foreign_texts_are_cut_and_made_visible() {
        assert_eq!(quoted("a\nb"), r"`a\nb`");
        assert_eq!(quoted(&"é".repeat(60)), format!("`{}`", "é".repeat(60)));
        assert_eq!(quoted(&"é".repeat(61)), format!("`{}…`", "é".repeat(60)));
    }
}
