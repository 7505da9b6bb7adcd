//! Text from outside in Markdown.

use crate::terminal;

/// Text that stays in its cell of a table, marks nothing up, and drives no terminal.
pub fn cell(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in terminal::harmless(text).chars() {
        if matches!(character, '|' | '\\' | '<' | '>' | '*' | '_' | '`' | '[' | ']' | '#') {
            safe.push('\\');
        }
        safe.push(character);
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_marks_up() {
        assert_eq!(cell("part_a | <b>[x]\n\u{1b}"), "part\\_a \\| \\<b\\>\\[x\\]\u{fffd}\u{fffd}");
    }
}
