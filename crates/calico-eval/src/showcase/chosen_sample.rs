use calico_data::{Dataset, ImageRecord, SampleRecord};

use crate::PairTruth;

/// A sample with all that is needed to ask about it and to judge the answer.
#[derive(Debug, Clone)]
pub struct ChosenSample<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) sample: SampleRecord,
    pub(super) images: Vec<ImageRecord>,
    pub(super) truth: PairTruth,
}
