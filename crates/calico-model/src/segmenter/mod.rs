//! The face of the library: photographs and a question in, plain data out.

mod asked;
mod input;
mod masks;
mod warnings;

pub(crate) use asked::Asking;
pub use input::{Observer, Photograph, Question, SegmentOptions};

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use calico_language::{Sampler, Tokenizer, TokenizerError};
use calico_nn::Weights;
use calico_nn::weights::Random;
use calico_result::{Answer, ImageEntry, Model, Segmentation};
use candle_core::Device;

use crate::checkpoint::{ModelFolder, untrained_tokenizer};
use crate::error::{SegmentError, Stage};
use crate::generate::{Answered, GenerateError, Listener, generate, read_answer};
use crate::grounding::{ParsedAnswer, assign, parse};
use crate::image_cache::{ImageCache, ImageKey};
use crate::model::{Calico, EncodedImage};
use crate::model_bytes::ModelBytes;
use crate::preprocess::ImageTensors;
use crate::{CalicoConfig, ModelError, Preset};
use asked::Asked;
use warnings::{cut, warnings};

/// A model that answers questions about photographs.
///
/// ```no_run
/// use calico_model::{Question, SegmentOptions, Segmenter};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let segmenter = Segmenter::open("model")?;
/// let photographs = [segmenter.photograph("chair.jpg")?, segmenter.photograph("sofa.png")?];
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
    images: ImageCache,
}

impl Segmenter {
    /// Opens a model folder: `config.json`, `tokenizer.json` and safetensors weights.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, ModelError> {
        Self::from_folder(ModelFolder::open(folder.as_ref())?)
    }

    /// Reads the weights of a model folder.
    pub fn from_folder(folder: ModelFolder) -> Result<Self, ModelError> {
        let identity = Model { name: folder.name(), preset: folder.config.preset.clone() };
        let (model, tokenizer) = folder.load(&Device::Cpu)?;
        Ok(Self::from_parts(model, tokenizer, identity))
    }

    /// Reads a model whose files are already in memory, through the same checks as a folder.
    pub fn from_bytes(bytes: ModelBytes<'_>) -> Result<Self, ModelError> {
        Self::from_folder(ModelFolder::from_bytes(bytes)?)
    }

    /// A model of a preset with weights drawn from a seed, in memory: it runs like a trained one,
    /// but knows nothing.
    pub fn untrained(preset: Preset, seed: u64) -> Result<Self, ModelError> {
        let config = preset.config()?;
        let tokenizer = untrained_tokenizer(&config)?;
        let weights = Weights::new(Arc::new(Random::new(seed, Device::Cpu)));
        let model = Calico::load(&config, tokenizer.special(), &weights, &Device::Cpu)?;
        let name = format!("untrained:{}", preset.name());
        Ok(Self::from_parts(model, tokenizer, Model { name, preset: config.preset }))
    }

    /// A segmenter of parts that are already in memory.
    pub fn from_parts(model: Calico, tokenizer: Tokenizer, identity: Model) -> Self {
        Self { model, tokenizer, identity, images: ImageCache::default() }
    }

    /// Keeps encoded images as `images` does, instead of a few in memory.
    #[must_use]
    pub fn with_images(self, images: ImageCache) -> Self {
        Self { images, ..self }
    }

    /// Bytes of the encoded images that are kept in memory for later questions.
    pub fn cached_bytes(&self) -> usize {
        self.images.bytes()
    }

    /// What the model is called in results.
    pub fn identity(&self) -> &Model {
        &self.identity
    }

    /// The model.
    pub fn model(&self) -> &Calico {
        &self.model
    }

    /// The configuration of the model.
    pub fn config(&self) -> &CalicoConfig {
        self.model.config()
    }

    /// Decodes an image file as this model wants it.
    pub fn photograph(&self, path: impl AsRef<Path>) -> Result<Photograph, SegmentError> {
        Photograph::open(path.as_ref(), &self.config().decode_options())
    }

    /// Checks everything about a question that can be checked before photographs are decoded.
    pub fn check(
        &self,
        images: usize,
        question: &Question,
        options: &SegmentOptions,
    ) -> Result<(), SegmentError> {
        self.asking().check(images, question, options)
    }

    fn asking(&self) -> Asking<'_> {
        Asking { config: self.config(), tokenizer: &self.tokenizer }
    }

    /// Answers a question about photographs, with a mask for every grounded phrase.
    ///
    /// The model's [`notice`](CalicoConfig::notice) is the first warning of the result.
    pub fn segment(
        &self,
        photographs: &[Photograph],
        question: &Question,
        options: &SegmentOptions,
        observer: &mut dyn Observer,
    ) -> Result<Segmentation, SegmentError> {
        let asked = self.asking().asked(photographs.len(), question, options)?;
        let entries = photographs.iter().zip(1..).map(|(photograph, index)| {
            ImageEntry::new(index, Path::new(&photograph.name), photograph.frame.size())
        });
        let mut result = Segmentation::new(self.identity.clone(), entries.collect());
        result.warnings.extend(self.config().notice.clone());
        if photographs.len() == 1 {
            result.warnings.push(
                "there is one image only: nothing can be compared, so no part is common or unique"
                    .into(),
            );
        }
        let mut images = Vec::with_capacity(photographs.len());
        for (index, photograph) in photographs.iter().enumerate() {
            let key = ImageKey::of(&photograph.frame);
            if let Some(known) = self.images.get(key, &photograph.frame, &self.model) {
                observer.known(index + 1);
                images.push(known);
                continue;
            }
            let encoded = self.encode(index, photograph, observer)?;
            if let Err(error) = self.images.put(key, &encoded) {
                observer.not_kept(index + 1, &error);
            }
            images.push(encoded);
        }
        for asked in asked {
            go_on(observer)?;
            let first_id = result.segments().count() as u32 + 1;
            let first_group = result.segments().map(|s| s.group).max().unwrap_or(0) + 1;
            let answer =
                self.answer(&asked, &images, options, [first_id, first_group], observer)?;
            observer.answered(&answer);
            result.answers.push(answer);
        }
        Ok(result)
    }

    fn encode(
        &self,
        index: usize,
        photograph: &Photograph,
        observer: &mut dyn Observer,
    ) -> Result<EncodedImage, SegmentError> {
        let image = index + 1;
        observer.stage(Stage::Preprocess { image });
        let sizes = self.config().input_sizes();
        let tensors = ImageTensors::new(&photograph.frame, sizes, self.model.device())
            .map_err(|source| SegmentError::Preprocess { image, source })?;
        let mut stage = Stage::EvaClip { image };
        let encoded = self.model.encode(&tensors, &mut |encoder| {
            stage = Stage::of(encoder, image);
            if !observer.goes_on() {
                return ControlFlow::Break(());
            }
            observer.stage(stage);
            ControlFlow::Continue(())
        });
        encoded
            .map_err(|source| SegmentError::Model { stage, source })?
            .ok_or(SegmentError::Stopped)
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
        observer.prompt(asked.positions);
        let (answered, parsed) = match &asked.given {
            Some((ids, parsed)) => {
                let goes_on = &mut || observer.goes_on();
                let answered = read_answer(&self.model, &asked.ids, images, ids, goes_on)
                    .map_err(|source| SegmentError::Model {
                        stage: Stage::Language { task: asked.task },
                        source,
                    })?
                    .ok_or(SegmentError::Stopped)?;
                (answered, parsed.clone())
            }
            None => self.generate(asked, images, options, observer)?,
        };
        observer.stage(Stage::Masks { task: asked.task });
        let drawn = self.masks(&answered, &parsed, images, first_group, observer)?;
        let (named, mut segments): (Vec<_>, Vec<_>) =
            drawn.into_iter().map(|drawn| (drawn.named, drawn.segment)).unzip();
        let roles = assign(asked.task, images.len(), &named);
        for ((id, segment), (role, parent)) in (first_id..).zip(&mut segments).zip(roles) {
            segment.id = id;
            segment.role = role;
            segment.parent = parent.map(|index| first_id + index as u32);
        }
        let text = self.tokenizer.decode(&answered.ids)?;
        let mut answer = Answer::new(asked.task, &asked.prompt, &text, segments);
        answer.truncated = answered.truncated;
        let missing = self.config().decode.missing_identifier;
        answer.warnings = warnings(asked, &parsed, &answer, images.len(), missing);
        if answer.truncated {
            let reason = cut(asked, answered.ids.len(), options.max_new_tokens);
            answer.warnings.push(reason.into());
        }
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
        let mut teller = Teller { tokenizer: &self.tokenizer, observer };
        let answered = generate(&self.model, &asked.ids, images, limit, &mut sampler, &mut teller)
            .map_err(|source| match source {
                GenerateError::Stopped => SegmentError::Stopped,
                source => SegmentError::Generate { task: asked.task, source },
            })?;
        let parsed = parse(&answered.ids, images.len(), self.config().decode, &self.tokenizer)?;
        Ok((answered, parsed))
    }
}

/// Tells the observer what is written, in words.
struct Teller<'a> {
    tokenizer: &'a Tokenizer,
    observer: &'a mut dyn Observer,
}

impl Listener for Teller<'_> {
    fn goes_on(&mut self) -> bool {
        self.observer.goes_on()
    }

    fn token(&mut self, ids: &[u32]) -> Result<ControlFlow<()>, TokenizerError> {
        if !self.observer.listens() {
            return Ok(ControlFlow::Continue(()));
        }
        // A character whose last bytes are still to come is held back.
        let text = self.tokenizer.decode(ids)?;
        Ok(self.observer.text(text.trim_end_matches(char::REPLACEMENT_CHARACTER)))
    }
}

/// Ends the work where nobody waits for it.
fn go_on(observer: &mut dyn Observer) -> Result<(), SegmentError> {
    if observer.goes_on() { Ok(()) } else { Err(SegmentError::Stopped) }
}
