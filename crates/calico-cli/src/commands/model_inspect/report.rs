//! What was found, as text for a terminal.

use std::fmt::{Display, Write as _};
use std::path::Path;

use calico_formats::StoredTensor;
use calico_import::{Check, Close, Group, Ignored, TranslateError, Translation};
use calico_result::terminal;
use indicatif::{DecimalBytes, HumanCount};

use super::contents::{Contents, Stored, name_of};
use super::verdict::{Module, Verdict};
use crate::args::InspectArgs;

/// Lines of a list that are shown unless all are asked for.
const PATTERNS: usize = 24;
const ROWS: usize = 12;
/// Characters of a text of the file, unless all are asked for.
const CHARACTERS: usize = 100;
/// Characters of a note, even if all are asked for: some are books.
const NOTE_CHARACTERS: usize = 1000;
/// What GGUF says of a model. Models of other architectures have tensors of the same names.
const ARCHITECTURE: &str = "general.architecture";
/// Of a hundred names, how many a map knows that comes close.
const CLOSE: usize = 25;

/// Everything about tensors.
pub(super) fn text(contents: &Contents, verdict: &Verdict, args: &InspectArgs) -> String {
    let mut report = Report { text: String::new(), all: args.all };
    report.head(contents);
    if args.all {
        report.every_tensor(contents);
    } else {
        report.patterns(contents);
    }
    report.text.push('\n');
    report.verdict(verdict, contents);
    report.text
}

/// A path that cannot drive the terminal.
pub(super) fn harmless_path(path: &Path) -> String {
    terminal::harmless(&path.display().to_string())
}

/// A text that grows, in lines whose contents begin at the same column.
struct Report {
    text: String,
    all: bool,
}

impl Report {
    fn line(&mut self, title: &str, content: impl Display) {
        let _ = writeln!(self.text, "{title:15}{content}");
    }

    /// Lines below one title.
    fn lines(&mut self, title: &str, contents: Vec<String>) {
        let (count, most) = (contents.len(), if self.all { usize::MAX } else { ROWS });
        for (number, content) in contents.into_iter().take(most).enumerate() {
            self.line(if number == 0 { title } else { "" }, content);
        }
        if count > most {
            self.line("", format!("… and {} more; --all shows them", count - most));
        }
    }

    /// A text of the file: on one line, and not all of a very long one.
    fn shown(&self, text: &str) -> String {
        let most = if self.all { usize::MAX } else { CHARACTERS };
        let mut shown = terminal::harmless(&text.chars().take(most).collect::<String>());
        if text.chars().nth(most).is_some() {
            shown.push('…');
        }
        shown
    }

    fn head(&mut self, contents: &Contents) {
        let (name, bytes) = (name_of(&contents.path), contents.bytes());
        let is_index = contents.files.iter().all(|file| file.name != name);
        let name = self.shown(&name);
        match contents.files.len() {
            1 => self.line("file", format!("{name} ({})", DecimalBytes(bytes))),
            count => {
                let see = if is_index { "listed by" } else { "among them" };
                self.line("files", format!("{count} ({}), {see} {name}", DecimalBytes(bytes)));
            }
        }
        let mut formats: Vec<&str> = contents.files.iter().map(|file| file.format).collect();
        formats.dedup();
        self.line("format", formats.join(", "));
        let stored = contents.stored();
        let mut rows: Vec<String> = Vec::new();
        if stored.len() != 1 {
            rows.push(amount("in all", contents.tensors.len() as u64, contents.values()));
        }
        let row = |of: &Stored| amount(&of.element.to_string(), of.tensors, of.values);
        rows.extend(stored.iter().map(row));
        self.lines("tensors", rows);
        if !contents.doubled.is_empty() {
            let names: Vec<String> = contents.doubled.iter().map(|name| self.shown(name)).collect();
            let count = names.len();
            self.line("doubled", format!("{count} names stand for several tensors each:"));
            self.lines("", names);
        }
        let note = |(key, note): (&String, &String)| {
            let note: String = note.chars().take(NOTE_CHARACTERS).collect();
            self.shown(&format!("{key}: {note}"))
        };
        let list = |(key, len): (&String, &usize)| {
            self.shown(&format!("{key}: {} entries", HumanCount(*len as u64)))
        };
        let notes = contents.notes.iter().map(note).chain(contents.lists.iter().map(list));
        let notes: Vec<String> = notes.collect();
        self.lines("notes", notes);
        if !contents.beside.is_empty() {
            self.line("beside", contents.beside.join(", "));
        }
    }

    /// Tensors whose names differ in numbers only, a line each.
    fn patterns(&mut self, contents: &Contents) {
        let groups = contents.groups();
        if groups.is_empty() {
            return;
        }
        self.text.push_str("\ntensors  type  shape                 name\n");
        for (element, group) in groups.iter().take(PATTERNS) {
            let count = HumanCount(group.count as u64).to_string();
            let row = self.row(&element.to_string(), &shape(group), &group.pattern);
            let _ = writeln!(self.text, "{count:>7}  {row}");
        }
        if groups.len() > PATTERNS {
            let more = groups.len() - PATTERNS;
            let _ = writeln!(self.text, "… and {more} more patterns; --all lists every tensor");
        }
    }

    fn every_tensor(&mut self, contents: &Contents) {
        if contents.tensors.is_empty() {
            return;
        }
        self.text.push_str("\ntype  shape                 name\n");
        for (name, StoredTensor { element, shape, .. }) in &contents.tensors {
            let row = self.row(&element.to_string(), &format!("{shape:?}"), name);
            let _ = writeln!(self.text, "{row}");
        }
    }

    /// Names come last, because they are of any length.
    fn row(&self, element: &str, shape: &str, name: &str) -> String {
        format!("{element:4}  {shape:20}  {}", self.shown(name))
    }

    fn verdict(&mut self, verdict: &Verdict, contents: &Contents) {
        match verdict {
            Verdict::Ours => {
                self.line("family", "Calico, our own names");
                self.modules("holds", &verdict.modules(&contents.tensors));
            }
            Verdict::Translated(translation) => {
                self.family(translation);
                if let Some(other) = contents.notes.get(ARCHITECTURE).filter(|it| *it != "llama") {
                    let other = self.shown(other);
                    self.line("but", format!("its architecture is {other}, not llama"));
                }
                self.modules("becomes", &verdict.modules(&contents.tensors));
                self.rest(translation);
            }
            Verdict::Failed(error) => self.failed(error),
        }
    }

    fn family(&mut self, translation: &Translation) {
        let Translation { title, map, certain, prefix, .. } = translation;
        self.line("family", self.shown(title));
        let map = self.shown(map);
        if *certain {
            self.line("map", map);
        } else {
            self.line("map", format!("{map}, which says that it is a guess"));
        }
        if !prefix.is_empty() {
            self.line("prefix", format!("{} in front of every name, left out", self.shown(prefix)));
        }
    }

    fn modules(&mut self, title: &str, modules: &[Module]) {
        if modules.is_empty() {
            self.line(title, "nothing of ours");
        }
        for (number, Module { title: name, tensors, values, .. }) in modules.iter().enumerate() {
            self.line(if number == 0 { title } else { "" }, amount(name, *tensors, *values));
        }
    }

    /// What an import has to prove, to ask or to leave out.
    fn rest(&mut self, translation: &Translation) {
        let Translation { checks, copies, ignored, unknown, .. } = translation;
        let equal = checks.iter().filter(|check| matches!(check, Check::Equal { .. })).count();
        for (count, what) in [
            (equal, "repeat others, so their values have to be equal"),
            (checks.len() - equal, "hold rows without a place in a model, which have to be zero"),
        ] {
            if count > 0 {
                self.line("to be proved", format!("{count} tensors {what}"));
            }
        }
        let copy = |(ours, theirs): (&String, &String)| {
            let (ours, theirs) = (self.shown(ours), self.shown(theirs));
            format!("{ours} by a copy of {theirs}, if that is allowed")
        };
        let copies: Vec<String> = copies.iter().map(copy).collect();
        self.lines("could fill", copies);
        let count: usize = ignored.iter().map(|ignored| ignored.count).sum();
        if count > 0 {
            self.line("ignored", format!("{count} tensors of parts that no model of ours has:"));
            let row = |it: &Ignored| format!("{:>7}  {}", it.count, self.shown(&it.pattern));
            let rows: Vec<String> = ignored.iter().map(row).collect();
            self.lines("", rows);
        }
        let count: usize = unknown.iter().map(|group| group.count).sum();
        if count == 0 {
            self.line("unknown", "nothing");
            return;
        }
        self.line("unknown", format!("{count} tensors of which the map says nothing:"));
        let row = |it: &Group| {
            let pattern = self.shown(&it.pattern);
            format!("{:>7}  {pattern}  {}", it.count, shape(it))
        };
        let rows: Vec<String> = unknown.iter().map(row).collect();
        self.lines("", rows);
    }

    fn failed(&mut self, error: &TranslateError) {
        match error {
            TranslateError::Empty => self.line("family", "none: there are no tensors"),
            TranslateError::NoFamily { close } => {
                self.line("family", "none that Calico knows");
                let is_shown = |it: &&Close| self.all || it.percent >= CLOSE;
                let close = close.iter().filter(is_shown).map(|it| self.shown_whole(it));
                let close: Vec<String> = close.collect();
                self.lines("close", close);
            }
            TranslateError::Several(names) => {
                let names = self.shown(&names.join(", "));
                self.line("family", format!("several fit: {names}; choose one with --map"));
            }
            TranslateError::Refused { title, reason } => {
                self.line("family", self.shown(title));
                self.line("not usable", self.shown_whole(reason));
            }
            TranslateError::Unusable { title, problems } => {
                self.line("family", self.shown(title));
                let rows: Vec<String> = problems.iter().map(|it| self.shown_whole(it)).collect();
                self.lines("not usable", rows);
            }
        }
    }

    /// A sentence of ours in which texts of the file stand.
    fn shown_whole(&self, sentence: &impl Display) -> String {
        let sentence = sentence.to_string();
        let most = if self.all { usize::MAX } else { 4 * CHARACTERS };
        let mut shown = terminal::harmless(&sentence.chars().take(most).collect::<String>());
        if sentence.chars().nth(most).is_some() {
            shown.push('…');
        }
        shown
    }
}

fn shape(group: &Group) -> String {
    let others = if group.uniform { "" } else { ", …" };
    format!("{:?}{others}", group.shape)
}

/// What, and how much of it, in columns.
fn amount(what: &str, tensors: u64, values: u64) -> String {
    let plural = if tensors == 1 { "" } else { "s" };
    let (tensors, values) = (HumanCount(tensors).to_string(), HumanCount(values).to_string());
    format!("{what:20}{tensors:>8} tensor{plural:1}{values:>16} values")
}
