//! The licence that the card of a model states.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use crate::error::ModelError;

/// The card of a model, beside its files.
const FILE: &str = "README.md";
/// The head of a card is read no further than this, in bytes.
const LARGEST: u64 = 1 << 20;
/// Characters of a licence's name.
const LONGEST: usize = 100;

/// The licence that the card in a folder states: the key `license` of the head between two lines
/// `---`, or `license_name` where that says `other`; several have commas between. `None` if there
/// is no card, or none in it.
///
/// # Errors
/// If there is a card that cannot be read.
pub fn licence_in(folder: &Path) -> Result<Option<String>, ModelError> {
    let path = folder.join(FILE);
    let failed = |source| ModelError::Io { action: "read", path: path.clone(), source };
    let card = match File::open(&path) {
        Ok(card) => card,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = Vec::new();
    card.take(LARGEST).read_to_end(&mut bytes).map_err(failed)?;
    Ok(stated(&String::from_utf8_lossy(&bytes)))
}

/// The licence in the head of a card.
fn stated(card: &str) -> Option<String> {
    let mut lines = card.trim_start_matches('\u{feff}').lines();
    lines.next().filter(|line| line.trim_end() == "---")?;
    let head: Vec<&str> = lines.take_while(|line| line.trim_end() != "---").collect();
    match value(&head, "license")? {
        other if other == "other" => Some(value(&head, "license_name").unwrap_or(other)),
        licence => Some(licence),
    }
}

/// What a key of the head says. Of YAML, what the hub writes is understood: plain and quoted texts,
/// comments, and lists of texts on one line or on several.
fn value(head: &[&str], key: &str) -> Option<String> {
    let after_key =
        |line: &&str| line.strip_prefix(key)?.trim_start().strip_prefix(':').map(str::len);
    let at = head.iter().position(|line| after_key(line).is_some())?;
    let line = head[at];
    let value = line[line.len() - after_key(&line)?..].trim();
    let texts: Vec<&str> = if let Some(list) = value.strip_prefix('[') {
        list.split(']').next().unwrap_or_default().split(',').collect()
    } else if value.is_empty() || value.starts_with('#') {
        head[at + 1..].iter().map_while(|line| line.trim_start().strip_prefix('-')).collect()
    } else {
        vec![value]
    };
    let texts: Vec<String> = texts.into_iter().map(plain).filter(|text| !text.is_empty()).collect();
    let value: String = texts.join(", ").chars().take(LONGEST).collect();
    (!value.is_empty() && !value.contains(char::is_control)).then_some(value)
}

/// A text without quotes, or without the comment behind it.
fn plain(text: &str) -> String {
    let text = text.trim();
    for quote in ['"', '\''] {
        if let Some(rest) = text.strip_prefix(quote) {
            return rest.split(quote).next().unwrap_or_default().to_owned();
        }
    }
    text.split(" #").next().unwrap_or_default().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_licence_is_in_the_head_of_a_card() {
        let card = |head: &str| stated(&format!("---\n{head}\n---\nlicense: in the text\n"));
        assert_eq!(card("tags: [x]\nlicense: apache-2.0"), Some("apache-2.0".into()));
        assert_eq!(card("license: \"llama2\""), Some("llama2".into()));
        assert_eq!(card("license: other\nlicense_name: cc-by"), Some("cc-by".into()));
        assert_eq!(card("license: other"), Some("other".into()));
        assert_eq!(card("license: mit # as the code"), Some("mit".into()));
        assert_eq!(card("license: [mit, 'cc0-1.0']"), Some("mit, cc0-1.0".into()));
        assert_eq!(card("license:\n- mit\n- cc0-1.0\ntags: [x]"), Some("mit, cc0-1.0".into()));
        assert_eq!(stated("\u{feff}---\nlicense: mit\n---\n"), Some("mit".into()));
        assert_eq!(card("license:"), None);
        assert_eq!(card("tags: []"), None);
        assert_eq!(stated("license: mit"), None);
        assert_eq!(stated(""), None);
    }

    #[test]
    fn there_may_be_no_card() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(licence_in(folder.path()).unwrap(), None);
        std::fs::write(folder.path().join(FILE), "---\nlicense: mit\n---\n").unwrap();
        assert_eq!(licence_in(folder.path()).unwrap(), Some("mit".into()));
    }
}
