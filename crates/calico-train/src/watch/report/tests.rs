use std::fs;

use super::*;
use crate::watch::metrics_row::{train_row, validation_row};
use crate::watch::{TrainRow, ValidationRow};

/// Three steps on dense labels, three jointly, two validations.
fn rows() -> Vec<MetricsRow> {
    let dense = |step| {
        let MetricsRow::Train(row) = train_row(step, 3.0) else { panic!() };
        MetricsRow::Train(TrainRow {
            stage: "dense <1>".to_owned(),
            iou_loss: None,
            label_loss: Some(3.0),
            text_loss: None,
            ..row
        })
    };
    let mut rows: Vec<MetricsRow> = (1..=3).map(dense).collect();
    rows.extend((4..=6).map(|step| train_row(step, 1.0)));
    rows.insert(5, validation_row(5, 60.0));
    rows.push(validation_row(6, 50.0));
    rows
}

fn input(rows: &[MetricsRow]) -> ReportInput<'_> {
    let sample = |step, name: &str| SamplePicture {
        step,
        caption: format!("Predicted: {name}"),
        file: PathBuf::from("samples").join(format!("{name}.png")),
    };
    ReportInput {
        title: "A run <of> Calico",
        recipe_toml: "[data]\nfolder = \"a<b\"\n",
        summary: vec![("steps".to_owned(), "6 & more".to_owned())],
        rows,
        samples: vec![sample(3, "a 1"), sample(6, "b"), sample(6, "c")],
    }
}

#[test]
fn a_report_has_the_curves_scores_samples_and_recipe_of_its_run() {
    let scratch = tempfile::tempdir().unwrap();
    let rows = rows();
    let page = fs::read_to_string(write(scratch.path(), &input(&rows)).unwrap()).unwrap();
    for text in [
        "A run &lt;of&gt; Calico",
        "<dt>steps</dt><dd>6 &amp; more</dd>",
        ">text</text>",
        ">labels</text>",
        ">dense &lt;1&gt;</text>",
        ">joint</text>",
        "<td>miou</td><td>60.00</td><td>5</td><td>50.00</td><td>6</td>",
        "<td>common_parts/miou</td><td>30.00</td>",
        "href=\"curves/gradient_norm.png\"",
        "src=\"samples/a%201.png\"",
        "folder = &quot;a&lt;b&quot;",
    ] {
        assert!(page.contains(text), "{text} is missing in {page}");
    }
    assert!(page.find("<td>miou").unwrap() < page.find("<td>common_parts/miou").unwrap());
    assert!(page.find("Step 6").unwrap() < page.find("Step 3").unwrap());
    assert!(!page.contains(">masks</text>"), "no row has such a loss");
    let mut names: Vec<String> = fs::read_dir(scratch.path().join(CURVES_FOLDER))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let stems = ["gradient_norm", "learning_rate", "loss", "validation", "validation_common_parts"];
    let expected = stems.iter().flat_map(|stem| [format!("{stem}.png"), format!("{stem}.svg")]);
    assert_eq!(names, expected.collect::<Vec<_>>());
}

#[test]
fn a_run_without_steps_has_a_report_without_curves() {
    let scratch = tempfile::tempdir().unwrap();
    let input = ReportInput { samples: Vec::new(), ..input(&[]) };
    let page = fs::read_to_string(write(scratch.path(), &input).unwrap()).unwrap();
    assert!(page.contains("No step was taken yet") && !page.contains("<figure"));
    assert!(!scratch.path().join(CURVES_FOLDER).exists());
}

#[test]
fn equal_runs_have_equal_reports() {
    let rows = rows();
    let bytes = || {
        let scratch = tempfile::tempdir().unwrap();
        fs::read(write(scratch.path(), &input(&rows)).unwrap()).unwrap()
    };
    assert_eq!(bytes(), bytes());
}

#[test]
fn a_name_of_a_subtask_cannot_leave_the_folder() {
    let scores = [("../../x/miou".to_owned(), 1.0)].into();
    let row = ValidationRow { stage: "a".to_owned(), step: 1, pairs: 1, scores };
    let charts = curves::charts(&[MetricsRow::Validation(row)]);
    assert_eq!(charts[0].0, "validation_______x");
}

#[test]
fn lines_are_broken_between_stages_and_pass_over_rows_without_their_value() {
    let mut rows = rows();
    let MetricsRow::Train(row) = &mut rows[4] else { panic!() };
    row.dice_loss = None;
    let charts = curves::charts(&rows);
    let losses = &charts[0].1;
    let steps = |name: &str| -> Vec<(u64, bool)> {
        let line = losses.lines.iter().find(|line| line.name == name).unwrap();
        line.points.iter().map(|(step, value)| (*step as u64, value.is_finite())).collect()
    };
    let whole = [(1, true), (2, true), (3, true), (4, false), (4, true), (5, true), (6, true)];
    assert_eq!(steps("total"), whole);
    assert_eq!(steps("Dice"), [&whole[..5], &whole[6..]].concat());
    assert_eq!(steps("labels"), whole[..3]);
    let marks: Vec<u64> = losses.marks.iter().map(|mark| mark.at as u64).collect();
    assert_eq!(marks, [1, 4]);
}
