use std::sync::Arc;

use arrow_array::types::{Int32Type, Int64Type, UInt32Type};
use arrow_array::{ArrayRef, StringArray, StructArray};
use arrow_schema::{DataType, Field, Fields};
use calico_result::EncodedMask;

use super::columns::Columns;
use super::columns_out::{field, list_field, narrow, number_lists, numbers, texts};
use super::{Picked, Row, Table, TableError};
use crate::RegionRecord;

impl Row for RegionRecord {
    const TABLE: Table = Table::Regions;
    const LABELS: &'static [&'static str] =
        &["image_id", "object_label", "part_label", "rle.size.list.element"];

    fn fields() -> Fields {
        Fields::from(vec![
            field("region_id", DataType::UInt32),
            field("image_id", DataType::Utf8),
            field("object_label", DataType::Utf8),
            Arc::new(Field::new("part_label", DataType::Utf8, true)),
            list_field("raw_ids", DataType::Int64),
            field("area", DataType::Int32),
            list_field("bbox", DataType::Int32),
            field("rle", DataType::Struct(mask_fields())),
        ])
    }

    fn to_arrays(rows: &[Self]) -> Result<Vec<ArrayRef>, TableError> {
        let pixels = |name: &str, values: &[u32], row: usize| {
            let narrow = |&value: &u32| narrow(value, name, row, &i32::MAX);
            values.iter().map(narrow).collect::<Result<Vec<i32>, _>>()
        };
        let mut areas = Vec::with_capacity(rows.len());
        let mut boxes = Vec::with_capacity(rows.len());
        let mut sizes = Vec::with_capacity(rows.len());
        for (at, row) in rows.iter().enumerate() {
            areas.push(narrow(row.area, "area", at, &i32::MAX)?);
            boxes.push(pixels("bbox", &row.bbox, at)?);
            sizes.push(pixels("rle.size", &row.rle.size, at)?);
        }
        let parts: StringArray = rows.iter().map(|row| row.part_label.as_deref()).collect();
        let masks = vec![
            number_lists::<Int32Type>(sizes.into_iter()),
            texts(rows.iter().map(|row| row.rle.counts.as_str())),
        ];
        Ok(vec![
            numbers::<UInt32Type>(rows.iter().map(|row| row.region_id)),
            texts(rows.iter().map(|row| row.image_id.as_str())),
            texts(rows.iter().map(|row| row.object_label.as_str())),
            Arc::new(parts),
            number_lists::<Int64Type>(rows.iter().map(|row| row.raw_ids.iter().copied())),
            numbers::<Int32Type>(areas.into_iter()),
            number_lists::<Int32Type>(boxes.into_iter()),
            Arc::new(StructArray::new(mask_fields(), masks, None)),
        ])
    }
}

impl Picked for RegionRecord {
    const COLUMNS: &'static [&'static str] =
        &["region_id", "image_id", "object_label", "part_label", "raw_ids", "area", "bbox", "rle"];

    fn from_columns(columns: &Columns<'_>) -> Result<Vec<Self>, TableError> {
        let region_id = columns.integers("region_id")?;
        let image_id = columns.texts("image_id")?;
        let object_label = columns.texts("object_label")?;
        let part_label = columns.optional_texts("part_label")?;
        let raw_ids = columns.integer_lists("raw_ids")?;
        let area = columns.integers("area")?;
        let bbox = columns.integer_lists::<u32>("bbox")?;
        let rle = columns.group("rle")?;
        let size = rle.integer_lists::<u32>("size")?;
        let counts = rle.texts("counts")?;
        let row = |row: usize| {
            let numbers = |found: &[u32]| format!("{} numbers", found.len());
            let (side, size) = (bbox.at(row), size.at(row));
            let bad_box = || columns.wrong_value("bbox", row, &numbers(side), "4 numbers");
            let bad_size = || rle.wrong_value("size", row, &numbers(size), "2 numbers");
            Ok(Self {
                region_id: region_id[row],
                image_id: image_id.at(row),
                object_label: object_label.at(row),
                part_label: part_label.get(row).map(str::to_owned),
                raw_ids: raw_ids.at(row).to_vec(),
                area: area[row],
                bbox: <[u32; 4]>::try_from(side).ok().ok_or_else(bad_box)?,
                rle: EncodedMask {
                    size: <[u32; 2]>::try_from(size).ok().ok_or_else(bad_size)?,
                    counts: counts.at(row),
                },
            })
        };
        (0..columns.len()).map(row).collect()
    }
}

fn mask_fields() -> Fields {
    Fields::from(vec![list_field("size", DataType::Int32), field("counts", DataType::Utf8)])
}
