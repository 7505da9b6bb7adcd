use std::sync::Arc;

use arrow_array::types::{Int8Type, UInt32Type};
use arrow_array::{ArrayRef, BooleanArray, StructArray};
use arrow_schema::{DataType, Fields};
use calico_result::Task;

use super::columns::Columns;
use super::columns_out::{field, list_field, narrow, number_lists, text_lists, texts};
use super::{Picked, Row, Table, TableError};
use crate::{SampleRecord, Templates};

impl Row for SampleRecord {
    const TABLE: Table = Table::Samples;
    const LABELS: &'static [&'static str] = &[
        "source",
        "subtask",
        "class_a",
        "class_b",
        "image_ids.list.element",
        "question",
        "image_index.list.element",
        "template_ids.prefix",
        "template_ids.question",
        "template_ids.answer",
    ];

    fn fields() -> Fields {
        Fields::from(vec![
            field("sample_id", DataType::Utf8),
            field("source", DataType::Utf8),
            field("subtask", DataType::Utf8),
            field("class_a", DataType::Utf8),
            field("class_b", DataType::Utf8),
            list_field("image_ids", DataType::Utf8),
            field("question", DataType::Utf8),
            field("answer", DataType::Utf8),
            list_field("region_ids", DataType::UInt32),
            list_field("image_index", DataType::Int8),
            field("template_ids", DataType::Struct(template_fields())),
            field("ambiguous", DataType::Boolean),
        ])
    }

    fn to_arrays(rows: &[Self]) -> Result<Vec<ArrayRef>, TableError> {
        let mut indices = Vec::with_capacity(rows.len());
        for (at, row) in rows.iter().enumerate() {
            let narrow = |&index: &u8| narrow(u32::from(index), "image_index", at, &i8::MAX);
            indices.push(row.image_index.iter().map(narrow).collect::<Result<Vec<i8>, _>>()?);
        }
        let templates = vec![
            texts(rows.iter().map(|row| row.template_ids.prefix.as_str())),
            texts(rows.iter().map(|row| row.template_ids.question.as_str())),
            texts(rows.iter().map(|row| row.template_ids.answer.as_str())),
        ];
        let ambiguous: Vec<bool> = rows.iter().map(|row| row.ambiguous).collect();
        Ok(vec![
            texts(rows.iter().map(|row| row.sample_id.as_str())),
            texts(rows.iter().map(|row| row.source.as_str())),
            texts(rows.iter().map(|row| row.subtask.name())),
            texts(rows.iter().map(|row| row.class_a.as_str())),
            texts(rows.iter().map(|row| row.class_b.as_str())),
            text_lists(rows.iter().map(|row| row.image_ids.as_slice())),
            texts(rows.iter().map(|row| row.question.as_str())),
            texts(rows.iter().map(|row| row.answer.as_str())),
            number_lists::<UInt32Type>(rows.iter().map(|row| row.region_ids.iter().copied())),
            number_lists::<Int8Type>(indices.into_iter()),
            Arc::new(StructArray::new(template_fields(), templates, None)),
            Arc::new(BooleanArray::from(ambiguous)),
        ])
    }
}

impl Picked for SampleRecord {
    const COLUMNS: &'static [&'static str] = &[
        "sample_id",
        "source",
        "subtask",
        "class_a",
        "class_b",
        "image_ids",
        "question",
        "answer",
        "region_ids",
        "image_index",
        "template_ids",
        "ambiguous",
    ];

    fn from_columns(columns: &Columns<'_>) -> Result<Vec<Self>, TableError> {
        let sample_id = columns.texts("sample_id")?;
        let source = columns.texts("source")?;
        let subtask = columns.texts("subtask")?;
        let class_a = columns.texts("class_a")?;
        let class_b = columns.texts("class_b")?;
        let image_ids = columns.text_lists("image_ids")?;
        let question = columns.texts("question")?;
        let answer = columns.texts("answer")?;
        let region_ids = columns.integer_lists("region_ids")?;
        let image_index = columns.integer_lists("image_index")?;
        let templates = columns.group("template_ids")?;
        let prefix = templates.texts("prefix")?;
        let question_template = templates.texts("question")?;
        let answer_template = templates.texts("answer")?;
        let ambiguous = columns.flags("ambiguous")?;
        let row = |row: usize| {
            Ok(Self {
                sample_id: sample_id.at(row),
                source: source.at(row),
                subtask: task(columns, row, &subtask.at(row))?,
                class_a: class_a.at(row),
                class_b: class_b.at(row),
                image_ids: image_ids.at(row),
                question: question.at(row),
                answer: answer.at(row),
                region_ids: region_ids.at(row).to_vec(),
                image_index: image_index.at(row).to_vec(),
                template_ids: Templates {
                    prefix: prefix.at(row),
                    question: question_template.at(row),
                    answer: answer_template.at(row),
                },
                ambiguous: ambiguous[row],
            })
        };
        (0..columns.len()).map(row).collect()
    }
}

/// The sub-task of a row.
pub(crate) fn task(columns: &Columns<'_>, row: usize, name: &str) -> Result<Task, TableError> {
    let known = Task::ALL.into_iter().find(|task| task.name() == name);
    let expected = || Task::ALL.map(Task::name).join(", ");
    known.ok_or_else(|| columns.wrong_value("subtask", row, &name, expected()))
}

fn template_fields() -> Fields {
    let part = |name| field(name, DataType::Utf8);
    Fields::from(vec![part("prefix"), part("question"), part("answer")])
}
