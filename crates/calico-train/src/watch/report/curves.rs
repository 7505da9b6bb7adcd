//! The curves of a run.

use std::collections::BTreeMap;

use calico_result::pictures::line_chart::{Line, LineChart, Mark, Scale};

use crate::watch::MetricsRow;

/// Steps and values.
type Points = Vec<(f64, f64)>;

const SMOOTHED: &str = "Faint: every step. Strong: smoothed.";

/// The losses of a step as in the file, and as a reader may call them.
const LOSSES: [(&str, &str); 7] = [
    ("loss", "total"),
    ("text_loss", "text"),
    ("mask_loss", "masks"),
    ("dice_loss", "Dice"),
    ("iou_loss", "predicted overlap"),
    ("label_loss", "labels"),
    ("label_prompt_loss", "prompts of labels"),
];

/// The charts of a run that have something to show, each with the name of its files.
pub(super) fn charts(rows: &[MetricsRow]) -> Vec<(String, LineChart)> {
    let mut charts = vec![
        ("loss".to_owned(), losses(rows)),
        ("learning_rate".to_owned(), learning_rate(rows)),
        ("gradient_norm".to_owned(), gradient_norm(rows)),
    ];
    charts.extend(validations(rows));
    charts.retain(|(_, chart)| !chart.lines.is_empty());
    let marks = stages(rows);
    for (_, chart) in &mut charts {
        chart.marks.clone_from(&marks);
    }
    charts
}

fn losses(rows: &[MetricsRow]) -> LineChart {
    let lines = LOSSES.iter().filter_map(|(key, name)| line(rows, key, name, true)).collect();
    chart("Loss", SMOOTHED, "loss", lines)
}

fn learning_rate(rows: &[MetricsRow]) -> LineChart {
    let lines = line(rows, "learning_rate", "learning rate", false).into_iter().collect();
    chart("Learning rate", "", "rate", lines)
}

fn gradient_norm(rows: &[MetricsRow]) -> LineChart {
    let lines = line(rows, "gradient_norm", "gradient norm", true).into_iter().collect();
    let note = "Before clipping. Faint: every step. Strong: smoothed.";
    let chart = chart("Norm of the gradients", note, "norm, logarithmic", lines);
    LineChart { scale: Scale::Logarithmic, ..chart }
}

/// One chart of all pairs, and one for each sub-task.
fn validations(rows: &[MetricsRow]) -> Vec<(String, LineChart)> {
    let mut groups: BTreeMap<&str, BTreeMap<&str, Points>> = BTreeMap::new();
    for row in rows {
        let MetricsRow::Validation(row) = row else { continue };
        for (key, score) in &row.scores {
            let (group, name) = key.rsplit_once('/').unwrap_or(("", key));
            let points = groups.entry(group).or_default().entry(name).or_default();
            points.push((row.step as f64, *score));
        }
    }
    let of_group = |(group, scores): (&str, BTreeMap<&str, Points>)| {
        let line =
            |(name, points): (&str, _)| Line { name: name.to_owned(), points, smooth: false };
        let lines = scores.into_iter().map(line).collect();
        if group.is_empty() {
            return ("validation".to_owned(), chart("Validation", "", "percent", lines));
        }
        let title = format!("Validation: {}", group.replace('_', " "));
        (format!("validation_{}", plain(group)), chart(&title, "", "percent", lines))
    };
    groups.into_iter().map(of_group).collect()
}

/// A name that can be part of a file's name on every system.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

fn chart(title: &str, note: &str, y_axis: &str, lines: Vec<Line>) -> LineChart {
    LineChart {
        title: title.to_owned(),
        note: note.to_owned(),
        x_axis: "step".to_owned(),
        y_axis: y_axis.to_owned(),
        scale: Scale::Linear,
        lines,
        marks: Vec::new(),
    }
}

/// A value of the training rows over their steps; `None` if no row has it. Rows without it are
/// passed over, and the line is broken between stages.
fn line(rows: &[MetricsRow], key: &str, name: &str, smooth: bool) -> Option<Line> {
    let mut points: Points = Vec::new();
    for stage in rows.chunk_by(|a, b| a.stage() == b.stage()) {
        let train = stage.iter().filter(|row| matches!(row, MetricsRow::Train(_)));
        let found = train.filter_map(|row| {
            let value = row.values().into_iter().find(|(name, _)| *name == key)?;
            Some((row.step() as f64, value.1))
        });
        let found: Points = found.collect();
        if let (Some(first), false) = (found.first(), points.is_empty()) {
            points.push((first.0, f64::NAN));
        }
        points.extend(found);
    }
    (!points.is_empty()).then(|| Line { name: name.to_owned(), points, smooth })
}

/// Where stages begin, if there are several.
fn stages(rows: &[MetricsRow]) -> Vec<Mark> {
    let groups = rows.chunk_by(|a, b| a.stage() == b.stage());
    let first = groups.filter_map(<[MetricsRow]>::first);
    let marks: Vec<Mark> =
        first.map(|row| Mark { at: row.step() as f64, label: row.stage().to_owned() }).collect();
    if marks.len() > 1 { marks } else { Vec::new() }
}
