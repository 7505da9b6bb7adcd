use calico_data::{Dataset, ImageRecord};
use calico_image::{DecodeOptions, Frame, Orientation, Size};
use calico_result::Task;

use crate::{EvalError, PairPrediction};

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

impl ShownPicture {
    /// The picture of an image, which must have the size that its masks have.
    pub(crate) fn open(dataset: &Dataset, image: &ImageRecord) -> Result<Self, EvalError> {
        let path = dataset.picture_path(image)?;
        let options =
            DecodeOptions { orientation: Orientation::Ignore, ..DecodeOptions::default() };
        let wrong =
            |reason: String| EvalError::Picture { image_id: image.image_id.clone(), reason };
        let frame =
            calico_image::open(&path, &options).map_err(|error| wrong(error.to_string()))?;
        let expected = Size::new(image.height, image.width);
        if frame.size() != expected {
            let found = frame.size();
            return Err(wrong(format!("it is of {found}, expected {expected}")));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { image_id: image.image_id.clone(), name, frame })
    }
}
