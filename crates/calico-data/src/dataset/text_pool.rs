use std::collections::HashMap;
use std::sync::Arc;

/// Texts that occur often, each kept once and named by a number.
#[derive(Debug, Clone, Default)]
pub(crate) struct TextPool {
    texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
}

impl TextPool {
    /// The number of a text, new or known.
    pub(crate) fn number(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = self.texts.len() as u32;
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
    }

    /// The text with a number; empty if there is none.
    pub(crate) fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", |text| text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_one_number() {
        let mut pool = TextPool::default();
        let numbers = ["a", "b", "a", ""].map(|text| pool.number(text));
        assert_eq!(numbers, [0, 1, 0, 2]);
        assert_eq!(numbers.map(|number| pool.text(number).to_owned()), ["a", "b", "a", ""]);
    }
}
