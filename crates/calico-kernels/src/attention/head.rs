use crate::{KernelError, sizes};

/// Rows of equal width, some values apart.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    values: &'a [f32],
    len: usize,
    width: usize,
    stride: usize,
}

/// One head of attention.
///
/// # Shapes
/// - `q`: `[T, K]`, `k` and `v`: `[S, K]`
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// Queries.
    pub q: Rows<'a>,
    /// Keys.
    pub k: Rows<'a>,
    /// Values.
    pub v: Rows<'a>,
    /// Multiplies the scores before the bias is added.
    pub scale: f32,
    /// Whether query `t` sees the keys `0..=t + S - T` only.
    pub causal: bool,
    /// Added to the scaled scores.
    pub bias: Bias<'a>,
}

/// What is added to the scores of a head.
#[derive(Debug, Clone, Copy, Default)]
pub enum Bias<'a> {
    /// Nothing.
    #[default]
    None,
    /// One value per query and key, `[T, S]`.
    Full(Rows<'a>),
    /// One value per query and row, and one per query and column, of keys that lie on a grid of
    /// `h` by `w` in row-major order: `[T, h]` and `[T, w]`.
    Grid(Rows<'a>, Rows<'a>),
}

impl<'a> Rows<'a> {
    /// `shape` is the number of rows and their width; each begins `stride` values behind the one
    /// before.
    ///
    /// # Errors
    /// If the last row reaches beyond the values.
    pub fn new(values: &'a [f32], shape: [usize; 2], stride: usize) -> Result<Self, KernelError> {
        let [len, width] = shape;
        let end = len.checked_sub(1).map_or(Some(0), |last| {
            last.checked_mul(stride).and_then(|start| start.checked_add(width))
        });
        match end {
            Some(end) if end <= values.len() => Ok(Self { values, len, width, stride }),
            end => Err(KernelError::Length {
                what: "the slice of rows",
                found: values.len(),
                expected: end.unwrap_or(usize::MAX),
            }),
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Values of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// A row.
    ///
    /// # Panics
    /// If there is no such row.
    #[inline(always)]
    pub fn row(&self, index: usize) -> &'a [f32] {
        assert!(index < self.len, "row {index} of {}", self.len);
        &self.values[index * self.stride..][..self.width]
    }
}

impl Head<'_> {
    pub(super) fn check(&self) -> Result<(), KernelError> {
        let (queries, keys, width) = (self.q.len(), self.k.len(), self.q.width());
        if keys == 0 && queries > 0 {
            return Err(KernelError::Empty { what: "the number of keys" });
        }
        sizes::width(width)?;
        sizes::length("a key", self.k.width(), width)?;
        sizes::length("a value", self.v.width(), width)?;
        sizes::length("the list of values", self.v.len(), keys)?;
        if self.causal && keys < queries {
            return Err(KernelError::Length {
                what: "the list of keys of causal attention",
                found: keys,
                expected: queries,
            });
        }
        match self.bias {
            Bias::None => Ok(()),
            Bias::Full(full) => {
                sizes::length("the list of biases", full.len(), queries)?;
                sizes::length("a row of the bias", full.width(), keys)
            }
            Bias::Grid(rows, columns) => {
                sizes::length("the list of biases of rows", rows.len(), queries)?;
                sizes::length("the list of biases of columns", columns.len(), queries)?;
                let cells = sizes::product("the grid", &[rows.width(), columns.width()])?;
                sizes::length("the grid", cells, keys)
            }
        }
    }

    /// How many keys a query sees.
    #[inline(always)]
    pub(super) fn visible(&self, query: usize) -> usize {
        if self.causal { query + 1 + self.k.len() - self.q.len() } else { self.k.len() }
    }
}
