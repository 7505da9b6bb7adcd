use std::ops::Range;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    ArrowPrimitiveType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, StringArray, StructArray};
use arrow_schema::DataType;

use super::TableError;

const TEXT: &str = "text";
const INTEGER: &str = "integers";
const FLAG: &str = "booleans";
const LIST: &str = "a list";
const GROUP: &str = "a group of fields";

/// The columns of some rows of a file, each checked before it is handed out: present, of the
/// right type, without nulls, within the range of the target.
pub(crate) struct Columns<'a> {
    rows: &'a StructArray,
    /// The place of the first row in the file.
    first_row: u64,
    /// What stands before the name of a field in messages.
    prefix: String,
}

impl<'a> Columns<'a> {
    pub(crate) fn new(rows: &'a StructArray, first_row: u64) -> Self {
        Self { rows, first_row, prefix: String::new() }
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// A column of texts.
    pub(crate) fn texts(&self, name: &'static str) -> Result<Texts<'a>, TableError> {
        let texts = self.optional_texts(name)?;
        self.refuse_nulls(name, texts.0)?;
        Ok(texts)
    }

    /// A column of texts that may be absent.
    pub(crate) fn optional_texts(&self, name: &'static str) -> Result<Texts<'a>, TableError> {
        let column = self.column(name, TEXT)?;
        let texts = column.as_string_opt();
        texts.map(Texts).ok_or_else(|| self.wrong_type(name, column, TEXT))
    }

    /// A column of yes or no.
    pub(crate) fn flags(&self, name: &'static str) -> Result<Vec<bool>, TableError> {
        let column = self.column(name, FLAG)?;
        let flags = column.as_boolean_opt().ok_or_else(|| self.wrong_type(name, column, FLAG))?;
        self.refuse_nulls(name, flags)?;
        Ok((0..flags.len()).map(|row| flags.value(row)).collect())
    }

    /// A column of whole numbers, of any width in the file.
    pub(crate) fn integers<T: TryFrom<i128>>(
        &self,
        name: &'static str,
    ) -> Result<Vec<T>, TableError> {
        let column = self.column(name, INTEGER)?;
        self.refuse_nulls(name, column)?;
        self.numbers(name, column, |at| at)
    }

    /// A column of lists of whole numbers.
    pub(crate) fn integer_lists<T: TryFrom<i128>>(
        &self,
        name: &'static str,
    ) -> Result<Lists<'a, Vec<T>>, TableError> {
        let (offsets, values) = self.list(name)?;
        // The row of a value is that of the last list that begins at or before it.
        let row = |at: usize| row_of(offsets, at);
        let values = self.numbers(name, values, row)?;
        Ok(Lists { offsets, values })
    }

    /// A column of lists of texts.
    pub(crate) fn text_lists(
        &self,
        name: &'static str,
    ) -> Result<Lists<'a, Texts<'a>>, TableError> {
        let (offsets, values) = self.list(name)?;
        let texts = values.as_string_opt().map(Texts);
        let values = texts.ok_or_else(|| self.wrong_type(name, values, "a list of text"))?;
        Ok(Lists { offsets, values })
    }

    /// A column of groups of fields.
    pub(crate) fn group(&self, name: &'static str) -> Result<Self, TableError> {
        let column = self.column(name, GROUP)?;
        let rows = column.as_struct_opt().ok_or_else(|| self.wrong_type(name, column, GROUP))?;
        self.refuse_nulls(name, rows)?;
        Ok(Self { rows, first_row: self.first_row, prefix: format!("{}.", self.named(name)) })
    }

    /// An error about a value; rows count from the first of these columns.
    pub(crate) fn wrong_value(
        &self,
        name: &str,
        row: usize,
        found: &impl ToString,
        expected: impl Into<String>,
    ) -> TableError {
        TableError::Value {
            column: self.named(name),
            row: self.first_row + row as u64,
            found: found.to_string(),
            expected: expected.into(),
        }
    }

    fn named(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn column(&self, name: &str, expected: &'static str) -> Result<&'a ArrayRef, TableError> {
        let missing = || TableError::MissingColumn { column: self.named(name), expected };
        self.rows.column_by_name(name).ok_or_else(missing)
    }

    fn wrong_type(&self, name: &str, column: &dyn Array, expected: &'static str) -> TableError {
        let found = column.data_type().to_string();
        TableError::ColumnType { column: self.named(name), found, expected }
    }

    fn refuse_nulls(&self, name: &str, column: &dyn Array) -> Result<(), TableError> {
        if column.null_count() == 0 {
            return Ok(());
        }
        let row = (0..column.len()).find(|&row| column.is_null(row)).unwrap_or(0);
        Err(TableError::Null { column: self.named(name), row: self.first_row + row as u64 })
    }

    /// The offsets and the values of a list, neither with nulls.
    fn list(&self, name: &'static str) -> Result<(&'a [i32], &'a ArrayRef), TableError> {
        let column = self.column(name, LIST)?;
        let list = column.as_list_opt::<i32>();
        let list = list.ok_or_else(|| self.wrong_type(name, column, LIST))?;
        self.refuse_nulls(name, list)?;
        let (offsets, values) = (list.value_offsets(), list.values());
        if values.null_count() > 0 {
            let at = (0..values.len()).find(|&at| values.is_null(at)).unwrap_or(0);
            let row = self.first_row + row_of(offsets, at) as u64;
            return Err(TableError::Null { column: self.named(name), row });
        }
        Ok((offsets, values))
    }

    /// The values of an array of numbers; `row` says which row a value belongs to.
    fn numbers<T: TryFrom<i128>>(
        &self,
        name: &str,
        column: &dyn Array,
        row: impl Fn(usize) -> usize,
    ) -> Result<Vec<T>, TableError> {
        let values = match column.data_type() {
            DataType::Int8 => wide::<Int8Type>(column),
            DataType::Int16 => wide::<Int16Type>(column),
            DataType::Int32 => wide::<Int32Type>(column),
            DataType::Int64 => wide::<Int64Type>(column),
            DataType::UInt8 => wide::<UInt8Type>(column),
            DataType::UInt16 => wide::<UInt16Type>(column),
            DataType::UInt32 => wide::<UInt32Type>(column),
            DataType::UInt64 => wide::<UInt64Type>(column),
            _ => return Err(self.wrong_type(name, column, INTEGER)),
        };
        let narrow = |(at, value): (usize, i128)| {
            let expected = "a number in the range of the column";
            T::try_from(value).ok().ok_or_else(|| self.wrong_value(name, row(at), &value, expected))
        };
        values.into_iter().enumerate().map(narrow).collect()
    }
}

/// A column of texts.
#[derive(Clone, Copy)]
pub(crate) struct Texts<'a>(&'a StringArray);

impl<'a> Texts<'a> {
    /// The text of a row; `None` if it is absent.
    pub(crate) fn get(self, row: usize) -> Option<&'a str> {
        self.0.is_valid(row).then(|| self.0.value(row))
    }

    /// The text of a row, in a column without nulls.
    pub(crate) fn at(self, row: usize) -> String {
        self.0.value(row).to_owned()
    }
}

/// A column of lists.
pub(crate) struct Lists<'a, V> {
    offsets: &'a [i32],
    values: V,
}

impl<V> Lists<'_, V> {
    fn range(&self, row: usize) -> Range<usize> {
        // The arrays of the reader guarantee that offsets ascend and lie within the values.
        self.offsets[row] as usize..self.offsets[row + 1] as usize
    }
}

impl<T: Copy> Lists<'_, Vec<T>> {
    /// The numbers of a row.
    pub(crate) fn at(&self, row: usize) -> &[T] {
        &self.values[self.range(row)]
    }
}

impl Lists<'_, Texts<'_>> {
    /// The texts of a row.
    pub(crate) fn at(&self, row: usize) -> Vec<String> {
        self.range(row).map(|at| self.values.at(at)).collect()
    }
}

/// The list that holds a value: the last that begins at or before it.
fn row_of(offsets: &[i32], at: usize) -> usize {
    offsets.partition_point(|&start| start as usize <= at).saturating_sub(1)
}

fn wide<P: ArrowPrimitiveType<Native: Into<i128>>>(column: &dyn Array) -> Vec<i128> {
    column.as_primitive::<P>().values().iter().map(|&value| value.into()).collect()
}
