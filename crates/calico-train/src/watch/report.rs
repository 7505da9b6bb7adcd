//! The page that shows how a run went, with its curves.

mod curves;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use calico_result::pictures::chart::grouped;
use calico_result::{create_output_folder, html};

use super::{MetricsRow, WatchError};

/// The name of the page in the folder of a run.
pub const REPORT_NAME: &str = "report.html";

/// The folder of the curves in the folder of a run.
pub const CURVES_FOLDER: &str = "curves";

/// What a report tells.
#[derive(Debug, Clone)]
pub struct ReportInput<'a> {
    /// The heading.
    pub title: &'a str,
    /// The recipe that was followed, as TOML.
    pub recipe_toml: &'a str,
    /// Names and what they are, such as the model, the steps and the best score.
    pub summary: Vec<(String, String)>,
    /// The rows of `metrics.jsonl`, in order.
    pub rows: &'a [MetricsRow],
    /// The pictures of predictions, in order.
    pub samples: Vec<SamplePicture>,
}

/// A picture of a prediction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamplePicture {
    /// How many optimiser steps the run had taken.
    pub step: u64,
    /// What it shows.
    pub caption: String,
    /// Where it is, from the folder of the run.
    pub file: PathBuf,
}

/// Writes `report.html` into the folder of a run, and each curve under `curves/` as SVG and PNG;
/// returns the path of the page.
///
/// The page holds its curves itself, has no scripts, and is light or dark as the reader's system.
/// Equal input gives equal bytes.
pub fn write(folder: &Path, input: &ReportInput<'_>) -> Result<PathBuf, WatchError> {
    let folder = create_output_folder(folder)?;
    let charts = curves::charts(input.rows);
    let mut body = format!("<h1>{}</h1>\n", html::escaped(input.title));
    if charts.is_empty() {
        body.push_str("<p class=\"lead\">No step was taken yet.</p>\n");
    }
    body.push_str(&html::facts(&input.summary));
    if !charts.is_empty() {
        body.push_str("<h2>Curves</h2>\n");
        let curves = folder.subfolder(CURVES_FOLDER)?;
        for (stem, chart) in &charts {
            chart.write(&curves, stem)?;
            let file = |ending: &str| format!("{CURVES_FOLDER}/{stem}.{ending}");
            body.push_str(&html::chart(&chart.svg()?, &[&file("svg"), &file("png")]));
        }
    }
    let scores = scores(input.rows);
    if !scores.is_empty() {
        body.push_str("<h2>Validation</h2>\n");
        body.push_str(&html::table(&["percent", "highest", "at step", "last", "at step"], &scores));
    }
    samples(&mut body, &input.samples);
    body.push_str("<h2>Recipe</h2>\n");
    body.push_str(&html::folded_text("as it was followed", input.recipe_toml));
    let page = html::page(input.title, &body);
    Ok(folder.write(REPORT_NAME, page.as_bytes())?)
}

/// Each score with its highest value, its last one, and when they were reached.
fn scores(rows: &[MetricsRow]) -> Vec<Vec<String>> {
    let mut found: BTreeMap<&str, [(u64, f64); 2]> = BTreeMap::new();
    for row in rows {
        let MetricsRow::Validation(row) = row else { continue };
        for (name, score) in &row.scores {
            let now = (row.step, *score);
            let [highest, last] = found.entry(name).or_insert([now, now]);
            *last = now;
            if *score > highest.1 {
                *highest = now;
            }
        }
    }
    let row = |(name, [highest, last]): (&str, [(u64, f64); 2])| {
        let mut cells = vec![name.to_owned()];
        for (step, score) in [highest, last] {
            cells.extend([format!("{score:.2}"), grouped(step)]);
        }
        cells
    };
    // Those of all pairs before those of sub-tasks.
    let (parts, all): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|(name, _)| name.contains('/'));
    all.into_iter().chain(parts).map(row).collect()
}

/// The pictures, those of the last step first.
fn samples(body: &mut String, samples: &[SamplePicture]) {
    if samples.is_empty() {
        return;
    }
    body.push_str("<h2>Sample predictions</h2>\n");
    let groups: Vec<&[SamplePicture]> = samples.chunk_by(|a, b| a.step == b.step).collect();
    for (place, group) in groups.iter().rev().enumerate() {
        let open = if place == 0 { " open" } else { "" };
        let step = group.first().map_or(0, |sample| sample.step);
        // Writing to a string cannot fail.
        let _ = writeln!(body, "<details{open}><summary>Step {}</summary>", grouped(step));
        for sample in *group {
            body.push_str(&html::picture(&sample.file.to_string_lossy(), &sample.caption));
        }
        body.push_str("</details>\n");
    }
}

#[cfg(test)]
mod tests;
