use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use calico_annotation::{AnnotationError, Document, coco, cvat, fiftyone, label_studio};
use calico_data::{DataError, Dataset, exchange};
use calico_eval::{EvalError, Truths};
use calico_result::{FILE_NAME, Segmentation};

use crate::args::{ExchangeChoice, ExportArgs};
use crate::failure::Failure;
use crate::output::Output;
use crate::stream;

/// Where Label Studio finds the files of a folder that it was told to serve.
const LABEL_STUDIO_FILES: &str = "/data/local-files/?d=";

/// Writes a data set or predictions for another tool.
pub(crate) fn export(args: &ExportArgs) -> Result<(), Failure> {
    Output::check(&args.out)?;
    let document = document(args)?;
    let output = Output::create(&args.out)?;
    for (name, bytes) in files(&document, args.format)? {
        let path = output.folder.write(name, &bytes)?;
        stream::tell(&format!("wrote {}", path.display()));
    }
    Ok(())
}

/// The files of a format.
fn files(
    document: &Document,
    format: ExchangeChoice,
) -> Result<Vec<(&'static str, Vec<u8>)>, AnnotationError> {
    let mut main = Vec::new();
    Ok(match format {
        ExchangeChoice::Coco => {
            coco::write(document, &mut main)?;
            vec![("coco.json", main)]
        }
        ExchangeChoice::LabelStudio => {
            label_studio::write(document, LABEL_STUDIO_FILES, &mut main)?;
            let config = label_studio::labeling_config(document)?;
            vec![("tasks.json", main), ("labeling.xml", config.into_bytes())]
        }
        ExchangeChoice::Cvat => {
            cvat::write(document, &mut main)?;
            let labels = cvat::labels_json(document)?;
            vec![("annotations.xml", main), ("labels.json", labels.into_bytes())]
        }
        ExchangeChoice::Fiftyone => {
            fiftyone::write(document, &mut main)?;
            vec![(fiftyone::LABELS_NAME, main)]
        }
    })
}

/// What is to be written.
fn document(args: &ExportArgs) -> Result<Document, Failure> {
    let what = &args.what;
    if what.is_dir() && what.join("samples").is_dir() {
        return Ok(exchange::of_split(&Dataset::open(what)?, args.split.into())?);
    }
    if what.is_dir() {
        let results = results_in(what)?;
        if results.is_empty() {
            return Err(Failure::bad_input(format!(
                "found neither a data set nor a {FILE_NAME} in {}",
                what.display()
            )));
        }
        return Ok(exchange::of_results(&results)?);
    }
    if what.extension().is_some_and(|extension| extension == "jsonl") {
        return predictions(args);
    }
    let name = String::new();
    Ok(exchange::of_results(&[(name, Segmentation::read(what)?)])?)
}

/// The results in a folder, and in the folders in it, by name.
fn results_in(folder: &Path) -> Result<Vec<(String, Segmentation)>, Failure> {
    let unreadable = |source| DataError::Read { path: folder.to_owned(), source };
    let mut found = Vec::new();
    if folder.join(FILE_NAME).is_file() {
        found.push((String::new(), folder.join(FILE_NAME)));
    }
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.join(FILE_NAME).is_file() {
            found.push((name, path.join(FILE_NAME)));
        }
    }
    found.sort();
    let read = |(name, path): (String, PathBuf)| Ok((name, Segmentation::read(&path)?));
    found.into_iter().map(read).collect()
}

fn predictions(args: &ExportArgs) -> Result<Document, Failure> {
    let advice = "found a predictions file, expected --data DIR, the data set that it is about";
    let data = args.data.as_deref().ok_or_else(|| Failure::bad_input(advice))?;
    let truths = Truths::read(&Dataset::open(data)?, args.split.into())?;
    let path = &args.what;
    let file = File::open(path).map_err(|source| EvalError::Read { path: path.clone(), source })?;
    Ok(calico_eval::exchange::document(path, BufReader::new(file), &truths)?)
}
