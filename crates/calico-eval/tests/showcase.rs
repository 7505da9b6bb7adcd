//! Pairs drawn at random, with what a model answers, on a page.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use calico_data::tables::{write_images, write_regions, write_samples};
use calico_data::{
    DataError, Dataset, ImageRecord, RegionRecord, SampleRecord, Split, TableFormat, Tables,
    Templates,
};
use calico_eval::showcase::{AskedModel, Choice, Showcase, Verdict, page, terminal};
use calico_eval::{
    EvalError, ModelFailure, PairModel, PairPrediction, PairQuestion, Prediction, Truths,
};
use calico_image::{Rle, Size};
use calico_result::{EncodedMask, Task, create_output_folder};
use serde_json::Value;

/// The picture is one of the decoder's goldens.
const PICTURE: (&str, Size) = ("decode/rgb.png", Size::new(20, 30));

/// Columns of the picture.
fn columns(from: u32, to: u32) -> Rle {
    Rle::from_counts(PICTURE.1, vec![20 * from, 20 * (to - from), 20 * (30 - to)]).unwrap()
}

/// A data set whose samples all ask about a leg and a seat in the same two images.
fn dataset(folder: &Path, samples: &[(String, Task)]) -> Dataset {
    let out = create_output_folder(folder).unwrap();
    let tables = Tables { format: TableFormat::JsonLines, ..Tables::default() };
    let images = ["own/1", "own/2"].map(|id| ImageRecord {
        image_id: id.to_owned(),
        source: "own".to_owned(),
        file_name: PICTURE.0.to_owned(),
        width: PICTURE.1.width,
        height: PICTURE.1.height,
        sha256: None,
        split: Split::Test,
        seen: Vec::new(),
    });
    write_images(&out, Split::Test, &images, &tables).unwrap();
    let region = |region_id: u32| {
        let (label, mask) =
            if region_id < 2 { ("leg", columns(0, 10)) } else { ("seat", columns(15, 25)) };
        let found = mask.bounding_box().unwrap();
        RegionRecord {
            region_id,
            image_id: images[region_id as usize % 2].image_id.clone(),
            object_label: "chair".to_owned(),
            part_label: Some(label.to_owned()),
            raw_ids: Vec::new(),
            area: mask.area() as u32,
            bbox: [found.x, found.y, found.width, found.height],
            rle: EncodedMask { size: [20, 30], counts: mask.compressed() },
        }
    };
    write_regions(&out, Split::Test, (0..4).map(region), &tables).unwrap();
    let answer = "<p> a leg </p> [SEG] (IMAGE1) [SEG] (IMAGE2), <p> a seat </p> [SEG] (IMAGE1) \
                  [SEG] (IMAGE2).";
    let rows = samples.iter().map(|(id, subtask)| SampleRecord {
        sample_id: id.clone(),
        source: "own".to_owned(),
        subtask: *subtask,
        class_a: "chair".to_owned(),
        class_b: "chair".to_owned(),
        image_ids: images.iter().map(|image| image.image_id.clone()).collect(),
        question: "Compare <image> (IMAGE1) and <image> (IMAGE2).".to_owned(),
        answer: answer.to_owned(),
        region_ids: vec![0, 1, 2, 3],
        image_index: vec![1, 2, 1, 2],
        template_ids: Templates {
            prefix: "P6".to_owned(),
            question: "CP1".to_owned(),
            answer: "CP1".to_owned(),
        },
        ambiguous: false,
    });
    write_samples(&out, Split::Test, samples.len() as u64, rows, &tables).unwrap();
    let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/image");
    Dataset::open(folder).unwrap().with_root("own", pictures)
}

/// As many samples of each sub-task.
fn of_tasks(count: usize) -> Vec<(String, Task)> {
    let ids =
        (0..count).flat_map(|number| Task::ALL.map(|task| (format!("{task}/{number}"), task)));
    ids.collect()
}

/// The true answers, but for the samples that a change is made to.
struct Scripted<'a> {
    truths: &'a Truths,
    change: &'a dyn Fn(&str, &mut PairPrediction) -> Result<(), ModelFailure>,
}

impl PairModel for Scripted<'_> {
    fn answer(&mut self, question: &PairQuestion<'_>) -> Result<PairPrediction, ModelFailure> {
        let (_, truth) = self.truths.find(question.sample_id).unwrap();
        let mut answer = PairPrediction::empty(question.sample_id, 2);
        answer.answer = Some("Both have <p> a leg </p> and <p> a seat </p>.".to_owned());
        for (image, found) in truth.images.iter().zip(&mut answer.images) {
            for target in &image.targets {
                let (label, mask) = (format!("a {}", target.label), target.mask.clone());
                found.push(Prediction { label, mask, score: None });
            }
        }
        (self.change)(question.sample_id, &mut answer).map(|()| answer)
    }
}

type Change = dyn Fn(&str, &mut PairPrediction) -> Result<(), ModelFailure>;

fn ask(
    choice: Choice,
    data: &Dataset,
    context: Option<&Dataset>,
    change: &Change,
) -> Result<Showcase, EvalError> {
    let chosen = choice.draw(data, context)?;
    let mut truths = Truths::read(data, Split::Test)?.samples().to_vec();
    if let Some(context) = context {
        truths.extend(Truths::read(context, Split::Test)?.samples().to_vec());
    }
    let truths = Truths::new(truths)?;
    let mut model = Scripted { truths: &truths, change };
    let notice = Some("It knows <chairs> only.".to_owned());
    let asked = AskedModel { model: &mut model, name: "a & b".to_owned(), notice };
    Showcase::ask(&chosen, None, asked, &mut (), &AtomicBool::new(false))
}

fn ids(choice: Choice, data: &Dataset) -> Vec<String> {
    choice.draw(data, None).unwrap().sample_ids().map(str::to_owned).collect()
}

#[test]
fn the_draw_takes_as_many_of_each_sub_task_by_the_seed_alone() {
    let scratch = tempfile::tempdir().unwrap();
    let data = dataset(&scratch.path().join("a"), &of_tasks(20));
    let mut reversed = of_tasks(20);
    reversed.reverse();
    let same = dataset(&scratch.path().join("b"), &reversed);
    let choice = Choice { pairs: 3, seed: 5 };
    let drawn = ids(choice, &data);
    assert_eq!(drawn.len(), 9);
    for task in Task::ALL {
        assert_eq!(drawn.iter().filter(|id| id.starts_with(task.name())).count(), 3);
    }
    assert_eq!(ids(choice, &same), drawn);
    assert_eq!(ids(Choice { pairs: 2, ..choice }, &data)[..2], drawn[..2]);
    let others: BTreeSet<_> = (0..8).map(|seed| ids(Choice { seed, ..choice }, &data)).collect();
    assert!(others.len() > 6, "{}", others.len());
    assert_eq!(ids(Choice { pairs: 50, ..choice }, &data).len(), 60);
}

#[test]
fn a_case_is_drawn_with_both_of_its_samples_or_not_at_all() {
    let scratch = tempfile::tempdir().unwrap();
    let data = dataset(&scratch.path().join("a"), &of_tasks(1));
    let halves = ["context/0/b", "context/0/a", "context/1/a", "context/2/a", "context/2/b", "x"];
    let halves = halves.map(|id| (id.to_owned(), Task::CommonObjects));
    let context = dataset(&scratch.path().join("b"), &halves);
    let chosen = Choice { pairs: 9, seed: 1 }.draw(&data, Some(&context)).unwrap();
    let mut cases: Vec<&str> = chosen.sample_ids().skip(3).collect();
    assert_eq!(chosen.questions(), 3 + 4);
    assert!(cases.chunks(2).all(|case| case[0].ends_with("/a") && case[1].ends_with("/b")));
    cases.sort_unstable();
    assert_eq!(cases, ["context/0/a", "context/0/b", "context/2/a", "context/2/b"]);
}

/// Four answers of each worth, and a case whose second half is wrong.
fn change(id: &str, answer: &mut PairPrediction) -> Result<(), ModelFailure> {
    match id {
        "common_parts/1" => answer.images[1][0].mask = columns(6, 16),
        "common_parts/2" | "context/0/b" => {
            answer.images[0].remove(1);
            "a <lid>".clone_into(&mut answer.images[1][1].label);
        }
        "common_parts/3" => return Err("out of <memory>".into()),
        _ => {}
    }
    Ok(())
}

#[test]
fn each_answer_gets_the_verdict_that_the_evaluation_would_give() {
    let scratch = tempfile::tempdir().unwrap();
    let data = dataset(&scratch.path().join("a"), &of_tasks(4));
    let cases = ["context/0/a", "context/0/b", "context/1/a", "context/1/b"];
    let cases = cases.map(|id| (id.to_owned(), Task::CommonObjects));
    let context = dataset(&scratch.path().join("b"), &cases);
    let choice = Choice { pairs: 4, seed: 1 };
    let made = ask(choice, &data, Some(&context), &change).unwrap();
    let of = |id: &str| made.pairs.iter().find(|pair| pair.sample_id == id).unwrap();
    assert_eq!(of("common_parts/0").verdict, Verdict::ExactlyRight);
    assert_eq!(of("common_parts/0").mean_iou, Some(100.0));
    let off = of("common_parts/1");
    assert_eq!(off.verdict, Verdict::MasksOff);
    assert_eq!((off.images[1].masks[0].iou, off.images[1].masks[1].iou), (25.0, 100.0));
    assert_eq!(off.mean_iou, Some(81.25));
    let wrong = of("common_parts/2");
    assert_eq!(wrong.verdict, Verdict::WrongLabels);
    assert_eq!(
        (wrong.images[0].missing.as_slice(), wrong.images[0].extra.len()),
        (&["seat".to_owned()][..], 0)
    );
    assert_eq!((&*wrong.images[1].missing[0], &*wrong.images[1].extra[0]), ("seat", "lid"));
    let failed = of("common_parts/3");
    assert_eq!(failed.verdict, Verdict::NoAnswer);
    assert_eq!(failed.failure.as_deref(), Some("out of <memory>"));
    let tally = made.counts[&Task::CommonParts];
    assert_eq!((tally.shown, tally.exactly_right, tally.masks_off), (4, 1, 1));
    assert_eq!((tally.wrong_labels, tally.no_answer), (1, 1));
    let context = made.context.unwrap();
    assert_eq!((context.cases, context.both_right, context.context_accuracy), (2, 1, 50.0));
    assert_eq!(made.cases.iter().filter(|case| case.both_right).count(), 1);
    let text = terminal(&made);
    assert!(text.contains("1 of 4 exactly right, 1 with masks off"), "{text}");
    assert!(text.contains("1 of 2 images right for both partners"), "{text}");
}

#[test]
fn failures_stand_on_the_page_in_the_order_of_the_draw() {
    let scratch = tempfile::tempdir().unwrap();
    let data = dataset(scratch.path(), &of_tasks(4));
    let choice = Choice { pairs: 4, seed: 3 };
    let made = ask(choice, &data, None, &change).unwrap();
    let order: Vec<&str> = made.pairs.iter().map(|pair| pair.sample_id.as_str()).collect();
    assert_eq!(order, ids(choice, &data));
    let html = page(&made);
    let places: Vec<usize> =
        order.iter().map(|id| html.find(&format!("<span>{id}</span>")).unwrap()).collect();
    assert!(places.is_sorted(), "{places:?}");
    for words in [
        "In image 1: missing seat. In image 2: missing seat; too many lid.",
        "In image 2: leg overlaps 25 %.",
        "The model failed: out of &lt;memory&gt;",
        "It knows &lt;chairs&gt; only.",
        "What a &amp; b answers",
    ] {
        assert!(html.contains(words), "{words}");
    }
    assert!(!html.contains("<script") && !html.contains("<lid>") && !html.contains("file://"));
    // One picture is held once, and shown for truth and model in both images of 12 pairs.
    assert_eq!(html.matches("data:image/png").count(), 1);
    assert_eq!(html.matches("<use href=\"#picture1\"/>").count(), 48);
    assert_eq!(html.matches("role=\"img\"><title>IMAGE").count(), 48);
    assert!(!html.contains("two partners</h2>") && !html.contains("-0.0"));
}

#[test]
fn equal_draws_make_equal_documents_that_say_what_the_page_says() {
    let scratch = tempfile::tempdir().unwrap();
    let data = dataset(scratch.path(), &of_tasks(4));
    let made = |seed| ask(Choice { pairs: 2, seed }, &data, None, &change).unwrap();
    let (first, second) = (made(1), made(1));
    assert_eq!(first.to_json().unwrap(), second.to_json().unwrap());
    assert_eq!(page(&first), page(&second));
    let json: Value = serde_json::from_str(&first.to_json().unwrap()).unwrap();
    assert_eq!(json["schema"], Showcase::SCHEMA_ID);
    assert_eq!(
        (&json["seed"], &json["pairs_per_task"], &json["data"]),
        (&1.into(), &2.into(), &Value::Null)
    );
    assert!(json.get("cases").is_none() && json.get("context").is_none(), "{json}");
    let pairs = json["pairs"].as_array().unwrap();
    for task in Task::ALL {
        let of_task = || pairs.iter().filter(|pair| pair["subtask"] == task.name());
        let counts = &json["counts"][task.name()];
        assert_eq!(counts["shown"], of_task().count());
        for verdict in ["exactly_right", "masks_off", "wrong_labels", "no_answer"] {
            let own = of_task().filter(|pair| pair["verdict"] == verdict).count();
            assert_eq!(counts[verdict], own, "{task} {verdict}");
        }
    }
}

#[test]
fn an_empty_split_is_refused_and_a_wish_to_stop_is_heard() {
    let scratch = tempfile::tempdir().unwrap();
    let empty = dataset(&scratch.path().join("a"), &[]);
    let choice = Choice { pairs: 2, seed: 1 };
    assert!(matches!(choice.draw(&empty, None), Err(EvalError::NoSamples)));
    let data = dataset(&scratch.path().join("b"), &of_tasks(2));
    let chosen = choice.draw(&data, None).unwrap();
    let truths = Truths::read(&data, Split::Test).unwrap();
    let stop = AtomicBool::new(false);
    let change = |_: &str, _: &mut PairPrediction| {
        stop.store(true, Ordering::Relaxed);
        Ok(())
    };
    let mut model = Scripted { truths: &truths, change: &change };
    let asked = AskedModel { model: &mut model, name: String::new(), notice: None };
    let made = Showcase::ask(&chosen, None, asked, &mut (), &stop);
    assert!(matches!(made, Err(EvalError::Data(DataError::Stopped))), "{made:?}");
}
