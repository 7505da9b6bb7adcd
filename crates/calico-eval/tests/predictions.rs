//! The predictions file: what is read, what is refused, and how an interrupted one goes on.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use calico_eval::predictions::{
    Fault, Header, JSON_SCHEMA, MAX_SEGMENTS, PredictionWriter, write_predictions,
};
use calico_eval::{EvalError, EvalOptions, Evaluation, PairPrediction, Report, Scorer, Truths};
use calico_result::Task;

use support::{columns, identity, perfect, sample, target, three_tasks};

fn evaluated(text: &str, truths: &Truths) -> Result<Report, EvalError> {
    let mut scorer = Scorer::new(EvalOptions::default());
    let path = Path::new("predictions.jsonl");
    let evaluation = Evaluation::of_file(path, text.as_bytes(), truths, &mut scorer, 0)?;
    Ok(Report::new(&evaluation, &scorer, identity(), None))
}

/// The faults of a file, with their lines.
fn faults(text: &str) -> Vec<(usize, Fault)> {
    match evaluated(text, &three_tasks()) {
        Err(EvalError::Predictions { problems, more: 0, .. }) => {
            problems.into_iter().map(|problem| (problem.line, problem.fault)).collect()
        }
        other => panic!("no faults in {text}: {other:?}"),
    }
}

fn line(segments: &str) -> String {
    format!("{{\"sample_id\":\"a\",\"segments\":[{segments}]}}")
}

#[test]
fn all_encodings_of_a_mask_are_read() {
    let truths = Truths::new(vec![sample(
        "a",
        Task::UniqueParts,
        [vec![target("arm", columns(2, 4), false)], vec![]],
    )])
    .unwrap();
    let compressed = columns(2, 4).compressed();
    let masks = [
        format!("{{\"size\":[10,10],\"counts\":\"{compressed}\"}}"),
        "{\"size\":[10,10],\"counts\":[20,20,60]}".to_owned(),
        "[[2,0,4,0,4,10,2,10]]".to_owned(),
    ];
    for mask in masks {
        let text = line(&format!("{{\"image\":1,\"label\":\"an arm\",\"mask\":{mask}}}"));
        let row = evaluated(&text, &truths).unwrap().all.overall;
        assert!((row.miou - 100.0).abs() < 1e-5 && (row.recall - 100.0).abs() < 1e-5, "{mask}");
    }
}

#[test]
fn an_empty_mask_is_a_prediction() {
    let mask = "{\"size\":[10,10],\"counts\":[100]}";
    let text = line(&format!("{{\"image\":1,\"label\":\"chair\",\"mask\":{mask}}}"));
    assert_eq!(evaluated(&text, &three_tasks()).unwrap().all.overall.predictions, 1);
}

#[test]
fn every_fault_of_a_file_is_told_with_its_line() {
    let mask = "{\"size\":[10,10],\"counts\":[100]}";
    let text = [
        "{\"sample_id\":\"a\",\"segments\":[]}",
        "{\"sample_id\":\"a\",\"segments\":[]}",
        "",
        "{\"sample_id\":\"z\",\"segments\":[]}",
        &format!(
            "{{\"sample_id\":\"b\",\"segments\":[{{\"image\":3,\"label\":\"\",\"mask\":{mask}}}]}}"
        ),
        "{\"sample_id\":\"c\",\"segments\":[",
    ]
    .join("\n");
    let found = faults(&text);
    assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 4, 5, 6]);
    assert!(matches!(found[0].1, Fault::RepeatedSample { first: 1, .. }));
    assert!(matches!(found[1].1, Fault::UnknownSample { .. }));
    assert!(matches!(found[2].1, Fault::Image { segment: 1, found: 3, images: 2 }));
    assert!(matches!(found[3].1, Fault::Malformed(_)));
}

#[test]
fn masks_that_lie_or_do_not_fit_are_refused() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let masks = [
        &deep,
        "{\"size\":[10,11],\"counts\":[110]}",
        "{\"size\":[10,10],\"counts\":[99]}",
        "{\"size\":[10,10],\"counts\":[-1,101]}",
        "{\"size\":[10,10],\"counts\":\"~~~\"}",
        "{\"size\":[1000000000,1000000000],\"counts\":[1]}",
        "{\"counts\":[100]}",
        "[[1,2,3]]",
        "null",
    ];
    for mask in masks {
        let text = line(&format!("{{\"image\":1,\"label\":\"x\",\"mask\":{mask}}}"));
        let found = faults(&text);
        assert!(matches!(found[0].1, Fault::Mask { segment: 1, .. }), "{mask}: {found:?}");
    }
}

#[test]
fn lines_of_another_form_are_refused() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let lines = [
        "3",
        "[]",
        "nonsense",
        "{\"sample_id\":\"a\"}",
        "{\"sample_id\":\"a\",\"segments\":[],\"surprise\":1}",
        "{\"sample_id\":\"a\",\"segments\":[{\"image\":-1,\"label\":\"x\",\"mask\":[]}]}",
        "{\"sample_id\":\"a\",\"segments\":[{\"image\":1,\"label\":\"x\",\"mask\":[],\"score\":1e999}]}",
        &format!("{{\"sample_id\":\"a\",\"segments\":{deep}}}"),
    ];
    for line in lines {
        assert!(
            matches!(faults(line)[0].1, Fault::Malformed(_)),
            "{}",
            &line[..line.len().min(90)]
        );
    }
    let label = "x".repeat(2000);
    let text = line(&format!("{{\"image\":1,\"label\":\"{label}\",\"mask\":[]}}"));
    assert!(matches!(faults(&text)[0].1, Fault::Label { segment: 1, found: 2000 }));
    let segment = "{\"image\":1,\"label\":\"x\",\"mask\":[]}";
    let text = line(&vec![segment; MAX_SEGMENTS + 1].join(","));
    assert!(matches!(faults(&text)[0].1, Fault::TooManySegments { .. }));
    let found = faults("{\"schema\":\"calico.predictions/9\"}");
    assert!(matches!(found[0].1, Fault::Schema { .. }));
}

#[test]
fn a_message_says_where_and_what_to_do() {
    let error = evaluated("{\"sample_id\":\"z\",\"segments\":[]}", &three_tasks()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("line 1: sample \"z\" is not in the split; score the file"), "{text}");
}

#[test]
fn a_header_names_the_model_and_another_data_set_is_warned_of() {
    let header =
        "{\"schema\":\"calico.predictions/1\",\"model\":\"m\",\"data\":{\"split\":\"dev\"}}";
    let report = evaluated(header, &three_tasks()).unwrap();
    assert_eq!(report.model.as_deref(), Some("m"));
    assert!(report.warnings[0].contains("made for a data set, split dev"), "{:?}", report.warnings);
}

fn header() -> Header {
    Header::new(Some("m".to_owned()), Some(identity()))
}

#[test]
fn what_is_written_is_read_back() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("p.jsonl");
    let truths = three_tasks();
    let mut writer = PredictionWriter::open(&path, &header()).unwrap();
    for truth in truths.samples() {
        let answer = Some("They share \"it\".\n".to_owned());
        writer.write(&PairPrediction { answer, ..perfect(truth) }).unwrap();
    }
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 4);
    let report = evaluated(&text, &truths).unwrap();
    assert!((report.all.overall.recall - 100.0).abs() < 1e-5);
    assert_eq!(report.model.as_deref(), Some("m"));
}

#[test]
fn a_file_written_at_once_equals_one_written_line_by_line() {
    let scratch = tempfile::tempdir().unwrap();
    let (first, second) = (scratch.path().join("a.jsonl"), scratch.path().join("b/b.jsonl"));
    let truths = three_tasks();
    let mut writer = PredictionWriter::open(&first, &header()).unwrap();
    truths.samples().iter().for_each(|truth| writer.write(&perfect(truth)).unwrap());
    write_predictions(&second, &header(), truths.samples().iter().map(perfect)).unwrap();
    assert_eq!(fs::read(first).unwrap(), fs::read(second).unwrap());
}

/// The keys that the schema requires and allows at a place.
fn keys(pointer: &str) -> (Vec<String>, Vec<String>) {
    let schema: serde_json::Value = serde_json::from_str(JSON_SCHEMA).unwrap();
    let place = schema.pointer(&format!("/$defs/{pointer}")).unwrap();
    assert_eq!(place["additionalProperties"], false, "{pointer}");
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let required = place["required"].as_array().unwrap().iter().map(text).collect();
    (required, place["properties"].as_object().unwrap().keys().cloned().collect())
}

#[test]
fn the_schema_allows_what_is_read_and_nothing_else() {
    let segment = "{\"image\":1,\"label\":\"chair\",\"mask\":[[0,0,5,0,5,5]],\"score\":1}";
    let whole = format!(
        "{{\"sample_id\":\"a\",\"segments\":[{segment}],\"answer\":\"x\",\"failure\":null}}"
    );
    let value: serde_json::Value = serde_json::from_str(&whole).unwrap();
    for (pointer, place) in [("prediction", ""), ("segment", "/segments/0")] {
        let (required, allowed) = keys(pointer);
        let object = value.pointer(place).unwrap().as_object().unwrap();
        let mut written: Vec<_> = object.keys().cloned().collect();
        written.sort();
        assert_eq!(written, allowed, "{pointer}");
        for key in &allowed {
            let mut reduced = value.clone();
            reduced.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(key);
            let is_read = evaluated(&reduced.to_string(), &three_tasks()).is_ok();
            assert_eq!(is_read, !required.contains(key), "{pointer} without {key}");
        }
        let mut extended = value.clone();
        extended.pointer_mut(place).unwrap()["surprise"] = 1.into();
        assert!(evaluated(&extended.to_string(), &three_tasks()).is_err(), "{pointer}");
    }
    let header = serde_json::json!({
        "schema": "calico.predictions/1", "model": "m",
        "data": {"name": "d", "seed": 1, "hash": "h", "split": "test"},
        "composed": {"object_threshold": 0.5, "part_threshold": 0.5, "reading": "r"},
    });
    evaluated(&header.to_string(), &three_tasks()).unwrap();
    for (pointer, place) in [
        ("header", ""),
        ("header/properties/data", "/data"),
        ("header/properties/composed", "/composed"),
    ] {
        let (required, allowed) = keys(pointer);
        let object = header.pointer(place).unwrap().as_object().unwrap();
        assert_eq!(object.keys().cloned().collect::<Vec<_>>(), allowed, "{pointer}");
        for key in allowed.iter().filter(|key| *key != "schema") {
            let mut reduced = header.clone();
            reduced.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(key);
            let is_read = evaluated(&reduced.to_string(), &three_tasks()).is_ok();
            assert_eq!(is_read, !required.contains(key), "{pointer} without {key}");
        }
    }
}

#[test]
fn an_interrupted_file_goes_on_where_it_was_cut() {
    let scratch = tempfile::tempdir().unwrap();
    let truths = three_tasks();
    let whole = scratch.path().join("whole.jsonl");
    let mut writer = PredictionWriter::open(&whole, &header()).unwrap();
    truths.samples().iter().for_each(|truth| writer.write(&perfect(truth)).unwrap());
    drop(writer);
    let bytes = fs::read(&whole).unwrap();
    for length in (0..bytes.len()).step_by(11).chain([bytes.len()]) {
        let path = scratch.path().join("cut.jsonl");
        fs::write(&path, &bytes[..length]).unwrap();
        let mut writer = PredictionWriter::open(&path, &header()).unwrap();
        for truth in truths.samples() {
            if !writer.has(&truth.sample_id) {
                writer.write(&perfect(truth)).unwrap();
            }
        }
        assert_eq!(writer.len(), 3);
        assert_eq!(fs::read(&path).unwrap(), bytes, "cut at {length}");
    }
}

#[test]
fn a_file_of_another_run_is_left_as_it_is() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("p.jsonl");
    drop(PredictionWriter::open(&path, &header()).unwrap());
    let before = fs::read(&path).unwrap();
    let other = Header::new(Some("other".to_owned()), Some(identity()));
    let error = PredictionWriter::open(&path, &other).unwrap_err();
    assert!(matches!(&error, EvalError::OtherRun { .. }), "{error}");
    assert!(error.to_string().contains("model \"m\""), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
    for text in ["a letter to a friend", "a letter\n", "{\"sample_id\":\"a\",\"segments\":[]}\n"] {
        fs::write(&path, text).unwrap();
        PredictionWriter::open(&path, &header()).unwrap_err();
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn a_broken_line_in_the_middle_is_not_written_after() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("p.jsonl");
    drop(PredictionWriter::open(&path, &header()).unwrap());
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"{\"sample_id\n").unwrap();
    let error = PredictionWriter::open(&path, &header()).unwrap_err();
    assert!(matches!(error, EvalError::Predictions { .. }));
}

#[test]
fn two_runs_do_not_write_one_file() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("p.jsonl");
    let first = PredictionWriter::open(&path, &header()).unwrap();
    let error = PredictionWriter::open(&path, &header()).unwrap_err().to_string();
    assert!(error.contains("another run"), "{error}");
    drop(first);
    PredictionWriter::open(&path, &header()).unwrap();
}
