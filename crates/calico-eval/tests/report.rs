//! The report: one document, and what is shown of it.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fs::File;
use std::io::BufReader;

use calico_eval::report::{Pictures, html, markdown, terminal, write};
use calico_eval::{EvalOptions, Evaluation, PairPrediction, Report, Scorer, Truths};
use calico_result::Task;
use serde_json::{Value, json};

use support::{Trigrams, golden, identity, perfect, report, three_tasks, truths};

/// The golden case, with its examples.
fn evaluated() -> (Report, Evaluation) {
    let truths = truths("ties.truth.json");
    let mut scorer = Scorer::new(EvalOptions::default()).with_sentence_encoder(&Trigrams);
    let path = golden("ties.predictions.jsonl");
    let from = BufReader::new(File::open(&path).unwrap());
    let evaluation = Evaluation::of_file(&path, from, &truths, &mut scorer, 2).unwrap();
    (
        Report::new(&evaluation, &scorer, identity(), Some("<tiny> | *m*\u{1b}[2J".into())),
        evaluation,
    )
}

/// Links that lead nowhere.
fn pictures(evaluation: &Evaluation) -> Pictures {
    let images = evaluation.gallery.examples().flat_map(|example| &example.truth.images);
    images
        .map(|image| (image.image_id.clone(), format!("pictures/{}.jpg", image.image_id)))
        .collect()
}

#[test]
fn the_files_are_those_of_the_report() {
    let (report, evaluation) = evaluated();
    let scratch = tempfile::tempdir().unwrap();
    let folder = calico_result::create_output_folder(scratch.path()).unwrap();
    let paths = write(&report, &evaluation.gallery, &Pictures::none(), &folder).unwrap();
    let names: Vec<_> = paths.iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    assert_eq!(names, ["scores.json", "scores.md", "index.html"]);
    assert_eq!(std::fs::read_to_string(&paths[0]).unwrap(), report.to_json().unwrap());
}

#[test]
fn the_document_has_the_rows_and_columns_that_were_promised() {
    let (report, _) = evaluated();
    let found: Value = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    let columns = ["ap50", "miou", "recall", "ss", "s_iou", "miou_strict", "recall_strict"];
    let rows = Task::ALL.map(|task| &found["tasks"][task.name()]);
    for row in rows.into_iter().chain([&found["overall"]]) {
        for column in columns {
            let value = row[column].as_f64().unwrap();
            assert!((0.0..=100.0).contains(&value), "{column} is {value}");
        }
        assert!(row["pairs"].as_u64().unwrap() > 0);
    }
    assert_eq!(found["label_test"], "exact");
    assert_eq!(found["mode"], "glamm");
    assert_eq!(found["data"], json!({ "split": "test" }));
    assert_eq!(found["published"]["tasks"][0]["task"], "common_objects");
    assert!(found["sources"]["paco_lvis"]["tasks"]["unique_parts"]["ap50"].is_number());
    assert!(found["classes"]["trash can"]["overall"]["ap50"].is_number());
    assert!(found["class_pairs"]["chair + trash can"].is_object());
}

#[test]
fn ss_alone_is_absent_without_an_encoder() {
    let truths = three_tasks();
    let mut scorer = Scorer::new(EvalOptions::default());
    let predictions: Vec<_> = truths.samples().iter().map(perfect).collect();
    let evaluation = Evaluation::of_predictions(&predictions, &truths, &mut scorer, 0).unwrap();
    let report = Report::new(&evaluation, &scorer, identity(), None);
    let found: Value = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    let row = found["overall"].as_object().unwrap();
    assert!(!row.contains_key("ss") && !row.contains_key("ss_mask_matched"));
    assert!(row.contains_key("recall") && row.contains_key("s_iou"));
    assert!(report.warnings.iter().any(|text| text.starts_with("SS is absent")));
}

#[test]
fn equal_runs_give_equal_bytes() {
    let ((first, one), (second, two)) = (evaluated(), evaluated());
    assert_eq!(first.to_json().unwrap(), second.to_json().unwrap());
    let links = pictures(&one);
    assert_eq!(html(&first, &one.gallery, &links), html(&second, &two.gallery, &links));
}

#[test]
fn published_rows_are_marked_and_stand_apart() {
    let (report, evaluation) = evaluated();
    let texts = [
        terminal(&report),
        markdown(&report),
        html(&report, &evaluation.gallery, &Pictures::none()),
    ];
    for text in texts {
        let at = text.find("Published").unwrap();
        let ours = text.find("Common objects").unwrap();
        assert!(ours < at && text[at..].contains("CALICO, common objects"), "{text}");
        assert!(!text[..at].contains("CALICO,"), "{text}");
        assert!(text.contains("69.2") && text.contains("Multi-Image PartGLEE"));
        assert!(text.contains("label_test"));
    }
}

#[test]
fn the_page_needs_nothing_else_and_names_cannot_break_it() {
    let (report, evaluation) = evaluated();
    let page = html(&report, &evaluation.gallery, &pictures(&evaluation));
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    for foreign in ["<script", "http://", "https://", "<tiny>", "\u{1b}"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert!(page.contains("prefers-color-scheme: dark"));
    assert!(page.contains("href=\"pictures/paco_lvis/"));
    for title in ["Common parts: best", "Common parts: worst", "Unique parts: best"] {
        assert!(page.contains(title), "{title}");
    }
    let without = html(&report, &evaluation.gallery, &Pictures::none());
    assert!(!without.contains("<image") && without.contains("<path class=\"mask"));
    assert_eq!(without.matches("<section class=\"pair\">").count(), 12);
}

#[test]
fn names_cannot_break_the_table_or_drive_the_terminal() {
    let (report, _) = evaluated();
    assert!(!terminal(&report).contains('\u{1b}'));
    let text = markdown(&report);
    assert!(text.contains("\\<tiny\\> \\| \\*m\\*"), "{text}");
    let columns: Vec<usize> = text
        .lines()
        .skip_while(|line| *line != "## Sub-tasks")
        .filter(|line| line.starts_with('|'))
        .map(|line| line.replace("\\|", "").matches('|').count())
        .collect();
    assert!(columns.iter().all(|count| *count == 11), "{columns:?}");
}

#[test]
fn the_gallery_keeps_the_best_and_the_worst_whatever_the_order() {
    let truths = three_tasks();
    let mut samples = Vec::new();
    for number in 0..6 {
        let mut sample = truths.samples()[0].clone();
        sample.sample_id = format!("{number}");
        samples.push(sample);
    }
    let truths = Truths::new(samples).unwrap();
    // Sample 3 is right in one image, sample 4 in both; the others have nothing.
    let mut predictions: Vec<PairPrediction> =
        [3, 4].map(|index| perfect(&truths.samples()[index])).into();
    predictions[0].images[1].clear();
    let kept = |predictions: &[PairPrediction]| {
        let mut scorer = Scorer::new(EvalOptions::default());
        let evaluation = Evaluation::of_predictions(predictions, &truths, &mut scorer, 2).unwrap();
        let gallery = evaluation.gallery;
        let id = |example: &calico_eval::Example| example.truth.sample_id.clone();
        let best: Vec<_> = gallery.best(Task::CommonObjects).iter().map(id).collect();
        let worst: Vec<_> = gallery.worst(Task::CommonObjects).into_iter().map(id).collect();
        (best, worst)
    };
    let expected = (vec!["4".to_owned(), "3".to_owned()], vec!["5".to_owned(), "2".to_owned()]);
    assert_eq!(kept(&predictions), expected);
    predictions.reverse();
    assert_eq!(kept(&predictions), expected);
}

#[test]
fn a_pair_of_one_class_counts_once_in_its_row() {
    let truths = three_tasks();
    let mut samples = truths.samples().to_vec();
    samples[0].classes = ["chair".to_owned(), "chair".to_owned()];
    let truths = Truths::new(samples).unwrap();
    let report = report(&truths, &[], EvalOptions::default());
    assert_eq!(report.classes["chair"].overall.pairs, 3);
    assert_eq!(report.classes["bench"].overall.pairs, 2);
    assert_eq!(report.class_pairs["bench + chair"].overall.pairs, 2);
}
