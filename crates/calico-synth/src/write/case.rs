use calico_data::Stream;
use calico_data::wording::{AskedQuestion, GivenAnswer, Wording};
use calico_image::Frame;
use calico_result::Task;
use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

use super::content::content_of;
use crate::plan::{Ask, Group, Kind};
use crate::scene::{self, Drawing, Role};
use crate::{SynthError, SynthOptions};

/// Share of visible detail that is kept of a picture, from 1 to 100.
const JPEG_QUALITY: u8 = 92;
/// Groups that are drawn until one gives fair questions.
const TRIES: u32 = 50;

/// A group of pictures with questions, ready to be written.
pub(super) struct Case {
    pub(super) pictures: Vec<(Drawing, Vec<u8>)>,
    pub(super) asked: Vec<Asked>,
}

/// A question with its answer.
pub(super) struct Asked {
    pub(super) ask: Ask,
    pub(super) question: AskedQuestion,
    pub(super) answer: GivenAnswer,
    /// The class that is compared in the first picture, and in the others.
    pub(super) classes: [&'static str; 2],
}

impl Case {
    /// Draws a case of a kind; equal arguments give equal cases.
    pub(super) fn draw(
        kind: Kind,
        options: &SynthOptions,
        wording: &Wording,
        mut stream: Stream,
    ) -> Result<Self, SynthError> {
        for _ in 0..TRIES {
            let shape = (options.size, options.cue, options.group_size);
            let group = Group::choose(kind, shape, &mut stream)
                .ok_or(SynthError::NoObjects { kind: kind.name(), tries: Group::TRIES })?;
            let drawings: Vec<Drawing> = group
                .pictures
                .iter()
                .map(|objects| scene::draw(objects, group.manner, &mut stream))
                .collect::<Result<_, _>>()?;
            let asked: Option<Vec<Asked>> = group
                .asks
                .iter()
                .map(|ask| Asked::new(ask, kind, &drawings, wording, &mut stream))
                .collect();
            if let Some(asked) = asked {
                let pictures = drawings.into_iter().map(|drawing| {
                    let file = jpeg(&drawing.frame)?;
                    Ok((drawing, file))
                });
                return Ok(Self { pictures: pictures.collect::<Result<_, SynthError>>()?, asked });
            }
        }
        Err(SynthError::NoGroup { kind: kind.name(), tries: TRIES })
    }
}

impl Asked {
    /// `None` if the pictures do not give what the kind of case is about.
    fn new(
        ask: &Ask,
        kind: Kind,
        drawings: &[Drawing],
        wording: &Wording,
        stream: &mut Stream,
    ) -> Option<Self> {
        let shown: Vec<&Drawing> = ask.pictures.iter().filter_map(|at| drawings.get(*at)).collect();
        let question = wording.question(ask.task, shown.len(), stream);
        // An answer names the objects when the question asks for them, and only then.
        let with_objects = question.text.contains("Name the objects");
        let content = content_of(ask.task, &shown, with_objects)?;
        let is_empty = match ask.task {
            Task::CommonObjects => content.objects.is_empty(),
            Task::CommonParts => content.common.is_empty(),
            Task::UniqueParts => content.unique.iter().all(Vec::is_empty),
        };
        if is_empty != matches!(kind, Kind::Nothing { .. }) {
            return None;
        }
        let compared = |drawing: &&Drawing| {
            let mut objects = drawing.objects.iter();
            let object = objects.find(|o| o.role == Role::Parts).or(drawing.objects.first());
            object.map_or("", |object| object.class.label)
        };
        let classes = match (ask.task, content.objects.first()) {
            (Task::CommonObjects, Some(shared)) => [shared.label; 2],
            _ => [shown.first(), shown.last()].map(|drawing| drawing.map_or("", compared)),
        };
        let answer = wording.answer(ask.task, &content, stream);
        Some(Self { ask: ask.clone(), question, answer, classes })
    }
}

fn jpeg(frame: &Frame) -> Result<Vec<u8>, SynthError> {
    let mut bytes = Vec::new();
    let size = frame.size();
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
        .encode(frame.pixels(), size.width, size.height, ExtendedColorType::Rgb8)
        .map_err(|error| SynthError::Encode(error.to_string()))?;
    Ok(bytes)
}
