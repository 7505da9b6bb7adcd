use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::path::Path;

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::findings::cut;
use crate::DataError;
use crate::sources::GuardedReader;

/// The most different keys of an object that are told apart.
const MAX_KEYS: usize = 60;

/// The most values that are told apart in a document.
const MAX_VALUES: u32 = 5000;

/// The most examples of a value.
const MAX_EXAMPLES: usize = 3;

/// What stands at one place of the records of a document: types, how often, and examples.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Outline {
    /// How often each type of JSON was met: `list`, `null`, `number`, `object`, `text`, `truth`.
    pub types: BTreeMap<&'static str, u64>,
    /// Different scalars, shortened.
    pub examples: Vec<String>,
    /// Elements of the longest list.
    pub longest: u64,
    /// By key of the objects.
    pub keys: BTreeMap<String, Self>,
    /// How often keys were met that are too many to be told apart.
    pub other_keys: u64,
    /// The elements of the lists.
    pub elements: Option<Box<Self>>,
    /// SHA-256 of the document.
    #[serde(skip)]
    pub(super) sha256: [u8; 32],
}

impl Outline {
    /// Reads a document as a stream, in memory that does not depend on its length.
    ///
    /// `on_bytes` is told how many bytes were read so far, and answers whether to read on.
    ///
    /// # Errors
    /// As those of [`CocoListing::read`](crate::sources::CocoListing::read).
    pub fn read(path: &Path, on_bytes: &mut dyn FnMut(u64) -> bool) -> Result<Self, DataError> {
        let file = File::open(path).map_err(|error| DataError::read(path, error))?;
        let mut source = GuardedReader::new(file, on_bytes);
        let (mut outline, mut left) = (Self::default(), MAX_VALUES);
        let mut text = serde_json::Deserializer::from_reader(&mut source);
        let place = Place { outline: &mut outline, left: &mut left };
        match place.deserialize(&mut text).and_then(|()| text.end()) {
            Ok(()) => Ok(Self { sha256: source.finish(), ..outline }),
            Err(error) => Err(source.explain(error, path)),
        }
    }

    /// Tells everything that no path leads to, with its path behind `shown`; a star stands for a
    /// position in a list.
    pub(super) fn uncovered(
        &self,
        shown: &str,
        paths: &[&[String]],
        tell: &mut dyn FnMut(&str, &Self),
    ) {
        if paths.iter().any(|path| path.is_empty()) {
            return;
        }
        if paths.is_empty() || (self.keys.is_empty() && self.elements.is_none()) {
            return tell(shown, self);
        }
        let below = |wanted: &dyn Fn(&str) -> bool| -> Vec<&[String]> {
            let paths = paths.iter().filter_map(|path| path.split_first());
            paths.filter(|(step, _)| wanted(step)).map(|(_, rest)| rest).collect()
        };
        let path = |name: &str| format!("{shown}{}{name}", if shown.is_empty() { "" } else { "." });
        for (key, value) in &self.keys {
            value.uncovered(&path(key), &below(&|step| step == key), tell);
        }
        if self.other_keys > 0 {
            tell(&path("(keys that are too many to list)"), self);
        }
        let last = |path: &&[String]| path.first().and_then(|step| step.parse::<u64>().ok());
        if let Some(elements) = &self.elements {
            let is_position = |step: &str| step.parse::<u64>().is_ok();
            elements.uncovered(&path("*"), &below(&is_position), tell);
            let known = paths.iter().filter_map(last).max();
            if known.is_some_and(|known| self.longest > known + 1) {
                tell(&path("(positions behind those of the map)"), self);
            }
        }
    }

    /// What is at the end of a path.
    pub(super) fn at(&self, path: &[String]) -> Option<&Self> {
        let Some((step, rest)) = path.split_first() else { return Some(self) };
        let is_position = step.parse::<u64>().is_ok();
        let elements = self.elements.as_deref().filter(|_| is_position);
        self.keys.get(step).or(elements)?.at(rest)
    }

    /// Types, counts and examples, in a line.
    pub(super) fn line(&self) -> String {
        let types = self.types.iter().map(|(name, count)| match *name {
            "list" => format!("{count} × list of up to {}", self.longest),
            name => format!("{count} × {name}"),
        });
        let types = types.collect::<Vec<_>>().join(", ");
        let examples = if self.examples.is_empty() { "" } else { "; " };
        format!("{types}{examples}{}", self.examples.join(", "))
    }

    fn show(&self, formatter: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        let indent = "  ".repeat(depth);
        for (key, value) in &self.keys {
            writeln!(formatter, "{indent}{key}: {}", value.line())?;
            value.show(formatter, depth + 1)?;
        }
        if self.other_keys > 0 {
            writeln!(formatter, "{indent}… and {} × other keys", self.other_keys)?;
        }
        if let Some(elements) = self.elements.as_ref().filter(|it| !it.types.is_empty()) {
            writeln!(formatter, "{indent}[ ]: {}", elements.line())?;
            elements.show(formatter, depth + 1)?;
        }
        Ok(())
    }
}

impl fmt::Display for Outline {
    /// A line for each place: `[ ]` stands for the elements of a list.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", self.line())?;
        self.show(formatter, 1)
    }
}

/// A place that values are added to.
struct Place<'a> {
    outline: &'a mut Outline,
    /// How many more places may be opened.
    left: &'a mut u32,
}

impl Place<'_> {
    fn meet(&mut self, kind: &'static str) {
        *self.outline.types.entry(kind).or_default() += 1;
    }

    fn scalar(mut self, kind: &'static str, value: &impl fmt::Debug) {
        self.meet(kind);
        let examples = &mut self.outline.examples;
        if examples.len() < MAX_EXAMPLES {
            let example = cut(&format!("{value:?}"), 60);
            if !examples.contains(&example) {
                examples.push(example);
            }
        }
    }

    /// Whether one more place may be opened; it counts.
    fn open(&mut self) -> bool {
        *self.left = self.left.saturating_sub(1);
        *self.left > 0
    }
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        self.meet("object");
        while let Some(key) = map.next_key::<String>()? {
            let is_known = self.outline.keys.contains_key(&key);
            let fits = key.len() <= 80 && self.outline.keys.len() < MAX_KEYS;
            if is_known || (fits && self.open()) {
                let outline = self.outline.keys.entry(key).or_default();
                map.next_value_seed(Place { outline, left: self.left })?;
            } else {
                self.outline.other_keys += 1;
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        self.meet("list");
        let (mut length, is_known) = (0, self.outline.elements.is_some());
        let is_open = is_known || self.open();
        loop {
            let element = if is_open {
                let outline = self.outline.elements.get_or_insert_default();
                seq.next_element_seed(Place { outline, left: self.left })?
            } else {
                seq.next_element::<IgnoredAny>()?.map(|_| ())
            };
            if element.is_none() {
                break;
            }
            length += 1;
        }
        self.outline.longest = self.outline.longest.max(length);
        Ok(())
    }

    fn visit_unit<E>(mut self) -> Result<(), E> {
        self.meet("null");
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.scalar("truth", &value);
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.scalar("number", &value);
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.scalar("number", &value);
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.scalar("number", &value);
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.scalar("text", &cut(value, 60));
        Ok(())
    }
}
