//! From a written map to one that can be used.

use super::written_map::{OneOrMore, WrittenCut, WrittenMap, WrittenStack};
use super::{Entry, MOST_PATTERNS, MOST_STATES, MapError, MapProblem, NameMap, Rule, built_in};
use crate::{Pattern, PatternError, RowOrder};

/// What stands for a part that has to be zero.
const ZERO: &str = "zero";

/// Reads a map with all maps that it uses.
pub(super) fn read(file: &str, text: &str) -> Result<NameMap, MapError> {
    let written = parsed(file, text)?;
    let mut reader = Reader {
        map: NameMap {
            name: file.to_owned(),
            title: written.title.clone(),
            certain: written.certain,
            refuse: written.refuse.clone(),
            recognise: Vec::new(),
            ignore: Vec::new(),
            same: Vec::new(),
            entries: Vec::new(),
            rules: Vec::new(),
        },
        used: 0,
        problems: Vec::new(),
    };
    for (at, name) in written.recognise.iter().enumerate() {
        let pattern = reader.pattern(&format!("recognise.{at}"), name);
        reader.map.recognise.extend(pattern);
    }
    reader.add(&written, "")?;
    reader.check_overlaps();
    if reader.problems.is_empty() {
        Ok(reader.map)
    } else {
        Err(MapError::Wrong { file: file.to_owned(), problems: reader.problems })
    }
}

fn parsed(file: &str, text: &str) -> Result<WrittenMap, MapError> {
    toml::from_str(text).map_err(|source| MapError::Toml { file: file.to_owned(), source })
}

struct Reader {
    map: NameMap,
    /// How many other maps hold as well.
    used: usize,
    problems: Vec<MapProblem>,
}

impl Reader {
    /// Adds the lines of a map; `at` stands before its names.
    fn add(&mut self, written: &WrittenMap, at: &str) -> Result<(), MapError> {
        let place = if at.is_empty() { String::new() } else { format!(" (at `{at}`)") };
        for name in &written.ignore {
            let pattern = self.pattern(&format!("ignore{place}"), &format!("{at}{name}"));
            self.map.ignore.extend(pattern);
        }
        for (from, to) in &written.same {
            let key = format!("same{place}");
            let (from, to) = (format!("{at}{from}"), format!("{at}{to}"));
            if let Some(from) = self.pattern(&key, &from) {
                let to = self.pattern_for(&key, &to, &from);
                self.map.same.extend(to.map(|to| (from, to)));
            }
        }
        for (from, to) in &written.names {
            self.add_rename(&format!("names{place}"), &format!("{at}{from}"), to, RowOrder::Same);
        }
        for (from, to) in &written.rotary {
            let key = format!("rotary{place}");
            self.add_rename(&key, &format!("{at}{from}"), to, RowOrder::RotaryPairs);
        }
        for stack in &written.stack {
            self.add_stack(&format!("stack{place}"), at, stack);
        }
        for cut in &written.cut {
            self.add_cut(&format!("cut{place}"), at, cut);
        }
        for used in &written.uses {
            // Too many are refused in the end; nothing more is read for them.
            if self.size() > MOST_PATTERNS {
                break;
            }
            self.used += 1;
            self.add_map(&used.map, &format!("{at}{}", used.at))?;
        }
        Ok(())
    }

    /// What is bounded: patterns, and maps that are used.
    fn size(&self) -> usize {
        self.map.patterns() + self.used
    }

    fn add_map(&mut self, name: &str, at: &str) -> Result<(), MapError> {
        let Some(text) = NameMap::built_in_text(name) else {
            let known = built_in::TEXTS.iter().map(|(name, _)| (*name).to_owned()).collect();
            self.problems.push(MapProblem::NoMap { name: name.to_owned(), known });
            return Ok(());
        };
        // A user's map uses built-in ones only, and none of those uses itself.
        self.add(&parsed(name, text)?, at)
    }

    fn add_rename(&mut self, key: &str, from: &str, to: &OneOrMore, order: RowOrder) {
        let Some(from) = self.pattern(key, from) else { return };
        if to.as_slice().is_empty() {
            self.too_few(key, &from, 0, "one name or more");
        }
        let to = to.as_slice().iter().filter_map(|to| self.pattern_for(key, to, &from)).collect();
        self.add_rule([from], Rule::Rename { to, order });
    }

    fn add_stack(&mut self, key: &str, at: &str, stack: &WrittenStack) {
        let found = stack.from.len();
        if found < 2 {
            let expected = "two names or more that lie under each other";
            self.problems.push(MapProblem::TooFew { key: key.to_owned(), found, expected });
        }
        let from = stack.from.iter().filter_map(|name| self.pattern(key, &format!("{at}{name}")));
        let from: Vec<Pattern> = from.collect();
        // The parts of one tensor are found by what stands in the places of their placeholders.
        let to: Vec<Pattern> =
            from.iter().filter_map(|from| self.pattern_for(key, &stack.to, from)).collect();
        if let Some(to) = to.into_iter().next() {
            self.add_rule(from, Rule::Stack { to });
        }
    }

    fn add_cut(&mut self, key: &str, at: &str, cut: &WrittenCut) {
        let Some(from) = self.pattern(key, &format!("{at}{}", cut.from)) else { return };
        if cut.to.is_empty() {
            self.too_few(key, &from, 0, "a name, or \"zero\", for each part");
        }
        let to = cut.to.iter().map(|to| {
            let named = (to != ZERO).then_some(to);
            named.and_then(|to| self.pattern_for(key, to, &from))
        });
        let rule = Rule::Cut { to: to.collect::<Vec<_>>() };
        self.add_rule([from], rule);
    }

    fn add_rule(&mut self, from: impl IntoIterator<Item = Pattern>, rule: Rule) {
        let number = self.map.rules.len();
        let entry = |(part, from)| Entry { from, rule: number, part };
        self.map.entries.extend(from.into_iter().enumerate().map(entry));
        self.map.rules.push(rule);
    }

    /// No name may match two patterns: it would not be clear what becomes of it.
    fn check_overlaps(&mut self) {
        let found = self.size();
        if found > MOST_PATTERNS {
            self.problems.push(MapProblem::TooMany { found });
            return;
        }
        let renamed = self.map.same.iter().map(|(from, _)| from);
        let all: Vec<&Pattern> =
            self.map.entries.iter().map(|entry| &entry.from).chain(renamed).collect();
        let mut left = MOST_STATES;
        for (at, first) in all.iter().enumerate() {
            for second in all.iter().skip(at + 1) {
                let overlaps = first.overlaps_within(second, &mut left);
                if overlaps == Some(false) {
                    continue;
                }
                let (first, second) = (first.text().to_owned(), second.text().to_owned());
                if overlaps.is_none() {
                    self.problems.push(MapProblem::Long { first, second });
                    return;
                }
                self.problems.push(MapProblem::Overlap { first, second });
            }
        }
    }

    fn pattern(&mut self, key: &str, text: &str) -> Option<Pattern> {
        let read = Pattern::parse(text);
        self.or_problem(key, text, read)
    }

    fn pattern_for(&mut self, key: &str, text: &str, source: &Pattern) -> Option<Pattern> {
        let read = Pattern::parse_for(text, source);
        self.or_problem(&format!("{key}.\"{source}\""), text, read)
    }

    fn or_problem(
        &mut self,
        key: &str,
        text: &str,
        read: Result<Pattern, PatternError>,
    ) -> Option<Pattern> {
        let problem = |source| {
            let (key, pattern) = (key.to_owned(), text.to_owned());
            self.problems.push(MapProblem::Pattern { key, pattern, source });
        };
        read.map_err(problem).ok()
    }

    fn too_few(&mut self, key: &str, from: &Pattern, found: usize, expected: &'static str) {
        let key = format!("{key}.\"{from}\"");
        self.problems.push(MapProblem::TooFew { key, found, expected });
    }
}
