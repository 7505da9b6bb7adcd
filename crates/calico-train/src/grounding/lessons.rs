use std::sync::{Arc, Mutex};

use calico_data::Dataset;
use calico_data::loader::{
    BadSample, Check, Item, Loader, LoaderOptions, Position, SampleStore, Selection,
};
use calico_language::Tokenizer;
use calico_model::{Calico, CalicoConfig};
use calico_nn::Weights;

use super::{GroundedBatch, GroundedConversation, grounding_losses};
use crate::features::FeatureStore;
use crate::label_masks::LabelPrompts;
use crate::lessons::Lessons;
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
    features: FeatureStore,
    config: CalicoConfig,
    tokenizer: Tokenizer,
    loss: LossConfig,
    label_prompts: Option<LabelPrompts>,
    bad: Arc<Mutex<Vec<String>>>,
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
            told.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(line);
        });
        Ok(Self { loader, features, config, tokenizer, loss, label_prompts, bad })
    }

    /// The next good sample, in this epoch or the next one.
    fn next_item(&mut self) -> Result<Item, TrainError> {
        // An epoch that gives nothing twice over holds nothing that can be used.
        for _ in 0..2 {
            if let Some(item) = self.loader.next() {
                return Ok(item?);
            }
            self.loader.start_next_epoch();
        }
        let problems = vec!["data: no sample of the train split can be used".into()];
        Err(TrainError::Mismatch { problems })
    }

    /// The next `size` samples with the features of their pictures.
    fn batch(
        &mut self,
        model: &Calico,
        weights: &Weights,
        size: usize,
    ) -> Result<GroundedBatch, TrainError> {
        let mut conversations = Vec::with_capacity(size);
        let mut pictures = self.features.gather();
        while conversations.len() < size {
            let item = self.next_item()?;
            let numbers = match pictures.add(&item) {
                Ok(numbers) => numbers,
                Err(reason) => {
                    self.loader.reject(&item, reason)?;
                    continue;
                }
            };
            let made = GroundedConversation::new(&item, &numbers, &self.config, &self.tokenizer);
            match made {
                Ok(mut conversation) => {
                    self.name_labels(&item, &mut conversation);
                    conversations.push(conversation);
                }
                Err(reason) => self.loader.reject(&item, reason)?,
            }
        }
        let features = self.features.features(model, pictures)?;
        let width = self.config.sam.width;
        let table = self.label_prompts.as_ref().map(|labels| labels.load(width, weights));
        Ok(GroundedBatch { features, conversations, label_prompts: table.transpose()? })
    }

    /// Writes down which masks have a label with a prompt.
    fn name_labels(&self, item: &Item, conversation: &mut GroundedConversation) {
        let Some(labels) = &self.label_prompts else { return };
        for (target, region) in conversation.masks.iter_mut().zip(item.regions()) {
            target.label = labels.number(&region);
        }
    }
}

impl Lessons for GroundingLessons {
    fn losses(
        &mut self,
        model: &Calico,
        weights: &Weights,
        size: usize,
    ) -> Result<Losses, TrainError> {
        let batch = self.batch(model, weights, size)?;
        grounding_losses(model, &batch, &self.loss)
    }

    fn position(&self) -> Position {
        self.loader.position()
    }

    fn epoch_len(&self) -> u64 {
        self.loader.len()
    }

    fn take_warnings(&mut self) -> Vec<String> {
        let mut warnings = self.features.take_warnings();
        let mut bad = self.bad.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        warnings.append(&mut bad);
        warnings
    }
}
