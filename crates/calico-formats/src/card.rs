//! The terms that the card of a model states.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

/// The card of a model, beside its files.
const FILE: &str = "README.md";
/// Bytes of a card that are read; what is looked for is at its top.
const READ: u64 = 1 << 20;
/// Characters of a text in the head of a card that are kept.
const LONGEST: usize = 200;

/// Terms under which a model may be used, as its card states them. Whether they are stated
/// correctly, only its authors know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licence {
    /// The hub's name of it: `mit`, `apache-2.0`, `other`. Several have commas between.
    pub id: String,
    /// Name of a licence of its own, where `id` is `other`.
    pub name: Option<String>,
    /// Where its text is: an address, or a file beside the card.
    pub link: Option<String>,
}

impl Licence {
    /// What the card in a folder states; `None` if there is no card, or it states nothing.
    ///
    /// # Errors
    /// If there is a card that cannot be read.
    pub fn in_folder(folder: &Path) -> io::Result<Option<Self>> {
        let path = folder.join(FILE);
        match path.metadata() {
            Ok(there) if there.is_file() => {}
            Ok(_) => return Err(io::Error::other("it is not a regular file")),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
        let mut bytes = Vec::new();
        File::open(&path)?.take(READ).read_to_end(&mut bytes)?;
        Ok(Self::of_card(&String::from_utf8_lossy(&bytes)))
    }

    /// From the text of a card: its head, the block between the first two lines of dashes. Of
    /// YAML, what the hub itself writes there is understood: plain and quoted texts, comments, and
    /// lists of texts on one line or on several.
    pub fn of_card(text: &str) -> Option<Self> {
        let mut lines = text.trim_start_matches('\u{feff}').lines();
        lines.next().filter(|line| line.trim_end() == "---")?;
        let head: Vec<&str> = lines.take_while(|line| line.trim_end() != "---").collect();
        let one = |key: &str| values(&head, key).into_iter().next();
        let id = kept(&values(&head, "license").join(", "))?;
        Some(Self { id, name: one("license_name"), link: one("license_link") })
    }

    /// The licence in one name: its own, where the hub has none for it.
    pub fn in_one_name(self) -> String {
        match self.name {
            Some(name) if self.id == "other" => name,
            _ => self.id,
        }
    }
}

/// What a key of the head says: one text, or several.
fn values(head: &[&str], key: &str) -> Vec<String> {
    let found = head.iter().enumerate();
    let mut found = found.filter_map(|(at, line)| Some((at, after_key(line, key)?)));
    let Some((at, value)) = found.next() else { return Vec::new() };
    let texts: Vec<&str> = if let Some(list) = value.strip_prefix('[') {
        list.split(']').next().unwrap_or_default().split(',').collect()
    } else if value.is_empty() || value.starts_with('#') {
        let rest = head[at + 1..].iter();
        rest.map_while(|line| line.trim_start().strip_prefix('-')).collect()
    } else {
        vec![value]
    };
    texts.into_iter().filter_map(|text| kept(plain(text))).collect()
}

/// What follows a key and its colon on a line that begins with it.
fn after_key<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    Some(line.strip_prefix(key)?.trim_start().strip_prefix(':')?.trim())
}

/// A text without quotes, or without the comment that follows it.
fn plain(text: &str) -> &str {
    let text = text.trim();
    for quote in ['"', '\''] {
        if let Some(rest) = text.strip_prefix(quote) {
            return rest.split(quote).next().unwrap_or_default();
        }
    }
    text.split(" #").next().unwrap_or_default().trim_end()
}

/// A text that goes into other files and onto terminals: of bounded length, in one line.
fn kept(text: &str) -> Option<String> {
    let is_plain = !text.is_empty() && !text.contains(char::is_control);
    is_plain.then(|| text.chars().take(LONGEST).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Option<String> {
        Licence::of_card(text).map(|licence| licence.id)
    }

    #[test]
    fn the_head_of_a_card_states_the_licence() {
        let card = |head: &str| id(&format!("---\n{head}\n---\nlicense: in the text\n"));
        assert_eq!(card("tags: [x]\nlicense: apache-2.0"), Some("apache-2.0".into()));
        assert_eq!(card("license: \"llama2\""), Some("llama2".into()));
        assert_eq!(card("license: mit # as the code"), Some("mit".into()));
        assert_eq!(card("license: [mit, 'cc0-1.0']"), Some("mit, cc0-1.0".into()));
        assert_eq!(card("license:\n- mit\n- cc0-1.0\ntags: [x]"), Some("mit, cc0-1.0".into()));
        assert_eq!(
            id("---\r\nlicense: \"apache-2.0\" # yes\r\n---\r\n"),
            Some("apache-2.0".into())
        );
        assert_eq!(id("\u{feff}---\nlicense: mit\n---\n"), Some("mit".into()));
    }

    #[test]
    fn a_licence_of_its_own_has_a_name_and_a_place() {
        let other = "---\nlicense: other\nlicense_name: llama2\nlicense_link: LICENSE\n---\n";
        let licence = Licence::of_card(other).unwrap();
        assert_eq!(licence.name.as_deref(), Some("llama2"));
        assert_eq!(licence.link.as_deref(), Some("LICENSE"));
        assert_eq!(licence.in_one_name(), "llama2");
        let name = |card: &str| Licence::of_card(card).unwrap().in_one_name();
        assert_eq!(name("---\nlicense: other\n---\n"), "other");
        assert_eq!(name("---\nlicense: mit\nlicense_name: mine\n---\n"), "mit");
    }

    #[test]
    fn a_card_that_states_none_is_not_guessed_about() {
        for text in [
            "",
            "license: mit",
            "# Title\nlicense: mit\n",
            "---\nlicenses: mit\n---\n",
            "---\nlicense:\n---\n",
            "---\ntags: []\n---\n",
            "---\nlicense: m\u{1b}[31mit\n---\n",
        ] {
            assert_eq!(id(text), None, "{text}");
        }
    }

    #[test]
    fn texts_are_bounded() {
        let long = id(&format!("---\nlicense: {}\n---\n", "ä".repeat(5000))).unwrap();
        assert_eq!(long.chars().count(), LONGEST);
    }

    #[test]
    fn there_may_be_no_card() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Licence::in_folder(folder.path()).unwrap(), None);
        std::fs::write(folder.path().join(FILE), "---\nlicense: mit\n---\n").unwrap();
        assert_eq!(Licence::in_folder(folder.path()).unwrap().unwrap().id, "mit");
    }
}
