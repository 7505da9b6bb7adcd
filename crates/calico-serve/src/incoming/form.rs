//! Requests as forms, as browsers and `curl -F` send them.

use std::convert::Infallible;
use std::str::FromStr;

use axum::body::Bytes;
use futures_util::stream;
use multer::{Field, Multipart};
use serde::Deserialize;
use serde::de::IntoDeserializer as _;
use serde::de::value::{Error as ValueError, StrDeserializer};
use utoipa::ToSchema;

use super::{Asked, SamplingInput, TaskChoice, Upload, check_count, integer_of, question};
use crate::problem::{Kind, Problem};
use crate::settings::Limits;

/// Fields of a form beside its pictures: no form has more of a use.
const MOST_FIELDS: usize = 16;

/// The fields of a form, for the description of the API.
#[derive(ToSchema)]
#[schema(as = SegmentForm)]
#[expect(dead_code, reason = "describes what is read field by field")]
pub(crate) struct SegmentForm {
    /// The files of the pictures, in the order in which they are shown.
    #[schema(min_items = 1, value_type = Vec<String>, format = Binary)]
    image: Vec<String>,
    /// A built-in question; without it, a prompt and an answer: all of them.
    #[schema(nullable = false)]
    task: Option<TaskChoice>,
    /// A question in your own words, with one `<image>` per image or none.
    #[schema(nullable = false, min_length = 1)]
    prompt: Option<String>,
    /// A sentence to ground instead of an answer to generate.
    #[schema(nullable = false, min_length = 1)]
    answer: Option<String>,
    /// Longest answer, in tokens.
    #[schema(minimum = 1, nullable = false)]
    max_new_tokens: Option<u64>,
    /// Divides the scores of the next word.
    #[schema(minimum = 0, nullable = false)]
    temperature: Option<f64>,
    /// Draw among the likeliest words that together reach this probability.
    #[schema(exclusive_minimum = 0, maximum = 1, nullable = false)]
    top_p: Option<f64>,
    /// Seed of the draws.
    #[schema(minimum = 0, nullable = false, format = "uint64")]
    seed: Option<u64>,
    /// Whether the answer comes as server-sent events while it is made.
    #[schema(nullable = false)]
    stream: Option<bool>,
}

#[derive(Default)]
struct Fields {
    uploads: Vec<Upload>,
    task: Option<TaskChoice>,
    prompt: Option<String>,
    answer: Option<String>,
    sampling: SamplingInput,
    stream: Option<bool>,
}

/// Reads a form: what is asked, and whether the answer is to be told while it is made.
pub(crate) async fn of_form(
    bytes: Bytes,
    boundary: String,
    limits: &Limits,
) -> Result<(Asked, bool), Problem> {
    let whole = stream::iter([Ok::<_, Infallible>(bytes)]);
    let mut form = Multipart::new(whole, boundary);
    let (mut fields, mut others) = (Fields::default(), 0);
    while let Some(field) = form.next_field().await.map_err(|error| malformed(&error))? {
        let name = field.name().unwrap_or_default().to_owned();
        if name == "image" {
            let number = fields.uploads.len() + 1;
            check_count(number, limits)?;
            let file_name = field.file_name().map(str::to_owned);
            let bytes = field.bytes().await.map_err(|error| malformed(&error))?;
            fields.uploads.push(Upload::of_bytes(number, bytes, file_name.as_deref()));
            continue;
        }
        others += 1;
        if others > MOST_FIELDS {
            let detail = format!("the form has more than {MOST_FIELDS} fields beside its images");
            return Err(Problem::bad(detail));
        }
        let text = text(&name, field, limits).await?;
        fields.set(&name, text)?;
    }
    check_count(fields.uploads.len(), limits)?;
    let Fields { uploads, task, prompt, answer, sampling, stream } = fields;
    let question = question(task, prompt, answer, limits)?;
    let options = sampling.options(limits)?;
    Ok((Asked { uploads, question, options }, stream.unwrap_or(false)))
}

impl Fields {
    /// Sets a field, once.
    fn set(&mut self, name: &str, text: String) -> Result<(), Problem> {
        let sampling = &mut self.sampling;
        match name {
            "task" => {
                let word: StrDeserializer<'_, ValueError> = text.as_str().into_deserializer();
                let task = TaskChoice::deserialize(word);
                let task = task.map_err(|error| Problem::bad(format!("task: {error}")))?;
                once(name, &mut self.task, task)
            }
            "prompt" => once(name, &mut self.prompt, text),
            "answer" => once(name, &mut self.answer, text),
            "max_new_tokens" => once(name, &mut sampling.max_new_tokens, integer(name, &text)?),
            "temperature" => once(name, &mut sampling.temperature, parsed(name, &text)?),
            "top_p" => once(name, &mut sampling.top_p, parsed(name, &text)?),
            "seed" => once(name, &mut sampling.seed, integer(name, &text)?),
            "stream" => once(name, &mut self.stream, parsed(name, &text)?),
            _ => {
                let detail = format!(
                    "the form has a field {name:?}; expected image, task, prompt, answer, \
                     max_new_tokens, temperature, top_p, seed or stream"
                );
                Err(Problem::bad(detail))
            }
        }
    }
}

fn once<T>(name: &str, place: &mut Option<T>, value: T) -> Result<(), Problem> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Problem::bad(format!("the form has {name} twice; send it once"))),
    }
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(name: &str, text: &str) -> Result<T, Problem> {
    text.trim().parse().map_err(|error| Problem::bad(format!("{name} is {text:?}: {error}")))
}

/// Reads an integer, also in the spellings of JSON.
fn integer(name: &str, text: &str) -> Result<u64, Problem> {
    if let Ok(integer) = text.trim().parse() {
        return Ok(integer);
    }
    integer_of(&parsed(name, text)?).map_err(|error| Problem::bad(format!("{name}: {error}")))
}

async fn text(name: &str, mut field: Field<'_>, limits: &Limits) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| malformed(&error))? {
        if bytes.len() + chunk.len() > limits.text_bytes {
            let most = limits.text_bytes;
            let detail = format!("the field {name:?} has more than {most} bytes");
            return Err(Problem::new(Kind::TooLarge, detail));
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes)
        .map_err(|error| Problem::bad(format!("the field {name:?} is not UTF-8: {error}")))
}

fn malformed(error: &multer::Error) -> Problem {
    Problem::bad(format!("the form is malformed: {error}"))
}
