use std::fmt::Write as _;

use calico_result::html::{escaped, page};

use super::columns::{self, NOTHING_TITLES, TITLES, TextRow};
use super::{NothingGroup, Pictures, Report, examples};
use crate::Gallery;

/// The report as one page without scripts, light or dark as the reader's system: tables, the
/// published rows, and the best and the worst predictions beside the truth.
pub fn html(report: &Report, gallery: &Gallery, pictures: &Pictures) -> String {
    let mut body = String::from("<h1>Evaluation</h1>\n<p class=\"lead\">");
    let facts: Vec<String> = columns::facts(report)
        .iter()
        .map(|(name, value)| format!("{}: <b>{}</b>", escaped(name), escaped(value)))
        .collect();
    body.push_str(&facts.join("<br>\n"));
    body.push_str("</p>\n");
    for warning in &report.warnings {
        // Writing to a string cannot fail.
        let _ = writeln!(body, "<p class=\"warning\">{}.</p>", escaped(warning));
    }
    let published = report.published;
    body.push_str("<h2>Sub-tasks</h2>\n");
    table(&mut body, &columns::tasks(&report.all), "");
    if let Some(group) = &report.answers_about_nothing {
        nothing(&mut body, group);
    }
    if let Some(comparison) = &report.baselines {
        let _ = writeln!(
            body,
            "<h2>Baselines</h2>\n<p class=\"lead\">{}.</p>",
            escaped(&comparison.summary())
        );
        table(&mut body, &columns::baselines(report, comparison), "");
        for row in &comparison.rows {
            let (title, reading) = (row.name.title(), escaped(&row.reading));
            let _ = writeln!(body, "<p>{title}: {reading}.</p>");
        }
    }
    let _ = writeln!(
        body,
        "<h2>Published</h2>\n<p class=\"lead\">{}. {}.</p>",
        escaped(published.source),
        escaped(published.note)
    );
    table(&mut body, &columns::published(report), " class=\"published\"");
    body.push_str("<h2>Sources</h2>\n");
    table(&mut body, &columns::sources(report), "");
    let folded = [
        ("Object classes", columns::groups(&report.classes)),
        ("Class pairs", columns::groups(&report.class_pairs)),
    ];
    for (title, rows) in folded {
        let _ = writeln!(body, "<details><summary>{title}: {} rows</summary>", rows.len());
        table(&mut body, &rows, "");
        body.push_str("</details>\n");
    }
    examples::sections(&mut body, gallery, pictures);
    page("Calico evaluation", &body)
}

fn nothing(body: &mut String, group: &NothingGroup) {
    body.push_str("<h2>Answers about nothing</h2>\n<table><thead><tr><th></th>");
    for title in NOTHING_TITLES {
        let _ = write!(body, "<th>{title}</th>");
    }
    body.push_str("</tr></thead><tbody>\n");
    for (name, cells) in columns::nothing(group) {
        let _ = writeln!(body, "<tr><td>{name}</td><td>{}</td></tr>", cells.join("</td><td>"));
    }
    body.push_str("</tbody></table>\n");
}

fn table(body: &mut String, rows: &[TextRow], class: &str) {
    body.push_str("<table><thead><tr><th>percent</th>");
    for title in TITLES {
        let _ = write!(body, "<th>{title}</th>");
    }
    body.push_str("</tr></thead><tbody>\n");
    for row in rows {
        let _ = write!(body, "<tr{class}><td>{}</td>", escaped(&row.name));
        for cell in &row.cells {
            let _ = write!(body, "<td>{cell}</td>");
        }
        body.push_str("</tr>\n");
    }
    body.push_str("</tbody></table>\n");
}
