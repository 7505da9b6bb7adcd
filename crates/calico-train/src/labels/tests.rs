use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::sync::Arc;

use calico_data::loader::{BadReason, Position, Selection};
use calico_data::{DataError, Dataset, Split};
use calico_model::CalicoConfig;
use calico_model::checkpoint::tensor_specs;
use calico_nn::Weights;
use calico_nn::weights::{Init, Random, TensorSpec, WeightSource};
use calico_vision::dinov2::Facet;
use candle_core::{Device, Result, Tensor};

use super::check::can_learn;
use super::label_heads::LabelHeads;
use super::labelled_picture::LabelledPicture;
use super::*;
use crate::drawn_lessons::{self, data, model, stage, tiny};
use crate::lessons::{LABEL_HEADS, Lessons};
use crate::parameters::Parameters;
use crate::pictures::SplitImages;
use crate::recipe::{OptimizerConfig, StageConfig};
use crate::{Gradients, Optimizer, TrainError};

/// What every encoder needs to learn.
const ENCODERS: &str = "objective = 'labels'\ntrain = ['eva', 'ln_vision', 'dino', 'sam.encoder']";

fn lessons(dataset: &Dataset, start: Position) -> LabelLessons {
    lessons_of(dataset, &tiny(), &stage(ENCODERS), start)
}

fn lessons_of(
    dataset: &Dataset,
    config: &CalicoConfig,
    stage: &StageConfig,
    start: Position,
) -> LabelLessons {
    LabelLessons::new(dataset, &Selection::default(), config, stage, (5, start)).unwrap()
}

/// A model in the making, heads included.
fn parameters(dataset: &Dataset, config: &CalicoConfig, stage: &StageConfig) -> Parameters {
    let heads = LabelLessons::head_specs(dataset, &Selection::default(), config, stage);
    drawn_lessons::parameters(config, stage, heads.unwrap())
}

/// What tells one drawn picture from another.
fn sign(picture: &LabelledPicture) -> String {
    format!("{:?}", picture.targets)
}

#[test]
fn the_loss_falls_and_answers_get_better() {
    let (_scratch, dataset) = data();
    let (config, stage) = (tiny(), stage(ENCODERS));
    let parameters = parameters(&dataset, &config, &stage);
    let mut lessons = lessons(&dataset, Position::default());
    let mut optimizer = Optimizer::new(OptimizerConfig::default(), parameters.trained()).unwrap();
    let exam = LabelExam::new(&dataset, &Selection::default(), &config, &stage, (1, 4)).unwrap();
    let accuracy = || {
        let weights = parameters.detached();
        label_accuracy(&model(&config, &weights), &weights, &exam).unwrap()
    };
    let before = accuracy();
    let names = |tower: &str| ["objects", "parts"].map(|kind| format!("{tower}_{kind}"));
    let expected = ["dino", "eva", "sam"].map(names).concat();
    assert_eq!(before.keys().cloned().collect::<Vec<_>>(), expected);
    let mut losses = Vec::new();
    for _ in 0..30 {
        let weights = parameters.tracked();
        let lesson = lessons.read(4).unwrap().lesson;
        let found = lesson.losses(&model(&config, &weights), &weights).unwrap();
        assert_eq!((found.parts.samples, found.parts.labels), (4, Some(found.parts.total)));
        losses.push(found.parts.total);
        let gradients = Gradients::of(&found.total, parameters.trained(), HashMap::new).unwrap();
        optimizer.step(parameters.trained(), &gradients, 3e-3).unwrap();
    }
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    assert!(mean(&losses[25..]) < 0.7 * mean(&losses[..5]), "{losses:?}");
    for (name, share) in accuracy() {
        assert!(share > before[&name] && share > 60.0, "{name}: {share} after {}", before[&name]);
    }
}

#[test]
fn gradients_reach_everything_that_is_said_to_learn_and_nothing_else() {
    let (_scratch, dataset) = data();
    let stage = stage("objective = 'labels'\ntrain = ['*']");
    let changes: [fn(&mut CalicoConfig); 5] = [
        |_| (),
        |config| config.dino.layer = 1,
        |config| config.dino.final_norm = false,
        |config| config.dino.facet = Facet::Key,
        |config| config.dino.keep_prefix_tokens = true,
    ];
    for change in changes {
        let mut config = tiny();
        change(&mut config);
        let parameters = parameters(&dataset, &config, &stage);
        let mut lessons = lessons_of(&dataset, &config, &stage, Position::default());
        let weights = parameters.tracked();
        let lesson = lessons.read(2).unwrap().lesson;
        let found = lesson.losses(&model(&config, &weights), &weights).unwrap();
        let gradients = Gradients::of(&found.total, parameters.trained(), HashMap::new).unwrap();
        let reached: BTreeSet<&str> = gradients.by_name().keys().map(String::as_str).collect();
        for name in parameters.trained().keys() {
            let expected = name.starts_with(LABEL_HEADS) || can_learn(&config, name);
            assert_eq!(reached.contains(name.as_str()), expected, "{name}: {:?}", config.dino);
        }
    }
}

#[test]
fn heads_are_made_for_the_encoders_that_learn() {
    let (_scratch, dataset) = data();
    let names = |train: &str| {
        let stage = stage(train);
        let heads =
            LabelLessons::head_specs(&dataset, &Selection::default(), &tiny(), &stage).unwrap();
        heads.into_iter().map(|spec| (spec.name, spec.shape)).collect::<Vec<_>>()
    };
    // Background and two objects; no part and four parts.
    let head = |tower: &str, width: usize| {
        let of = |(kind, classes)| {
            let name = |tensor: &str| format!("label_heads.{tower}.{kind}.{tensor}");
            [(name("weight"), vec![classes, width]), (name("bias"), vec![classes])]
        };
        [("objects", 3), ("parts", 5)].map(of).concat()
    };
    assert_eq!(names(ENCODERS), [head("eva", 64), head("dino", 48), head("sam", 32)].concat());
    assert_eq!(names("objective = 'labels'\ntrain = ['ln_vision']"), head("eva", 64));
    assert_eq!(
        names("objective = 'labels'\ntrain = ['*']\nfreeze = ['eva', 'ln_vision', 'dino']"),
        head("sam", 32)
    );
}

#[test]
fn every_epoch_shows_each_picture_once_in_an_order_of_its_own() {
    let (_scratch, dataset) = data();
    let mut lessons = lessons(&dataset, Position::default());
    assert_eq!(lessons.epoch_len(), 16);
    let mut epoch =
        || -> Vec<String> { lessons.next_pictures(16).unwrap().iter().map(sign).collect() };
    let (first, second) = (epoch(), epoch());
    assert_ne!(first, second);
    let set = |epoch: &[String]| epoch.iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(set(&first).len(), 16);
    assert_eq!(set(&first), set(&second));
}

#[test]
fn lessons_go_on_from_any_position_whatever_the_batches_were() {
    let (_scratch, dataset) = data();
    let all: Vec<String> = {
        let mut lessons = lessons(&dataset, Position::default());
        (0..40).map(|_| sign(&lessons.next_pictures(1).unwrap()[0])).collect()
    };
    let mut earlier = lessons(&dataset, Position::default());
    let mut taken = 0;
    for size in [0, 3, 13, 7, 9] {
        earlier.next_pictures(size).unwrap();
        taken += size;
        let mut resumed = lessons(&dataset, earlier.order.position());
        let next: Vec<String> = resumed.next_pictures(8).unwrap().iter().map(sign).collect();
        assert_eq!(next, all[taken..taken + 8], "after {taken}");
    }
}

#[test]
fn pictures_that_cannot_be_decoded_are_told_and_skipped() {
    let (scratch, dataset) = data();
    let broken = scratch.path().join("pictures/train-3-0.png");
    fs::write(&broken, "no picture").unwrap();
    fs::remove_file(scratch.path().join("pictures/train-5-1.png")).unwrap();
    let mut lessons = lessons(&dataset, Position::default());
    let pictures = lessons.next_pictures(14).unwrap();
    assert_eq!(pictures.iter().map(sign).collect::<BTreeSet<_>>().len(), 14);
    let Position { epoch, taken, bad, .. } = lessons.order.position();
    assert!(epoch == 0 && taken - bad == 14);
    lessons.next_pictures(1).unwrap();
    let warnings = lessons.order.take_warnings();
    for name in ["drawn/train-3-0", "drawn/train-5-1"] {
        assert!(warnings.iter().any(|line| line.contains(name)), "{warnings:?}");
    }
}

#[test]
fn too_many_bad_pictures_end_the_training() {
    let (scratch, dataset) = data();
    for entry in fs::read_dir(scratch.path().join("pictures")).unwrap() {
        fs::write(entry.unwrap().path(), "no picture").unwrap();
    }
    let mut patient = lessons(&dataset, Position::default());
    let error = patient.next_pictures(1).err().unwrap();
    assert!(error.is_bad_input() && error.to_string().contains("no picture"), "{error}");
    let mut strict = lessons(&dataset, Position::default());
    strict.order.limits.in_a_row = 3;
    let error = strict.next_pictures(8).err().unwrap();
    let TrainError::Data(DataError::TooManyBad { bad: 4, taken: 4, reason, .. }) = error else {
        panic!("{error}");
    };
    assert!(matches!(*reason, BadReason::Picture(_)));
}

#[test]
fn what_labels_cannot_teach_is_told() {
    let config = tiny();
    let specs = tensor_specs(&config).unwrap();
    let problems = |train: &str| label_problems(&stage(train), &config, &specs);
    for sound in [
        ENCODERS,
        "objective = 'labels'\ntrain = ['*']",
        "objective = 'labels'\ntrain = ['sam']",
        "objective = 'labels'\ntrain = ['eva.blocks.2']",
    ] {
        assert_eq!(problems(sound), [""; 0], "{sound}");
    }
    let found = problems(
        "objective = 'labels'\ntrain = ['eva', 'qformer', 'dino.mask_token', 'llm', 'nothing']",
    );
    assert_eq!(found.len(), 3, "{found:?}");
    for (problem, pattern) in found.iter().zip(["qformer", "dino.mask_token", "llm"]) {
        assert!(problem.contains(&format!("{pattern:?}")), "{problem}");
    }
    assert_eq!(
        problems("objective = 'labels'\ntrain = ['sam']\nfreeze = ['sam.encoder']").len(),
        1
    );
}

#[test]
fn accuracy_is_the_share_of_patches_whose_largest_class_is_answered() {
    /// Heads that answer one class, whatever they see.
    struct Always(usize);
    impl WeightSource for Always {
        fn tensor(&self, spec: &TensorSpec) -> Result<Tensor> {
            if spec.name.starts_with(LABEL_HEADS) {
                let mut values = vec![0f32; spec.len()];
                if let (1, Some(value)) = (spec.shape.len(), values.get_mut(self.0)) {
                    *value = 1.0;
                }
                return Tensor::from_vec(values, spec.shape.clone(), &Device::Cpu);
            }
            Random::new(3, Device::Cpu)
                .tensor(&TensorSpec { init: Init::Uniform(0.1), ..spec.clone() })
        }
    }
    let (_scratch, dataset) = data();
    let (config, stage) = (tiny(), stage(ENCODERS));
    let exam = LabelExam::new(&dataset, &Selection::default(), &config, &stage, (1, 99)).unwrap();
    let mut sums: BTreeMap<String, f64> = BTreeMap::new();
    for class in 0..5 {
        let weights = Weights::new(Arc::new(Always(class)));
        for (name, share) in label_accuracy(&model(&config, &weights), &weights, &exam).unwrap() {
            if name.ends_with("objects") {
                // Background, mug and stool; parts count as their object, which has no other
                // pixels here.
                if class > 2 {
                    continue;
                }
                assert!(share > 0.0, "{class} {name}");
            }
            *sums.entry(name).or_default() += share;
        }
    }
    // Each patch has one largest class.
    assert!(sums.values().all(|sum| (sum - 100.0).abs() < 1e-9), "{sums:?}");
}

#[test]
fn a_split_without_regions_is_told_by_name() {
    let (_scratch, dataset) = data();
    let open =
        |source: &str| SplitImages::open(&dataset, Split::Train, &[source.to_owned()], |_| true);
    let error = open("elsewhere").unwrap_err();
    assert!(error.to_string().contains("train"), "{error}");
    let images = open("drawn").unwrap();
    let classes = LabelClasses::of_images(&images).unwrap();
    assert_eq!((images.len(), LabelKind::ALL.map(|kind| classes.len(kind))), (16, [3, 5]));
    let specs = LabelHeads::specs(&tiny(), &classes, &[crate::features::Tower::Sam]).unwrap();
    assert_eq!(specs.len(), 4);
}
