use calico_image::Frame;
use calico_result::Task;

use crate::PairPrediction;

/// What a model may answer instead of a prediction.
pub type ModelFailure = Box<dyn std::error::Error + Send + Sync>;

/// Anything that answers questions about pictures.
pub trait PairModel {
    /// The masks for a question, each at the size of its picture.
    ///
    /// A failure is recorded and counts as an empty answer.
    fn answer(&mut self, question: &PairQuestion<'_>) -> Result<PairPrediction, ModelFailure>;
}

/// A question of a data set, without its answer.
#[derive(Debug, Clone, Copy)]
pub struct PairQuestion<'a> {
    /// The id of the sample.
    pub sample_id: &'a str,
    /// What is asked for.
    pub subtask: Task,
    /// The question, with an `<image> (IMAGE1)` placeholder for each picture.
    pub text: &'a str,
    /// The pictures, in the order of the placeholders.
    pub pictures: &'a [ShownPicture],
}

/// A picture as its masks know it: the stored pixels, EXIF orientation ignored.
#[derive(Debug, Clone)]
pub struct ShownPicture {
    /// The id of the image in the data set.
    pub image_id: String,
    /// The base name of its file.
    pub name: String,
    /// The pixels.
    pub frame: Frame,
}
