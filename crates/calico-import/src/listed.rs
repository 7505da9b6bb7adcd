use std::fmt::{Display, Write as _};

/// More lines than this would scroll the first one off the screen.
const SHOWN: usize = 40;

/// Characters of a pattern of which not all are shown.
const START: usize = 80;

/// The beginning of a text.
pub(crate) fn start(text: &str) -> String {
    let mut start: String = text.chars().take(START).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start
}

/// A line for each item, to stand below a heading.
pub(crate) fn listed<T: Display>(items: &[T]) -> String {
    let mut text = String::new();
    for item in items.iter().take(SHOWN) {
        let _ = write!(text, "\n  {item}");
    }
    if items.len() > SHOWN {
        let _ = write!(text, "\n  … and {} more", items.len() - SHOWN);
    }
    text
}
