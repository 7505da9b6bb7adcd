use arrow_array::ArrayRef;
use arrow_schema::Fields;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::columns::Columns;
use super::{Table, TableError};

/// A row of a table: how it becomes columns, and comes back.
pub(crate) trait Row: Picked + Serialize {
    /// Its table.
    const TABLE: Table;

    /// Columns with few different values, which are stored as a dictionary; fields of a group
    /// follow a dot.
    const LABELS: &'static [&'static str];

    /// The columns.
    fn fields() -> Fields;

    /// The rows as columns, in the order of [`fields`](Self::fields).
    fn to_arrays(rows: &[Self]) -> Result<Vec<ArrayRef>, TableError>;
}

/// Some or all columns of a table, by name: a whole row, or what a scan needs of it.
pub(crate) trait Picked: DeserializeOwned + Send {
    /// The columns that are read; others are left alone.
    const COLUMNS: &'static [&'static str];

    /// The rows of some columns.
    fn from_columns(columns: &Columns<'_>) -> Result<Vec<Self>, TableError>;
}
