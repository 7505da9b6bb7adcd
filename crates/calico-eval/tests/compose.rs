//! Pairs composed of what a detector found in single images.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::path::Path;

use calico_eval::compose::{Detections, Names, Thresholds, compose, composition};
use calico_eval::predictions::Header;
use calico_eval::{EvalError, EvalOptions, Evaluation, PairPrediction, Report, Scorer, Truths};
use calico_result::Task;

use support::{columns, identity, sample, target};

/// The three sub-tasks about the same two images.
fn truths() -> Truths {
    let seat = || target("seat", columns(0, 3), false);
    let tasks = [
        (
            "a",
            Task::CommonObjects,
            [target("chair", columns(0, 9), true)],
            [target("chair", columns(1, 9), true)],
        ),
        ("b", Task::CommonParts, [seat()], [seat()]),
    ];
    let mut samples: Vec<_> = tasks
        .into_iter()
        .map(|(id, task, first, second)| sample(id, task, [first.into(), second.into()]))
        .collect();
    let arm = vec![target("arm", columns(5, 8), false)];
    samples.push(sample("c", Task::UniqueParts, [vec![], arm]));
    for sample in &mut samples {
        for (image, number) in sample.images.iter_mut().zip(1..) {
            image.image_id = format!("own/{number}");
            image.file_name = format!("pictures/{number}.jpg");
        }
    }
    Truths::new(samples).unwrap()
}

fn mask(from: u32, to: u32) -> String {
    format!("{{\"size\":[10,10],\"counts\":\"{}\"}}", columns(from, to).compressed())
}

fn detection(image: &str, what: &str, score: f64, mask: &str) -> String {
    format!(
        "{{\"image_id\":{image},{what},\"score\":{score},\"segmentation\":{mask},\"bbox\":[1]}}"
    )
}

fn read(entries: &[String], names: &Names) -> Result<Detections, EvalError> {
    let text = format!("[{}]", entries.join(","));
    let path = Path::new("detections.json");
    Detections::read(path, text.as_bytes(), names, &truths(), Thresholds::default())
}

fn coco(text: &str) -> Result<Names, EvalError> {
    Names::read(Path::new("coco.json"), text.as_bytes(), &truths())
}

/// What both images hold, by label, with the categories' numbers.
fn entries() -> Vec<String> {
    vec![
        detection("1", "\"category_id\":1", 0.9, &mask(0, 5)),
        detection("1", "\"category_id\":1", 0.6, &mask(5, 9)),
        detection("1", "\"category_id\":2", 0.8, &mask(0, 3)),
        detection("1", "\"category_id\":4", 0.4, &mask(0, 3)),
        detection("2", "\"category_id\":1", 0.7, &mask(1, 9)),
        detection("2", "\"category_id\":2", 0.9, &mask(0, 3)),
        detection("2", "\"category_id\":3", 0.95, &mask(5, 8)),
        detection("2", "\"category_id\":5", 0.99, &mask(0, 1)),
        detection("3", "\"category_id\":1", 0.99, "[]"),
    ]
}

const COCO: &str = r#"{"info":{},"images":[{"id":1,"file_name":"1.jpg","width":10},
    {"id":2,"file_name":"2.jpg"},{"id":3,"file_name":"3.jpg"}],"annotations":[{"id":[[]]}],
    "categories":[{"id":1,"name":"chair"},{"id":2,"name":"chair:seat"},{"id":3,"name":"chair:arm"},
    {"id":4,"name":"chair:leg"},{"id":5,"name":"lamp"}]}"#;

fn labels(prediction: &PairPrediction) -> Vec<Vec<&str>> {
    let images = prediction.images.iter();
    images.map(|image| image.iter().map(|found| found.label.as_str()).collect()).collect()
}

fn composed(detections: &Detections) -> Vec<PairPrediction> {
    truths().samples().iter().map(|truth| compose(truth, detections)).collect()
}

#[test]
fn shared_labels_are_common_and_lonely_parts_are_unique() {
    let detections = read(&entries(), &coco(COCO).unwrap()).unwrap();
    let found = composed(&detections);
    assert_eq!(labels(&found[0]), [["chair"], ["chair"]]);
    assert_eq!(labels(&found[1]), [["seat"], ["seat"]]);
    assert_eq!(labels(&found[2]), [vec![], vec!["arm"]]);
    // Two detections of one label are one mask with the better score.
    assert_eq!(found[0].images[0][0].mask, columns(0, 9));
    assert_eq!(found[0].images[0][0].score, Some(0.9));
    assert_eq!((detections.used, detections.below_threshold, detections.elsewhere), (7, 1, 1));
    let mut scorer = Scorer::new(EvalOptions::default());
    let mut evaluation = Evaluation::of_predictions(&found, &truths(), &mut scorer, 0).unwrap();
    let mut header = Header::new(Some("detector".to_owned()), Some(identity()));
    header.composed = Some(composition(Thresholds::default()));
    evaluation.header = Some(header);
    let report = Report::new(&evaluation, &scorer, identity(), None);
    assert!((report.all.overall.recall - 100.0).abs() < 1e-5);
    let json = report.to_json().unwrap();
    assert!(json.contains("\"object_threshold\": 0.5") && json.contains("our reading"), "{json}");
}

#[test]
fn labels_may_stand_in_place_and_images_by_their_id() {
    let detections = read(
        &[
            detection("\"own/1\"", "\"label\":\"Chair:Seat\"", 0.9, &mask(0, 3)),
            detection(
                "\"pictures/2.jpg\"",
                "\"object\":\"chair\",\"part\":\"seat\"",
                0.9,
                &mask(0, 3),
            ),
        ],
        &Names::default(),
    );
    assert_eq!(labels(&composed(&detections.unwrap())[1]), [["seat"], ["seat"]]);
}

#[test]
fn names_of_a_sources_files_become_the_words_of_the_data_set() {
    let mut samples = truths().samples().to_vec();
    for sample in &mut samples {
        sample.source = "paco_lvis".to_owned();
    }
    let truths = Truths::new(samples).unwrap();
    let what = "\"label\":\"cellular_telephone\"";
    let text = format!(
        "[{},{}]",
        detection("\"own/1\"", what, 0.9, &mask(0, 3)),
        detection("\"own/2\"", what, 0.9, &mask(0, 3))
    );
    let (path, names) = (Path::new("d.json"), Names::default());
    let detections =
        Detections::read(path, text.as_bytes(), &names, &truths, Thresholds::default()).unwrap();
    let prediction = compose(&truths.samples()[0], &detections);
    assert_eq!(labels(&prediction), [["cell phone"], ["cell phone"]]);
}

#[test]
fn the_two_thresholds_are_those_of_objects_and_parts() {
    let entries = [
        detection("\"own/1\"", "\"label\":\"chair\"", 0.3, &mask(0, 3)),
        detection("\"own/1\"", "\"label\":\"chair:seat\"", 0.3, &mask(0, 3)),
    ];
    let text = format!("[{}]", entries.join(","));
    let used = |object, part| {
        let thresholds = Thresholds { object, part };
        let (path, names) = (Path::new("d.json"), Names::default());
        Detections::read(path, text.as_bytes(), &names, &truths(), thresholds).unwrap().used
    };
    assert_eq!([used(0.3, 0.3), used(0.3, 0.4), used(0.4, 0.3), used(0.4, 0.4)], [2, 1, 1, 0]);
}

/// The error of a list of detections.
fn refused(entries: &[String]) -> String {
    read(entries, &coco(COCO).unwrap()).unwrap_err().to_string()
}

#[test]
fn detections_that_cannot_be_used_are_told_by_their_number() {
    let good = || detection("1", "\"category_id\":1", 0.9, &mask(0, 5));
    let cases = [
        (detection("1", "\"category_id\":9", 0.9, &mask(0, 5)), "category 9 has no name"),
        (detection("1", "\"x\":9", 0.9, &mask(0, 5)), "it has no label"),
        (detection("1", "\"part\":\"seat\"", 0.9, &mask(0, 5)), "`part` and no `object`"),
        (detection("1", "\"label\":\" . \"", 0.9, &mask(0, 5)), "its label is empty"),
        (detection("1", "\"category_id\":1", 0.9, "{\"size\":[9,9],\"counts\":[81]}"), "9x9"),
        (detection("1", "\"category_id\":1", 0.9, "7"), "its mask cannot be used"),
    ];
    for (entry, part) in cases {
        let text = refused(&[good(), entry]);
        assert!(text.contains("detection 2: ") && text.contains(part), "{text}");
    }
}

#[test]
fn files_of_another_form_are_refused() {
    for text in ["", "{}", "[", "[1]", "[{\"image_id\":1}]", "[] x", "[{\"image_id\":1e99}]"] {
        let path = Path::new("detections.json");
        let names = Names::default();
        let error =
            Detections::read(path, text.as_bytes(), &names, &truths(), Thresholds::default());
        assert!(matches!(error, Err(EvalError::Detections { .. })), "{text}");
    }
    for text in ["", "7", "{\"images\":3}", "{\"images\":[{\"id\":1}]}", "{} x"] {
        assert!(matches!(coco(text), Err(EvalError::Detections { .. })), "{text}");
    }
    let twice = "{\"categories\":[{\"id\":1,\"name\":\"a\"},{\"id\":1,\"name\":\"b\"}]}";
    assert!(coco(twice).unwrap_err().to_string().contains("category 1 is listed twice"));
}

#[test]
fn numbers_without_a_file_that_names_them_are_refused() {
    let entry = detection("1", "\"label\":\"chair\"", 0.9, &mask(0, 5));
    let error = read(&[entry], &Names::default()).unwrap_err().to_string();
    assert!(error.contains("none of 1 detections is in an image of the split"), "{error}");
}

#[test]
fn a_gigabyte_in_one_mask_is_stopped_in_little_memory() {
    use std::io::Read as _;
    let start = "[{\"image_id\":\"own/1\",\"label\":\"chair\",\"score\":1,\"segmentation\":{\"size\":[10,10],\"counts\":\"";
    let endless = start.as_bytes().chain(std::io::repeat(b'0').take(1 << 30));
    let path = Path::new("detections.json");
    let names = Names::default();
    let error = Detections::read(path, endless, &names, &truths(), Thresholds::default());
    assert!(error.unwrap_err().to_string().contains("33554432 bytes"));
}
