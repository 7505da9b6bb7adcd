use std::fs;
use std::path::{Path, PathBuf};

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
