//! What was found, as JSON for programs.

use std::path::Path;

use calico_formats::Element;
use calico_import::{Check, Close, Group, TranslateError, Translation};
use serde_json::{Map, Value, json};

use super::contents::Contents;
use super::verdict::Verdict;
use crate::stream;

/// Notes, and characters of each, that are written: a file may hold a book.
const NOTES: usize = 1000;
const CHARACTERS: usize = 1000;

pub(super) fn text(
    contents: &Contents,
    verdict: &Verdict,
    all: bool,
    starter_map: Option<&Path>,
) -> anyhow::Result<String> {
    let files = contents
        .files
        .iter()
        .map(|file| json!({ "name": file.name, "format": file.format, "bytes": file.bytes }));
    let stored = contents.stored().into_iter().map(|of| {
        let stored = json!({ "tensors": of.tensors, "values": of.values });
        (of.element.to_string(), stored)
    });
    let notes = contents.notes.iter().take(NOTES).map(|(key, note)| (key.clone(), cut(note)));
    let groups = contents.groups();
    let mut found = json!({
        "path": contents.path.display().to_string(),
        "files": files.collect::<Vec<_>>(),
        "bytes": contents.bytes(),
        "tensors": contents.tensors.len(),
        "values": contents.values(),
        "stored": stored.collect::<Map<_, _>>(),
        "doubled": contents.doubled,
        "notes": notes.collect::<Map<_, _>>(),
        "lists": contents.lists,
        "beside": contents.beside,
        "patterns": groups.iter().map(|(of, it)| group(it, Some(*of))).collect::<Vec<_>>(),
        "family": family(contents, verdict),
        "starter_map": starter_map.map(|path| path.display().to_string()),
    });
    if all {
        let tensors = contents.tensors.iter().map(|(name, tensor)| {
            json!({
                "name": name,
                "type": tensor.element.to_string(),
                "shape": tensor.shape,
                "bytes": tensor.bytes(),
            })
        });
        found["every_tensor"] = tensors.collect();
    }
    stream::json(&found)
}

fn cut(note: &str) -> Value {
    match note.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}…", note.get(..end).unwrap_or_default()).into(),
        None => note.into(),
    }
}

fn group(group: &Group, element: Option<Element>) -> Value {
    let Group { pattern, count, shape, uniform } = group;
    let mut found =
        json!({ "pattern": pattern, "tensors": count, "shape": shape, "uniform": uniform });
    if let Some(element) = element {
        found["type"] = element.to_string().into();
    }
    found
}

/// Whose the tensors are; `state` says which of the other keys are there.
fn family(contents: &Contents, verdict: &Verdict) -> Value {
    let modules = verdict.modules(&contents.tensors).into_iter().map(|module| {
        json!({
            "module": module.title,
            "prefix": module.prefix,
            "tensors": module.tensors,
            "values": module.values,
        })
    });
    let modules: Value = modules.collect();
    match verdict {
        Verdict::Ours => json!({ "state": "ours", "modules": modules }),
        Verdict::Translated(translation) => translated(translation, &modules),
        Verdict::Failed(error) => failed(error),
    }
}

fn translated(translation: &Translation, modules: &Value) -> Value {
    let Translation { map, title, certain, prefix, checks, ignored, unknown, copies, .. } =
        translation;
    let equal = checks.iter().filter(|check| matches!(check, Check::Equal { .. })).count();
    let ignored = ignored.iter().map(|it| json!({ "pattern": it.pattern, "tensors": it.count }));
    json!({
        "state": if *certain { "known" } else { "guessed" },
        "map": map,
        "title": title,
        "prefix": prefix,
        "modules": modules,
        "checks": { "equal": equal, "zero": checks.len() - equal },
        "copies": copies,
        "ignored": ignored.collect::<Vec<_>>(),
        "unknown": unknown.iter().map(|it| group(it, None)).collect::<Vec<_>>(),
    })
}

fn failed(error: &TranslateError) -> Value {
    let reason = error.to_string();
    match error {
        TranslateError::Empty => json!({ "state": "empty", "reason": reason }),
        TranslateError::NoFamily { close } => {
            let close = close.iter().map(|Close { map, title, percent, missing }| {
                json!({ "map": map, "title": title, "percent": percent, "missing": missing })
            });
            json!({ "state": "unknown", "close": close.collect::<Vec<_>>() })
        }
        TranslateError::Several(maps) => json!({ "state": "several", "maps": maps }),
        TranslateError::Refused { title, reason } => {
            json!({ "state": "refused", "title": title, "reason": reason })
        }
        TranslateError::Unusable { title, problems } => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            json!({ "state": "unusable", "title": title, "problems": problems })
        }
    }
}
