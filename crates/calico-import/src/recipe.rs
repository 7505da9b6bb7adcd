use std::ops::Range;

/// How a tensor of ours is made of tensors of a file: its parts lie under each other, along the
/// first axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// Shape of the result.
    pub shape: Vec<usize>,
    /// From the first row to the last; never empty.
    pub parts: Vec<Part>,
}

/// Rows of a tensor of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name in the file.
    pub tensor: String,
    /// Which rows, along the first axis; `None` is the whole tensor.
    pub rows: Option<Range<usize>>,
    /// In which order they lie.
    pub order: RowOrder,
}

/// In which order rows lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RowOrder {
    /// As in the model.
    #[default]
    Same,
    /// In each head, rows that a rotary embedding turns together are neighbours: of a head of `D`
    /// rows, the model's rows `j` and `j + D/2` are stored as `2j` and `2j + 1`. Names do not say
    /// how many heads there are; the configuration does, and for keys it may be another number
    /// than for queries.
    RotaryPairs,
}

impl Recipe {
    /// A tensor as it is.
    pub(crate) fn of(tensor: &str, shape: &[usize], order: RowOrder) -> Self {
        let part = Part { tensor: tensor.to_owned(), rows: None, order };
        Self { shape: shape.to_vec(), parts: vec![part] }
    }

    /// The name of the tensor that only has to be given another name, if that is all.
    pub fn as_is(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part { tensor, rows: None, order: RowOrder::Same }] => Some(tensor),
            _ => None,
        }
    }
}

/// What has to be proved of values before a translation holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// Two tensors hold the same values; only the first is used.
    Equal {
        /// The one that is used.
        used: String,
        /// The one that repeats it.
        repeated: String,
    },
    /// Rows that have no place in the model are zero within [`Check::ZERO`].
    Zero {
        /// The tensor.
        tensor: String,
        /// Its rows.
        rows: Range<usize>,
    },
}

impl Check {
    /// What counts as zero.
    pub const ZERO: f64 = 1e-6;
}
