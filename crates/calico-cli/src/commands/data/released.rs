use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering;

use anyhow::Context as _;
use calico_data::build::Destination;
use calico_data::released::{ImportSummary, Outline, ReleasedInput, ReleasedMap, import};
use calico_data::sources::Watch;
use calico_data::{DataError, Tables};
use calico_result::terminal;

use crate::args::ImportReleasedArgs;
use crate::failure::Failure;
use crate::stream;
use crate::watching::{StageBar, stop_flag};

/// The most things that were not understood that are shown.
const MOST_SHOWN: usize = 30;

/// Reads the released annotations, or shows the keys of one of their documents.
pub(crate) fn import_released(args: &ImportReleasedArgs) -> Result<(), Failure> {
    if let Some(path) = &args.inspect {
        return inspect(path);
    }
    let (Some(release), Some(out)) = (&args.release, &args.out) else {
        // The argument parser asks for both.
        return Err(Failure::bad_input("expected the folder of the release and --out DIR"));
    };
    let map = match &args.map {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|source| DataError::Read { path: path.clone(), source })?,
        None => ReleasedMap::BUILT_IN.to_owned(),
    };
    let mut roots = BTreeMap::new();
    for (source, root) in &args.root {
        let root = std::path::absolute(root).with_context(|| root.display().to_string())?;
        roots.insert(source.clone(), root);
    }
    let input = ReleasedInput {
        root: release.clone(),
        map: ReleasedMap::from_toml(&map).map_err(DataError::from)?,
        seed: args.seed,
        roots,
        tables: Tables::default(),
    };
    let destination = Destination::new(out)?;
    let bar = StageBar::new();
    let progress = |done: u64, total: u64| bar.set("reading the documents", done, total);
    let imported = import(&input, &destination, &Watch::new(&progress, stop_flag()));
    bar.finish();
    tell(&imported?)
}

fn inspect(path: &Path) -> Result<(), Failure> {
    let outline = Outline::read(path, &mut |_| !stop_flag().load(Ordering::Relaxed))?;
    let text: Vec<String> = outline.to_string().lines().map(terminal::harmless).collect();
    stream::print(&(text.join("\n") + "\n"))?;
    Ok(())
}

/// What was understood, and what was not.
fn tell(summary: &ImportSummary) -> Result<(), Failure> {
    for entry in summary.not_understood.iter().take(MOST_SHOWN) {
        let line = format!(
            "not understood: {}: {} (first: {}) × {}",
            entry.document, entry.what, entry.example, entry.count
        );
        stream::tell(&terminal::harmless(&line));
    }
    let more = summary.not_understood.len().saturating_sub(MOST_SHOWN);
    if more > 0 {
        stream::tell(&format!("and {more} more things; import.json lists all of them"));
    }
    for (split, counts) in &summary.splits {
        let samples: u64 = counts.samples.values().flat_map(BTreeMap::values).sum();
        stream::print(&format!(
            "{split}: {samples} samples, {} images, {} regions; {} texts converted, {} rendered\n",
            counts.images, counts.regions, counts.converted, counts.rendered
        ))?;
    }
    Ok(())
}
