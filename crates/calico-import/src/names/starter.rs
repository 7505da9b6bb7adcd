//! A name map to begin one's own with.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{Draft, Names};
use crate::group::Groups;
use crate::name_map::{Entry, Found, Rule};
use crate::{Group, NameMap, Pattern, RowOrder};

/// Words at the beginning of a name that a guess may do without.
const MOST_WORDS: usize = 8;
/// Bytes of a pattern that is worth a guess: more than any honest name has.
const MOST_BYTES: usize = 500;
/// Groups for which guesses are made: a map has no more lines.
const MOST_GROUPS: usize = 2000;
/// Letters of placeholders in the pattern of a group.
const LETTERS: std::ops::RangeInclusive<char> = 'a'..='z';

/// What a name probably is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Guess {
    /// A line of `[names]`.
    Line(String),
    /// A line of `[rotary]`.
    Rotary(String),
    /// A whole `[[stack]]` or `[[cut]]`.
    Block(String),
}

impl Names<'_> {
    /// A name map to begin one's own with: it uses the map that knows most of the names, lists
    /// those that it does not know, and guesses what they are where that is obvious. `maps` are
    /// those that are known; the result can be read as a map.
    pub fn starter(self, maps: &[NameMap]) -> String {
        let drafts = self.drafts(maps).unwrap_or_default();
        let is_built_in = |draft: &&Draft<'_>| NameMap::built_in_text(draft.map().name()).is_some();
        let best = drafts.iter().filter(is_built_in).min_by_key(|draft| draft.misfit());
        let mut all = Groups::default();
        let unknown = if let Some(draft) = best {
            draft.unknown()
        } else {
            self.tensors.iter().for_each(|(name, tensor)| all.add(name, &tensor.shape));
            &all
        };
        let groups: Vec<Group> = unknown.finish();
        let is_worth_it = groups.len() <= MOST_GROUPS;
        let guesses = if is_worth_it { guesses(&groups, maps) } else { BTreeMap::new() };
        let text = written(best, &groups, &guesses);
        if NameMap::parse("starter", &text).is_ok() {
            return text;
        }
        // Guesses that do not go together, for names that no honest file has.
        written(best, &groups, &BTreeMap::new())
    }
}

/// The map as a text. Names without a guess are comments.
fn written(best: Option<&Draft<'_>>, groups: &[Group], guesses: &BTreeMap<&str, Guess>) -> String {
    let mut text = String::from(
        "# A name map to begin with. Fill in the names on the right, or move what no model of \
         ours has to `ignore`.\n\
         title = \"my model\"\ncertain = false\nignore = []\n",
    );
    if let Some(draft) = best {
        let (map, at) =
            (quoted(draft.map().name()), quoted(&crate::pattern::escaped(draft.prefix())));
        let _ = writeln!(text, "use = [{{ map = {map}, at = {at} }}]");
    }
    text.push_str("\n[names]\n");
    for group in groups {
        let (comment, pattern) = (comment(group), quoted(&group.pattern));
        let _ = match guesses.get(group.pattern.as_str()) {
            Some(Guess::Line(line)) => write!(text, "# {comment}\n{line}"),
            Some(Guess::Rotary(_) | Guess::Block(_)) => {
                writeln!(text, "# {comment}\n# {pattern} is below")
            }
            None => writeln!(text, "# {comment}\n# {pattern} = \"\""),
        };
    }
    // Sorted, so that all lines of `[rotary]` stand together, before tables of their own.
    let guesses: BTreeSet<&Guess> = guesses.values().collect();
    if guesses.iter().any(|guess| matches!(guess, Guess::Rotary(_))) {
        text.push_str("\n[rotary]\n");
    }
    for guess in guesses {
        match guess {
            Guess::Line(_) => {}
            Guess::Rotary(line) => text.push_str(line),
            Guess::Block(block) => text.extend(["\n", block]),
        }
    }
    text
}

fn comment(group: &Group) -> String {
    let Group { count, shape, .. } = group;
    match (count, group.uniform) {
        (1, _) => format!("1 tensor of {shape:?}"),
        (count, true) => format!("{count} tensors of {shape:?}"),
        (count, false) => format!("{count} tensors, the first of {shape:?}"),
    }
}

/// A string of TOML in one line, so that it can be a key and stand in a comment.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            _ if letter.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(letter));
            }
            _ => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// What each pattern probably is. Names often are those of a known family below words of their
/// own, so every beginning is tried without, and the one that explains most names wins.
fn guesses<'g>(groups: &'g [Group], maps: &[NameMap]) -> BTreeMap<&'g str, Guess> {
    // For each map and each beginning, the groups that they explain.
    let mut explained: BTreeMap<(&str, &str), BTreeMap<&'g str, Guess>> = BTreeMap::new();
    let families = maps.iter().filter(|map| map.is_certain() && !map.recognise().is_empty());
    for map in families {
        for group in groups.iter().filter(|group| group.pattern.len() <= MOST_BYTES) {
            for (beginning, rest) in beginnings(&group.pattern) {
                if let Some(guess) = guess(map, beginning, rest) {
                    let key = (beginning, map.name());
                    explained.entry(key).or_default().insert(&group.pattern, guess);
                }
            }
        }
    }
    let mut best: BTreeMap<&'g str, (usize, BTreeSet<Guess>)> = BTreeMap::new();
    for known in explained.into_values() {
        let votes = known.len();
        for (pattern, guess) in known {
            let (most, guesses) = best.entry(pattern).or_default();
            if votes > *most {
                (*most, *guesses) = (votes, BTreeSet::new());
            }
            if votes == *most {
                guesses.insert(guess);
            }
        }
    }
    // One name alone, or two opinions, are not obvious.
    let obvious = best.into_iter().filter(|(_, (votes, guesses))| *votes > 1 && guesses.len() == 1);
    obvious
        .filter_map(|(pattern, (_, guesses))| Some((pattern, guesses.into_iter().next()?)))
        .collect()
}

/// The words at the beginning of a pattern, and the rest.
fn beginnings(pattern: &str) -> impl Iterator<Item = (&str, &str)> {
    let dots = pattern.match_indices('.').map(|(dot, _)| dot + 1);
    std::iter::once(0)
        .chain(dots)
        .take(MOST_WORDS + 1)
        .filter_map(|at| pattern.split_at_checked(at))
}

/// What a map says of the rest of a pattern.
fn guess(map: &NameMap, beginning: &str, rest: &str) -> Option<Guess> {
    // Numbers stand in for placeholders, so that the pattern can be looked up like a name.
    let (name, letters) = with_numbers(rest);
    let Found::Entry(entry, values) = map.find(&name) else { return None };
    let rule = map.rules().get(entry.rule)?;
    let beginning = dropping(beginning, |_| true);
    let (to, order) = match rule {
        Rule::Rename { to, order } => (to.first()?.render(&values)?, *order),
        Rule::Stack { .. } | Rule::Cut { .. } => return block(map, &beginning, entry, rule),
    };
    let (to, used) = with_letters(&to, &letters);
    let rest = dropping(rest, |letter| !used.contains(&letter));
    let line = format!("{} = {}\n", quoted(&format!("{beginning}{rest}")), quoted(&to));
    Some(match order {
        RowOrder::Same => Guess::Line(line),
        RowOrder::RotaryPairs => Guess::Rotary(line),
    })
}

/// A stack or a cut of a map, below a beginning.
fn block(map: &NameMap, beginning: &str, entry: &Entry, rule: &Rule) -> Option<Guess> {
    let of_rule = map.entries().iter().filter(|other| other.rule == entry.rule);
    let from: Vec<String> = of_rule.map(|it| quoted(&format!("{beginning}{}", it.from))).collect();
    let name = |to: &Option<Pattern>| quoted(to.as_ref().map_or("zero", Pattern::text));
    Some(Guess::Block(match rule {
        Rule::Rename { .. } => return None,
        Rule::Stack { to } => {
            format!("[[stack]]\nfrom = [{}]\nto = {}\n", from.join(", "), quoted(to.text()))
        }
        Rule::Cut { to } => {
            let to: Vec<String> = to.iter().map(name).collect();
            format!("[[cut]]\nfrom = {}\nto = [{}]\n", from.first()?, to.join(", "))
        }
    }))
}

/// Puts a number in the place of each `{i}`; also returns the letters, by number.
fn with_numbers(pattern: &str) -> (String, Vec<char>) {
    let mut letters = Vec::new();
    let segment = |segment: &str| match placeholder(segment) {
        Some(letter) => {
            letters.push(letter);
            number(letters.len() - 1)
        }
        None => segment.replace("{{", "{").replace("}}", "}"),
    };
    let segments: Vec<String> = pattern.split('.').map(segment).collect();
    (segments.join("."), letters)
}

/// Puts the letters back; also returns which of them are there.
fn with_letters(name: &str, letters: &[char]) -> (String, Vec<char>) {
    let mut used = Vec::new();
    let segment = |segment: &str| {
        let letter = letters.iter().enumerate().find(|(at, _)| number(*at) == segment);
        match letter {
            Some((_, letter)) => {
                used.push(*letter);
                format!("{{{letter}}}")
            }
            None => crate::pattern::escaped(segment),
        }
    };
    let segments: Vec<String> = name.split('.').map(segment).collect();
    (segments.join("."), used)
}

/// Writes `{_i}` for placeholders that the other side does without.
fn dropping(pattern: &str, is_dropped: impl Fn(char) -> bool) -> String {
    let segment = |segment: &str| match placeholder(segment).filter(|letter| is_dropped(*letter)) {
        Some(letter) => format!("{{_{letter}}}"),
        None => segment.to_owned(),
    };
    let segments: Vec<String> = pattern.split('.').map(segment).collect();
    segments.join(".")
}

/// The letter of a placeholder.
fn placeholder(segment: &str) -> Option<char> {
    let mut inside = segment.strip_prefix('{')?.strip_suffix('}')?.chars();
    let letter = inside.next().filter(|letter| LETTERS.contains(letter))?;
    inside.next().is_none().then_some(letter)
}

/// A number that no layer has.
fn number(at: usize) -> String {
    (900_000_001 + at).to_string()
}
