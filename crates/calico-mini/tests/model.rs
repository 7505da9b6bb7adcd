//! What the built-in model must be.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use calico_mini::{MODEL_CARD, NAME};
use calico_model::budget::{Request, modules};
use calico_model::{
    ModelError, ModelFolder, Observer, Photograph, Preset, Question, SegmentError, SegmentOptions,
    Segmenter, Stage,
};
use calico_nn::weights::checkpoint::{StoredForm, StoredType};
use calico_result::{Segmentation, Task};
use serde_json::Value;

/// Most bytes of the model with its card: they are in every program that uses this crate.
const MOST_BYTES: u64 = 8_000_000;

fn in_crate(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What a row of the card's first table says.
fn row(name: &str) -> &'static str {
    let start = format!("| {name} | ");
    let line = MODEL_CARD.lines().find_map(|line| line.strip_prefix(&start)).unwrap();
    line.strip_suffix(" |").unwrap()
}

fn photographs(segmenter: &Segmenter, names: [&str; 2]) -> [Photograph; 2] {
    names.map(|name| segmenter.photograph(in_crate("../../examples").join(name)).unwrap())
}

fn answered(segmenter: &Segmenter, question: &Question) -> Segmentation {
    let photographs = photographs(segmenter, ["cat.jpg", "rocket.jpg"]);
    let options = SegmentOptions { max_new_tokens: 12, ..SegmentOptions::default() };
    segmenter.segment(&photographs, question, &options, &mut ()).unwrap()
}

#[test]
fn its_configuration_is_the_preset() {
    let config = fs::read_to_string(in_crate("model/config.json")).unwrap();
    assert_eq!(config, Preset::Mini.config().unwrap().to_json().unwrap());
}

/// The tokens of another training would give other answers.
#[test]
fn its_tokenizer_is_that_of_the_recipe() {
    let read = |path| -> Value {
        serde_json::from_str(&fs::read_to_string(in_crate(path)).unwrap()).unwrap()
    };
    assert_eq!(read("model/tokenizer.json"), read("../../recipes/mini_tokenizer.json"));
}

#[test]
fn the_model_is_small() {
    let files = ["model/model.safetensors", "model/config.json", "model/tokenizer.json"];
    let sizes = files.map(|file| fs::metadata(in_crate(file)).unwrap().len());
    let bytes = sizes.iter().sum::<u64>() + MODEL_CARD.len() as u64;
    assert!(bytes <= MOST_BYTES, "{bytes} bytes; write model/tokenizer.json without blanks");
}

#[test]
fn the_card_is_complete() {
    assert!(!MODEL_CARD.contains("TBD"));
}

#[test]
fn the_card_says_how_large_the_model_is() {
    let config = Preset::Mini.config().unwrap();
    let modules = modules(&config, Request::default()).unwrap();
    let parameters: u64 = modules.iter().map(|module| module.parameters).sum();
    let digits: String = row("Parameters").chars().filter(char::is_ascii_digit).collect();
    assert_eq!(digits, parameters.to_string());
}

/// Its scores are those of one edition: other weights need new ones.
#[test]
fn the_card_is_that_of_the_edition() {
    assert_eq!(row("Edition"), calico_mini::edition());
}

#[test]
fn the_card_says_how_many_positions_a_picture_takes() {
    let config: Value =
        serde_json::from_str(&Preset::Mini.config().unwrap().to_json().unwrap()).unwrap();
    let queries = config["qformer"]["num_queries"].as_u64().unwrap();
    let marks = 2 * u64::from(config["prompt"]["image_start_end"].as_bool().unwrap());
    let words =
        format!("each picture takes {}: {queries} queries between two marks", queries + marks);
    assert!(row("Context").ends_with(&words), "expected: {words}");
}

#[test]
fn a_written_model_answers_as_the_built_in_one() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join(NAME);
    calico_mini::write(&folder).unwrap();
    let built_in = calico_mini::segmenter().unwrap();
    let on_disk = Segmenter::open(&folder).unwrap();
    let sentence = "They share <p> a leg </p> [SEG] (IMAGE1) [SEG] (IMAGE2).";
    for question in [Question::AllTasks, Question::Answer(sentence.into())] {
        let result = answered(&built_in, &question);
        assert_eq!(result, answered(&on_disk, &question));
        assert_eq!(
            (result.model.name.as_str(), result.model.preset.as_deref()),
            (NAME, Some(NAME))
        );
        assert_eq!(result.warnings, [built_in.config().notice.clone().unwrap()]);
    }
}

#[test]
fn a_written_folder_holds_the_files_of_the_crate_and_16_bits_a_value() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("new/model");
    calico_mini::write(&folder).unwrap();
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        let kept = fs::read(in_crate("model").join(name)).unwrap();
        assert!(fs::read(folder.join(name)).unwrap() == kept, "{name}");
    }
    assert_eq!(fs::read_to_string(folder.join("README.md")).unwrap(), MODEL_CARD);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 5);
    let forms = ModelFolder::open(&folder).unwrap().forms().unwrap();
    assert_eq!(forms.into_keys().collect::<Vec<_>>(), [StoredForm::Values(StoredType::Bf16)]);
}

#[test]
fn an_edition_is_told_by_its_weights() {
    let edition = calico_mini::edition();
    let digits = edition.strip_prefix("mini, weights ").unwrap();
    assert_eq!(digits.len(), 12);
    assert!(digits.chars().all(|digit| digit.is_ascii_hexdigit()));
}

#[test]
fn nothing_is_written_over() {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("thesis.txt"), "x").unwrap();
    let refused = calico_mini::write(scratch.path());
    assert!(matches!(refused, Err(ModelError::NotEmpty(_))), "{refused:?}");
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
}

/// Waits for an answer until it was asked so many times whether it does.
struct Patience {
    left: usize,
    asked: usize,
    /// How often it had been asked when a prompt was about to be read.
    at_prompt: usize,
    encoders: usize,
    tokens: usize,
}

impl Patience {
    fn of(left: usize) -> Self {
        Self { left, asked: 0, at_prompt: 0, encoders: 0, tokens: 0 }
    }
}

impl Observer for Patience {
    fn goes_on(&mut self) -> bool {
        self.asked += 1;
        self.asked <= self.left
    }

    fn stage(&mut self, stage: Stage) {
        let others = [Stage::Preprocess { image: 1 }.name(), Stage::Language { task: None }.name()];
        let is_encoder = stage.image().is_some() && !others.contains(&stage.name());
        self.encoders += usize::from(is_encoder);
    }

    fn prompt(&mut self, _positions: usize) {
        self.at_prompt = self.asked;
    }

    fn text(&mut self, _so_far: &str) -> ControlFlow<()> {
        self.tokens += 1;
        ControlFlow::Continue(())
    }
}

#[test]
fn whoever_goes_away_ends_the_work_wherever_it_is() {
    let segmenter = calico_mini::segmenter().unwrap();
    let photographs = photographs(&segmenter, ["drawn/lanterns-1.jpg", "drawn/lanterns-2.jpg"]);
    let sentence = "They share <p> a leg </p> [SEG] (IMAGE1) [SEG] (IMAGE2).";
    let layers = segmenter.config().llm.depth;
    for question in [Question::Task(Task::CommonParts), Question::Answer(sentence.into())] {
        let segment = |patience: &mut Patience| {
            // One that knows no picture yet.
            let segmenter = calico_mini::segmenter().unwrap();
            let options = SegmentOptions::default();
            segmenter.segment(&photographs, &question, &options, patience)
        };
        let mut patient = Patience::of(usize::MAX);
        let masks = segment(&mut patient).unwrap().answers[0].text.matches("[SEG]").count();
        assert!(masks >= 2);
        // Before every encoder, and the answer.
        assert!(patient.encoders >= 3 * photographs.len());
        assert_eq!(patient.at_prompt, patient.encoders + 1);
        // Before every layer, every token and the end of them, every picture whose masks are
        // decoded, and every mask.
        let written = if matches!(question, Question::Task(_)) { patient.tokens + 1 } else { 0 };
        let asked = layers + written + photographs.len() + masks;
        assert_eq!(patient.asked - patient.at_prompt, asked);
        for left in 0..patient.asked {
            let mut patience = Patience::of(left);
            let result = segment(&mut patience);
            assert!(matches!(result, Err(SegmentError::Stopped)), "{left}: {result:?}");
            assert_eq!(patience.asked, left + 1);
        }
    }
}
