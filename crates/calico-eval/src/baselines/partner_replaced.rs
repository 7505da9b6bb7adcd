use calico_data::{Dataset, Permutation, Split, Stream};
use calico_image::{Filter, resize};

use crate::{
    EvalError, ModelFailure, PairModel, PairPrediction, PairQuestion, ShownPicture, Truths,
};

/// The seed by which partners are drawn.
pub const PARTNER_SEED: u64 = 0;

/// A model that sees, instead of the second picture of every question, the second picture of
/// another sample of the split, drawn at random among those of another class.
///
/// A picture of another size is resized to that of the one that it stands for, so that the masks
/// of the answer can be compared with the true ones, those of the second image as well.
/// A model that looks at one picture only loses nothing.
pub struct PartnerReplaced<'a> {
    model: &'a mut dyn PairModel,
    dataset: &'a Dataset,
    truths: &'a Truths,
    images: calico_data::ImageTable,
    /// The sample that the partner of each sample comes from, in the order of the truths.
    partners: Vec<usize>,
}

impl<'a> PartnerReplaced<'a> {
    /// Draws the partners of all samples with a seed; a partner depends on nothing but the seed
    /// and the split.
    ///
    /// # Errors
    ///
    /// If all second pictures show one class.
    pub fn new(
        model: &'a mut dyn PairModel,
        dataset: &'a Dataset,
        split: Split,
        truths: &'a Truths,
        seed: u64,
    ) -> Result<Self, EvalError> {
        let partners = (0..truths.samples().len()).map(|sample| partner(truths, sample, seed));
        let partners = partners.collect::<Result<_, _>>()?;
        let images = dataset.split(split)?.images;
        Ok(Self { model, dataset, truths, images, partners })
    }

    /// What it is, in words.
    pub fn reading(seed: u64) -> String {
        format!(
            "the model, shown instead of every second picture the second one of another sample, \
             of another class (drawn with seed {seed}), and scored against the true answer to \
             the pair as it was"
        )
    }

    /// The second picture of the partner of a sample, at the size of the one it stands for.
    fn replacement(
        &self,
        sample_id: &str,
        shown: &ShownPicture,
    ) -> Result<ShownPicture, EvalError> {
        let missing = |id: &str| {
            let (sample_id, reason) = (id.to_owned(), "it is not in the split".to_owned());
            EvalError::Sample { sample_id, reason }
        };
        let (index, _) = self.truths.find(sample_id).ok_or_else(|| missing(sample_id))?;
        let partner = &self.truths.samples()[self.partners[index]];
        let image = partner.images.get(1).and_then(|image| self.images.get(&image.image_id));
        let image = image.ok_or_else(|| missing(&partner.sample_id))?;
        let mut picture = ShownPicture::open(self.dataset, image)?;
        if picture.frame.size() != shown.frame.size() {
            let resized = resize(&picture.frame, shown.frame.size(), Filter::Bilinear);
            picture.frame = resized.map_err(|error| EvalError::Picture {
                image_id: image.image_id.clone(),
                reason: error.to_string(),
            })?;
        }
        Ok(picture)
    }
}

impl PairModel for PartnerReplaced<'_> {
    fn answer(&mut self, question: &PairQuestion<'_>) -> Result<PairPrediction, ModelFailure> {
        let mut pictures = question.pictures.to_vec();
        if let Some(second) = pictures.get_mut(1) {
            *second = self.replacement(question.sample_id, second)?;
        }
        self.model.answer(&PairQuestion { pictures: &pictures, ..*question })
    }
}

/// A sample whose second image shows another class than that of `sample`, and is none of its
/// images.
fn partner(truths: &Truths, sample: usize, seed: u64) -> Result<usize, EvalError> {
    let samples = truths.samples();
    let truth = &samples[sample];
    let stream = Stream::new(seed, "partner_replaced", &truth.sample_id);
    // The first of a random order that will do is drawn evenly among all that will do.
    let order = Permutation::new(samples.len() as u64, stream);
    let mut drawn = (0..order.len()).filter_map(|at| order.at(at)).map(|at| at as usize);
    let will_do = |other: &usize| {
        let other = &samples[*other];
        let image = other.images.get(1);
        let is_other = |id: &str| truth.images.iter().all(|image| image.image_id != id);
        other.classes[1] != truth.classes[1] && image.is_some_and(|it| is_other(&it.image_id))
    };
    let sample_id = || truth.sample_id.clone();
    drawn.find(will_do).ok_or_else(|| EvalError::NoOtherPartner { sample_id: sample_id() })
}
