use std::fs;

use calico_annotation::{Document, Findings, Imported, coco, cvat, label_studio};
use calico_data::build::Destination;
use calico_data::{DataError, Dataset, Split, exchange};
use calico_result::terminal;

use crate::args::{ImportArgs, ImportChoice};
use crate::failure::Failure;
use crate::output::Output;
use crate::stream;

/// No export is larger; text of twice this size would not fit into memory with its masks.
const MAX_BYTES: u64 = 4 << 30;

/// The most statements that are shown.
const MOST_STATEMENTS: usize = 20;

/// Reads what annotators made.
pub(crate) fn import(args: &ImportArgs) -> Result<(), Failure> {
    let path = &args.file;
    let read = |source| DataError::Read { path: path.clone(), source };
    let length = fs::metadata(path).map_err(read)?.len();
    if length > MAX_BYTES {
        return Err(Failure::bad_input(format!(
            "found {length} bytes in {}, expected {MAX_BYTES} or fewer; export it in parts",
            path.display()
        )));
    }
    let bytes = fs::read(path).map_err(read)?;
    let Imported { document, findings } = match args.format {
        ImportChoice::Coco => coco::read(&bytes)?,
        ImportChoice::LabelStudio => label_studio::read(&bytes)?,
        ImportChoice::Cvat => cvat::read(&bytes)?,
    };
    drop(bytes);
    tell_findings(&findings);
    match &args.data {
        Some(data) => correct(args, &Dataset::open(data)?, &document),
        None => begin(args, &document),
    }
}

fn tell_findings(findings: &Findings) {
    tell(findings.messages(), findings.unlisted());
}

fn tell(statements: &[String], unlisted: usize) {
    for statement in statements.iter().take(MOST_STATEMENTS) {
        stream::tell(&format!("warning: {}", terminal::harmless(statement)));
    }
    let more = statements.len().saturating_sub(MOST_STATEMENTS) + unlisted;
    if more > 0 {
        stream::tell(&format!("and {more} more warnings"));
    }
}

/// Puts corrected masks into a data set.
fn correct(args: &ImportArgs, dataset: &Dataset, document: &Document) -> Result<(), Failure> {
    let destination = Destination::new(&args.out)?;
    let split = Split::from(args.split);
    let corrections = exchange::correct(dataset, split, document, &destination)?;
    tell(&corrections.statements, 0);
    stream::print(&format!(
        "{} masks changed, {} regions removed, {} samples left out, {} new regions not used\n",
        corrections.changed, corrections.removed, corrections.samples_left_out, corrections.added
    ))?;
    Ok(())
}

/// Makes data of the user's own, for `calico data build --own`.
fn begin(args: &ImportArgs, document: &Document) -> Result<(), Failure> {
    Output::check(&args.out)?;
    let mut json = Vec::new();
    coco::write(document, &mut json)?;
    let output = Output::create(&args.out)?;
    let name = format!("{}.json", Split::from(args.split));
    let path = output.folder.write(&name, &json)?;
    stream::tell(&format!(
        "{} images and {} regions are in {}; put the pictures into {}",
        document.images.len(),
        document.regions().count(),
        path.display(),
        args.out.join("images").display()
    ));
    Ok(())
}
