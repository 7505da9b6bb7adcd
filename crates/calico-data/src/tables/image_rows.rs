use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, StringArray};
use arrow_schema::{DataType, Field, Fields};

use super::columns::Columns;
use super::columns_out::{field, list_field, narrow, numbers, text_lists, texts};
use super::{Picked, Row, Table, TableError};
use crate::{ImageRecord, Split};

impl Row for ImageRecord {
    const TABLE: Table = Table::Images;
    const LABELS: &'static [&'static str] = &["source", "split", "seen.list.element"];

    fn fields() -> Fields {
        Fields::from(vec![
            field("image_id", DataType::Utf8),
            field("source", DataType::Utf8),
            field("file_name", DataType::Utf8),
            field("width", DataType::Int32),
            field("height", DataType::Int32),
            Arc::new(Field::new("sha256", DataType::Utf8, true)),
            field("split", DataType::Utf8),
            list_field("seen", DataType::Utf8),
        ])
    }

    fn to_arrays(rows: &[Self]) -> Result<Vec<ArrayRef>, TableError> {
        let sides = |name: &str, side: fn(&Self) -> u32| {
            let narrow = |(at, row)| narrow(side(row), name, at, &i32::MAX);
            let sides = rows.iter().enumerate().map(narrow).collect::<Result<Vec<_>, _>>()?;
            Ok(numbers::<Int32Type>(sides.into_iter()))
        };
        let hashes: StringArray = rows.iter().map(|row| row.sha256.as_deref()).collect();
        Ok(vec![
            texts(rows.iter().map(|row| row.image_id.as_str())),
            texts(rows.iter().map(|row| row.source.as_str())),
            texts(rows.iter().map(|row| row.file_name.as_str())),
            sides("width", |row| row.width)?,
            sides("height", |row| row.height)?,
            Arc::new(hashes),
            texts(rows.iter().map(|row| row.split.name())),
            text_lists(rows.iter().map(|row| row.seen.as_slice())),
        ])
    }
}

impl Picked for ImageRecord {
    const COLUMNS: &'static [&'static str] =
        &["image_id", "source", "file_name", "width", "height", "sha256", "split", "seen"];

    fn from_columns(columns: &Columns<'_>) -> Result<Vec<Self>, TableError> {
        let image_id = columns.texts("image_id")?;
        let source = columns.texts("source")?;
        let file_name = columns.texts("file_name")?;
        let width = columns.integers("width")?;
        let height = columns.integers("height")?;
        let sha256 = columns.optional_texts("sha256")?;
        let split = columns.texts("split")?;
        let seen = columns.text_lists("seen")?;
        let row = |row: usize| {
            let name = split.at(row);
            let known = Split::ALL.into_iter().find(|split| split.name() == name);
            let unknown = || columns.wrong_value("split", row, &name, "train, dev or test");
            Ok(Self {
                image_id: image_id.at(row),
                source: source.at(row),
                file_name: file_name.at(row),
                width: width[row],
                height: height[row],
                sha256: sha256.get(row).map(str::to_owned),
                split: known.ok_or_else(unknown)?,
                seen: seen.at(row),
            })
        };
        (0..columns.len()).map(row).collect()
    }
}
