//! A model answers a data set on disk, is interrupted, fails, and is scored.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use calico_data::tables::{write_images, write_regions, write_samples};
use calico_data::{
    Dataset, ImageRecord, RegionRecord, SampleRecord, Split, TableFormat, Tables, Templates,
};
use calico_eval::predictions::{DataIdentity, Header};
use calico_eval::report::Pictures;
use calico_eval::{
    EvalError, EvalOptions, Evaluation, ModelFailure, PairModel, PairPrediction, PairQuestion,
    PredictObserver, Prediction, Predictor, Progress, Report, Scorer, Truths,
};
use calico_image::{Mask, Rle, Size};
use calico_result::{
    Answer, EncodedMask, ImageEntry, Model, Role, Scores, Segment, SegmentOrigin, Segmentation,
    Task, create_output_folder,
};

/// The pictures are those of the decoder's goldens.
const PICTURES: [(&str, Size); 2] =
    [("rgb.png", Size::new(20, 30)), ("orientation-6.png", Size::new(4, 6))];

fn mask(size: Size) -> Rle {
    Rle::from_mask(&Mask::new(size, (0..size.pixels()).map(|at| at % 3 == 0).collect()).unwrap())
}

/// One image pair, with a sample of each sub-task.
fn write_dataset(folder: &Path) -> Dataset {
    let out = create_output_folder(folder).unwrap();
    let tables = Tables { format: TableFormat::JsonLines, ..Tables::default() };
    let images = PICTURES.map(|(file, size)| ImageRecord {
        image_id: format!("own/{file}"),
        source: "own".to_owned(),
        file_name: format!("decode/{file}"),
        width: size.width,
        height: size.height,
        sha256: None,
        split: Split::Test,
        seen: vec!["chair".to_owned(), "chair/leg".to_owned()],
    });
    write_images(&out, Split::Test, &images, &tables).unwrap();
    let region = |region_id: u32, part: Option<&str>| {
        let (file, size) = PICTURES[region_id as usize % 2];
        let rle = mask(size);
        let found = rle.bounding_box().unwrap();
        RegionRecord {
            region_id,
            image_id: format!("own/{file}"),
            object_label: "chair".to_owned(),
            part_label: part.map(str::to_owned),
            raw_ids: vec![1],
            area: rle.area() as u32,
            bbox: [found.x, found.y, found.width, found.height],
            rle: EncodedMask { size: [size.height, size.width], counts: rle.compressed() },
        }
    };
    let regions =
        [region(0, None), region(1, None), region(2, Some("leg")), region(3, Some("leg"))];
    write_regions(&out, Split::Test, regions.into_iter(), &tables).unwrap();
    let sample = |id: &str, subtask, answer: &str, region_ids: &[u32]| SampleRecord {
        sample_id: id.to_owned(),
        source: "own".to_owned(),
        subtask,
        class_a: "chair".to_owned(),
        class_b: "chair".to_owned(),
        image_ids: PICTURES.map(|(file, _)| format!("own/{file}")).to_vec(),
        question: format!("<image> (IMAGE1) <image> (IMAGE2)\n\n{subtask}?"),
        answer: answer.to_owned(),
        region_ids: region_ids.to_vec(),
        image_index: region_ids.iter().map(|id| (id % 2 + 1) as u8).collect(),
        template_ids: Templates {
            prefix: "P6".to_owned(),
            question: "CO1".to_owned(),
            answer: "CO1".to_owned(),
        },
        ambiguous: false,
    };
    let both = "<p> the chair </p> [SEG] (IMAGE1) [SEG] (IMAGE2)";
    let legs = format!("{both} have <p> a leg </p> [SEG] (IMAGE1) [SEG] (IMAGE2).");
    let samples = [
        sample("t-2", Task::CommonParts, &legs, &[0, 1, 2, 3]),
        sample("t-1", Task::CommonObjects, both, &[0, 1]),
        sample("t-3", Task::UniqueParts, "Only <p> a leg </p> [SEG] (IMAGE2).", &[3]),
    ];
    write_samples(&out, Split::Test, 3, samples.into_iter(), &tables).unwrap();
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../goldens/image");
    Dataset::open(folder).unwrap().with_root("own", root)
}

/// Knows the truth; fails or lies where it is told to.
struct Oracle {
    truths: Truths,
    fails: Vec<&'static str>,
    lies: bool,
    asked: Vec<String>,
}

impl Oracle {
    fn new(truths: &Truths) -> Self {
        Self { truths: truths.clone(), fails: Vec::new(), lies: false, asked: Vec::new() }
    }
}

impl PairModel for Oracle {
    fn answer(&mut self, question: &PairQuestion<'_>) -> Result<PairPrediction, ModelFailure> {
        self.asked.push(question.sample_id.to_owned());
        assert!(question.text.ends_with(&format!("{}?", question.subtask)));
        for (picture, (name, size)) in question.pictures.iter().zip(PICTURES) {
            assert_eq!((picture.name.as_str(), picture.frame.size()), (name, size));
        }
        if self.fails.contains(&question.sample_id) {
            return Err("no words came".into());
        }
        let mut answer = support::perfect(self.truths.find(question.sample_id).unwrap().1);
        if self.lies {
            let (label, mask) = ("x".to_owned(), Rle::empty(Size::new(1, 1)));
            answer.images[0].push(Prediction { label, mask, score: None });
        }
        Ok(answer)
    }
}

/// Stops the run after some samples.
struct StopAfter<'a> {
    left: usize,
    stop: &'a AtomicBool,
    begun_with: u64,
}

impl PredictObserver for StopAfter<'_> {
    fn begins(&mut self, progress: Progress) {
        self.begun_with = progress.done;
    }

    fn answered(&mut self, _: &str, _: Option<&str>, _: Progress) {
        self.left -= 1;
        if self.left == 0 {
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}

struct Scene {
    scratch: tempfile::TempDir,
    dataset: Dataset,
    truths: Truths,
}

impl Scene {
    fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let dataset = write_dataset(&scratch.path().join("data"));
        let truths = Truths::read(&dataset, Split::Test).unwrap();
        Self { scratch, dataset, truths }
    }

    fn out(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn predictor(&self) -> Predictor<'_> {
        let data = DataIdentity::new(&self.dataset, Split::Test, &self.truths);
        let header = Header::new(Some("oracle".to_owned()), Some(data));
        Predictor { dataset: &self.dataset, split: Split::Test, header, most_failures: 1 }
    }

    fn run(&self, out: &Path, model: &mut Oracle) -> Result<Progress, EvalError> {
        self.predictor().run(out, model, &mut (), &AtomicBool::new(false))
    }

    fn report(&self, path: &Path) -> Report {
        let mut scorer = Scorer::new(EvalOptions::default());
        let from = fs::read(path).unwrap();
        let evaluation =
            Evaluation::of_file(path, from.as_slice(), &self.truths, &mut scorer, 1).unwrap();
        let data = DataIdentity::new(&self.dataset, Split::Test, &self.truths);
        Report::new(&evaluation, &scorer, data, None)
    }
}

#[test]
fn the_truth_comes_from_the_regions_of_the_answer() {
    let scene = Scene::new();
    let ids: Vec<_> = scene.truths.samples().iter().map(|it| it.sample_id.as_str()).collect();
    assert_eq!(ids, ["t-1", "t-2", "t-3"]);
    let parts = &scene.truths.samples()[1];
    let targets = &parts.images[1].targets;
    let kinds: Vec<_> = targets.iter().map(|it| (it.label.as_str(), it.is_object)).collect();
    assert_eq!(kinds, [("chair", true), ("leg", false)]);
    assert_eq!(targets[1].mask, mask(PICTURES[1].1));
    assert_eq!(parts.images[0].file_name, "decode/rgb.png");
    assert!(scene.truths.samples()[2].images[0].targets.is_empty());
}

#[test]
fn a_model_that_knows_the_truth_scores_100() {
    let scene = Scene::new();
    let out = scene.out("p.jsonl");
    let progress = scene.run(&out, &mut Oracle::new(&scene.truths)).unwrap();
    assert!(progress.is_complete() && progress.failures == 0);
    let report = scene.report(&out);
    assert!((report.all.overall.recall - 100.0).abs() < 1e-5);
    assert_eq!(report.model.as_deref(), Some("oracle"));
    assert_eq!(report.data.name.as_deref(), Some("data"));
    assert!(!report.warnings.iter().any(|text| text.contains("made for")), "{report:?}");
}

#[test]
fn an_interrupted_run_goes_on_and_asks_nothing_twice() {
    let scene = Scene::new();
    let (whole, out) = (scene.out("whole.jsonl"), scene.out("p.jsonl"));
    scene.run(&whole, &mut Oracle::new(&scene.truths)).unwrap();
    let mut model = Oracle::new(&scene.truths);
    for round in 0..3 {
        let stop = AtomicBool::new(false);
        let mut observer = StopAfter { left: 1, stop: &stop, begun_with: 99 };
        let progress = scene.predictor().run(&out, &mut model, &mut observer, &stop).unwrap();
        assert_eq!((observer.begun_with, progress.done), (round, round + 1));
        assert_eq!(progress.is_complete(), round == 2);
    }
    assert_eq!(model.asked, ["t-2", "t-1", "t-3"]);
    assert_eq!(fs::read(&out).unwrap(), fs::read(&whole).unwrap());
}

#[test]
fn a_failure_counts_as_an_empty_answer_and_too_many_end_the_run() {
    let scene = Scene::new();
    let out = scene.out("p.jsonl");
    let mut model = Oracle::new(&scene.truths);
    model.fails = vec!["t-1"];
    let progress = scene.run(&out, &mut model).unwrap();
    assert_eq!((progress.failures, progress.is_complete()), (1, true));
    let report = scene.report(&out);
    assert_eq!(report.failed_pairs, ["t-1"]);
    assert!(report.all.tasks[&Task::CommonObjects].ap50 == 0.0);
    assert!(fs::read_to_string(&out).unwrap().contains("no words came"));

    model.fails = vec!["t-1", "t-2"];
    let error = scene.run(&scene.out("q.jsonl"), &mut model).unwrap_err();
    assert!(matches!(error, EvalError::TooManyFailures { failures: 2, most: 1, .. }), "{error}");
}

#[test]
fn an_answer_that_could_not_be_scored_is_a_failure() {
    let scene = Scene::new();
    let out = scene.out("p.jsonl");
    let mut model = Oracle::new(&scene.truths);
    model.lies = true;
    let error = scene.run(&out, &mut model).unwrap_err().to_string();
    assert!(error.contains("a mask of 1x1, expected 30x20"), "{error}");
    scene.report(&out);
}

#[test]
fn a_picture_that_is_absent_or_of_another_size_ends_the_run() {
    let scene = Scene::new();
    let elsewhere = scene.dataset.clone().with_root("own", scene.scratch.path());
    let stop = AtomicBool::new(false);
    let predictor = Predictor { dataset: &elsewhere, ..scene.predictor() };
    let mut model = Oracle::new(&scene.truths);
    let out = scene.out("p.jsonl");
    let error = predictor.run(&out, &mut model, &mut (), &stop).unwrap_err();
    assert!(matches!(error, EvalError::Picture { .. }), "{error}");
    let decode = scene.scratch.path().join("decode");
    fs::create_dir(&decode).unwrap();
    let (_, wrong) = (PICTURES[0], PICTURES[1].0);
    let from = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../goldens/image/decode");
    fs::copy(from.join(wrong), decode.join(PICTURES[0].0)).unwrap();
    let error = predictor.run(&out, &mut model, &mut (), &stop).unwrap_err().to_string();
    assert!(error.contains("it is of 6x4, expected 30x20"), "{error}");
    assert!(model.asked.is_empty());
}

#[test]
fn examples_show_their_pictures_by_link_or_copy() {
    let scene = Scene::new();
    let mut scorer = Scorer::new(EvalOptions::default());
    let evaluation = Evaluation::of_predictions(&[], &scene.truths, &mut scorer, 1).unwrap();
    let of =
        |dataset: &Dataset, embed| Pictures::of(dataset, Split::Test, &evaluation.gallery, embed);
    let (linked, warnings) = of(&scene.dataset, false);
    assert!(warnings.is_empty(), "{warnings:?}");
    let address = linked.address("own/rgb.png").unwrap();
    assert!(address.starts_with("file://") && address.ends_with("decode/rgb.png"), "{address}");
    let (embedded, _) = of(&scene.dataset, true);
    assert!(embedded.address("own/rgb.png").unwrap().starts_with("data:image/png;base64,"));
    let elsewhere = scene.dataset.clone().with_root("own", scene.scratch.path());
    for embed in [false, true] {
        let (none, warnings) = of(&elsewhere, embed);
        assert_eq!((none, warnings.len()), (Pictures::none(), 2));
    }
}

#[test]
fn a_hash_tells_data_sets_apart() {
    let scene = Scene::new();
    let hash = scene.truths.hash();
    assert_eq!((hash.len(), &hash), (64, &Scene::new().truths.hash()));
    let mut samples = scene.truths.samples().to_vec();
    samples[0].images[0].targets[0].label = "bench".to_owned();
    assert_ne!(Truths::new(samples).unwrap().hash(), hash);
}

#[test]
fn a_split_that_contradicts_itself_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    write_dataset(scratch.path());
    let path = scratch.path().join("samples/test-00000-of-00001.jsonl");
    let good = fs::read_to_string(&path).unwrap();
    let cases = [
        ("[0,1,2,3]", "[0,1,2,9]", "region 9 is not in the split"),
        ("[1,2,1,2]", "[1,2,1,3]", "it has no image 3"),
        ("[1,2,1,2]", "[1,2,2,1]", "region 2 lies in"),
        ("own/rgb.png", "own/none.png", "is not in the split"),
    ];
    for (from, to, part) in cases {
        assert!(good.contains(from), "{from} in {good}");
        fs::write(&path, good.replacen(from, to, 1)).unwrap();
        let dataset = Dataset::open(scratch.path()).unwrap();
        let error = Truths::read(&dataset, Split::Test).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

/// A result of one answer with a leg in the second image.
fn result(task: Option<Task>) -> Segmentation {
    let images = [1, 2].map(|index| {
        ImageEntry::new(
            index,
            Path::new(PICTURES[index as usize - 1].0),
            PICTURES[index as usize - 1].1,
        )
    });
    let model = Model { name: "m".to_owned(), preset: None };
    let mut result = Segmentation::new(model, images.into());
    let origin = SegmentOrigin {
        id: 1,
        phrase: "a leg".to_owned(),
        image: 2,
        role: Role::UniquePart,
        group: 1,
        parent: None,
    };
    let mask = mask(PICTURES[1].1).to_mask().unwrap();
    let segment = Segment::new(origin, &mask, Scores::new(None, None, 0.75));
    let text = "Only <p> a leg </p> [SEG] (IMAGE2).";
    result.answers.push(Answer::new(task, "?", text, vec![segment]));
    result
}

#[test]
fn a_result_becomes_a_prediction() {
    for task in [None, Some(Task::UniqueParts)] {
        let found = PairPrediction::from_result("t-3", Task::UniqueParts, &result(task)).unwrap();
        assert_eq!(found.images.iter().map(Vec::len).collect::<Vec<_>>(), [0, 1]);
        let leg = &found.images[1][0];
        assert_eq!((leg.label.as_str(), leg.score), ("leg", Some(0.75)));
        assert_eq!(leg.mask, mask(PICTURES[1].1));
        assert!(found.answer.unwrap().starts_with("Only"));
    }
    let other = result(Some(Task::CommonParts));
    let error = PairPrediction::from_result("t-3", Task::UniqueParts, &other).unwrap_err();
    assert!(error.to_string().contains("no answer about unique_parts"), "{error}");
}
