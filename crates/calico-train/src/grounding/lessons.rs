use std::sync::{Arc, Mutex, PoisonError};

use calico_data::Dataset;
use calico_data::loader::{
    BadSample, Check, Item, Loader, LoaderOptions, Position, SampleStore, Selection,
};
use calico_language::Tokenizer;
use calico_model::{Calico, CalicoConfig};
use calico_nn::Weights;

use super::{GroundedBatch, GroundedConversation, grounding_losses};
use crate::features::{FeatureStore, PreparedPicture};
use crate::label_masks::LabelPrompts;
use crate::lessons::{Lesson, Lessons, ReadLesson};
use crate::recipe::LossConfig;
use crate::{Losses, TrainError};

/// What the lessons need to know.
pub(crate) struct LessonSettings {
    pub(crate) config: CalicoConfig,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) loss: LossConfig,
    /// The labels of which an earlier stage learnt prompts, if masks are to be asked for with them.
    pub(crate) label_prompts: Option<LabelPrompts>,
    pub(crate) seed: u64,
    pub(crate) start: Position,
}

/// Samples of the train split in random order, epoch after epoch.
pub(crate) struct GroundingLessons {
    loader: Loader,
    tokenizer: Tokenizer,
    shared: Arc<Shared>,
    /// What the loader skipped and is not told yet, one line each.
    bad: Arc<Mutex<Vec<String>>>,
}

/// What all batches of a stage share.
struct Shared {
    features: FeatureStore,
    config: CalicoConfig,
    loss: LossConfig,
    label_prompts: Option<LabelPrompts>,
}

/// Conversations, and the pictures that they are about.
struct GroundingLesson {
    shared: Arc<Shared>,
    pictures: Vec<PreparedPicture>,
    conversations: Arc<[GroundedConversation]>,
}

impl GroundingLessons {
    pub(crate) fn new(
        dataset: &Dataset,
        selection: &Selection,
        features: FeatureStore,
        settings: LessonSettings,
    ) -> Result<Self, TrainError> {
        let LessonSettings { config, tokenizer, loss, label_prompts, seed, start } = settings;
        let store = SampleStore::open(dataset, calico_data::Split::Train, selection)?;
        if store.is_empty() {
            let problems = vec!["data: the train split has no sample that is selected".into()];
            return Err(TrainError::Mismatch { problems });
        }
        let options = LoaderOptions {
            shuffle: Some(seed),
            start,
            check: Check::Masks,
            ..LoaderOptions::default()
        };
        let bad = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&bad);
        let loader = store.loader(options)?.on_bad(move |sample: &BadSample| {
            let line = format!("sample {} is skipped: {}", sample.sample_id, sample.reason);
            told.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        });
        let shared = Arc::new(Shared { features, config, loss, label_prompts });
        Ok(Self { loader, tokenizer, shared, bad })
    }

    /// The next good sample, in this epoch or the next one.
    fn next_item(&mut self) -> Result<Item, TrainError> {
        loop {
            if let Some(item) = self.loader.next() {
                return Ok(item?);
            }
            let Position { taken, bad, .. } = self.loader.position();
            if bad == taken {
                let problems = vec!["data: no sample of the train split can be used".into()];
                return Err(TrainError::Mismatch { problems });
            }
            self.loader.start_next_epoch();
        }
    }

    /// The next `size` samples that can be used, and what was wrong with kept features.
    fn next_lesson(&mut self, size: usize) -> Result<(GroundingLesson, Vec<String>), TrainError> {
        let shared = Arc::clone(&self.shared);
        let mut conversations = Vec::with_capacity(size);
        let mut pictures = shared.features.gather();
        while conversations.len() < size {
            let item = self.next_item()?;
            let numbers = match pictures.add(&item) {
                Ok(numbers) => numbers,
                Err(reason) => {
                    self.loader.reject(&item, reason)?;
                    continue;
                }
            };
            let (config, tokenizer) = (&shared.config, &self.tokenizer);
            let made = GroundedConversation::new(&item, &numbers, config, tokenizer);
            match made {
                Ok(mut conversation) => {
                    shared.name_labels(&item, &mut conversation);
                    conversations.push(conversation);
                }
                Err(reason) => self.loader.reject(&item, reason)?,
            }
        }
        let warnings = pictures.take_warnings();
        let (pictures, conversations) = (pictures.into_pictures()?, conversations.into());
        Ok((GroundingLesson { shared, pictures, conversations }, warnings))
    }
}

impl Shared {
    /// Writes down which masks have a label with a prompt.
    fn name_labels(&self, item: &Item, conversation: &mut GroundedConversation) {
        let Some(labels) = &self.label_prompts else { return };
        for (target, region) in conversation.masks.iter_mut().zip(item.regions()) {
            target.label = labels.number(&region);
        }
    }
}

impl Lessons for GroundingLessons {
    fn read(&mut self, size: usize) -> Result<ReadLesson, TrainError> {
        let (lesson, mut warnings) = self.next_lesson(size)?;
        warnings.append(&mut self.bad.lock().unwrap_or_else(PoisonError::into_inner));
        let position = self.loader.position();
        Ok(ReadLesson { lesson: Box::new(lesson), position, warnings })
    }

    fn epoch_len(&self) -> u64 {
        self.loader.len()
    }
}

impl Lesson for GroundingLesson {
    fn losses(&self, model: &Calico, weights: &Weights) -> Result<Losses, TrainError> {
        let Shared { features, config, loss, label_prompts } = self.shared.as_ref();
        let table = label_prompts.as_ref().map(|labels| labels.load(config.sam.width, weights));
        let batch = GroundedBatch {
            features: features.features(model, &self.pictures)?,
            conversations: Arc::clone(&self.conversations),
            label_prompts: table.transpose()?,
        };
        grounding_losses(model, &batch, loss)
    }

    fn take_warnings(&self) -> Vec<String> {
        self.shared.features.take_warnings()
    }
}
