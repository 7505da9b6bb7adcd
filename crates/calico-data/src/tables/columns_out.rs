//! Rows as columns.

use std::fmt::Display;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, PrimitiveBuilder, StringBuilder};
use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{ArrayRef, PrimitiveArray, StringArray};
use arrow_schema::{DataType, Field, FieldRef};

use super::TableError;

/// A column without nulls.
pub(super) fn field(name: &str, data_type: DataType) -> FieldRef {
    Arc::new(Field::new(name, data_type, false))
}

/// A column of lists; neither lists nor elements are null.
pub(super) fn list_field(name: &str, element: DataType) -> FieldRef {
    field(name, DataType::List(element_field(element)))
}

pub(super) fn texts<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

pub(super) fn numbers<P: ArrowPrimitiveType>(values: impl Iterator<Item = P::Native>) -> ArrayRef {
    Arc::new(PrimitiveArray::<P>::from_iter_values(values))
}

pub(super) fn text_lists<'a>(lists: impl Iterator<Item = &'a [String]>) -> ArrayRef {
    let builder = ListBuilder::new(StringBuilder::new());
    let mut builder = builder.with_field(element_field(DataType::Utf8));
    for list in lists {
        builder.append_value(list.iter().map(Some));
    }
    Arc::new(builder.finish())
}

pub(super) fn number_lists<P: ArrowPrimitiveType>(
    lists: impl Iterator<Item = impl IntoIterator<Item = P::Native>>,
) -> ArrayRef {
    let builder = ListBuilder::new(PrimitiveBuilder::<P>::new());
    let mut builder = builder.with_field(element_field(P::DATA_TYPE));
    for list in lists {
        builder.append_value(list.into_iter().map(Some));
    }
    Arc::new(builder.finish())
}

/// A number in the type of its column, in row `row` of those being written.
pub(super) fn narrow<T: TryFrom<u32> + Display>(
    value: u32,
    column: &str,
    row: usize,
    most: &T,
) -> Result<T, TableError> {
    T::try_from(value).ok().ok_or_else(|| TableError::Value {
        column: column.to_owned(),
        row: row as u64,
        found: value.to_string(),
        expected: format!("at most {most}"),
    })
}

fn element_field(element: DataType) -> FieldRef {
    field("element", element)
}
