//! The face of the library: photographs and a question in, plain data out.

mod input;
mod masks;
mod warnings;

pub use input::{Observer, Photograph, Question, SegmentOptions};

use std::path::Path;
use std::sync::Arc;

use calico_image::{DecodeOptions, Orientation};
use calico_language::{Sampler, Tokenizer};
use calico_nn::Weights;
use calico_nn::weights::Random;
use calico_result::{Answer, ImageEntry, Model, Segment, SegmentOrigin, Segmentation, Task};
use candle_core::Device;

use crate::checkpoint::{ModelFolder, untrained_tokenizer};
use crate::error::{SegmentError, Stage};
use crate::generate::{Answered, generate, read_answer};
use crate::grounding::{Named, ParsedAnswer, assign, parse};
use crate::model::{Calico, EncodedImage};
use crate::preprocess::ImageTensors;
use crate::prompt::{PromptId, PromptLayout, prompt_ids, question_of, user_message};
use crate::{CalicoConfig, ModelError, Preset};

/// A model that answers questions about photographs.
///
/// ```no_run
/// use calico_model::{Photograph, Question, SegmentOptions, Segmenter};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let segmenter = Segmenter::open("model")?;
/// let photographs = [Photograph::open("chair.jpg")?, Photograph::open("sofa.png")?];
/// let result =
///     segmenter.segment(&photographs, &Question::AllTasks, &SegmentOptions::default(), &mut ())?;
/// for segment in result.segments() {
///     println!("{} in image {}: {} pixels", segment.label, segment.image, segment.area);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Segmenter {
    model: Calico,
    tokenizer: Tokenizer,
    identity: Model,
}

/// One question, ready to be asked.
struct Asked {
    task: Option<Task>,
    prompt: String,
    ids: Vec<PromptId>,
    /// The tokens of an answer that the user brings.
    given: Option<(Vec<u32>, ParsedAnswer)>,
    /// Longest answer that the context holds.
    room: usize,
}

impl Segmenter {
    /// Opens a model folder: `config.json`, `tokenizer.json` and safetensors weights.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, ModelError> {
        Self::from_folder(ModelFolder::open(folder.as_ref())?)
    }

    /// Reads the weights of a model folder.
    pub fn from_folder(folder: ModelFolder) -> Result<Self, ModelError> {
        let model = folder.load(&Device::Cpu)?;
        let preset = folder.config.preset.clone();
        let identity = Model { name: folder.name(), preset, digest: None };
        Ok(Self { model, tokenizer: folder.tokenizer, identity })
    }

    /// A model of a preset with weights drawn from a seed, in memory: it runs like a trained one,
    /// but knows nothing.
    pub fn untrained(preset: Preset, seed: u64) -> Result<Self, ModelError> {
        let config = preset.config()?;
        let tokenizer = untrained_tokenizer(&config)?;
        let weights = Weights::new(Arc::new(Random::new(seed, Device::Cpu)));
        let model = Calico::load(&config, tokenizer.special(), &weights, &Device::Cpu)?;
        let name = format!("untrained:{}", preset.name());
        Ok(Self { model, tokenizer, identity: Model { name, preset: config.preset, digest: None } })
    }

    /// A segmenter of parts that are already in memory.
    pub fn from_parts(model: Calico, tokenizer: Tokenizer, identity: Model) -> Self {
        Self { model, tokenizer, identity }
    }

    /// The model.
    pub fn model(&self) -> &Calico {
        &self.model
    }

    /// The configuration of the model.
    pub fn config(&self) -> &CalicoConfig {
        self.model.config()
    }

    /// How photographs are to be decoded for this model.
    pub fn decode_options(&self) -> DecodeOptions {
        let orientation = match self.config().image.exif_orientation {
            crate::config::ExifOrientation::Apply => Orientation::Apply,
            crate::config::ExifOrientation::Ignore => Orientation::Ignore,
        };
        DecodeOptions { orientation, ..DecodeOptions::default() }
    }

    /// Checks everything about a question that can be checked before photographs are decoded.
    pub fn check(
        &self,
        images: usize,
        question: &Question,
        options: &SegmentOptions,
    ) -> Result<(), SegmentError> {
        Sampler::new(options.sampling)?;
        self.asked(images, question, options).map(|_| ())
    }

    /// Answers a question about photographs, with a mask for every grounded phrase.
    pub fn segment(
        &self,
        photographs: &[Photograph],
        question: &Question,
        options: &SegmentOptions,
        observer: &mut dyn Observer,
    ) -> Result<Segmentation, SegmentError> {
        Sampler::new(options.sampling)?;
        let asked = self.asked(photographs.len(), question, options)?;
        let entries = photographs.iter().zip(1..).map(|(photograph, index)| {
            ImageEntry::new(index, Path::new(&photograph.name), photograph.frame.size())
        });
        let mut result = Segmentation::new(self.identity.clone(), entries.collect());
        if photographs.len() == 1 {
            result.warnings.push(
                "there is one image only: nothing can be compared, so no part is common or unique"
                    .into(),
            );
        }
        let mut images = Vec::with_capacity(photographs.len());
        for (index, photograph) in photographs.iter().enumerate() {
            images.push(self.encode(index, photograph, observer)?);
        }
        for asked in asked {
            let first_id = result.segments().count() as u32 + 1;
            let first_group = result.segments().map(|s| s.group).max().unwrap_or(0) + 1;
            let answer =
                self.answer(&asked, &images, options, [first_id, first_group], observer)?;
            result.answers.push(answer);
        }
        Ok(result)
    }

    /// The questions as prompts, each proved to fit into the context.
    fn asked(
        &self,
        images: usize,
        question: &Question,
        options: &SegmentOptions,
    ) -> Result<Vec<Asked>, SegmentError> {
        if images == 0 {
            return Err(SegmentError::NoImages);
        }
        if options.max_new_tokens == 0 {
            return Err(SegmentError::NoTokens);
        }
        match question {
            Question::Task(task) => {
                Ok(vec![self.ask(Some(*task), question_of(Some(*task)), images, None)?])
            }
            Question::AllTasks => Task::ALL
                .into_iter()
                .map(|task| self.ask(Some(task), question_of(Some(task)), images, None))
                .collect(),
            Question::Prompt(prompt) => Ok(vec![self.ask(None, prompt, images, None)?]),
            Question::Answer(answer) => {
                Ok(vec![self.ask(None, question_of(None), images, Some(answer))?])
            }
        }
    }

    fn ask(
        &self,
        task: Option<Task>,
        question: &str,
        images: usize,
        given: Option<&String>,
    ) -> Result<Asked, SegmentError> {
        let message = user_message(question, images)?;
        let ids = prompt_ids(&message, &self.config().prompt, &self.tokenizer)?;
        let given = given.map(|answer| self.given(answer, images)).transpose()?;
        let layout = PromptLayout::new(&ids, self.config().tokens_per_image());
        let context = self.config().llm.max_positions;
        let needed = layout.len() + given.as_ref().map_or(1, |(ids, _)| ids.len());
        if needed > context {
            return Err(SegmentError::Context { needed, context, images });
        }
        Ok(Asked { task, prompt: question.to_owned(), ids, given, room: context - layout.len() })
    }

    /// The tokens of a sentence that the user brings; anything outside the grammar is an error.
    fn given(&self, answer: &str, images: usize) -> Result<(Vec<u32>, ParsedAnswer), SegmentError> {
        let ids = self.tokenizer.encode(answer.trim())?;
        let special = self.model.tokens();
        if ids.contains(&special.eos) || ids.contains(&special.bos) {
            return Err(SegmentError::AnswerEnds);
        }
        let parsed = parse(&ids, images, self.config().decode, &self.tokenizer)?;
        if !parsed.problems.is_empty() {
            return Err(SegmentError::Answer { problems: parsed.problems });
        }
        if parsed.phrases.is_empty() {
            return Err(SegmentError::AnswerNamesNothing);
        }
        Ok((ids, parsed))
    }

    fn encode(
        &self,
        index: usize,
        photograph: &Photograph,
        observer: &mut dyn Observer,
    ) -> Result<EncodedImage, SegmentError> {
        let image = index + 1;
        let failed = |stage: Stage| move |source| SegmentError::Model { stage, source };
        observer.stage(Stage::Preprocess { image });
        let tensors =
            ImageTensors::new(&photograph.frame, self.config().input_sizes(), self.model.device())
                .map_err(|source| SegmentError::Preprocess { image, source })?;
        let stage = Stage::EvaClip { image };
        observer.stage(stage);
        let global = self.model.global_tokens(&tensors.eva).map_err(failed(stage))?;
        let stage = Stage::Dino { image };
        let semantic = match &tensors.dino {
            Some(pixels) => {
                observer.stage(stage);
                self.model.semantic_tokens(pixels).map_err(failed(stage))?
            }
            None => None,
        };
        let stage = Stage::SamEncoder { image };
        observer.stage(stage);
        let sam = self.model.encode_for_masks(&tensors.sam).map_err(failed(stage))?;
        let stage = Stage::Correspondence { image };
        observer.stage(stage);
        self.model
            .assemble(&global, semantic.as_ref(), sam, tensors.letterbox)
            .map_err(failed(stage))
    }

    fn answer(
        &self,
        asked: &Asked,
        images: &[EncodedImage],
        options: &SegmentOptions,
        [first_id, first_group]: [u32; 2],
        observer: &mut dyn Observer,
    ) -> Result<Answer, SegmentError> {
        observer.stage(Stage::Language { task: asked.task });
        let (answered, parsed) = match &asked.given {
            Some((ids, parsed)) => {
                let answered =
                    read_answer(&self.model, &asked.ids, images, ids).map_err(|source| {
                        SegmentError::Model { stage: Stage::Language { task: asked.task }, source }
                    })?;
                (answered, parsed.clone())
            }
            None => self.generate(asked, images, options, observer)?,
        };
        observer.stage(Stage::Masks { task: asked.task });
        let masks = self.masks(&answered, &parsed, images)?;
        let named: Vec<Named> = masks.iter().map(|found| found.named.clone()).collect();
        let roles = assign(asked.task, images.len(), &named);
        let mut segments = Vec::with_capacity(masks.len());
        for ((id, found), (role, parent)) in (first_id..).zip(&masks).zip(roles) {
            let phrase = parsed.phrases.get(found.named.phrase);
            let origin = SegmentOrigin {
                id,
                phrase: phrase.map_or_else(String::new, |phrase| phrase.phrase.clone()),
                image: found.named.image as u32 + 1,
                role,
                group: first_group + found.named.phrase as u32,
                parent: parent.map(|index| first_id + index as u32),
            };
            segments.push(Segment::new(origin, &found.named.mask, found.scores));
        }
        let text = self.tokenizer.decode(&answered.ids)?;
        let mut answer = Answer::new(asked.task, &asked.prompt, &text, segments);
        answer.truncated = answered.truncated;
        answer.warnings = warnings::warnings(asked, &parsed, &answer, images.len());
        Ok(answer)
    }

    fn generate(
        &self,
        asked: &Asked,
        images: &[EncodedImage],
        options: &SegmentOptions,
        observer: &mut dyn Observer,
    ) -> Result<(Answered, ParsedAnswer), SegmentError> {
        let limit = options.max_new_tokens.min(asked.room);
        let mut sampler = Sampler::new(options.sampling)?;
        let answered = generate(&self.model, &asked.ids, images, limit, &mut sampler, &mut |ids| {
            Ok(observer.text(&self.tokenizer.decode(ids)?))
        })
        .map_err(|source| SegmentError::Generate { task: asked.task, source })?;
        let parsed = parse(&answered.ids, images.len(), self.config().decode, &self.tokenizer)?;
        Ok((answered, parsed))
    }
}
