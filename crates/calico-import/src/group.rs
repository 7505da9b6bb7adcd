use std::collections::{BTreeMap, BTreeSet};

use calico_formats::StoredTensor;

use crate::pattern::escaped;

/// Names, or patterns of them, that are shown of a longer list.
const SHOWN: usize = 40;

/// Names, or patterns of them, that stand in one line.
const IN_ONE_LINE: usize = 3;

/// Letters for the numbers of a name, in the order in which they are taken.
const LETTERS: &[u8] = b"ijklmnopqrstuvwxyzabcdefgh";

/// Tensors whose names differ in numbers only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The pattern of their names; numbers that all of them share stand as they are.
    pub pattern: String,
    /// How many there are.
    pub count: usize,
    /// Shape of the first.
    pub shape: Vec<usize>,
    /// Whether all have that shape.
    pub uniform: bool,
}

impl Group {
    /// Tensors in groups, in the order of their patterns.
    pub fn of_all<'a>(
        tensors: impl IntoIterator<Item = (&'a String, &'a StoredTensor)>,
    ) -> Vec<Self> {
        let mut groups = Groups::default();
        for (name, tensor) in tensors {
            groups.add(name, &tensor.shape);
        }
        groups.finish()
    }
}

impl std::fmt::Display for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ", self.pattern)?;
        if self.count > 1 {
            write!(f, "× {} ", self.count)?;
        }
        let first = if self.uniform { "" } else { ", the first" };
        write!(f, "of {:?}{first}", self.shape)
    }
}

/// Names that are being grouped.
#[derive(Debug, Default)]
pub(crate) struct Groups<'a>(BTreeMap<String, Gathered<'a>>);

#[derive(Debug)]
struct Gathered<'a> {
    first: &'a str,
    /// For each number of the name, whether it differs between names.
    differs: Vec<bool>,
    count: usize,
    shape: &'a [usize],
    uniform: bool,
}

impl<'a> Groups<'a> {
    pub(crate) fn add(&mut self, name: &'a str, shape: &'a [usize]) {
        let key = written(name, |_| true);
        let gathered = self.0.entry(key).or_insert_with(|| Gathered {
            first: name,
            differs: vec![false; numbers(name).count()],
            count: 0,
            shape,
            uniform: true,
        });
        gathered.count += 1;
        gathered.uniform &= gathered.shape == shape;
        let both = numbers(gathered.first).zip(numbers(name));
        for (differs, (first, this)) in gathered.differs.iter_mut().zip(both) {
            *differs |= first != this;
        }
    }

    /// How many names were added.
    pub(crate) fn names(&self) -> usize {
        self.0.values().map(|gathered| gathered.count).sum()
    }

    pub(crate) fn finish(&self) -> Vec<Group> {
        let group = |gathered: &Gathered<'a>| Group {
            pattern: written(gathered.first, |number| {
                gathered.differs.get(number).copied().unwrap_or(false)
            }),
            count: gathered.count,
            shape: gathered.shape.to_vec(),
            uniform: gathered.uniform,
        };
        self.0.values().map(group).collect()
    }
}

/// Names, to stand between two words: few in the same line, many in a line each.
///
/// Those that differ in one number stand together, as in `layers.{0-30,32}.weight`, and those that
/// differ in several as a pattern with their count.
pub(crate) fn gathered(names: &[String]) -> String {
    let mut alike: BTreeMap<String, (usize, Vec<&str>)> = BTreeMap::new();
    for (at, name) in names.iter().enumerate() {
        alike.entry(written(name, |_| true)).or_insert((at, Vec::new())).1.push(name);
    }
    let mut alike: Vec<(usize, Vec<&str>)> = alike.into_values().collect();
    alike.sort_unstable_by_key(|(at, _)| *at);
    let mut shown: Vec<String> = alike.iter().take(SHOWN).map(|(_, it)| together(it)).collect();
    let more: usize = alike.iter().skip(SHOWN).map(|(_, names)| names.len()).sum();
    if more > 0 {
        shown.push(format!("… and {more} more"));
    }
    if shown.len() > IN_ONE_LINE {
        return format!("\n    {}\n ", shown.join("\n    "));
    }
    format!(" {};", shown.join(", "))
}

/// Names that differ in numbers only.
fn together(names: &[&str]) -> String {
    let Some((&first, others)) = names.split_first() else { return String::new() };
    let mut columns = vec![BTreeSet::new(); numbers(first).count()];
    for name in names {
        for (column, number) in columns.iter_mut().zip(numbers(name)) {
            column.insert(number.parse().unwrap_or(u64::MAX));
        }
    }
    let differing = columns.iter().filter(|column| column.len() > 1).count();
    if others.is_empty() || differing == 0 {
        return first.to_owned();
    }
    if differing > 1 {
        let differs = |number: usize| columns.get(number).is_some_and(|column| column.len() > 1);
        return format!("{} × {}", written(first, differs), names.len());
    }
    let mut columns = columns.iter();
    let segments = first.split('.').map(|segment| {
        let column = columns.by_ref().take(usize::from(is_number(segment))).next();
        column.filter(|column| column.len() > 1).map_or_else(|| segment.to_owned(), runs)
    });
    segments.collect::<Vec<_>>().join(".")
}

/// Numbers as `{0-3,5}`.
fn runs(numbers: &BTreeSet<u64>) -> String {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let shown = |&(first, last): &(u64, u64)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    format!("{{{}}}", runs.iter().map(shown).collect::<Vec<_>>().join(","))
}

/// A name as a pattern; `is_placeholder` tells for each number, by how many stand before it,
/// whether it becomes a placeholder.
fn written(name: &str, is_placeholder: impl Fn(usize) -> bool) -> String {
    let mut text = String::with_capacity(name.len());
    let (mut found, mut placeholders) = (0, 0);
    for (at, segment) in name.split('.').enumerate() {
        if at > 0 {
            text.push('.');
        }
        if !is_number(segment) {
            text.push_str(&escaped(segment));
            continue;
        }
        match LETTERS.get(placeholders).filter(|_| is_placeholder(found)) {
            Some(&letter) => {
                text.extend(['{', char::from(letter), '}']);
                placeholders += 1;
            }
            None => text.push_str(segment),
        }
        found += 1;
    }
    text
}

/// The parts of a name that are numbers.
fn numbers(name: &str) -> impl Iterator<Item = &str> {
    name.split('.').filter(|segment| is_number(segment))
}

/// Without sign and leading zeros, as in patterns.
fn is_number(segment: &str) -> bool {
    let is_digits = !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
    is_digits && (segment.len() == 1 || !segment.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pattern;

    fn patterns(names: &[&str]) -> Vec<String> {
        let mut groups = Groups::default();
        for name in names {
            groups.add(name, &[]);
        }
        groups.finish().into_iter().map(|group| group.pattern).collect()
    }

    #[test]
    fn numbers_that_differ_become_placeholders_and_others_stay() {
        let found = patterns(&["a.0.0.w", "a.0.2.w", "b.3.w", "norm1.w", "norm2.w", "c.007.w"]);
        assert_eq!(found, ["a.0.{i}.w", "b.3.w", "c.007.w", "norm1.w", "norm2.w"]);
    }

    #[test]
    fn braces_of_a_name_stay_braces() {
        let found = patterns(&["a{i}.0", "a{i}.1"]);
        assert_eq!(found, ["a{{i}}.{i}"]);
        assert!(Pattern::parse(&found[0]).unwrap().matches("a{i}.7"));
    }

    #[test]
    fn a_name_of_thousands_of_numbers_is_grouped_and_stays_a_pattern() {
        let many = vec!["1"; 5000].join(".");
        let more = vec!["2"; 5000].join(".");
        let found = patterns(&[&many, &more]);
        assert_eq!(found.len(), 2, "beyond 26 numbers, names are told apart by them");
        assert!(Pattern::parse(&found[0]).is_ok());
    }

    #[test]
    fn names_that_differ_in_one_number_stand_together() {
        let line =
            |names: &[&str]| gathered(&names.iter().map(ToString::to_string).collect::<Vec<_>>());
        let found = line(&["a.0.w", "b", "a.1.w", "a.2.w", "a.5.w", "c.3.w"]);
        assert_eq!(found, " a.{0-2,5}.w, b, c.3.w;");
        assert_eq!(line(&["a.0.0.w", "a.0.1.w"]), " a.0.{0-1}.w;");
        assert_eq!(line(&["a.0.0.w", "a.1.1.w"]), " a.{i}.{j}.w × 2;");
        let many: Vec<String> = (0..100).map(|at| format!("n{at}")).collect();
        let lines = gathered(&many);
        assert!(lines.starts_with("\n    n0\n    n1\n"), "{lines}");
        assert!(lines.ends_with("\n    n39\n    … and 60 more\n "), "{lines}");
    }

    #[test]
    fn shapes_that_differ_are_told() {
        let mut groups = Groups::default();
        groups.add("a.0", &[2, 3]);
        groups.add("a.1", &[2, 4]);
        groups.add("b", &[5]);
        let shown: Vec<_> = groups.finish().iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["a.{i} × 2 of [2, 3], the first", "b of [5]"]);
    }
}
