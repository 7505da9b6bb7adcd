use calico_image::{Rle, Size};
use calico_result::{Answer, Segmentation, Task};

use crate::EvalError;

/// One predicted mask of an image, with what it is said to show.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The label as written; an article and markup do not matter.
    pub label: String,
    /// The mask at the size of the image; it may be empty.
    pub mask: Rle,
    /// How sure the model is, on any scale; used in [`Mode::Strict`](crate::Mode::Strict) only.
    pub score: Option<f64>,
}

/// What a model answered for one sample.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PairPrediction {
    /// The sample that was asked.
    pub sample_id: String,
    /// The masks of each image, in the order of the answer.
    pub images: Vec<Vec<Prediction>>,
    /// The sentence, if there is one.
    pub answer: Option<String>,
    /// Why there is no answer, if the model failed; such a prediction counts as an empty one.
    pub failure: Option<String>,
}

impl PairPrediction {
    /// A prediction without masks.
    pub fn empty(sample_id: &str, images: usize) -> Self {
        Self {
            sample_id: sample_id.to_owned(),
            images: vec![Vec::new(); images],
            ..Self::default()
        }
    }

    /// The answer of a result, as `calico segment` writes it, to the question of a sample: the one
    /// to the sub-task, or the only one if its question was in free words.
    ///
    /// The score of a mask is the decoder's own estimate of its overlap with the true one.
    pub fn from_result(
        sample_id: &str,
        subtask: Task,
        result: &Segmentation,
    ) -> Result<Self, EvalError> {
        let foreign =
            |reason: String| EvalError::ForeignResult { sample_id: sample_id.to_owned(), reason };
        let of_task = |answer: &&Answer| answer.task == Some(subtask);
        let answer = match result.answers.as_slice() {
            [only] if only.task.is_none() => Some(only),
            answers => answers.iter().find(of_task),
        };
        let answer = answer.ok_or_else(|| {
            foreign(format!("it has no answer about {subtask}; ask that question"))
        })?;
        let mut prediction = Self::empty(sample_id, result.images.len());
        prediction.answer = Some(answer.text.clone());
        for segment in &answer.segments {
            let at = (segment.image as usize).checked_sub(1);
            let image = at.and_then(|at| prediction.images.get_mut(at));
            let image = image.ok_or_else(|| {
                foreign(format!("segment {} is in no image; write it again", segment.id))
            })?;
            let [height, width] = segment.mask.size;
            let mask = Rle::from_compressed(Size::new(height, width), &segment.mask.counts)
                .map_err(|error| foreign(format!("segment {}: {error}", segment.id)))?;
            let score = Some(f64::from(segment.scores.predicted_iou));
            image.push(Prediction { label: segment.label.clone(), mask, score });
        }
        Ok(prediction)
    }

    /// The masks of an image, `index` from 0; none where nothing was predicted.
    pub fn image(&self, index: usize) -> &[Prediction] {
        self.images.get(index).map_or(&[], Vec::as_slice)
    }
}
