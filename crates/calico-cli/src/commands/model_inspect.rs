//! What model files of anyone hold, whose they are, and what of ours they would become.

mod contents;
mod json;
pub(super) mod maps;
mod report;
mod tokenizer;
mod verdict;

use std::path::Path;

use calico_formats::sentencepiece::Pieces;
use calico_formats::{FormatError, SetError, ShardedFiles};
use calico_import::Names;

use self::contents::Contents;
use self::verdict::Verdict;
use crate::args::InspectArgs;
use crate::failure::Failure;
use crate::stream;

/// What was found.
enum Found {
    Tensors(ShardedFiles),
    Tokenizer(Box<Pieces>),
}

/// Says what a file or folder holds.
pub(crate) fn run(args: &InspectArgs) -> Result<(), Failure> {
    let starter = args.starter_map.as_deref();
    if let Some(path) = starter {
        maps::check_new(path)?;
    }
    let map = args.map.as_deref().map(maps::read).transpose()?;
    let set = match open(&args.path)? {
        Found::Tensors(set) => set,
        Found::Tokenizer(pieces) => {
            if map.is_some() || starter.is_some() {
                let path = args.path.display();
                let advice = "leave --map and --starter-map out, or name a file of tensors";
                return Err(Failure::bad_input(format!("{path} is a tokenizer: {advice}")));
            }
            return Ok(stream::print(&tokenizer::report(&pieces, args.json)?)?);
        }
    };
    let contents = Contents::of(&set)?;
    let verdict = Verdict::of(&contents.tensors, map.as_ref());
    let written = match starter {
        Some(path) if verdict.leaves_something() => {
            maps::write_starter(path, Names::new(&contents.tensors))?;
            Some(path)
        }
        _ => None,
    };
    let text = if args.json {
        json::text(&contents, &verdict, args.all, written)?
    } else {
        report::text(&contents, &verdict, args) + &after(args, &verdict, written)
    };
    Ok(stream::print(&text)?)
}

/// What became of the map that was asked for, and what to do next.
fn after(args: &InspectArgs, verdict: &Verdict, written: Option<&Path>) -> String {
    let path = report::harmless_path(&args.path);
    match (written, &args.starter_map) {
        (Some(map), _) => {
            let map = report::harmless_path(map);
            format!(
                "\nwrote {map}: fill in the names on its right sides, then try it:\n\
                 calico model inspect {path} --map {map}\n"
            )
        }
        (None, Some(map)) => {
            let map = report::harmless_path(map);
            format!("\ndid not write {map}: no name is unknown, so no map is needed\n")
        }
        (None, None) if args.map.is_none() && verdict.leaves_names() => format!(
            "\nTo begin a map for what is unknown:\n\
             calico model inspect {path} --starter-map my-map.toml\n"
        ),
        (None, None) => String::new(),
    }
}

/// Opens tensors, or else a tokenizer.
fn open(path: &Path) -> Result<Found, Failure> {
    let error = match ShardedFiles::open(path) {
        Ok(set) => return Ok(Found::Tensors(set)),
        Err(error) => error,
    };
    if !matches!(error, SetError::File(FormatError::NotThis { .. })) {
        return Err(error.into());
    }
    if path.extension().is_some_and(|ending| ending == "model") {
        return Ok(Found::Tokenizer(Box::new(Pieces::from_model_file(path)?)));
    }
    match Pieces::from_model_file(path) {
        Ok(pieces) => Ok(Found::Tokenizer(Box::new(pieces))),
        Err(_) => Err(error.into()),
    }
}
