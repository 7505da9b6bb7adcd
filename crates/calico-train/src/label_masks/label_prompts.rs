use std::collections::BTreeSet;

use calico_data::loader::Selection;
use calico_data::{Dataset, Region, Split};
use calico_nn::Weights;
use calico_nn::weights::{Init, TensorSpec};
use candle_core::{Result, Tensor};

use crate::TrainError;
use crate::lessons::LABEL_PROMPTS;
use crate::pictures::SplitImages;

/// Regions of fewer pixels have no shape that could be learnt.
const LEAST_PIXELS: u32 = 16;
/// Deviation of new prompts: between those that a new `[SEG]` projection gives, and the decoder's
/// own tokens.
const STD: f64 = 0.5;

/// The labels that have a prompt: an object, or a part of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LabelPrompts {
    /// Sorted.
    labels: Vec<(String, Option<String>)>,
}

impl LabelPrompts {
    /// The images of a split with the regions that can be drawn.
    pub(super) fn images(
        dataset: &Dataset,
        split: Split,
        selection: &Selection,
    ) -> std::result::Result<SplitImages, TrainError> {
        let is_large = |region: &Region<'_>| region.area >= LEAST_PIXELS;
        SplitImages::open(dataset, split, &selection.sources, is_large)
    }

    /// The labels of a train split, from its regions that can be drawn.
    ///
    /// # Errors
    /// If the split has none, is missing or damaged.
    pub(crate) fn of_dataset(
        dataset: &Dataset,
        selection: &Selection,
    ) -> std::result::Result<Self, TrainError> {
        Ok(Self::of(Self::images(dataset, Split::Train, selection)?.all_regions()))
    }

    /// The labels of regions.
    pub(super) fn of<'a>(regions: impl Iterator<Item = Region<'a>>) -> Self {
        let label = |region: Region<'_>| {
            (region.object_label.to_owned(), region.part_label.map(str::to_owned))
        };
        let labels: BTreeSet<_> = regions.map(label).collect();
        Self { labels: labels.into_iter().collect() }
    }

    /// The row of the label of a region; `None` for a label without a prompt.
    pub(crate) fn number(&self, region: &Region<'_>) -> Option<u32> {
        let wanted = (region.object_label, region.part_label);
        let known = |(object, part): &(String, Option<String>)| {
            (object.as_str(), part.as_deref()).cmp(&wanted)
        };
        u32::try_from(self.labels.binary_search_by(known).ok()?).ok()
    }

    /// Whether a row is that of a part.
    pub(super) fn is_part(&self, number: u32) -> bool {
        self.labels.get(number as usize).is_some_and(|(_, part)| part.is_some())
    }

    /// The table, in which prompts are `width` numbers long.
    pub(crate) fn spec(&self, width: usize) -> TensorSpec {
        let shape = vec![self.labels.len(), width];
        TensorSpec { name: LABEL_PROMPTS.to_owned(), shape, init: Init::std(STD) }
    }

    /// The prompts.
    ///
    /// # Shapes
    /// - returns: `[labels, C]`
    pub(crate) fn load(&self, width: usize, weights: &Weights) -> Result<Tensor> {
        let TensorSpec { name, shape, init } = self.spec(width);
        weights.get(&shape, &name, init)
    }
}
