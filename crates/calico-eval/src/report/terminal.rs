use std::fmt::Write as _;

use calico_result::terminal::harmless;

use super::Report;
use super::columns::{self, NOTHING_TITLES, TITLES, TextRow};

/// The report as text of fixed width: sub-tasks, answers about nothing, baselines,
/// sources, published rows, warnings.
///
/// Names from files cannot drive the terminal.
pub fn terminal(report: &Report) -> String {
    let mut text = String::new();
    for (name, value) in columns::facts(report) {
        let _ = writeln!(text, "{name}: {}", harmless(&value));
    }
    let ours = columns::tasks(&report.all);
    let sources = columns::groups(&report.sources);
    let published = columns::published(report);
    let beside = report.baselines.as_ref();
    let baselines = beside.map(|comparison| columns::baselines(report, comparison));
    let baselines = baselines.unwrap_or_default();
    let all = || ours.iter().chain(&baselines).chain(&sources).chain(&published);
    let names = all().map(|row| harmless(&row.name).chars().count());
    let width = names.max().unwrap_or(0).max("Percent".len());
    let _ = write!(text, "\n{:width$}", "Percent");
    for title in TITLES {
        let _ = write!(text, "  {title:>6}");
    }
    text.push('\n');
    rows(&mut text, &ours, width);
    if let Some(group) = &report.answers_about_nothing {
        let title = "Answers about nothing";
        let left = width.max(title.len());
        let _ = write!(text, "\n{title:left$}");
        for title in NOTHING_TITLES {
            let _ = write!(text, "  {title:>6}");
        }
        text.push('\n');
        for (name, cells) in columns::nothing(group) {
            let _ = write!(text, "{name:left$}");
            for (cell, title) in cells.iter().zip(NOTHING_TITLES) {
                let _ = write!(text, "  {cell:>column$}", column = title.len().max(6));
            }
            text.push('\n');
        }
    }
    if let Some(comparison) = beside {
        let _ = writeln!(text, "\nBaselines: {}", comparison.summary());
        rows(&mut text, &baselines, width);
    }
    text.push_str("\nBy source\n");
    rows(&mut text, &sources, width);
    let _ = writeln!(text, "\nPublished: {}", report.published.note);
    rows(&mut text, &published, width);
    for warning in &report.warnings {
        let _ = write!(text, "\nwarning: {}", harmless(warning));
    }
    if !report.warnings.is_empty() {
        text.push('\n');
    }
    text
}

fn rows(text: &mut String, rows: &[TextRow], width: usize) {
    for row in rows {
        // Writing to a string cannot fail.
        let _ = write!(text, "{:width$}", harmless(&row.name));
        for (cell, title) in row.cells.iter().zip(TITLES) {
            let _ = write!(text, "  {cell:>column$}", column = title.len().max(6));
        }
        text.push('\n');
    }
}
