//! From TOML to a recipe, with all mistakes and not only the first.

use serde::de::Error as _;
use serde_path_to_error::{Path, Segment};
use toml::{Table, Value};

use super::Recipe;

/// More mistakes than this are not looked for.
const MOST: usize = 50;

/// Reads a recipe; or everything in which its keys are wrong.
///
/// A reader ends at the first mistake. So the key at fault is told and taken out, and the rest is
/// read again.
pub(super) fn recipe(mut table: Table) -> Result<Recipe, Vec<String>> {
    let mut problems = Vec::new();
    let mut taken = Vec::new();
    while problems.len() < MOST {
        let error = match serde_path_to_error::deserialize::<_, Recipe>(table.clone()) {
            Ok(recipe) if problems.is_empty() => return Ok(recipe),
            Ok(_) => break,
            Err(error) => error,
        };
        let reason = error.inner().to_string();
        let reason = reason.trim_end().to_owned();
        let at = keys(error.path());
        if let Some(name) = quoted(&reason, "missing field `") {
            // What was taken out is told already.
            if !taken.contains(&joined(&at, name)) {
                problems.push(told(&at, &reason));
            }
            break;
        }
        let key = match quoted(&reason, "unknown field `") {
            Some(name) if at.last().is_none_or(|last| last != name) => joined(&at, name),
            _ => at.clone(),
        };
        problems.push(told(&key, &reason));
        if !take_out(&mut table, &key) {
            break;
        }
        taken.push(key);
    }
    if problems.is_empty() {
        problems.push(toml::de::Error::custom("it cannot be read").to_string());
    }
    Err(problems)
}

fn keys(path: &Path) -> Vec<String> {
    let key = |segment: &Segment| match segment {
        Segment::Map { key } => Some(key.clone()),
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Enum { .. } | Segment::Unknown => None,
    };
    path.iter().filter_map(key).collect()
}

fn joined(at: &[String], name: &str) -> Vec<String> {
    at.iter().cloned().chain([name.to_owned()]).collect()
}

fn told(key: &[String], reason: &str) -> String {
    if key.is_empty() { reason.to_owned() } else { format!("{}: {reason}", key.join(".")) }
}

/// The text between `before` and the next backtick.
fn quoted<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    text.strip_prefix(before)?.split('`').next()
}

/// Removes the value at a path of keys and numbers; `false` if there is none.
fn take_out(table: &mut Table, path: &[String]) -> bool {
    let Some((last, parents)) = path.split_last() else { return false };
    let Some((first, rest)) = parents.split_first() else {
        return table.remove(last).is_some();
    };
    let Some(mut value) = table.get_mut(first) else { return false };
    for key in rest {
        let next = match value {
            Value::Table(table) => table.get_mut(key),
            Value::Array(array) => key.parse::<usize>().ok().and_then(|at| array.get_mut(at)),
            _ => None,
        };
        let Some(next) = next else { return false };
        value = next;
    }
    match value {
        Value::Table(table) => table.remove(last).is_some(),
        Value::Array(array) => {
            let at = last.parse::<usize>().ok().filter(|at| *at < array.len());
            at.map(|at| array.remove(at)).is_some()
        }
        _ => false,
    }
}
