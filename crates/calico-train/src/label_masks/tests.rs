use std::collections::{BTreeMap, BTreeSet, HashMap};

use calico_data::Dataset;
use calico_data::loader::{Position, Selection};
use calico_image::{Mask, Size};
use calico_model::checkpoint::tensor_specs;
use calico_result::EncodedMask;

use super::check::can_learn;
use super::labelled_masks::LabelledMasks;
use super::*;
use crate::drawn_lessons::{data, model, parameters, stage, tiny};
use crate::features::{FeatureStore, Tower};
use crate::lessons::{LABEL_PROMPTS, Lessons};
use crate::parameters::Parameters;
use crate::recipe::{FeaturesConfig, LossConfig, OptimizerConfig, StoredFeatures};
use crate::{Gradients, Optimizer};

const SAM: &str = "objective = 'label_masks'\ntrain = ['sam.encoder', 'sam.decoder']";
const SMALL: Size = Size { height: 16, width: 16 };
const LOSS: LossConfig = LossConfig {
    text: 1.0,
    mask_kind: crate::recipe::MaskLoss::Bce,
    mask: 1.0,
    dice: 1.0,
    iou: 1.0,
    label_prompt: 0.0,
    focal_alpha: 0.25,
    focal_gamma: 2.0,
};

fn prompts(dataset: &Dataset) -> LabelPrompts {
    LabelPrompts::of_dataset(dataset, &Selection::default()).unwrap()
}

fn learning(dataset: &Dataset, keys: &str) -> Parameters {
    let config = tiny();
    parameters(&config, &stage(keys), vec![prompts(dataset).spec(config.sam.width)])
}

fn features(parameters: &Parameters) -> FeatureStore {
    FeatureStore::new(&tiny(), vec![Tower::Sam], parameters, None).unwrap()
}

fn lessons(dataset: &Dataset, parameters: &Parameters, start: Position) -> LabelMaskLessons {
    let how = (LOSS, tiny().sam.width);
    let features = features(parameters);
    LabelMaskLessons::new(dataset, &Selection::default(), features, how, (5, start)).unwrap()
}

/// What tells one picture with its masks from another.
fn sign(picture: &LabelledMasks) -> String {
    format!("{} {:?}", picture.picture.image_id, picture.masks)
}

#[test]
fn the_loss_falls_and_masks_fit_better() {
    let (_scratch, dataset) = data();
    let config = tiny();
    let parameters = learning(&dataset, SAM);
    let mut lessons = lessons(&dataset, &parameters, Position::default());
    let mut optimizer = Optimizer::new(OptimizerConfig::default(), parameters.trained()).unwrap();
    let choice = (1, 4);
    let selection = Selection::default();
    let exam = MaskExam::new(&dataset, &selection, features(&parameters), config.sam.width, choice);
    let exam = exam.unwrap();
    assert_eq!(exam.len(), 4);
    let overlap = || {
        let weights = parameters.detached();
        label_mask_overlap(&model(&config, &weights), &weights, &exam).unwrap()
    };
    let before: BTreeMap<&str, f64> = overlap();
    assert_eq!(before.keys().copied().collect::<Vec<_>>(), ["iou", "objects_iou", "parts_iou"]);
    let mut losses = Vec::new();
    for _ in 0..60 {
        let weights = parameters.tracked();
        let lesson = lessons.read(4).unwrap().lesson;
        let found = lesson.losses(&model(&config, &weights), &weights).unwrap();
        // Every picture shows an object and its two parts.
        assert_eq!((found.parts.samples, found.parts.masks), (4, 12));
        losses.push(found.parts.total);
        let gradients = Gradients::of(&found.total, parameters.trained(), HashMap::new).unwrap();
        optimizer.step(parameters.trained(), &gradients, 3e-3).unwrap();
    }
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    assert!(mean(&losses[55..]) < 0.5 * mean(&losses[..5]), "{losses:?}");
    for (name, share) in overlap() {
        assert!(share > before[name] && share > 40.0, "{name}: {share} after {}", before[name]);
    }
}

#[test]
fn gradients_reach_sam_and_the_prompts_and_nothing_else() {
    let (_scratch, dataset) = data();
    let parameters = learning(&dataset, "objective = 'label_masks'\ntrain = ['*']");
    let mut lessons = lessons(&dataset, &parameters, Position::default());
    let weights = parameters.tracked();
    let lesson = lessons.read(2).unwrap().lesson;
    let found = lesson.losses(&model(&tiny(), &weights), &weights).unwrap();
    let gradients = Gradients::of(&found.total, parameters.trained(), HashMap::new).unwrap();
    for name in parameters.trained().keys() {
        let expected = name == LABEL_PROMPTS || can_learn(name);
        assert_eq!(gradients.by_name().contains_key(name), expected, "{name}");
    }
}

#[test]
fn an_encoder_that_is_frozen_stays_as_it_is() {
    let (_scratch, dataset) = data();
    let keys = "objective = 'label_masks'\ntrain = ['sam.decoder']";
    let parameters = learning(&dataset, keys);
    let mut lessons = lessons(&dataset, &parameters, Position::default());
    let weights = parameters.tracked();
    let lesson = lessons.read(2).unwrap().lesson;
    let found = lesson.losses(&model(&tiny(), &weights), &weights).unwrap();
    let gradients = Gradients::of(&found.total, parameters.trained(), HashMap::new).unwrap();
    let reached: BTreeSet<&str> =
        gradients.by_name().keys().map(|name| name.rsplit_once('.').unwrap().0).collect();
    assert!(reached.contains("label_prompts"));
    assert!(reached.iter().all(|name| !name.starts_with("sam.encoder")), "{reached:?}");
}

#[test]
fn each_label_of_the_train_split_has_a_row() {
    let (_scratch, dataset) = data();
    let prompts = prompts(&dataset);
    // Mug, its body and handle; stool, its seat and leg.
    assert_eq!(prompts.spec(32).shape, [6, 32]);
    let images = LabelPrompts::images(&dataset, calico_data::Split::Dev, &Selection::default());
    for region in images.unwrap().all_regions() {
        let number = prompts.number(&region).unwrap();
        assert_eq!(prompts.is_part(number), region.part_label.is_some());
        let unknown = calico_data::Region { object_label: "cat", ..region };
        assert_eq!(prompts.number(&unknown), None);
    }
}

#[test]
fn lessons_go_on_from_any_position_whatever_the_batches_were() {
    let (_scratch, dataset) = data();
    let parameters = learning(&dataset, SAM);
    let from = |start| lessons(&dataset, &parameters, start);
    let all: Vec<String> = {
        let mut lessons = from(Position::default());
        (0..40).map(|_| sign(&lessons.next_pictures(1).unwrap()[0])).collect()
    };
    assert_eq!(all[..16].iter().collect::<BTreeSet<_>>().len(), 16);
    let mut earlier = from(Position::default());
    let mut taken = 0;
    for size in [0, 3, 13, 7, 9] {
        earlier.next_pictures(size).unwrap();
        taken += size;
        let mut resumed = from(earlier.order.position());
        let next: Vec<String> = resumed.next_pictures(8).unwrap().iter().map(sign).collect();
        assert_eq!(next, all[taken..taken + 8], "after {taken}");
    }
}

#[test]
fn pictures_that_cannot_be_decoded_are_told_and_skipped() {
    let (scratch, dataset) = data();
    std::fs::remove_file(scratch.path().join("pictures/train-5-1.png")).unwrap();
    let parameters = learning(&dataset, SAM);
    let mut lessons = lessons(&dataset, &parameters, Position::default());
    lessons.next_pictures(16).unwrap();
    let warnings = lessons.order.take_warnings();
    assert!(warnings.iter().any(|line| line.contains("drawn/train-5-1")), "{warnings:?}");
}

#[test]
fn damaged_features_are_told_although_a_mask_is_bad_too() {
    let (scratch, dataset) = data();
    let parameters = learning(&dataset, "objective = 'label_masks'\ntrain = ['sam.decoder']");
    let folder = scratch.path().join("features");
    let lessons = |dataset: &Dataset| {
        let features = FeaturesConfig { folder: folder.clone(), stored: StoredFeatures::F32 };
        let towers = vec![Tower::Sam];
        let features = FeatureStore::new(&tiny(), towers, &parameters, Some(&features)).unwrap();
        let (how, start) = ((LOSS, tiny().sam.width), (5, Position::default()));
        LabelMaskLessons::new(dataset, &Selection::default(), features, how, start).unwrap()
    };
    let weights = parameters.tracked();
    let lesson = lessons(&dataset).read(16).unwrap().lesson;
    lesson.losses(&model(&tiny(), &weights), &weights).unwrap();
    let shelves = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let kept = shelves.flat_map(|shelf| std::fs::read_dir(shelf).unwrap());
    kept.for_each(|file| std::fs::write(file.unwrap().path(), "no features").unwrap());
    // The masks of one picture get the size of another.
    let table = scratch.path().join("regions/train.jsonl");
    let regions = std::fs::read_to_string(&table).unwrap();
    let bad = "\"drawn/train-5-1\"";
    let line = |line: &str| {
        let mut region: serde_json::Value = serde_json::from_str(line).unwrap();
        if line.contains(bad) {
            region["rle"] = serde_json::to_value(EncodedMask::new(&Mask::filled(SMALL))).unwrap();
        }
        format!("{region}\n")
    };
    std::fs::write(&table, regions.lines().map(line).collect::<String>()).unwrap();
    let dataset = Dataset::open(scratch.path()).unwrap();
    let told = lessons(&dataset).read(15).unwrap().warnings;
    let of = |what: &str| told.iter().filter(|line| line.contains(what)).count();
    assert_eq!((of("are damaged"), of("is skipped")), (16, 1), "{told:?}");
    assert_eq!((of("features of drawn/train-5-1 "), of("image drawn/train-5-1 ")), (1, 1));
}

#[test]
fn what_masks_of_labels_cannot_teach_is_told() {
    let specs = tensor_specs(&tiny()).unwrap();
    let problems = |train: &str| {
        let keys = format!("objective = 'label_masks'\n{train}");
        label_mask_problems(&stage(&keys), &specs)
    };
    for sound in ["train = ['sam']", "train = ['*']", "train = ['sam.decoder.iou_token']"] {
        assert_eq!(problems(sound), [""; 0], "{sound}");
    }
    let found = problems("train = ['sam', 'eva', 'seg_proj', 'nothing']");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("\"eva\"") && found[1].contains("\"seg_proj\""), "{found:?}");
    assert_eq!(problems("train = ['*']\nfreeze = ['sam']").len(), 1);
}
