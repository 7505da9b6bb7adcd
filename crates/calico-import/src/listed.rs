use std::fmt::{Display, Write as _};

/// More lines than this would scroll the first one off the screen.
const SHOWN: usize = 40;

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
