//! What is said of an import, in files and in errors.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use calico_result::OutputFolder;

use super::findings::Matter;
use super::release::Document;
use super::{ImportSummary, NotUnderstood, Outline, ReleasedError, ReleasedInput};
use crate::DataError;

/// What is said of a document that lacks the lists of its shape.
pub(super) fn wrong_shape(
    document: &Document<'_>,
    outline: &Outline,
    missing: &[(&str, &str)],
) -> ReleasedError {
    let keys = outline.keys.iter().take(20).map(|(key, value)| format!("{key} ({})", value.line()));
    let found = format!("{}: {}", outline.line(), keys.collect::<Vec<_>>().join("; "));
    let list = |(_, list): &(&str, &str)| match *list {
        "" => "a list as the whole".to_owned(),
        list => format!("a list {list:?}"),
    };
    let key = |(key, _): &(&str, &str)| format!("shapes.{}.{key}", document.map.shape);
    ReleasedError::Shape {
        path: document.path.clone(),
        found,
        expected: missing.iter().map(list).collect::<Vec<_>>().join(" and "),
        keys: missing.iter().map(key).collect::<Vec<_>>().join(", "),
    }
}

/// What is said where nothing was understood.
pub(super) fn no_samples(not_understood: &[NotUnderstood]) -> ReleasedError {
    let mut worst: Vec<&NotUnderstood> =
        not_understood.iter().filter(|entry| entry.matter != Matter::File).collect();
    worst.sort_by_key(|entry| (entry.matter != Matter::Sample, Reverse(entry.count)));
    let reason = |it: &&NotUnderstood| format!("{} × {} in {}", it.count, it.what, it.document);
    let reasons = worst.iter().take(5).map(reason).collect::<Vec<_>>().join("; ");
    ReleasedError::NoSamples { reasons }
}

/// Writes everything that is not a table.
pub(super) fn write_reports(
    folder: &OutputFolder,
    summary: &ImportSummary,
    input: &ReleasedInput,
) -> Result<(), DataError> {
    let mut json = serde_json::to_vec_pretty(summary).map_err(|e| DataError::Write(e.into()))?;
    json.push(b'\n');
    let used: Vec<&String> = summary.splits.values().flat_map(|it| it.samples.keys()).collect();
    let roots: BTreeMap<_, _> =
        input.roots.iter().filter(|(name, _)| used.contains(name)).collect();
    let roots = toml::to_string(&BTreeMap::from([("roots", roots)]))
        .map_err(|error| DataError::Config { reason: error.to_string() })?;
    folder.write("roots.toml", roots.as_bytes())?;
    let not_understood: u64 = summary.not_understood.iter().map(|entry| entry.count).sum();
    let card = format!(
        "# MixedParts, imported\n\nThe released annotations of MixedParts (`PLAN-Lab/MixedParts`) \
         in the tables of Calico.\n`import.json` holds the documents with their hashes, the map of \
         their names, all counts, and the {not_understood} things that were not understood.\n\
         The map is a guess unless whoever imported them wrote it.\nPictures are referenced, not \
         copied; `roots.toml` says where they are, and is to be left out when this is passed on.\n"
    );
    folder.write("README.md", card.as_bytes())?;
    folder.write(ImportSummary::FILE, &json)?;
    Ok(())
}
