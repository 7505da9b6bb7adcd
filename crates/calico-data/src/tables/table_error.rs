/// What can be wrong with a file of a table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The file is not Parquet, is cut, or holds bytes that contradict each other.
    #[error("found damaged Parquet ({reason}); copy the file again, or build the data set again")]
    Damaged {
        /// What the reader said.
        reason: String,
    },
    /// The file is compressed in another way than ours and those of common tools.
    #[error("found compression {found}, expected ZSTD, SNAPPY or none; write the table again")]
    Compression {
        /// The name of the compression.
        found: String,
    },
    /// A column is missing.
    #[error("found no column {column:?}, expected one of {expected}; write the table again")]
    MissingColumn {
        /// The column; fields of a group follow a dot.
        column: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// A column holds another type.
    #[error("column {column:?} has type {found}, expected {expected}; write the table again")]
    ColumnType {
        /// The column; fields of a group follow a dot.
        column: String,
        /// The type in the file.
        found: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// A value is absent where there must be one.
    #[error("column {column:?} is null in row {row}, expected a value; write the table again")]
    Null {
        /// The column; fields of a group follow a dot.
        column: String,
        /// The row of the file, from 0.
        row: u64,
    },
    /// A value is out of its range.
    #[error(
        "column {column:?} holds {found} in row {row}, expected {expected}; write the table again"
    )]
    Value {
        /// The column; fields of a group follow a dot.
        column: String,
        /// The row of the file, from 0.
        row: u64,
        /// The value.
        found: String,
        /// The values that are allowed.
        expected: String,
    },
    /// A line is not the JSON object of a row.
    #[error("line {line} is not a row of this table ({reason}); correct or remove the line")]
    Line {
        /// The line, from 1.
        line: u64,
        /// What the JSON reader said.
        reason: String,
    },
    /// A line is too long to be a row.
    #[error("line {line} has more than {most} bytes, expected one row a line; split the lines")]
    LongLine {
        /// The line, from 1.
        line: u64,
        /// The limit.
        most: u64,
    },
}

impl TableError {
    /// The error about a row that was counted from row `first` of its file.
    pub(super) fn in_file(mut self, first: u64) -> Self {
        if let Self::Null { row, .. } | Self::Value { row, .. } = &mut self {
            *row += first;
        }
        self
    }
}
