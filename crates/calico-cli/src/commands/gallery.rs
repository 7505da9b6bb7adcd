use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use calico_data::build::Destination;
use calico_data::{Dataset, Split};
use calico_eval::showcase::{self, AskedModel, Choice, Showcase};
use calico_eval::{suite_folder, suite_names};
use calico_model::SegmentOptions;
use calico_synth::{Suite, SynthOptions, SynthWatch, synthesize};

use crate::args::GalleryArgs;
use crate::commands::eval::{Examinee, Watcher};
use crate::commands::segment::Source;
use crate::failure::Failure;
use crate::output::Output;
use crate::stream;
use crate::watching::{StageBar, stop_flag};

/// Groups of a drawn test split for each pair of a sub-task: one per sub-task. Its suites then have
/// as many cases as pairs, or one or two more.
const GROUPS: u64 = 3;

/// What scenes look like, as `calico data synth` draws them where nothing else is asked for.
const SIZE: u32 = 160;
const GROUP_SIZE: usize = 2;
const CUE: f32 = 0.3;

/// Draws pairs, asks the model about them, and writes the page.
///
/// Nothing is written before all input is known to be good.
pub(crate) fn run(args: &GalleryArgs) -> Result<(), Failure> {
    showcase::check_place(&args.out)?;
    Output::check(&args.out)?;
    // A data set that cannot be read is told before the long work, as a model is.
    let given = args.data.as_deref().map(Dataset::open).transpose()?;
    let segmenter = Source::choose(args.model.as_deref())?.load()?;
    let output = Output::create(&args.out)?;

    let bar = StageBar::new();
    let (data, folder) = match given {
        Some(data) => (data, args.data.clone().unwrap_or_default()),
        None => drawn(args, &bar)?,
    };
    let context = suite(&folder)?;
    let choice = Choice { pairs: args.pairs as usize, seed: args.seed };
    let chosen = choice.draw(&data, context.as_ref())?;
    let (name, notice) = (segmenter.identity().name.clone(), segmenter.config().notice.clone());
    let mut examinee = Examinee { segmenter, options: SegmentOptions::default() };
    let asked = AskedModel { model: &mut examinee, name, notice };
    let made = Showcase::ask(&chosen, named(args, &folder), asked, &mut Watcher(&bar), stop_flag());
    bar.finish();
    let made = made?;

    let json = made.to_json()?;
    output.folder.write(showcase::PAGE, showcase::page(&made).as_bytes())?;
    // Last, since it says that the folder is a gallery.
    output.folder.write(showcase::DOCUMENT, json.as_bytes())?;
    stream::print(&if args.json { json } else { showcase::terminal(&made) })?;
    if let Some(notice) = &made.notice {
        stream::tell(&format!("warning: {}", calico_result::terminal::harmless(notice)));
    }
    if std::io::stderr().is_terminal() {
        stream::tell(&format!("the page is {}", args.out.join(showcase::PAGE).display()));
    }
    Ok(())
}

/// Draws scenes into a folder below that of the page.
fn drawn(args: &GalleryArgs, bar: &StageBar) -> Result<(Dataset, PathBuf), Failure> {
    let options = SynthOptions {
        seed: args.seed,
        groups: vec![(Split::Test, GROUPS * args.pairs)],
        size: SIZE,
        group_size: GROUP_SIZE,
        cue: CUE,
    };
    let destination = Destination::new(&args.out.join(showcase::DATA))?;
    let progress = |done, total| bar.set("drawing", done, total);
    let watch = SynthWatch { progress: &progress, stop: stop_flag() };
    let done = synthesize(&options, &destination, &watch);
    done.inspect_err(|_| bar.finish())?;
    let folder = destination.path().to_owned();
    Ok((Dataset::open(&folder)?, folder))
}

/// The suite of images with two partners, if a data set has it.
fn suite(data: &Path) -> Result<Option<Dataset>, Failure> {
    let name = Suite::Context.name();
    if !suite_names(data)?.iter().any(|suite| suite == name) {
        return Ok(None);
    }
    Ok(Some(Dataset::open(&suite_folder(data, name)?)?))
}

/// What the page calls a data set that the user has named.
fn named(args: &GalleryArgs, folder: &Path) -> Option<String> {
    args.data.as_ref()?;
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    Some(name.unwrap_or_else(|| "the data set".to_owned()))
}
