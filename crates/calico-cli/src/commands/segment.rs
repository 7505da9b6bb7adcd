use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use calico_image::{Frame, ImageError};
use calico_model::{ModelFolder, Photograph, Preset, SegmentError, Segmenter};
use calico_result::{ExportFormat, Segmentation, export, pictures};

use crate::args::SegmentArgs;
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::Progress;
use crate::{answers, memory, stream};

const NO_MODEL: &str = "no model was given; expected --model DIR, \
    or --model untrained:tiny for a small one that knows nothing";

/// What a model that exists in memory only is called, before its preset.
const UNTRAINED: &str = "untrained:";

const UNTRAINED_SEED: u64 = 0;

const TIMINGS_FILE: &str = "timings.json";

/// Answers a question about photographs.
///
/// Nothing is written before all input is known to be good.
pub(crate) fn run(args: &SegmentArgs) -> Result<(), Failure> {
    let model = args.model.as_deref().ok_or(Failure::bad_input(NO_MODEL))?;
    let (question, options) = (args.question.question(), args.options.options());
    check_files(&args.images)?;
    if let Some(out) = &args.out {
        Output::check(out)?;
    }
    let mut progress = Progress::new(args.timings);
    progress.begin("open_model", None, "opening the model");
    let segmenter = open(model)?;
    segmenter.check(args.images.len(), &question, &options)?;
    let photographs = decode(&segmenter, &args.images, &mut progress)?;
    let output = args.out.as_deref().map(Output::create).transpose()?;

    let result = segmenter.segment(&photographs, &question, &options, &mut progress)?;

    if let Some(output) = &output {
        progress.begin("write", None, "writing the files");
        let frames: Vec<_> = photographs.into_iter().map(|photograph| photograph.frame).collect();
        write(args, &result, &frames, output)?;
    }
    progress.finish();
    if args.timings {
        if let Some(output) = &output {
            output.folder.write(TIMINGS_FILE, format!("{:#}\n", progress.timings()).as_bytes())?;
        }
        stream::tell(&progress.table());
    }
    print(args, &result)
}

/// Opens a model folder, or makes an untrained model, if the memory holds its weights.
fn open(model: &Path) -> Result<Segmenter, Failure> {
    let preset = model.to_str().and_then(|text| text.strip_prefix(UNTRAINED));
    if let Some(name) = preset {
        let preset = name.parse::<Preset>().map_err(Failure::bad_input)?;
        memory::check(&preset.config()?)?;
        return Ok(Segmenter::untrained(preset, UNTRAINED_SEED)?);
    }
    let folder = ModelFolder::open(model)?;
    memory::check(&folder.config)?;
    Ok(Segmenter::from_folder(folder)?)
}

/// Finds files that are not there, which takes no time, before the model is opened.
fn check_files(paths: &[PathBuf]) -> Result<(), SegmentError> {
    for path in paths {
        match path.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(ImageError::NotFound { path: path.clone() }.into());
            }
            Ok(metadata) if !metadata.is_file() => {
                return Err(ImageError::NotAFile { path: path.clone() }.into());
            }
            // The decoder says what else is wrong.
            _ => {}
        }
    }
    Ok(())
}

fn decode(
    segmenter: &Segmenter,
    paths: &[PathBuf],
    progress: &mut Progress,
) -> Result<Vec<Photograph>, SegmentError> {
    let options = segmenter.decode_options();
    let mut photographs = Vec::with_capacity(paths.len());
    for (path, image) in paths.iter().zip(1..) {
        progress.begin("decode", Some(image), &format!("reading {}", path.display()));
        photographs.push(Photograph::open_with(path, &options)?);
    }
    Ok(photographs)
}

/// Writes the data first: it is what took long to make.
fn write(
    args: &SegmentArgs,
    result: &Segmentation,
    frames: &[Frame],
    output: &Output,
) -> Result<(), Failure> {
    result.write(&output.folder)?;
    pictures::write(result, frames, &output.folder)?;
    let mut formats: Vec<ExportFormat> = args.export.iter().map(|&choice| choice.into()).collect();
    formats.sort_unstable();
    formats.dedup();
    for format in formats {
        export::write(result, format, &output.folder)?;
    }
    Ok(())
}

fn print(args: &SegmentArgs, result: &Segmentation) -> Result<(), Failure> {
    if args.json {
        stream::print(&result.to_json()?)?;
    } else {
        stream::print(&answers::text(result, stream::is_colored()))?;
    }
    for warning in answers::warnings(result) {
        stream::tell(&format!("warning: {warning}"));
    }
    if let Some(out) = args.out.as_deref().filter(|_| io::stderr().is_terminal()) {
        stream::tell(&format!("the result and its pictures are in {}", out.display()));
    }
    Ok(())
}
