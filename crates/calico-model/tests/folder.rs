//! Model folders: what is stored in any precision, whole or sharded, answers as the model in
//! memory does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod tiny;

use std::ops::ControlFlow;
use std::path::Path;

use calico_image::{Frame, Size};
use calico_model::checkpoint::{init, tensor_specs};
use calico_model::{
    Calico, CalicoConfig, ConfigError, ModelError, ModelFolder, Photograph, Preset, Question,
    SegmentOptions, Segmenter,
};
use calico_nn::Weights;
use calico_nn::weights::Random;
use calico_nn::weights::checkpoint::{StoredType, write};
use calico_result::{Model, Role, Segmentation};
use calico_testkit::Synthetic;
use candle_core::Device;

const ANSWER: &str = "Both show <p> a cup </p> [SEG] (IMAGE1) [SEG] (IMAGE2) with <p> the lid \
                      </p> [SEG] (IMAGE2).";

fn photographs() -> Vec<Photograph> {
    let picture = |seed: u32, height: u32, width: u32| {
        let samples = (0..height * width * 3).map(|i| ((i / 7 * seed) ^ (i >> 5)) as u8);
        let frame = Frame::new(Size::new(height, width), samples.collect()).unwrap();
        Photograph { name: format!("{seed}.png"), frame }
    };
    vec![picture(3, 48, 64), picture(5, 90, 40)]
}

fn grounded(segmenter: &Segmenter) -> Segmentation {
    let question = Question::Answer(ANSWER.into());
    segmenter.segment(&photographs(), &question, &SegmentOptions::default(), &mut ()).unwrap()
}

/// A folder that holds the synthetic weights.
fn folder(stored: StoredType, shard_bytes: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny::config();
    let specs = tensor_specs(&config).unwrap();
    write(folder.path(), &specs, stored, shard_bytes, |spec| {
        Synthetic::values(&spec.name, &spec.shape)
    })
    .unwrap();
    std::fs::write(folder.path().join("config.json"), config.to_json().unwrap()).unwrap();
    let tokenizer = calico_language::byte_level_json(259).to_string();
    std::fs::write(folder.path().join("tokenizer.json"), tokenizer).unwrap();
    folder
}

/// Intersection over union of all masks of two results together.
fn overlap(a: &Segmentation, b: &Segmentation) -> f64 {
    let (mut both, mut either) = (0, 0);
    for (a, b) in a.segments().zip(b.segments()) {
        let (a, b) = (a.decode_mask().unwrap(), b.decode_mask().unwrap());
        let shared = a.intersection(&b);
        both += shared;
        either += a.area() + b.area() - shared;
    }
    assert!(either > 0, "every mask is empty");
    both as f64 / either as f64
}

#[test]
fn every_precision_whole_or_sharded_draws_the_same_masks() {
    let in_memory = Segmenter::from_parts(
        tiny::model(),
        tiny::tokenizer(),
        Model { name: "memory".into(), preset: None },
    );
    let wanted = grounded(&in_memory);
    assert_eq!(wanted.segments().count(), 3);
    assert!(wanted.segments().all(|segment| segment.area > 0));
    for (stored, least) in
        [(StoredType::F32, 1.0), (StoredType::F16, 0.995), (StoredType::Bf16, 0.97)]
    {
        for shard_bytes in [usize::MAX, 500_000] {
            let folder = folder(stored, shard_bytes);
            let got = grounded(&Segmenter::open(folder.path()).unwrap());
            let overlap = overlap(&got, &wanted);
            assert!(overlap >= least, "{stored:?} in shards of {shard_bytes}: {overlap}");
        }
    }
}

#[test]
fn an_initial_model_is_the_one_its_seed_draws() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("model");
    let config = Preset::Tiny.config().unwrap();
    init(&path, &config, 7, StoredType::F32, |_| ControlFlow::Continue(())).unwrap();
    let opened = Segmenter::open(&path).unwrap();
    assert_eq!(opened.config(), &config);
    let weights = Weights::new(std::sync::Arc::new(Random::new(7, Device::Cpu)));
    let special = tiny::tokenizer().special();
    let drawn = Calico::load(&config, special, &weights, &Device::Cpu).unwrap();
    let identity = Model { name: "model".into(), preset: Some("tiny".into()) };
    let drawn = Segmenter::from_parts(drawn, tiny::tokenizer(), identity);
    assert_eq!(grounded(&opened), grounded(&drawn));
    let again = init(&path, &config, 7, StoredType::F32, |_| ControlFlow::Continue(()));
    assert!(matches!(again, Err(ModelError::NotEmpty(_))));
}

#[test]
fn segments_are_numbered_grouped_and_described() {
    let folder = folder(StoredType::F32, usize::MAX);
    let result = grounded(&Segmenter::open(folder.path()).unwrap());
    result.validate().unwrap();
    let found: Vec<_> =
        result.segments().map(|s| (s.id, s.group, s.image, s.label.as_str())).collect();
    assert_eq!(found, [(1, 1, 1, "cup"), (2, 1, 2, "cup"), (3, 2, 2, "lid")]);
    for (segment, size) in result.segments().zip([[48, 64], [90, 40], [90, 40]]) {
        assert_eq!(segment.mask.size, size);
        assert_eq!(segment.scores.phrase_token_probability, None);
        assert!(segment.scores.mean_foreground_probability.is_some_and(|p| p > 0.5));
        let parent = result.segments().find(|other| Some(other.id) == segment.parent);
        assert!(parent.is_none_or(|parent| parent.role == Role::Object));
    }
    assert!(result.answers[0].text.contains("<p> a cup </p> [SEG] (IMAGE1)"));
}

#[test]
fn a_single_image_is_answered_with_a_warning() {
    let folder = folder(StoredType::F32, usize::MAX);
    let segmenter = Segmenter::open(folder.path()).unwrap();
    let question = Question::Answer("<p> a cup </p> [SEG] (IMAGE1)".into());
    let options = SegmentOptions::default();
    let result = segmenter.segment(&photographs()[..1], &question, &options, &mut ()).unwrap();
    assert_eq!(result.segments().count(), 1);
    assert!(result.warnings[0].contains("nothing can be compared"), "{:?}", result.warnings);
}

#[test]
fn a_folder_of_another_kind_is_refused() {
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(ModelFolder::open(empty.path()), Err(ModelError::Config(_))));
    assert!(matches!(ModelFolder::open(Path::new("no/such")), Err(ModelError::NotAFolder(_))));
    let config = |text: &str| CalicoConfig::from_json(text, Path::new("config.json")).unwrap_err();
    let foreign = config(r#"{"model_type": "llama", "hidden_size": 64}"#);
    assert!(matches!(foreign, ConfigError::Foreign { .. }), "{foreign}");
    let ours = config(r#"{"model_type": "calico"}"#).to_string();
    assert!(ours.contains("missing field `eva`"), "{ours}");
    let folder = folder(StoredType::F32, usize::MAX);
    let bigger = calico_language::byte_level_json(300).to_string();
    std::fs::write(folder.path().join("tokenizer.json"), bigger).unwrap();
    let error = ModelFolder::open(folder.path()).unwrap_err();
    assert!(matches!(error, ModelError::Vocabulary { highest: 306, rows: 266 }), "{error}");
}

#[test]
fn a_model_folder_that_cannot_be_finished_leaves_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("model");
    let interrupted = std::panic::catch_unwind(|| {
        let written = std::cell::Cell::new(0);
        init(&path, &tiny::config(), 7, StoredType::F32, |_| {
            written.set(written.get() + 1);
            assert!(written.get() < 100, "the power goes out");
            ControlFlow::Continue(())
        })
    });
    assert!(interrupted.is_err());
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
}
