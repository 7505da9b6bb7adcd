/// Rows of a file that are read at once. No block crosses a row group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    /// The first row in the file.
    pub(crate) first_row: u64,
    /// Number of rows, at least 1.
    pub(crate) rows: u32,
    /// Where they are.
    pub(crate) place: Place,
}

impl Block {
    /// The most rows of a block. Pages of the Parquet files have as many, so that a block is
    /// read without decoding its neighbours.
    pub(crate) const ROWS: u32 = 4096;
}

/// Where a block is in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Parquet.
    RowGroup {
        /// The row group.
        group: usize,
        /// Rows of the group before the block.
        skipped: u64,
    },
    /// JSON Lines.
    Lines {
        /// The first byte of the block.
        byte: u64,
        /// The number of the line that begins there, from 1.
        line: u64,
    },
}
