use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use calico_image::{DecodeOptions, Frame, ImageError};
use calico_model::{
    CalicoConfig, ImageCache, ModelError, ModelFolder, Photograph, Preset, Question, SegmentError,
    SegmentOptions, Segmenter,
};
use calico_result::{
    ExportFormat, ResultError, Segmentation, export, foreign_file, is_written_over, pictures,
};

use crate::args::SegmentArgs;
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::Progress;
use crate::{answers, memory, stream};

/// What a model that exists in memory only is called, before its preset.
const UNTRAINED: &str = "untrained:";

const UNTRAINED_SEED: u64 = 0;

const TIMINGS_FILE: &str = "timings.json";

/// Answers a question about photographs.
///
/// Nothing is written before all input is known to be good.
pub(crate) fn run(args: &SegmentArgs) -> Result<(), Failure> {
    // The argument parser asks for --out beside --batch.
    if let (Some(list), Some(out)) = (&args.batch.batch, &args.out) {
        return super::batch::run(args, list, out);
    }
    let (question, options) = (args.question.question(), args.options.options());
    check_files(&args.images)?;
    if let Some(out) = &args.out {
        Output::check(out)?;
        check_nothing_is_lost(&args.images, out)?;
    }
    let mut progress = Progress::new(args.timings);
    progress.begin("open_model", None, "opening the model");
    let source = Source::choose(args.model.as_deref())?;
    source.check(args.images.len(), &question, &options)?;
    let photographs = decode(&source.config().decode_options(), &args.images, &mut progress)?;
    progress.begin("read_weights", None, "reading the weights");
    let segmenter = source.load(args.cache.as_deref())?;
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

/// A model folder whose weights are not read yet, so that what is wrong with a question shows
/// first; or a small model that is in memory already: the built-in one, or an untrained one.
pub(crate) enum Source {
    Folder(Box<ModelFolder>),
    InMemory(Box<Segmenter>),
}

impl Source {
    /// The model that was named, or else the built-in one.
    pub(crate) fn choose(model: Option<&Path>) -> Result<Self, Failure> {
        match model {
            Some(model) => Self::open(model),
            None => Ok(Self::InMemory(Box::new(calico_mini::segmenter()?))),
        }
    }

    fn open(model: &Path) -> Result<Self, Failure> {
        let Some(name) = model.to_str().and_then(|text| text.strip_prefix(UNTRAINED)) else {
            let folder = ModelFolder::open(model)?;
            memory::check_folder(&folder)?;
            return Ok(Self::Folder(Box::new(folder)));
        };
        let preset: Preset = name.parse().map_err(|error: String| Failure::bad_input(error))?;
        memory::check(&preset.config()?)?;
        Ok(Self::InMemory(Box::new(Segmenter::untrained(preset, UNTRAINED_SEED)?)))
    }

    pub(crate) fn config(&self) -> &CalicoConfig {
        match self {
            Self::Folder(folder) => &folder.config,
            Self::InMemory(segmenter) => segmenter.config(),
        }
    }

    /// The name of the model, and what tells it apart from others of that name.
    pub(crate) fn identity(&self) -> Result<(String, String), ModelError> {
        match self {
            Self::Folder(folder) => Ok((folder.name(), folder.digest()?)),
            Self::InMemory(segmenter) => {
                let name = segmenter.identity().name.clone();
                // Programs of another version carry other weights under the same name.
                let is_built_in = name == calico_mini::NAME;
                let contents = if is_built_in { calico_mini::edition() } else { name.clone() };
                Ok((name, contents))
            }
        }
    }

    pub(crate) fn check(
        &self,
        images: usize,
        question: &Question,
        options: &SegmentOptions,
    ) -> Result<(), SegmentError> {
        match self {
            Self::Folder(folder) => folder.check(images, question, options),
            Self::InMemory(segmenter) => segmenter.check(images, question, options),
        }
    }

    /// The model; what it says about images is kept in `cache`, where it is given.
    pub(crate) fn load(self, cache: Option<&Path>) -> Result<Segmenter, ModelError> {
        let images = cache.map(|cache| {
            let (_, digest) = self.identity()?;
            ImageCache::default().with_folder(cache, &digest)
        });
        let images = images.transpose()?.unwrap_or_default();
        let segmenter = match self {
            Self::Folder(folder) => Segmenter::from_folder(*folder)?,
            Self::InMemory(segmenter) => *segmenter,
        };
        Ok(segmenter.with_images(images))
    }
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

/// Refuses to write over pictures that are asked about, and over files that no run wrote.
fn check_nothing_is_lost(images: &[PathBuf], out: &Path) -> Result<(), ResultError> {
    let input = images.iter().find(|image| is_written_over(image, out)).cloned();
    match input.or_else(|| foreign_file(out)) {
        Some(path) => Err(ResultError::Foreign { path }),
        None => Ok(()),
    }
}

fn decode(
    options: &DecodeOptions,
    paths: &[PathBuf],
    progress: &mut Progress,
) -> Result<Vec<Photograph>, SegmentError> {
    let mut photographs = Vec::with_capacity(paths.len());
    for (path, image) in paths.iter().zip(1..) {
        progress.begin("decode", Some(image), &format!("reading {}", path.display()));
        photographs.push(Photograph::open(path, options)?);
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
    output.folder.clear_previous()?;
    result.write(&output.folder)?;
    pictures::write(result, frames, &output.folder)?;
    for format in formats(args) {
        export::write(result, format, &output.folder)?;
    }
    Ok(())
}

/// The formats that were asked for, each once.
pub(crate) fn formats(args: &SegmentArgs) -> Vec<ExportFormat> {
    let mut formats: Vec<ExportFormat> = args.export.iter().map(|&choice| choice.into()).collect();
    formats.sort_unstable();
    formats.dedup();
    formats
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
