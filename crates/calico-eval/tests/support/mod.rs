//! What the tests share: goldens, a stand-in for text encoders, and small samples.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    unreachable_pub,
    reason = "helpers of tests, of which each file uses some"
)]

use std::path::PathBuf;

use calico_data::Split;
use calico_eval::predictions::DataIdentity;
use calico_eval::{
    EncoderError, EvalOptions, Evaluation, ImageTruth, PairPrediction, PairTruth, Prediction,
    Report, Scorer, Target, TextEncoder, Truths,
};
use calico_image::{Rle, Size};
use calico_result::Task;
use serde_json::Value;

/// A file of `goldens/evaluation`.
pub fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../goldens/evaluation").join(name)
}

pub fn json(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(golden(name)).unwrap()).unwrap()
}

/// Samples as the golden script writes them.
pub fn truths(name: &str) -> Truths {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let number = |value: &Value| value.as_u64().unwrap() as u32;
    let list = |value: &Value| value.as_array().unwrap().clone();
    let target = |value: &Value, size| Target {
        label: text(&value["label"]),
        mask: Rle::from_compressed(size, value["mask"]["counts"].as_str().unwrap()).unwrap(),
        is_object: value["is_object"].as_bool().unwrap(),
    };
    let image = |value: &Value| {
        let size = Size::new(number(&value["size"][0]), number(&value["size"][1]));
        let targets = list(&value["targets"]).iter().map(|value| target(value, size)).collect();
        let image_id = text(&value["image_id"]);
        ImageTruth { file_name: format!("{image_id}.jpg"), image_id, size, targets }
    };
    let sample = |value: &Value| PairTruth {
        sample_id: text(&value["sample_id"]),
        source: text(&value["source"]),
        subtask: serde_json::from_value(value["subtask"].clone()).unwrap(),
        classes: [text(&value["classes"][0]), text(&value["classes"][1])],
        images: list(&value["images"]).iter().map(image).collect(),
    };
    Truths::new(list(&json(name)).iter().map(sample).collect()).unwrap()
}

/// Signed counts of character trigrams: what the golden script takes for a text encoder.
pub struct Trigrams;

impl TextEncoder for Trigrams {
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EncoderError> {
        let embed = |text: &&str| {
            let mut vector = vec![0.0_f32; 48];
            for three in format!("^{text}$").as_bytes().windows(3) {
                let [a, b, c] = [0, 1, 2].map(|at| usize::from(three[at]));
                let sign = if (a + b + c) % 3 == 0 { -1.0 } else { 1.0 };
                vector[(a * 961 + b * 31 + c) % 48] += sign;
            }
            vector
        };
        Ok(texts.iter().map(embed).collect())
    }
}

pub const SIZE: Size = Size::new(10, 10);

/// Columns `from..to` of an image of ten by ten pixels.
pub fn columns(from: u32, to: u32) -> Rle {
    Rle::from_counts(SIZE, vec![10 * from, 10 * (to - from), 10 * (10 - to)]).unwrap()
}

pub fn target(label: &str, mask: Rle, is_object: bool) -> Target {
    Target { label: label.to_owned(), mask, is_object }
}

/// A sample about a chair and a bench, with the targets of both images.
pub fn sample(id: &str, subtask: Task, images: [Vec<Target>; 2]) -> PairTruth {
    let mut number = 0;
    let images = images.map(|targets| {
        number += 1;
        let image_id = format!("own/{id}-{number}");
        let file_name = format!("pictures/{id}-{number}.jpg");
        ImageTruth { image_id, file_name, size: SIZE, targets }
    });
    PairTruth {
        sample_id: id.to_owned(),
        source: "own".to_owned(),
        subtask,
        classes: ["chair".to_owned(), "bench".to_owned()],
        images: images.into(),
    }
}

/// The three sub-tasks once each; the unique parts are all in the second image, and the answer
/// about common parts names the objects first.
pub fn three_tasks() -> Truths {
    let seat = || target("seat", columns(0, 3), false);
    let leg = || target("leg", columns(5, 8), false);
    let objects =
        [vec![target("chair", columns(0, 9), true)], vec![target("chair", columns(1, 10), true)]];
    let common = [
        vec![target("chair", columns(0, 9), true), seat(), leg()],
        vec![target("bench", columns(0, 8), true), seat(), leg()],
    ];
    let unique = [vec![], vec![target("arm", columns(2, 4), false)]];
    Truths::new(vec![
        sample("a", Task::CommonObjects, objects),
        sample("b", Task::CommonParts, common),
        sample("c", Task::UniqueParts, unique),
    ])
    .unwrap()
}

/// The truth as a prediction.
pub fn perfect(truth: &PairTruth) -> PairPrediction {
    let predict = |target: &Target| Prediction {
        label: format!("the {}", target.label),
        mask: target.mask.clone(),
        score: None,
    };
    let images = truth.images.iter().map(|it| it.targets.iter().map(predict).collect());
    PairPrediction {
        sample_id: truth.sample_id.clone(),
        images: images.collect(),
        ..PairPrediction::default()
    }
}

pub fn identity() -> DataIdentity {
    DataIdentity { split: Split::Test.name().to_owned(), ..DataIdentity::default() }
}

pub fn report(truths: &Truths, predictions: &[PairPrediction], options: EvalOptions) -> Report {
    let mut scorer = Scorer::new(options).with_sentence_encoder(&Trigrams);
    let evaluation = Evaluation::of_predictions(predictions, truths, &mut scorer, 0).unwrap();
    Report::new(&evaluation, &scorer, identity(), Some("tiny".to_owned()))
}
