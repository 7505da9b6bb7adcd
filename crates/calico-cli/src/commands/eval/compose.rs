use std::fs::File;
use std::path::Path;

use calico_data::Dataset;
use calico_eval::compose::{self, Detections, Names, Thresholds};
use calico_eval::predictions::{DataIdentity, Header, write_predictions};
use calico_eval::{EvalError, Truths};

use crate::args::ComposeArgs;
use crate::failure::Failure;
use crate::stream;

/// Makes predictions for pairs from detections in single images.
pub(crate) fn compose(args: &ComposeArgs) -> Result<(), Failure> {
    let thresholds = Thresholds { object: args.object_score, part: args.part_score };
    for (name, value) in [("object", thresholds.object), ("part", thresholds.part)] {
        if !value.is_finite() {
            return Err(Failure::bad_input(format!(
                "--{name}-score is {value}, expected a finite number"
            )));
        }
    }
    folder_and_name(&args.out)?;
    let dataset = Dataset::open(&args.data)?;
    let truths = Truths::read(&dataset, args.split.into())?;
    let names = match &args.categories {
        Some(path) => Names::read(path, open(path)?, &truths)?,
        None => Names::default(),
    };
    let path = &args.detections;
    let detections = Detections::read(path, open(path)?, &names, &truths, thresholds)?;
    let mut header =
        Header::new(None, Some(DataIdentity::new(&dataset, args.split.into(), &truths)));
    header.composed = Some(compose::composition(thresholds));
    let predictions = truths.samples().iter().map(|truth| compose::compose(truth, &detections));
    write_predictions(&args.out, &header, predictions)?;
    for note in detections.notes() {
        stream::tell(&note);
    }
    stream::tell(compose::READING);
    Ok(())
}

fn open(path: &Path) -> Result<File, EvalError> {
    File::open(path).map_err(|source| EvalError::Read { path: path.to_owned(), source })
}

/// Where a file is to be, and its name.
pub(crate) fn folder_and_name(path: &Path) -> Result<(&Path, &str), Failure> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.filter(|_| !path.is_dir()).ok_or_else(|| {
        Failure::bad_input(format!("found {}, expected the name of a file", path.display()))
    })?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    Ok((folder.unwrap_or_else(|| Path::new(".")), name))
}
