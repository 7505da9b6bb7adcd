use std::fs;
use std::io::{ErrorKind, IsTerminal as _};
use std::path::{Path, PathBuf};

use calico_data::build::Destination;
use calico_data::{DataError, Dataset, Split};
use calico_eval::showcase::{self, AskedModel, Choice, Showcase};
use calico_eval::{suite_folder, suite_names};
use calico_model::SegmentOptions;
use calico_synth::{RECORD_FILE, Suite, SynthOptions, SynthWatch, synthesize};

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

/// The name of earlier scenes while they are removed.
const ASIDE: &str = ".calico-data.old";

/// Draws pairs, asks the model about them, and writes the page.
///
/// Nothing is written before all input is known to be good.
pub(crate) fn run(args: &GalleryArgs) -> Result<(), Failure> {
    showcase::check_place(&args.out)?;
    Output::check(&args.out)?;
    // A data set that cannot be read is told before the long work, as a model is.
    let given = args.data.as_deref().map(Dataset::open).transpose()?;
    let segmenter = Source::choose(args.model.as_deref())?.load(None)?;
    let output = Output::create(&args.out)?;

    let bar = StageBar::new();
    let (data, folder) = match given {
        Some(data) => (data, args.data.clone().unwrap_or_default()),
        None => drawn(args, &bar)?,
    };
    // Scenes beside no page were drawn by whoever wants the page there, and are theirs.
    let has_earlier = args.data.is_some() && args.out.join(showcase::DOCUMENT).is_file();
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
    if has_earlier {
        remove_drawn(&args.out, &data)?;
    }
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
        size: SynthOptions::DEFAULT_SIZE,
        group_size: SynthOptions::DEFAULT_GROUP_SIZE,
        cue: SynthOptions::DEFAULT_CUE,
    };
    let destination = Destination::new(&args.out.join(showcase::DATA))?;
    let progress = |done, total| bar.set("drawing", done, total);
    let watch = SynthWatch { progress: &progress, stop: stop_flag() };
    let done = synthesize(&options, &destination, &watch);
    done.inspect_err(|_| bar.finish())?;
    let folder = destination.path().to_owned();
    Ok((Dataset::open(&folder)?, folder))
}

/// Removes the scenes that an earlier run drew for its page, now that there is another one; not if
/// they are what this page is about.
fn remove_drawn(out: &Path, shown: &Dataset) -> Result<(), Failure> {
    let (drawn, aside) = (out.join(showcase::DATA), out.join(ASIDE));
    let is_folder = fs::symlink_metadata(&drawn).is_ok_and(|data| data.is_dir());
    // Only a folder that holds a data set and nothing else counts as drawn.
    if !is_folder || !drawn.join(RECORD_FILE).is_file() || Destination::new(&drawn).is_err() {
        return Ok(());
    }
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let place = real(&drawn);
    let mut used = [shown.folder()].into_iter().chain(shown.roots().values().map(PathBuf::as_path));
    if used.any(|path| real(path).starts_with(&place)) {
        return Ok(());
    }
    // Half a data set is never there under its name.
    let removed = match fs::remove_dir_all(&aside) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => fs::rename(&drawn, &aside).and_then(|()| fs::remove_dir_all(&aside)),
    };
    removed.map_err(|source| DataError::Remove { path: drawn, source }.into())
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
