use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, LargeStringArray, RecordBatch, StringArray, UInt64Array};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::*;
use crate::example::{Example, tables};
use crate::{DataError, ImageRecord, RegionRecord, SampleRecord, Split, TableFormat, Tables};

const FORMATS: [TableFormat; 2] = [TableFormat::Parquet, TableFormat::JsonLines];

fn all<R: Picked>(path: &Path, format: TableFormat) -> Result<Vec<R>, DataError> {
    let file = TableFile::open::<R>(path, format)?;
    let mut rows = Vec::new();
    for block in 0..file.block_count() {
        rows.extend(file.read::<R>(block)?);
    }
    assert_eq!(rows.len() as u64, file.rows());
    Ok(rows)
}

/// The files of a folder below it, sorted, with their bytes.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.clone(), fs::read(path).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn rows_come_back_as_they_were_written() {
    for format in FORMATS {
        let mut example = Example::new(5);
        example.images[0].sha256 = None;
        example.images[1].seen.clear();
        example.regions[2].1.raw_ids.clear();
        example.regions[3].1.raw_ids = vec![i64::MIN, i64::MAX];
        example.samples[4].1.question = "žluťoučký\n\"犬\" 🐕 \\".to_owned();
        let scratch = tempfile::tempdir().unwrap();
        example.write(scratch.path(), &tables(format));
        let end = if format == TableFormat::Parquet { "parquet" } else { "jsonl" };
        let path = |name: String| scratch.path().join(format!("{name}.{end}"));
        let images: Vec<ImageRecord> = all(&path("images/train".into()), format).unwrap();
        assert_eq!(images, example.images[..10]);
        let regions: Vec<RegionRecord> = all(&path("regions/train".into()), format).unwrap();
        assert_eq!(regions.len(), 40);
        assert!(regions.iter().zip(&example.regions).all(|(found, (_, row))| found == row));
        for (part, rows) in [(0, 0..10), (1, 10..15)] {
            let path = path(format!("samples/train-0000{part}-of-00002"));
            let samples: Vec<SampleRecord> = all(&path, format).unwrap();
            let expected: Vec<_> =
                example.samples[rows].iter().map(|(_, row)| row.clone()).collect();
            assert_eq!(samples, expected);
        }
    }
}

#[test]
fn equal_rows_give_equal_bytes() {
    for format in FORMATS {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for folder in [&first, &second] {
            Example::new(3).write(folder.path(), &tables(format));
        }
        let bytes = |folder: &Path| -> Vec<_> {
            files(folder).into_iter().map(|(_, bytes)| bytes).collect()
        };
        assert_eq!(bytes(first.path()), bytes(second.path()));
    }
}

#[test]
fn files_of_an_earlier_run_are_replaced() {
    let scratch = tempfile::tempdir().unwrap();
    Example::new(9).write(scratch.path(), &tables(TableFormat::JsonLines));
    fs::write(scratch.path().join("samples/notes.txt"), "mine").unwrap();
    Example::new(1).write(scratch.path(), &tables(TableFormat::Parquet));
    let names: Vec<_> = files(&scratch.path().join("samples"))
        .iter()
        .map(|(path, _)| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        names,
        [
            "dev-00000-of-00001.parquet",
            "notes.txt",
            "test-00000-of-00001.parquet",
            "train-00000-of-00001.parquet"
        ]
    );
}

#[test]
fn another_number_of_samples_than_announced_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = calico_result::create_output_folder(scratch.path()).unwrap();
    let samples: Vec<_> = Example::new(1).samples.into_iter().map(|(_, sample)| sample).collect();
    for total in [8, 10, 25] {
        let rows = samples.iter().cloned();
        let error =
            write_samples(&folder, Split::Train, total, rows, &tables(TableFormat::Parquet));
        assert!(matches!(error, Err(DataError::RowCount { expected, .. }) if expected == total));
    }
}

#[test]
fn a_number_too_large_for_its_column_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = calico_result::create_output_folder(scratch.path()).unwrap();
    let mut example = Example::new(2);
    example.images[3].width = 3_000_000_000;
    let error = write_images(&folder, Split::Train, &example.images, &Tables::default());
    let message = error.unwrap_err().to_string();
    assert!(message.contains("\"width\" holds 3000000000 in row 3"), "{message}");
    assert!(!scratch.path().join("images/train.parquet").exists());
}

#[test]
fn a_split_without_rows_is_a_file_without_rows() {
    for format in FORMATS {
        let scratch = tempfile::tempdir().unwrap();
        Example::new(0).write(scratch.path(), &tables(format));
        for (path, _) in files(scratch.path()) {
            let rows = match path.parent().unwrap().file_name().unwrap().to_str().unwrap() {
                "images" => all::<ImageRecord>(&path, format).unwrap().len(),
                "regions" => all::<RegionRecord>(&path, format).unwrap().len(),
                _ => all::<SampleRecord>(&path, format).unwrap().len(),
            };
            assert_eq!(rows, 0);
        }
    }
}

#[test]
fn a_bad_line_is_named_by_its_number() {
    let scratch = tempfile::tempdir().unwrap();
    Example::new(2).write(scratch.path(), &tables(TableFormat::JsonLines));
    let path = scratch.path().join("images/train.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let message = |text: String| {
        fs::write(&path, text).unwrap();
        all::<ImageRecord>(&path, TableFormat::JsonLines).unwrap_err().to_string()
    };
    let last = text.trim_end().rsplit_once('\n').unwrap().1;
    let cut = message(text[..text.len() - 10].to_owned());
    assert!(cut.contains("line 4 is not a row"), "{cut}");
    let blank = message(format!("\n\n{}", text.replace("\"width\":100", "\"width\":-1")));
    assert!(blank.contains("line 3 is not a row") && blank.contains("at column"), "{blank}");
    let missing = message(last.replace("\"height\":80,", ""));
    assert!(missing.contains("missing field `height`"), "{missing}");
    let null = message(last.replace("\"height\":80,", "\"height\":null,"));
    assert!(null.contains("null"), "{null}");
    let extra = message(last.replace("\"height\":80,", "\"height\":80,\"heigth\":80,"));
    assert!(extra.contains("unknown field `heigth`"), "{extra}");
    let deep = message("[".repeat(100_000));
    assert!(deep.contains("line 1"), "{deep}");
}

#[test]
fn a_line_without_end_is_refused_in_bounded_memory() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("train.jsonl");
    // A sparse file: 4 GB of zeros that take no place on the disk.
    fs::File::create(&path).unwrap().set_len(4 << 30).unwrap();
    let error = all::<ImageRecord>(&path, TableFormat::JsonLines).unwrap_err();
    assert!(error.to_string().contains("line 1 has more than 67108864 bytes"), "{error}");
}

/// Reads a file as the table of its folder, and says how it went.
fn outcome(table: &str, path: &Path) -> Result<(), DataError> {
    match table {
        "images" => all::<ImageRecord>(path, TableFormat::Parquet).map(drop),
        "regions" => all::<RegionRecord>(path, TableFormat::Parquet).map(drop),
        _ => all::<SampleRecord>(path, TableFormat::Parquet).map(drop),
    }
}

/// Calls `spoil` for the Parquet file of each table, with its bytes and the place for others.
fn for_each_table(spoil: impl Fn(&str, &[u8], &Path)) {
    let scratch = tempfile::tempdir().unwrap();
    Example::new(2).write(scratch.path(), &Tables { row_group: 6, ..Tables::default() });
    let target = scratch.path().join("hostile.parquet");
    for (path, bytes) in files(scratch.path()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("train") {
            let table = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
            spoil(table, &bytes, &target);
        }
    }
}

#[test]
fn a_cut_file_is_refused_wherever_it_ends() {
    for_each_table(|table, bytes, target| {
        for end in (0..bytes.len()).step_by(97).chain(bytes.len() - 9..bytes.len()) {
            fs::write(target, &bytes[..end]).unwrap();
            let error = outcome(table, target).unwrap_err();
            assert!(matches!(error, DataError::Table { .. }), "{error}");
        }
    });
}

#[test]
fn no_damaged_byte_makes_reading_panic() {
    for_each_table(|table, bytes, target| {
        let mut refused = 0;
        for at in (0..bytes.len()).step_by(7) {
            let mut spoilt = bytes.to_vec();
            spoilt[at] = [0x00, 0x7f, 0xff, spoilt[at] ^ 0x10][at % 4];
            fs::write(target, spoilt).unwrap();
            refused += usize::from(outcome(table, target).is_err());
        }
        assert!(refused > 100, "{table}: only {refused} refused");
    });
}

#[test]
fn other_columns_than_those_of_the_table_are_named() {
    let scratch = tempfile::tempdir().unwrap();
    Example::new(1).write(scratch.path(), &Tables::default());
    let message = |table: &str, path: &str| {
        outcome(table, &scratch.path().join(path)).unwrap_err().to_string()
    };
    let missing = message("regions", "images/train.parquet");
    assert!(missing.contains("no column \"region_id\""), "{missing}");
    let missing = message("images", "samples/train-00000-of-00001.parquet");
    assert!(missing.contains("no column \"image_id\""), "{missing}");
}

#[test]
fn a_tree_of_columns_without_end_is_refused() {
    // A hundred thousand groups, each the only child of the one before.
    let mut footer = vec![0x15, 4, 0x19, 0xfc, 0xa0, 0x8d, 6];
    for _ in 0..100_000 {
        footer.extend([0x48, 1, b'a', 0x15, 2, 0]);
    }
    let mut bytes = b"PAR1".to_vec();
    bytes.extend(&footer);
    bytes.extend((footer.len() as u32).to_le_bytes());
    bytes.extend(b"PAR1");
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("deep.parquet");
    fs::write(&path, bytes).unwrap();
    let message = outcome("images", &path).unwrap_err().to_string();
    assert!(message.contains("100000 columns"), "{message}");
}

/// Writes a file with the columns of an image, one of them replaced.
fn images_with(path: &Path, name: &str, column: &ArrayRef) {
    let arrays = ImageRecord::to_arrays(&Example::new(1).images[..2]).unwrap();
    let columns = ImageRecord::fields()
        .iter()
        .zip(arrays)
        .map(|(field, array)| {
            let array = if field.name() == name { Arc::clone(column) } else { array };
            (field.name().clone(), array, true)
        })
        .collect::<Vec<_>>();
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let file = fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn wrong_types_nulls_and_values_are_named_with_their_row() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("images.parquet");
    let message = |name: &str, column: ArrayRef| {
        images_with(&path, name, &column);
        outcome("images", &path).unwrap_err().to_string()
    };
    let texts = |texts: Vec<Option<&str>>| -> ArrayRef { Arc::new(StringArray::from(texts)) };
    let numbers = |numbers: Vec<Option<i64>>| -> ArrayRef { Arc::new(Int64Array::from(numbers)) };
    let found = message("width", texts(vec![Some("1"), Some("2")]));
    assert!(found.contains("\"width\" has type Utf8, expected integers"), "{found}");
    let found = message("seen", texts(vec![Some("1"), Some("2")]));
    assert!(found.contains("\"seen\" has type Utf8, expected a list"), "{found}");
    let found = message("width", numbers(vec![Some(1), None]));
    assert!(found.contains("\"width\" is null in row 1"), "{found}");
    let found = message("width", numbers(vec![Some(1), Some(-1)]));
    assert!(found.contains("\"width\" holds -1 in row 1"), "{found}");
    let found = message("split", texts(vec![Some("train"), Some("valid")]));
    assert!(found.contains("holds valid in row 1, expected train, dev or test"), "{found}");
}

#[test]
fn other_widths_of_texts_and_numbers_are_read() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("images.parquet");
    let widths: ArrayRef = Arc::new(UInt64Array::from(vec![7, 8]));
    images_with(&path, "width", &widths);
    let images = all::<ImageRecord>(&path, TableFormat::Parquet).unwrap();
    assert_eq!(images.iter().map(|image| image.width).collect::<Vec<_>>(), [7, 8]);
    let ids: ArrayRef = Arc::new(LargeStringArray::from(vec!["a", "b"]));
    images_with(&path, "image_id", &ids);
    assert_eq!(all::<ImageRecord>(&path, TableFormat::Parquet).unwrap()[1].image_id, "b");
}

#[test]
fn another_compression_than_that_of_common_tools_is_named() {
    // A column with one text, written by pyarrow 26.0.1 with compression="gzip".
    let hexadecimal = "5041523115001516153a2c15021500150615061c0000001f8b080000000000020363626060626064\
                       04928900dfb2fd680b0000001502192c35001806736368656d61150200150c25021808696d616765\
                       5f696425004c1c0000001602191c191c26001c150c19250600191808696d6167655f696415041602\
                       163c16602608491c150015001502003c1602190619260002000000163c1602260816600028207061\
                       72717565742d6370702d6172726f772076657273696f6e2032362e302e31191c1c00000090000000\
                       50415231";
    let digits: Vec<char> = hexadecimal.chars().collect();
    let bytes: Vec<u8> = digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap())
        .collect();
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("gzip.parquet");
    fs::write(&path, bytes).unwrap();
    let message = outcome("images", &path).unwrap_err().to_string();
    assert!(message.contains("compression GZIP"), "{message}");
}

#[test]
fn the_compression_of_common_tools_and_none_are_read() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("images.parquet");
    let images = Example::new(1).images;
    let batch = RecordBatch::try_new(
        Arc::new(arrow_schema::Schema::new(ImageRecord::fields())),
        ImageRecord::to_arrays(&images).unwrap(),
    );
    let batch = batch.unwrap();
    for codec in [Compression::SNAPPY, Compression::UNCOMPRESSED] {
        let properties = WriterProperties::builder().set_compression(codec).build();
        let file = fs::File::create(&path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        assert_eq!(all::<ImageRecord>(&path, TableFormat::Parquet).unwrap(), images);
    }
}
