//! The licence that the card of a model states.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use super::ImportError;

/// The card of a model, beside its files.
const FILE: &str = "README.md";
/// The head of a card is read no further than this.
const LARGEST: u64 = 64 << 10;

/// The licence that the card beside a file states: the key `license` of the head between two
/// lines `---`, or `license_name` where that says `other`.
pub(super) fn licence_of(file: &Path) -> Result<Option<String>, ImportError> {
    let path = file.with_file_name(FILE);
    let failed = |source: std::io::Error| ImportError::Beside {
        path: path.clone(),
        reason: format!("cannot be read: {source}"),
    };
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
    let mut lines = card.lines();
    lines.next().filter(|line| line.trim_end() == "---")?;
    let head: Vec<&str> = lines.take_while(|line| line.trim_end() != "---").collect();
    let value = |key: &str| {
        let mut values = head.iter().filter_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        let value = values.next()?.trim().trim_matches(['"', '\'']);
        let is_plain = !value.is_empty() && !value.contains(char::is_control);
        is_plain.then(|| value.chars().take(100).collect::<String>())
    };
    match value("license")? {
        other if other == "other" => Some(value("license_name").unwrap_or(other)),
        licence => Some(licence),
    }
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
        assert_eq!(card("license:"), None);
        assert_eq!(card("tags: []"), None);
        assert_eq!(stated("license: mit"), None);
        assert_eq!(stated(""), None);
    }

    #[test]
    fn there_may_be_no_card() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("model.safetensors");
        assert_eq!(licence_of(&file).unwrap(), None);
        std::fs::write(folder.path().join(FILE), "---\nlicense: mit\n---\n").unwrap();
        assert_eq!(licence_of(&file).unwrap(), Some("mit".into()));
    }
}
