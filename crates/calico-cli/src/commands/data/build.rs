use std::collections::BTreeMap;
use std::fmt::Write as _;

use calico_data::build::{self, BuildInput, BuildRecord, BuildStage, BuildWatch, Destination};
use calico_data::sources::{Ade20kPart234, OwnData, PacoLvis, PartImageNet, Reading, Watch};
use calico_data::{BuildConfig, DataError, Level, Problem, Split};
use calico_result::{Task, terminal};

use crate::args::{BuildArgs, SourceArgs};
use crate::failure::Failure;
use crate::stream;
use crate::watching::{StageBar, stop_flag};

/// How many kinds of findings are shown at the end.
const MOST_KINDS: usize = 12;

/// Builds a data set.
pub(crate) fn build(args: &BuildArgs) -> Result<(), Failure> {
    let official = ["paco_lvis", "part_imagenet", "ade20k_part_234"];
    if let Some((name, _)) = args.sources.own.iter().find(|(name, _)| official.contains(&&**name)) {
        return Err(Failure::bad_input(format!(
            "found {name} in --own, which is the name of an official source: choose another name"
        )));
    }
    let config = match &args.config {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|source| DataError::Read { path: path.clone(), source })?;
            BuildConfig::from_toml(&text)?
        }
        None => BuildConfig::default(),
    };
    let destination = Destination::new(&args.out)?;
    let bar = StageBar::new();
    let readings = read(&args.sources, &config, &bar);
    if readings.is_err() {
        bar.finish();
    }
    let readings = readings?;
    let problems: Vec<Problem> =
        readings.iter().flat_map(|reading| reading.problems.iter().cloned()).collect();
    let input = BuildInput { readings, config, seed: args.seed, is_strict: args.strict };
    let progress =
        |stage: BuildStage, done: u64, total: u64| bar.set(&stage.to_string(), done, total);
    let built = build::build(input, &destination, &BuildWatch::new(&progress, stop_flag()));
    bar.finish();
    stream::tell(&findings(&problems));
    let record = built?;
    stream::print(&summary(&record))?;
    for warning in &record.warnings {
        stream::tell(&format!("warning: {}", terminal::harmless(warning)));
    }
    Ok(())
}

/// Reads the sources that were named.
fn read(
    sources: &SourceArgs,
    config: &BuildConfig,
    bar: &StageBar,
) -> Result<Vec<Reading>, DataError> {
    let images = || config.images.clone();
    let mut readings = Vec::new();
    let mut add = |name: &str, read: &dyn Fn(&Watch<'_>) -> Result<Reading, DataError>| {
        let stage = format!("reading {name}");
        let progress = |done: u64, total: u64| bar.set(&stage, done, total);
        readings.push(read(&Watch::new(&progress, stop_flag()))?);
        Ok::<(), DataError>(())
    };
    if let (Some(root), Some(coco)) = (&sources.paco, &sources.coco) {
        let source = PacoLvis { root: root.clone(), coco: coco.clone(), images: images() };
        add("PACO-LVIS", &|watch| source.read(watch))?;
    }
    if let Some(root) = &sources.part_imagenet {
        let masks = config.part_imagenet.clone();
        let source = PartImageNet { root: root.clone(), images: images(), masks };
        add("PartImageNet", &|watch| source.read(watch))?;
    }
    if let Some(root) = &sources.ade20k {
        let source = Ade20kPart234 { root: root.clone(), images: images() };
        add("ADE20K-Part-234", &|watch| source.read(watch))?;
    }
    for (name, root) in &sources.own {
        let source = OwnData { name: name.clone(), root: root.clone(), images: images() };
        add(name, &|watch| source.read(watch))?;
    }
    Ok(readings)
}

/// What was wrong with the sources: the kinds of findings, most serious first.
fn findings(problems: &[Problem]) -> String {
    let mut kinds: BTreeMap<_, (u64, &Problem)> = BTreeMap::new();
    for problem in problems {
        let key = (std::cmp::Reverse(problem.level), problem.source.as_str(), problem.code);
        kinds.entry(key).or_insert((0, problem)).0 += 1;
    }
    let mut text = String::new();
    for (count, first) in kinds.values().take(MOST_KINDS) {
        let level = match first.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Information => "note",
        };
        let image = first.image.as_deref().unwrap_or("");
        let line = format!(
            "{level}: {} {} × {count}, first in {} {image}: {}",
            first.source, first.code, first.split, first.detail
        );
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", terminal::harmless(&line));
    }
    if kinds.len() > MOST_KINDS {
        let _ = writeln!(text, "and {} more kinds of findings", kinds.len() - MOST_KINDS);
    }
    text.trim_end().to_owned()
}

/// What the data set holds, as a table.
fn summary(record: &BuildRecord) -> String {
    let mut text = format!("{:18}", "samples");
    for task in Task::ALL {
        let _ = write!(text, "{:>16}", task.name());
    }
    let _ = writeln!(text, "{:>12}{:>12}", "images", "regions");
    for split in Split::ALL {
        let Some(counts) = record.splits.get(&split) else { continue };
        for (source, cells) in &counts.cells {
            let _ = write!(text, "{:18}", format!("{split} {source}"));
            for task in Task::ALL {
                let _ = write!(text, "{:>16}", cells.get(&task).copied().unwrap_or(0));
            }
            let images = counts.images_by_source.get(source).copied().unwrap_or(0);
            let _ = writeln!(text, "{images:>12}");
        }
        let _ = writeln!(
            text,
            "{:66}{:>12}{:>12}",
            format!("{split}: {} samples", counts.samples),
            counts.images,
            counts.regions
        );
    }
    text
}
