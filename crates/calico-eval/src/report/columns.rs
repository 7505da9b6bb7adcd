//! The tables of a report as texts, the same in every form.

use super::{Group, NothingGroup, NothingRow, PublishedRow, Report};
use crate::Row;
use crate::baselines::Comparison;

/// The titles above the numbers.
pub(super) const TITLES: [&str; 9] = [
    "Pairs",
    "AP50",
    "mIoU",
    "Recall",
    "SS",
    "S-IoU",
    "mIoU strict",
    "Recall strict",
    "Exact answers",
];

/// A row of a table: its name and a text per title.
pub(super) struct TextRow {
    pub(super) name: String,
    pub(super) cells: [String; TITLES.len()],
}

impl TextRow {
    pub(super) fn new(name: &str, row: &Row) -> Self {
        let number = |value: f64| format!("{value:.1}");
        let of_targets = |value| if row.targets == 0 { ABSENT.to_owned() } else { number(value) };
        let cells = [
            row.pairs.to_string(),
            number(row.ap50),
            number(row.miou),
            of_targets(row.recall),
            row.ss.map_or_else(|| ABSENT.to_owned(), of_targets),
            of_targets(row.s_iou),
            number(row.miou_strict),
            of_targets(row.recall_strict),
            number(row.exact_answers),
        ];
        Self { name: name.to_owned(), cells }
    }

    pub(super) fn published(name: &str, row: &PublishedRow) -> Self {
        let number = |value: f64| format!("{value:.1}");
        let absent = || ABSENT.to_owned();
        let cells = [
            absent(),
            number(row.ap50),
            number(row.miou),
            number(row.recall),
            number(row.ss),
            number(row.s_iou),
            absent(),
            absent(),
            absent(),
        ];
        Self { name: name.to_owned(), cells }
    }
}

const ABSENT: &str = "–";

/// The sub-tasks and their mean.
pub(super) fn tasks(group: &Group) -> Vec<TextRow> {
    let tasks = group.tasks.iter().map(|(task, row)| TextRow::new(task.title(), row));
    tasks.chain([TextRow::new("Mean", &group.overall)]).collect()
}

/// The means of named groups.
pub(super) fn groups<'a>(
    groups: impl IntoIterator<Item = (&'a String, &'a Group)>,
) -> Vec<TextRow> {
    groups.into_iter().map(|(name, group)| TextRow::new(name, &group.overall)).collect()
}

/// The sub-tasks of each source.
pub(super) fn sources(report: &Report) -> Vec<TextRow> {
    let rows = |(source, group): (&String, &Group)| {
        let tasks = tasks(group).into_iter();
        let named = |row: TextRow| TextRow { name: format!("{source}, {}", row.name), ..row };
        tasks.map(named).collect::<Vec<_>>()
    };
    report.sources.iter().flat_map(rows).collect()
}

/// CALICO's published sub-tasks, its mean, and the other methods.
pub(super) fn published(report: &Report) -> Vec<TextRow> {
    let tasks = report.published.tasks.iter();
    let tasks = tasks.map(|entry| {
        let name = format!("{}, {}", entry.row.method, entry.task.title().to_lowercase());
        TextRow::published(&name, &entry.row)
    });
    let methods = report.published.methods.iter().chain(report.published.ablations);
    tasks.chain(methods.map(|row| TextRow::published(row.method, row))).collect()
}

/// The model beside the baselines.
pub(super) fn baselines(report: &Report, comparison: &Comparison) -> Vec<TextRow> {
    let model = TextRow::new(report.model.as_deref().unwrap_or("Model"), &report.all.overall);
    let rows = comparison.rows.iter();
    let rows = rows.map(|row| TextRow::new(row.name.title(), &row.scores.overall));
    [model].into_iter().chain(rows).collect()
}

/// The titles above answers about nothing.
pub(super) const NOTHING_TITLES: [&str; 4] =
    ["Pairs", "With a mask", "Unanswered", "False answer rate"];

/// The sub-tasks that have pairs with nothing to name, and all of them.
pub(super) fn nothing(group: &NothingGroup) -> Vec<(&'static str, [String; NOTHING_TITLES.len()])> {
    let tasks = group.tasks.iter().map(|(task, row)| (task.title(), row));
    let rows = tasks.chain([("All", &group.overall)]);
    let cells = |row: &NothingRow| {
        let rate = format!("{:.1}", row.false_answer_rate);
        [row.pairs.to_string(), row.false_answers.to_string(), row.unanswered.to_string(), rate]
    };
    rows.map(|(name, row)| (name, cells(row))).collect()
}

/// What was evaluated, how: one line each.
pub(super) fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("model", report.model.clone().unwrap_or_else(|| "not named".to_owned())),
        ("data", report.data.to_string()),
    ];
    facts.extend(report.suite.iter().map(|suite| ("suite", suite.clone())));
    facts.extend([
        ("mode", report.mode.name().to_owned()),
        ("assign", report.assign.name().to_owned()),
        ("label_test", report.label_test.name().to_owned()),
        ("label_match", report.label_match.to_owned()),
        ("objects in part tasks", report.objects.name().to_owned()),
    ]);
    if let (Some(accuracy), Some(cases)) = (report.context_accuracy, report.context_cases) {
        facts.push(("context_accuracy", format!("{accuracy:.1} % of {cases} cases")));
    }
    if let Some(composed) = &report.composed {
        facts.push(("composed", format!("{}: {}", composed.thresholds(), composed.reading)));
    }
    facts
}
