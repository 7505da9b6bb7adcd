//! Models whose files are in memory, and what a model must be read with.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod tiny;

use std::fs;
use std::path::Path;

use calico_model::checkpoint::{tensor_specs, untrained_tokenizer_json};
use calico_model::{CalicoConfig, ModelBytes, ModelError, Photograph, Question, SegmentOptions};
use calico_model::{ModelFolder, Segmenter};
use calico_nn::weights::TensorSpec;
use calico_nn::weights::checkpoint::{StoredType, write};
use calico_result::Segmentation;
use calico_testkit::Synthetic;

const NOTICE: &str = "this model knows cups only";

/// The files of a model, which tests damage before they are opened.
struct Files {
    config: String,
    tokenizer: String,
    weights: Vec<u8>,
}

impl Files {
    fn new(config: &CalicoConfig, values: impl Fn(&TensorSpec) -> Vec<f32>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let specs = tensor_specs(config).unwrap();
        write(folder.path(), &specs, StoredType::Bf16, usize::MAX, values).unwrap();
        Self {
            config: config.to_json().unwrap(),
            tokenizer: untrained_tokenizer_json(config),
            weights: fs::read(folder.path().join("model.safetensors")).unwrap(),
        }
    }

    fn bytes<'a>(&'a self, name: &'a str) -> ModelBytes<'a> {
        ModelBytes {
            name,
            config_json: &self.config,
            tokenizer_json: &self.tokenizer,
            weights: self.weights.clone().into(),
        }
    }

    /// Why these files are refused in memory, which is also why they are refused in a folder.
    #[track_caller]
    fn refused(&self) -> String {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("cups");
        self.bytes("cups").write(&folder).unwrap();
        let on_disk = message(&Segmenter::open(&folder).unwrap_err());
        let in_memory = message(&Segmenter::from_bytes(self.bytes("cups")).unwrap_err());
        let prefix = folder.to_str().unwrap();
        assert_eq!(in_memory, on_disk.replace(prefix, "cups"));
        in_memory
    }
}

/// An error with its sources.
fn message(error: &ModelError) -> String {
    let mut lines = vec![error.to_string()];
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        lines.push(error.to_string());
        source = error.source();
    }
    lines.join(": ")
}

fn synthetic(spec: &TensorSpec) -> Vec<f32> {
    Synthetic::values(&spec.name, &spec.shape)
}

fn with_notice() -> CalicoConfig {
    CalicoConfig { notice: Some(NOTICE.into()), ..tiny::config() }
}

fn photographs() -> Vec<Photograph> {
    let picture =
        |seed, height| Photograph { name: "a.png".into(), frame: tiny::picture(seed, height, 60) };
    vec![picture(1, 48), picture(2, 40)]
}

fn answered(segmenter: &Segmenter, images: usize, question: &Question) -> Segmentation {
    let options = SegmentOptions { max_new_tokens: 6, ..SegmentOptions::default() };
    segmenter.segment(&photographs()[..images], question, &options, &mut ()).unwrap()
}

#[test]
fn a_model_in_memory_answers_as_the_one_in_its_folder() {
    let files = Files::new(&tiny::config(), synthetic);
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("cups");
    files.bytes("other").write(&folder).unwrap();
    let on_disk = Segmenter::open(&folder).unwrap();
    let in_memory = Segmenter::from_bytes(files.bytes("cups")).unwrap();
    let answer = "<p> a cup </p> [SEG] (IMAGE1) [SEG] (IMAGE2)";
    for question in [Question::AllTasks, Question::Answer(answer.into())] {
        let result = answered(&in_memory, 2, &question);
        assert_eq!(result, answered(&on_disk, 2, &question));
        assert_eq!(result.model.name, "cups");
    }
}

#[test]
fn a_written_model_is_the_same_to_the_byte() {
    let files = Files::new(&with_notice(), synthetic);
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("cups");
    files.bytes("cups").write(&folder).unwrap();
    let read = |name| fs::read(folder.join(name)).unwrap();
    assert!(read("model.safetensors") == files.weights);
    assert_eq!(read("config.json"), files.config.as_bytes());
    assert_eq!(read("tokenizer.json"), files.tokenizer.as_bytes());
    assert_eq!(ModelFolder::open(&folder).unwrap().config, with_notice());
    let again = files.bytes("cups").write(&folder);
    assert!(matches!(again, Err(ModelError::NotEmpty(_))));
}

#[test]
fn damaged_weights_in_memory_are_refused_as_in_a_folder() {
    let mut files = Files::new(&tiny::config(), synthetic);
    let whole = files.weights.clone();
    for len in [0, 4, 8, 100, whole.len() - 1] {
        files.weights = whole[..len].to_vec();
        assert!(files.refused().contains("cups/model.safetensors"), "{len} bytes");
    }
}

#[test]
fn weights_of_another_config_are_refused_in_memory_with_everything_that_differs() {
    let mut files = Files::new(&tiny::config(), synthetic);
    let mut config = tiny::config();
    config.llm.mlp_hidden = 128;
    config.llm.depth = 5;
    files.config = config.to_json().unwrap();
    let message = files.refused();
    assert!(message.contains("wrong shape (") && message.contains("unexpected ("), "{message}");
    config.llm.depth = 7;
    files.config = config.to_json().unwrap();
    assert!(files.refused().contains("missing ("));
}

#[test]
fn values_that_are_no_numbers_are_refused_in_memory_by_name() {
    let files = Files::new(&tiny::config(), |spec| {
        let mut values = synthetic(spec);
        if spec.name == "query_tokens" {
            values[3] = f32::NAN;
        }
        values
    });
    assert!(files.refused().contains("NaN or infinity (1):\n    query_tokens"));
}

#[test]
fn broken_texts_in_memory_are_refused_by_name() {
    let mut files = Files::new(&tiny::config(), synthetic);
    let tokenizer = std::mem::replace(&mut files.tokenizer, "{".into());
    assert!(files.refused().contains("cups/tokenizer.json"));
    files.tokenizer = tokenizer;
    files.config = "{".into();
    assert!(files.refused().contains("cups/config.json"));
}

#[test]
fn a_notice_is_the_first_warning_and_stands_in_a_result_once() {
    let segmenter =
        Segmenter::from_bytes(Files::new(&with_notice(), synthetic).bytes("cups")).unwrap();
    let result = answered(&segmenter, 2, &Question::AllTasks);
    assert_eq!(result.answers.len(), 3);
    assert_eq!(result.warnings, [NOTICE]);
    assert_eq!(result.to_json().unwrap().matches(NOTICE).count(), 1);
    let result = answered(&segmenter, 1, &Question::Prompt("What is this?".into()));
    assert_eq!((result.warnings.len(), result.warnings[0].as_str()), (2, NOTICE));
}

#[test]
fn without_a_notice_nothing_is_said() {
    let segmenter =
        Segmenter::from_bytes(Files::new(&tiny::config(), synthetic).bytes("cups")).unwrap();
    let result = answered(&segmenter, 2, &Question::AllTasks);
    assert!(result.warnings.is_empty(), "{:?}", result.warnings);
    let config = CalicoConfig::from_json(&with_notice().to_json().unwrap(), Path::new("c"));
    assert_eq!(config.unwrap().notice.as_deref(), Some(NOTICE));
}
