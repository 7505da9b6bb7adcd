//! Lists as files: JSON Lines.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use calico_result::Task;
use serde::Deserialize;

use super::batch_list::Draft;
use super::{BatchItem, Fault, ListError};
use crate::Question;

/// The JSON Schema (draft 2020-12) of a line of a list.
pub const JSON_SCHEMA: &str = include_str!("../../../../schemas/batch-list.v1.schema.json");

/// The longest line that is read, in bytes.
const MAX_LINE_BYTES: usize = 1 << 20;

/// Characters that are shown of a line that is something else.
const SHOWN: usize = 40;

/// What some editors put before a text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A line as it stands in the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListLine {
    #[serde(default)]
    id: Option<String>,
    images: Vec<String>,
    #[serde(default)]
    task: Option<String>,
    #[serde(default)]
    prompt: Option<String>,
    #[serde(default)]
    answer: Option<String>,
}

/// Reads all lines that are not blank.
pub(super) fn read(path: &Path, draft: &mut Draft<'_>) -> Result<(), ListError> {
    let unreadable = |source| ListError::Read { path: path.to_owned(), source };
    let mut from = BufReader::new(File::open(path).map_err(unreadable)?);
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        let most = MAX_LINE_BYTES as u64 + 1;
        if from.by_ref().take(most).read_until(b'\n', &mut bytes).map_err(unreadable)? == 0 {
            break;
        }
        let place = format!("line {line}");
        if bytes.len() > MAX_LINE_BYTES {
            draft.add(place, Err(Fault::TooLong { most: MAX_LINE_BYTES }));
            break;
        }
        let start = if line == 1 && bytes.starts_with(BYTE_ORDER_MARK) { 3 } else { 0 };
        let text = bytes[start..].trim_ascii();
        if line == 1 && (text.contains(&0) || std::str::from_utf8(text).is_err()) {
            return Err(ListError::NoText { path: path.to_owned() });
        }
        if !text.is_empty() {
            draft.add(place, item(text, line, folder));
        }
    }
    Ok(())
}

fn item(text: &[u8], line: usize, folder: &Path) -> Result<BatchItem, Fault> {
    // The reader would take an array for the values of the fields.
    if !text.starts_with(b"{") {
        let start: String = String::from_utf8_lossy(text).chars().take(SHOWN).collect();
        return Err(Fault::NoObject(start));
    }
    let found: ListLine = serde_json::from_slice(text).map_err(|error| {
        let told = error.to_string();
        // Each line is read for itself, so the line that the reader tells is always the first.
        Fault::Malformed(told.replace(" at line 1 column ", " at column "))
    })?;
    if found.images.is_empty() {
        return Err(Fault::NoImages);
    }
    if let Some(at) = found.images.iter().position(|name| name.trim().is_empty()) {
        return Err(Fault::NoName { image: at + 1 });
    }
    Ok(BatchItem {
        question: question(found.task, found.prompt, found.answer)?,
        id: found.id.unwrap_or_else(|| format!("line-{line}")),
        line,
        paths: found.images.iter().map(|name| folder.join(name)).collect(),
        images: found.images,
    })
}

fn question(
    task: Option<String>,
    prompt: Option<String>,
    answer: Option<String>,
) -> Result<Option<Question>, Fault> {
    match (task, prompt, answer) {
        (None, None, None) => Ok(None),
        (Some(name), None, None) => asked(&name).map(Some).ok_or(Fault::Task { found: name }),
        (None, Some(prompt), None) => Ok(Some(Question::Prompt(prompt))),
        (None, None, Some(answer)) => Ok(Some(Question::Answer(answer))),
        (task, prompt, answer) => {
            let given = [
                ("`task`", task.is_some()),
                ("`prompt`", prompt.is_some()),
                ("`answer`", answer.is_some()),
            ];
            let found = given.into_iter().filter(|(_, is_given)| *is_given);
            Err(Fault::Questions { found: found.map(|(name, _)| name).collect() })
        }
    }
}

/// The task of a name, as files or as the command line spell it.
fn asked(name: &str) -> Option<Question> {
    if name == "all" {
        return Some(Question::AllTasks);
    }
    let name = name.replace('-', "_");
    Task::ALL.into_iter().find(|task| task.name() == name).map(Question::Task)
}
