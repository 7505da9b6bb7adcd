use calico_data::{Dataset, SampleRecord, Split};
use calico_language::Tokenizer;
use calico_model::CalicoConfig;
use calico_model::prompt::{PromptId, prompt_ids, user_message};
use serde::{Deserialize, Serialize};

use super::SampleShape;
use crate::TrainError;
use crate::recipe::DataConfig;

/// How large the samples of a training are: arithmetic follows the mean, memory the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Samples {
    /// The mean, rounded up.
    pub mean: SampleShape,
    /// The 99th percentile of each number.
    pub high: SampleShape,
    /// Samples of the train split that are selected, if a data set was looked at.
    pub samples: Option<u64>,
    /// Pictures of the train split, if a data set was looked at.
    pub pictures: Option<u64>,
}

impl From<SampleShape> for Samples {
    /// All samples alike.
    fn from(shape: SampleShape) -> Self {
        Self { mean: shape, high: shape, samples: None, pictures: None }
    }
}

impl Default for Samples {
    fn default() -> Self {
        SampleShape::default().into()
    }
}

impl Samples {
    /// Looks at up to `most` samples of the train split, spread evenly over it.
    ///
    /// # Errors
    /// If the data set cannot be read, or no sample is selected.
    pub fn of_dataset(
        dataset: &Dataset,
        data: &DataConfig,
        config: &CalicoConfig,
        tokenizer: &Tokenizer,
        most: u64,
    ) -> Result<Self, TrainError> {
        let tables = dataset.split(Split::Train)?;
        let step = dataset.sample_count(Split::Train)?.div_ceil(most.max(1)).max(1);
        let takes = |sample: &SampleRecord| {
            (data.subtasks.is_empty() || data.subtasks.contains(&sample.subtask))
                && (data.sources.is_empty() || data.sources.contains(&sample.source))
        };
        let (mut selected, mut shapes) = (0, Vec::new());
        for sample in dataset.samples(Split::Train)? {
            let sample = sample?;
            if !takes(&sample) {
                continue;
            }
            if selected % step == 0 {
                let sides = sample.image_ids.iter().filter_map(|id| tables.images.get(id));
                let sides: Vec<[usize; 2]> =
                    sides.map(|image| [image.height as usize, image.width as usize]).collect();
                shapes.push(shape(&sample, &sides, config, tokenizer)?);
            }
            selected += 1;
        }
        if shapes.is_empty() {
            let problems = vec!["data: the train split has no sample that is selected".into()];
            return Err(TrainError::Mismatch { problems });
        }
        Ok(Self {
            mean: each(&shapes, mean),
            high: each(&shapes, high),
            samples: Some(selected),
            pictures: Some(tables.images.len() as u64),
        })
    }
}

/// How large one sample is; its photographs count as the largest of them.
fn shape(
    sample: &SampleRecord,
    sides: &[[usize; 2]],
    config: &CalicoConfig,
    tokenizer: &Tokenizer,
) -> Result<SampleShape, TrainError> {
    let images = sample.image_ids.len();
    let wrong = |error: calico_model::SegmentError| TrainError::Sample {
        sample_id: sample.sample_id.clone(),
        source: Box::new(error),
    };
    let message = user_message(&sample.question, images).map_err(|error| wrong(error.into()))?;
    let ids = prompt_ids(&message, &config.prompt, tokenizer).map_err(|e| wrong(e.into()))?;
    let answer = tokenizer.encode(sample.answer.trim()).map_err(|e| wrong(e.into()))?;
    let text_tokens = ids.iter().filter(|id| **id != PromptId::Image).count();
    let room =
        config.llm.max_positions.saturating_sub(text_tokens + images * config.tokens_per_image());
    let [height, width] =
        sides.iter().copied().max_by_key(|[height, width]| height * width).unwrap_or([1, 1]);
    Ok(SampleShape {
        images,
        text_tokens,
        answer_tokens: answer.len().min(room),
        masks: sample.region_ids.len(),
        height,
        width,
    })
}

/// Number by number.
fn each(shapes: &[SampleShape], of: fn(&mut [usize]) -> usize) -> SampleShape {
    let all =
        |number: fn(&SampleShape) -> usize| of(&mut shapes.iter().map(number).collect::<Vec<_>>());
    SampleShape {
        images: all(|shape| shape.images),
        text_tokens: all(|shape| shape.text_tokens),
        answer_tokens: all(|shape| shape.answer_tokens),
        masks: all(|shape| shape.masks),
        height: all(|shape| shape.height),
        width: all(|shape| shape.width),
    }
}

fn mean(numbers: &mut [usize]) -> usize {
    numbers.iter().sum::<usize>().div_ceil(numbers.len().max(1))
}

fn high(numbers: &mut [usize]) -> usize {
    numbers.sort_unstable();
    let at = (numbers.len() * 99).div_ceil(100).saturating_sub(1);
    numbers.get(at).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sample_in_a_hundred_may_be_larger_than_the_high_number() {
        let mut numbers: Vec<usize> = (1..=200).rev().collect();
        assert_eq!((mean(&mut numbers), high(&mut numbers)), (101, 198));
        assert_eq!((mean(&mut [7]), high(&mut [7])), (7, 7));
    }
}
