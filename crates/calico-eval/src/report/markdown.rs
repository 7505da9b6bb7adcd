use std::fmt::Write as _;

use calico_result::markdown::cell;

use super::Report;
use super::columns::{self, NOTHING_TITLES, TITLES, TextRow};

/// The report as Markdown.
pub fn markdown(report: &Report) -> String {
    let mut text = String::from("# Evaluation\n\n| | |\n| --- | --- |\n");
    for (name, value) in columns::facts(report) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {name} | {} |", cell(&value));
    }
    text.push_str("\nAll metrics are in percent.\n");
    for warning in &report.warnings {
        let _ = writeln!(text, "\n> **Warning:** {}.", cell(warning));
    }
    text.push_str("\n## Sub-tasks\n\n");
    table(&mut text, &columns::tasks(&report.all));
    if let Some(group) = &report.answers_about_nothing {
        let _ = writeln!(text, "\n## Answers about nothing\n");
        let _ = writeln!(text, "| | {} |", NOTHING_TITLES.join(" | "));
        let _ = writeln!(text, "| --- |{}", " ---: |".repeat(NOTHING_TITLES.len()));
        for (name, cells) in columns::nothing(group) {
            let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
        }
    }
    if let Some(comparison) = &report.baselines {
        let _ = writeln!(text, "\n## Baselines\n\n{}.\n", cell(&comparison.summary()));
        table(&mut text, &columns::baselines(report, comparison));
        text.push('\n');
        for row in &comparison.rows {
            let _ = writeln!(text, "- {}: {}.", row.name.title(), cell(&row.reading));
        }
    }
    let tables = [
        ("Sources", columns::sources(report)),
        ("Object classes", columns::groups(&report.classes)),
        ("Class pairs", columns::groups(&report.class_pairs)),
    ];
    for (title, rows) in tables {
        let _ = writeln!(text, "\n## {title}\n");
        table(&mut text, &rows);
    }
    let published = report.published;
    let _ = writeln!(text, "\n## Published\n\n{}.", published.source);
    let _ = writeln!(text, "Note: {}.\n", published.note);
    table(&mut text, &columns::published(report));
    text
}

fn table(text: &mut String, rows: &[TextRow]) {
    let _ = writeln!(text, "| | {} |", TITLES.join(" | "));
    let _ = writeln!(text, "| --- |{}", " ---: |".repeat(TITLES.len()));
    for row in rows {
        let _ = writeln!(text, "| {} | {} |", cell(&row.name), row.cells.join(" | "));
    }
}
