//! Requests as they arrive: bytes within limits, then pictures, a question and options.

mod form;
mod receive;
mod unbuffered;
mod uploads;

use calico_language::Sampling;
use calico_model::{Question, SegmentOptions};
use calico_result::Task;
use serde::de::{DeserializeOwned, Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::Number;
use utoipa::ToSchema;

pub(crate) use form::{SegmentForm, of_form};
pub(crate) use receive::{MediaType, forget, media_type, receive};
pub(crate) use unbuffered::{Asks, Structured, TextOr, few, of_seq};
pub(crate) use uploads::{ImageInput, Source, Upload, check_count};

use crate::problem::{Kind, Problem};
use crate::settings::Limits;

/// A picture of one pixel, for the examples of the description.
pub(crate) const EXAMPLE_PICTURE: &str = "data:image/gif;base64,\
    R0lGODlhAQABAIAAAP///wAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==";

/// What a request asks.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) uploads: Vec<Upload>,
    pub(crate) question: Question,
    pub(crate) options: SegmentOptions,
}

/// A built-in question, or all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TaskChoice {
    /// Which object do the images share?
    #[serde(alias = "common-objects")]
    CommonObjects,
    /// Which parts do the objects have in common?
    #[serde(alias = "common-parts")]
    CommonParts,
    /// Which parts has only one of the objects?
    #[serde(alias = "unique-parts")]
    UniqueParts,
    /// The three questions, one after the other.
    All,
}

/// Pictures and a question.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "images": [{ "name": "a.png", "data": EXAMPLE_PICTURE }, EXAMPLE_PICTURE],
    "task": "common_parts",
}))]
pub(crate) struct SegmentRequest {
    /// The pictures, in the order in which they are shown: two or more to compare.
    #[serde(deserialize_with = "ImageInput::list")]
    #[schema(min_items = 1)]
    images: Vec<ImageInput>,
    /// A built-in question; without it, a prompt and an answer: all of them.
    #[serde(default)]
    task: Option<TaskChoice>,
    /// A question in your own words, with one `<image>` per image or none.
    #[serde(default)]
    prompt: Option<String>,
    /// A sentence to ground instead of an answer to generate, as
    /// `They share <p> a handle </p> [SEG] (IMAGE1) [SEG] (IMAGE2).`
    #[serde(default)]
    answer: Option<String>,
    /// Longest answer, in tokens; at most what the service allows.
    #[serde(default, deserialize_with = "integer")]
    #[schema(minimum = 1)]
    max_new_tokens: Option<u64>,
    /// Divides the scores of the next word: 0 always takes the best, 1 draws as trained.
    #[serde(default)]
    #[schema(minimum = 0)]
    temperature: Option<f64>,
    /// Draw among the likeliest words that together reach this probability.
    #[serde(default)]
    #[schema(exclusive_minimum = 0, maximum = 1)]
    top_p: Option<f64>,
    /// Seed of the draws: the same seed gives the same answer.
    #[serde(default, deserialize_with = "integer")]
    #[schema(minimum = 0, format = "uint64")]
    seed: Option<u64>,
    /// Whether the answer comes as server-sent events while it is made; so it does, too, where the
    /// request accepts `text/event-stream`.
    #[serde(default)]
    stream: bool,
}

/// How an answer is written, as far as the request says.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SamplingInput {
    pub(crate) max_new_tokens: Option<u64>,
    pub(crate) temperature: Option<f64>,
    pub(crate) top_p: Option<f64>,
    pub(crate) seed: Option<u64>,
}

impl SegmentRequest {
    /// What is asked, and whether the answer is to be told while it is made.
    pub(crate) fn asked(self, limits: &Limits) -> Result<(Asked, bool), Problem> {
        let question = question(self.task, self.prompt, self.answer, limits)?;
        let uploads = ImageInput::uploads(self.images, limits)?;
        let Self { max_new_tokens, temperature, top_p, seed, .. } = self;
        let options = SamplingInput { max_new_tokens, temperature, top_p, seed }.options(limits)?;
        Ok((Asked { uploads, question, options }, self.stream))
    }
}

impl SamplingInput {
    pub(crate) fn options(self, limits: &Limits) -> Result<SegmentOptions, Problem> {
        let most = limits.answer_tokens;
        let default = SegmentOptions::default();
        let tokens = self.max_new_tokens.unwrap_or(default.max_new_tokens.min(most) as u64);
        if tokens > most as u64 {
            let detail = format!("max_new_tokens is {tokens}; this service writes at most {most}");
            return Err(Problem::bad(detail));
        }
        let sampling = Sampling {
            temperature: self.temperature.unwrap_or(default.sampling.temperature),
            top_p: self.top_p.unwrap_or(default.sampling.top_p),
            seed: self.seed.unwrap_or(default.sampling.seed),
        };
        Ok(SegmentOptions { max_new_tokens: tokens as usize, sampling })
    }
}

/// The question of a request; a request has one at most.
pub(crate) fn question(
    task: Option<TaskChoice>,
    prompt: Option<String>,
    answer: Option<String>,
    limits: &Limits,
) -> Result<Question, Problem> {
    let given = [task.is_some(), prompt.is_some(), answer.is_some()];
    if given.into_iter().filter(|&is_given| is_given).count() > 1 {
        let detail = "task, prompt and answer exclude each other; send one of them";
        return Err(Problem::new(Kind::Question, detail));
    }
    for (name, text) in [("prompt", &prompt), ("answer", &answer)] {
        let Some(text) = text else { continue };
        if text.len() > limits.text_bytes {
            let (found, most) = (text.len(), limits.text_bytes);
            let detail = format!("{name} has {found} bytes; this service takes at most {most}");
            return Err(Problem::new(Kind::TooLarge, detail));
        }
        if text.trim().is_empty() {
            let detail = format!("{name} says nothing; leave it out, or write text");
            return Err(Problem::new(Kind::Question, detail));
        }
    }
    Ok(match (prompt, answer, task) {
        (Some(prompt), ..) => Question::Prompt(prompt),
        (None, Some(answer), _) => Question::Answer(answer),
        (None, None, None | Some(TaskChoice::All)) => Question::AllTasks,
        (None, None, Some(TaskChoice::CommonObjects)) => Question::Task(Task::CommonObjects),
        (None, None, Some(TaskChoice::CommonParts)) => Question::Task(Task::CommonParts),
        (None, None, Some(TaskChoice::UniqueParts)) => Question::Task(Task::UniqueParts),
    })
}

/// Reads an integer from 0. JSON has one kind of numbers: 3.0 is one, too.
pub(crate) fn integer<'de, D>(deserializer: D) -> Result<Option<u64>, D::Error>
where
    D: Deserializer<'de>,
{
    let number = Option::<Number>::deserialize(deserializer)?;
    number.map(|number| integer_of(&number).map_err(D::Error::custom)).transpose()
}

/// The integer that a number is, or what is wrong.
fn integer_of(number: &Number) -> Result<u64, String> {
    // The first number after the largest integer: the largest itself is no f64.
    const END: f64 = 18_446_744_073_709_551_616.0;
    let whole = number.as_f64().filter(|value| value.fract() == 0.0 && (0.0..END).contains(value));
    let integer = number.as_u64().or_else(|| whole.map(|value| value as u64));
    integer.ok_or_else(|| format!("{number} is no integer from 0 to {}", u64::MAX))
}

/// Reads JSON; what is wrong is named with its place.
pub(crate) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    json_of(bytes, Kind::BadRequest)
}

/// Reads JSON of a kind of its own: where it is JSON, and not what it should be, that is the
/// problem.
pub(crate) fn json_of<T: DeserializeOwned>(bytes: &[u8], kind: Kind) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let place = if path == "." { String::new() } else { format!(" in {path}") };
        // What is not read as a value is not checked for being UTF-8.
        let is_json = || {
            let text = std::str::from_utf8(bytes);
            text.is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
        };
        let kind = if kind == Kind::BadRequest || is_json() { kind } else { Kind::BadRequest };
        let detail = format!("the JSON of the request is not usable{place}: {}", error.inner());
        Problem::new(kind, detail)
    })?;
    reader.end().map_err(|error| {
        Problem::bad(format!("the JSON of the request does not end where it should: {error}"))
    })?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Result<Asked, Problem> {
        Ok(json::<SegmentRequest>(text.as_bytes())?.asked(&Limits::default())?.0)
    }

    #[test]
    fn a_request_is_read_with_its_defaults() {
        let asked = asked(r#"{"images": ["aGk=", {"data": "aGk=", "name": "b.png"}]}"#).unwrap();
        assert_eq!(asked.question, Question::AllTasks);
        assert_eq!(asked.options, SegmentOptions::default());
        let names: Vec<_> = asked.uploads.iter().map(|upload| upload.name.as_str()).collect();
        assert_eq!(names, ["image1", "b.png"]);
    }

    #[test]
    fn an_integer_may_have_a_point() {
        let request = r#"{"images": ["aGk="], "max_new_tokens": 3.0, "seed": 0.0}"#;
        let options = asked(request).unwrap().options;
        assert_eq!((options.max_new_tokens, options.sampling.seed), (3, 0));
        let integer = |text: &str| integer_of(&text.parse().unwrap());
        assert_eq!(integer("18446744073709551615"), Ok(u64::MAX));
        assert_eq!(integer("1e3"), Ok(1000));
        for text in ["-1", "0.5", "18446744073709551616", "1e20"] {
            assert!(integer(text).is_err(), "{text}");
        }
    }

    #[test]
    fn files_and_commands_spell_tasks_differently_and_both_are_understood() {
        for spelling in ["unique_parts", "unique-parts"] {
            let text = format!(r#"{{"images": ["aGk="], "task": "{spelling}"}}"#);
            assert_eq!(asked(&text).unwrap().question, Question::Task(Task::UniqueParts));
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, words) in [
            ("", "EOF"),
            ("{", "EOF"),
            (r#"{"images": ["aGk="]} x"#, "does not end where it should"),
            (r#"{"images": ["aGk="], "surprise": 1}"#, "surprise"),
            (r#"{"images": ["aGk="], "max_new_tokens": -1}"#, "max_new_tokens"),
            (r#"{"images": ["aGk="], "temperature": NaN}"#, "expected value"),
            (r#"{"images": ["aGk="], "temperature": 1e999}"#, "out of range"),
            (r#"{"images": ["aGk="], "max_new_tokens": 1.5}"#, "no integer"),
            (r#"{"images": ["aGk="], "seed": 18446744073709551616}"#, "no integer"),
            (r#"{"images": ["aGk="], "max_new_tokens": 513}"#, "at most 512"),
            (r#"{"images": ["aGk="], "task": "parts"}"#, "unknown variant"),
            (r#"{"images": ["aGk="], "task": "all", "prompt": "x"}"#, "exclude each other"),
            (r#"{"images": ["aGk="], "prompt": " "}"#, "says nothing"),
            (r#"{"images": ["a b!"]}"#, "image 1"),
            (r#"{"images": []}"#, "no image"),
            (r#"{"images": [7]}"#, "images[0]"),
        ] {
            let problem = asked(text).unwrap_err();
            assert!(problem.detail.contains(words), "{text}: {}", problem.detail);
            assert!(problem.kind.status().is_client_error());
        }
        let deep = format!(r#"{{"images": {}"#, "[".repeat(100_000));
        assert!(asked(&deep).is_err());
        let long = format!(r#"{{"images": ["aGk="], "prompt": "{}"}}"#, "x".repeat(20_000));
        assert_eq!(asked(&long).unwrap_err().kind, Kind::TooLarge);
    }
}
