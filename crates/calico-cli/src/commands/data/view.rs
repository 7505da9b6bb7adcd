use std::path::Path;

use calico_data::Dataset;
use calico_data::view::{self, ViewOptions};
use calico_result::{create_output_folder, terminal};
use calico_synth::RECORD_FILE;

use super::roots::with_roots;
use crate::args::ViewArgs;
use crate::commands::eval::folder_and_name;
use crate::failure::Failure;
use crate::stream;

/// The most warnings that are shown.
const MOST_WARNINGS: usize = 10;

/// Writes a page of samples.
pub(crate) fn view(args: &ViewArgs) -> Result<(), Failure> {
    let (folder, name) = folder_and_name(&args.out)?;
    let dataset = with_roots(Dataset::open(&args.data)?, &args.root)?;
    let is_inside = |data: &Path| {
        let folders = (folder.canonicalize(), data.canonicalize());
        matches!(folders, (Ok(folder), Ok(data)) if folder.starts_with(&data))
    };
    if is_inside(&args.data) {
        return Err(Failure::bad_input(format!(
            "found {} inside of the data set, expected a page beside it",
            args.out.display()
        )));
    }
    let options = ViewOptions {
        split: args.split.into(),
        task: args.task.map(Into::into),
        source: args.source.clone(),
        samples: args.samples as usize,
        seed: args.seed,
        embed: args.embed,
    };
    let page = view::view(&dataset, &options)?;
    if page.matching == 0 {
        return Err(Failure::bad_input(format!(
            "found no such sample in the split {} of {}; ask for another split, sub-task or source",
            options.split,
            args.data.display()
        )));
    }
    create_output_folder(folder)?.write(name, page.html.as_bytes())?;
    for warning in page.warnings.iter().take(MOST_WARNINGS) {
        stream::tell(&format!("warning: {}", terminal::harmless(warning)));
    }
    if page.warnings.len() > MOST_WARNINGS {
        stream::tell(&format!("and {} more warnings", page.warnings.len() - MOST_WARNINGS));
    }
    // What the program drew itself may be passed on.
    if args.embed && !args.data.join(RECORD_FILE).is_file() {
        stream::tell(
            "note: the page holds copies of the pictures; the terms of the sources do not allow \
             passing them on",
        );
    }
    stream::tell(&format!(
        "{} of {} samples are in {}",
        page.shown,
        page.matching,
        args.out.display()
    ));
    Ok(())
}
