/// Several values that a header holds under one key, such as the pieces of a tokenizer.
#[derive(Debug, Clone, PartialEq)]
pub enum List {
    /// Texts.
    Texts(Vec<String>),
    /// Floats. Those of 64 bits are rounded: lists of them are no weights.
    Floats(Vec<f32>),
    /// Integers of whatever width; of booleans, 0 and 1.
    Ints(Vec<i64>),
}

impl List {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::Texts(values) => values.len(),
            Self::Floats(values) => values.len(),
            Self::Ints(values) => values.len(),
        }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
