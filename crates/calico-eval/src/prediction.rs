use calico_image::Rle;

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

    /// The masks of an image, `index` from 0; none where nothing was predicted.
    pub fn image(&self, index: usize) -> &[Prediction] {
        self.images.get(index).map_or(&[], Vec::as_slice)
    }
}
