use calico_data::Dataset;
use calico_data::sources::Watch;
use calico_data::validate::{PictureRules, ValidateOptions, validate as check};

use super::roots::with_roots;
use crate::args::{PictureCheckChoice, ValidateArgs};
use crate::failure::Failure;
use crate::stream;
use crate::watching::{StageBar, stop_flag};

/// Checks every rule of a data set.
pub(crate) fn validate(args: &ValidateArgs) -> Result<(), Failure> {
    let dataset = with_roots(Dataset::open(&args.data)?, &args.root)?;
    let pictures = match args.pictures {
        PictureCheckChoice::None => PictureRules::Skip,
        PictureCheckChoice::Size => PictureRules::Header,
        PictureCheckChoice::Hash => PictureRules::Bytes,
        PictureCheckChoice::Decode => PictureRules::Decode,
    };
    let options = ValidateOptions { pictures, ..ValidateOptions::default() };
    let bar = StageBar::new();
    let progress = |done: u64, total: u64| bar.set("checking", done, total);
    let checked = check(&dataset, &options, &Watch::new(&progress, stop_flag()));
    bar.finish();
    let report = checked?;
    if args.json {
        stream::print(&stream::json(&report)?)?;
    } else {
        stream::print(&report.to_text())?;
    }
    if report.is_sound() {
        Ok(())
    } else {
        Err(Failure::found(format!("found {} broken rows; they are listed above", report.total())))
    }
}
