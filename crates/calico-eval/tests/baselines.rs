//! Baselines where everybody can count along.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use calico_data::tables::{write_images, write_regions, write_samples};
use calico_data::{
    Dataset, ImageRecord, RegionRecord, SampleRecord, Split, TableFormat, Tables, Templates,
};
use calico_eval::baselines::{
    Baseline, BaselineName, Basis, Comparison, FixedAnswers, PARTNER_SEED, PartnerReplaced,
    nearest_colour, text_only,
};
use calico_eval::predictions::Header;
use calico_eval::report::{Pictures, html, markdown, terminal};
use calico_eval::{
    EvalError, EvalOptions, Evaluation, ModelFailure, PairModel, PairPrediction, PairQuestion,
    PartObjects, Prediction, Predictor, Report, Row, Scorer, Truths,
};
use calico_image::{Frame, Rle, Size};
use calico_result::{EncodedMask, Task, create_output_folder};

use support::{columns, perfect, report, sample, target};

type Colour = [u8; 3];
const RED: Colour = [200, 0, 0];
const BLUE: Colour = [0, 0, 200];
const SIZE: Size = Size::new(4, 8);

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-5, "{found}, expected {expected}");
}

fn scores(name: BaselineName, predictions: &[PairPrediction], truths: &Truths) -> Baseline {
    let mut scorer = Scorer::new(EvalOptions::default());
    Baseline::of_predictions(name, "words".into(), predictions, truths, &mut scorer).unwrap()
}

/// The part of each image, by its label and columns.
fn parts(id: &str, images: [(&str, u32, u32); 2]) -> calico_eval::PairTruth {
    let of = |(label, from, to)| vec![target(label, columns(from, to), false)];
    sample(id, Task::CommonParts, images.map(of))
}

#[test]
fn the_guesser_says_the_most_frequent_label_in_its_mean_box() {
    let truths = Truths::new(vec![
        parts("1", [("seat", 0, 4), ("seat", 0, 4)]),
        parts("2", [("seat", 2, 6), ("leg", 6, 8)]),
    ])
    .unwrap();
    let basis = Basis::scored(&truths, Split::Test);
    let answers = FixedAnswers::fit(&basis, PartObjects::Count);
    assert_eq!(answers.labels()[&Task::CommonParts], ["seat"]);
    assert!(answers.reading().contains("2 samples of the split test, those that are scored"));
    let guesses = text_only(&answers, &truths).unwrap();
    // Columns 2/3 to 14/3, rounded to pixels.
    assert_eq!(guesses[1].images[1][0].mask, columns(1, 5));
    let row = scores(BaselineName::TextOnly, &guesses, &truths).scores.overall;
    close(row.s_iou, 75.0);
    close(row.recall_strict, 75.0);
    // Three columns of five in three of four images.
    close(row.miou_strict, 45.0);
    close(row.exact_answers, 50.0);
}

#[test]
fn the_guesser_has_an_answer_per_sub_task_as_long_as_true_ones() {
    let two = |id: &str, labels: [&str; 2]| {
        let of = || {
            let [a, b] = labels;
            vec![target(a, columns(0, 3), false), target(b, columns(5, 8), false)]
        };
        sample(id, Task::CommonParts, [of(), of()])
    };
    let chairs = || vec![target("chair", columns(0, 9), true)];
    let truths = Truths::new(vec![
        two("1", ["seat", "leg"]),
        two("2", ["seat", "arm"]),
        two("3", ["leg", "seat"]),
        sample("4", Task::CommonObjects, [chairs(), chairs()]),
        sample("5", Task::UniqueParts, [vec![], vec![target("lid", columns(0, 2), false)]]),
    ])
    .unwrap();
    let answers = FixedAnswers::fit(&Basis::scored(&truths, Split::Test), PartObjects::Count);
    let labels = answers.labels();
    assert_eq!(labels[&Task::CommonParts], ["seat", "leg"]);
    assert_eq!(
        (&labels[&Task::CommonObjects][0], &labels[&Task::UniqueParts][0]),
        (&"chair".to_owned(), &"lid".to_owned())
    );
    let guesses = text_only(&answers, &truths).unwrap();
    // It says so in both images, also where no part is unique.
    assert_eq!(guesses[4].images[0].len(), 1);
}

/// A picture with a part on its left and one on its right half, and what both are called.
struct Drawn {
    id: &'static str,
    size: Size,
    parts: Vec<(&'static str, Colour)>,
}

fn drawn(id: &'static str, parts: &[(&'static str, Colour)]) -> Drawn {
    Drawn { id, size: SIZE, parts: parts.to_vec() }
}

/// The left or the right half of a picture.
fn half(size: Size, number: usize) -> Rle {
    let pixels = size.height * size.width / 2;
    let runs = if number == 0 { vec![0, pixels, pixels] } else { vec![pixels, pixels] };
    Rle::from_counts(size, runs).unwrap()
}

fn write_split(folder: &Path, split: Split, pictures: &[Drawn], classes: &[&str]) {
    let out = create_output_folder(folder).unwrap();
    let tables = Tables { format: TableFormat::JsonLines, ..Tables::default() };
    let id = |drawn: &Drawn| format!("own/{}", drawn.id);
    let images = pictures.iter().map(|drawn| {
        let Size { height, width } = drawn.size;
        let pixel = |at: u32| {
            let right = usize::from(at % width >= width / 2);
            drawn.parts.get(right).map_or([9, 9, 9], |(_, colour)| *colour)
        };
        let pixels = (0..height * width).flat_map(pixel).collect();
        let png = calico_result::pictures::png(&Frame::new(drawn.size, pixels).unwrap()).unwrap();
        let file_name = format!("{}.png", drawn.id);
        fs::write(folder.join(&file_name), png).unwrap();
        ImageRecord {
            image_id: id(drawn),
            source: "own".to_owned(),
            file_name,
            width,
            height,
            sha256: None,
            split,
            seen: Vec::new(),
        }
    });
    let images: Vec<ImageRecord> = images.collect();
    write_images(&out, split, &images, &tables).unwrap();
    let (mut regions, mut samples) = (Vec::new(), Vec::new());
    for (number, pair) in pictures.chunks(2).enumerate() {
        let (mut region_ids, mut image_index) = (Vec::new(), Vec::new());
        for (image, drawn) in pair.iter().enumerate() {
            for (place, (label, _)) in drawn.parts.iter().enumerate() {
                let mask = half(drawn.size, place);
                let found = mask.bounding_box().unwrap();
                let Size { height, width } = drawn.size;
                let region_id = regions.len() as u32;
                regions.push(RegionRecord {
                    region_id,
                    image_id: id(drawn),
                    object_label: "chair".to_owned(),
                    part_label: Some((*label).to_owned()),
                    raw_ids: Vec::new(),
                    area: mask.area() as u32,
                    bbox: [found.x, found.y, found.width, found.height],
                    rle: EncodedMask { size: [height, width], counts: mask.compressed() },
                });
                region_ids.push(region_id);
                image_index.push(image as u8 + 1);
            }
        }
        samples.push(SampleRecord {
            sample_id: format!("{split}-{number}"),
            source: "own".to_owned(),
            subtask: Task::CommonParts,
            class_a: "chair".to_owned(),
            class_b: classes[number].to_owned(),
            image_ids: pair.iter().map(id).collect(),
            question: "<image> (IMAGE1) <image> (IMAGE2)\n\nWhich parts?".to_owned(),
            answer: String::new(),
            region_ids,
            image_index,
            template_ids: Templates {
                prefix: "P1".into(),
                question: "CP1".into(),
                answer: "CP1".into(),
            },
            ambiguous: false,
        });
    }
    write_regions(&out, split, regions.into_iter(), &tables).unwrap();
    let count = samples.len() as u64;
    write_samples(&out, split, count, samples.into_iter(), &tables).unwrap();
}

/// Red seats and blue legs, but for the red leg of the last picture.
fn test_pictures() -> [Drawn; 4] {
    [
        drawn("1", &[("seat", RED), ("leg", BLUE)]),
        drawn("2", &[("seat", RED), ("leg", BLUE)]),
        drawn("3", &[("seat", RED)]),
        Drawn { size: Size::new(6, 4), ..drawn("4", &[("leg", RED)]) },
    ]
}

fn dataset(folder: &Path) -> (Dataset, Truths) {
    let dataset = Dataset::open(folder).unwrap().with_root("own", folder);
    let truths = Truths::read(&dataset, Split::Test).unwrap();
    (dataset, truths)
}

fn labelled(dataset: &Dataset, truths: &Truths) -> (Row, String) {
    let basis = Basis::read(dataset, Split::Test, truths).unwrap();
    let (found, reading) = nearest_colour(dataset, Split::Test, truths, &basis).unwrap();
    (scores(BaselineName::NearestColour, &found, truths).scores.overall, reading)
}

#[test]
fn colours_of_the_other_half_of_the_images_name_true_masks() {
    let scratch = tempfile::tempdir().unwrap();
    write_split(scratch.path(), Split::Test, &test_pictures(), &["bench", "stool"]);
    let (dataset, truths) = dataset(scratch.path());
    let (row, reading) = labelled(&dataset, &truths);
    // To pictures 1 and 3 legs are violet (the mean of 2 and 4), to 2 and 4 they are blue: only
    // the red leg is taken for a seat.
    close(row.recall_strict, 500.0 / 6.0);
    close(row.s_iou, 75.0);
    close(row.miou_strict, 100.0);
    assert!(reading.contains("2 samples of the split test") && reading.contains("half"));
}

#[test]
fn colours_come_from_the_train_split_if_there_is_one() {
    let scratch = tempfile::tempdir().unwrap();
    write_split(scratch.path(), Split::Test, &test_pictures(), &["bench", "stool"]);
    let swapped =
        [drawn("5", &[("seat", BLUE), ("leg", RED)]), drawn("6", &[("seat", BLUE), ("leg", RED)])];
    write_split(scratch.path(), Split::Train, &swapped, &["bench"]);
    let (dataset, truths) = dataset(scratch.path());
    let (row, reading) = labelled(&dataset, &truths);
    close(row.recall_strict, 100.0 / 6.0);
    assert!(reading.contains("1 samples of the split train"), "{reading}");
}

/// Says of both pictures that all of it is a seat if it begins red, and remembers them.
#[derive(Default)]
struct Painter {
    seen: Vec<Vec<String>>,
}

impl PairModel for Painter {
    fn answer(&mut self, question: &PairQuestion<'_>) -> Result<PairPrediction, ModelFailure> {
        self.seen.push(question.pictures.iter().map(|it| it.image_id.clone()).collect());
        let mut answer = PairPrediction::empty(question.sample_id, question.pictures.len());
        for (image, picture) in answer.images.iter_mut().zip(question.pictures) {
            if picture.frame.pixels()[..3] == RED {
                let mask = half(picture.frame.size(), 0);
                image.push(Prediction { label: "seat".into(), mask, score: None });
            }
        }
        Ok(answer)
    }
}

#[test]
fn a_replaced_partner_is_shown_at_the_size_of_the_one_it_stands_for() {
    let scratch = tempfile::tempdir().unwrap();
    let mut pictures = test_pictures();
    pictures[1].parts[0].1 = BLUE;
    write_split(scratch.path(), Split::Test, &pictures, &["bench", "stool"]);
    let (dataset, truths) = dataset(scratch.path());
    let mut model = Painter::default();
    let mut replaced =
        PartnerReplaced::new(&mut model, &dataset, Split::Test, &truths, PARTNER_SEED).unwrap();
    let header = Header::new(None, None);
    let predictor = Predictor { dataset: &dataset, split: Split::Test, header, most_failures: 0 };
    let out = scratch.path().join("p.jsonl");
    predictor.run(&out, &mut replaced, &mut (), &AtomicBool::new(false)).unwrap();
    assert_eq!(model.seen, [["own/1", "own/4"], ["own/3", "own/2"]]);

    let text = fs::read(&out).unwrap();
    let mut scorer = Scorer::new(EvalOptions::default());
    let evaluation = Evaluation::of_file(&out, text.as_slice(), &truths, &mut scorer, 0).unwrap();
    let name = BaselineName::PartnerReplaced;
    let row = Baseline::of_evaluation(name, String::new(), &evaluation, &scorer).scores.overall;
    // Picture 4 begins red, as 2 does not: the seats of 1, 2 and 3 are found, of six parts.
    close(row.recall_strict, 50.0);
    assert_eq!((row.targets, row.predictions), (6, 3));
}

#[test]
fn partners_depend_on_the_seed_alone_and_never_show_the_same_class() {
    let scratch = tempfile::tempdir().unwrap();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    let pictures = names.map(|name| drawn(name, &[("seat", RED)]));
    let classes = ["bench", "stool", "bench", "sofa", "stool", "bench"];
    write_split(scratch.path(), Split::Test, &pictures, &classes);
    let (dataset, truths) = dataset(scratch.path());
    let partners = |seed: u64| {
        let mut model = Painter::default();
        let mut replaced =
            PartnerReplaced::new(&mut model, &dataset, Split::Test, &truths, seed).unwrap();
        let header = Header::new(None, None);
        let predictor =
            Predictor { dataset: &dataset, split: Split::Test, header, most_failures: 0 };
        let out = tempfile::tempdir().unwrap();
        let out = out.path().join("p.jsonl");
        predictor.run(&out, &mut replaced, &mut (), &AtomicBool::new(false)).unwrap();
        model.seen
    };
    for seed in 0..8 {
        for (sample, seen) in partners(seed).iter().enumerate() {
            assert_eq!(seen[0], truths.samples()[sample].images[0].image_id);
            let shown = truths.samples().iter().find(|it| it.images[1].image_id == seen[1]);
            assert_ne!(shown.unwrap().classes[1], classes[sample]);
        }
    }
    assert_eq!(partners(0), partners(0));
    assert!((1..8).any(|seed| partners(seed) != partners(0)));
}

#[test]
fn where_all_partners_are_of_one_class_none_is_replaced() {
    let scratch = tempfile::tempdir().unwrap();
    write_split(scratch.path(), Split::Test, &test_pictures(), &["bench", "bench"]);
    let (dataset, truths) = dataset(scratch.path());
    let mut model = Painter::default();
    let replaced = PartnerReplaced::new(&mut model, &dataset, Split::Test, &truths, 0);
    assert!(matches!(replaced.err(), Some(EvalError::NoOtherPartner { .. })));
}

#[test]
fn margins_are_taken_to_the_best_baseline_by_each_metric() {
    let truths = Truths::new(vec![
        parts("1", [("seat", 0, 4), ("seat", 0, 4)]),
        parts("2", [("seat", 2, 6), ("leg", 6, 8)]),
    ])
    .unwrap();
    let whole: Vec<PairPrediction> = truths.samples().iter().map(perfect).collect();
    // One knows half of the labels and their masks, the other all labels and no mask.
    let half = scores(BaselineName::TextOnly, &whole[..1], &truths);
    let mut words = whole.clone();
    for found in words.iter_mut().flat_map(|it| it.images.iter_mut().flatten()) {
        found.mask = columns(9, 10);
    }
    let words = scores(BaselineName::NearestColour, &words, &truths);
    let mut model: Report = report(&truths, &whole, EvalOptions::default());
    let comparison = Comparison::new(&model.all, vec![half, words]).unwrap();
    assert_eq!(comparison.s_iou_margin.best, BaselineName::NearestColour);
    close(comparison.s_iou_margin.points, 0.0);
    assert_eq!(comparison.recall_strict_margin.best, BaselineName::TextOnly);
    close(comparison.recall_strict_margin.points, 50.0);
    assert!(Comparison::new(&model.all, Vec::new()).is_none());

    model.baselines = Some(comparison);
    let mut scorer = Scorer::new(EvalOptions::default());
    let gallery = Evaluation::of_predictions(&[], &truths, &mut scorer, 0).unwrap().gallery;
    let page = html(&model, &gallery, &Pictures::none());
    for text in [terminal(&model), markdown(&model), page] {
        assert!(text.contains("50.0 points of strict Recall above Text-only guesser"), "{text}");
        assert!(text.contains("Nearest colour"), "{text}");
    }
    let json: serde_json::Value = serde_json::from_str(&model.to_json().unwrap()).unwrap();
    assert_eq!(json["baselines"]["rows"][1]["name"], "nearest_colour");
    assert_eq!(json["baselines"]["rows"][0]["overall"]["s_iou"], 50.0);
    assert_eq!(json["baselines"]["recall_strict_margin"]["points"], 50.0);
}
