use calico_data::Region;
use calico_data::loader::open_picture;
use calico_image::Size;
use calico_model::CalicoConfig;
use calico_model::preprocess::ImageTensors;
use candle_core::Device;

use super::patch_targets::PatchTargets;
use super::picture_labels::PictureLabels;
use super::{LabelClasses, LabelKind};
use crate::features::Tower;
use crate::pictures::{Refusal, SplitImages};

/// A picture as the encoders read it, and what it teaches each of them.
#[derive(Debug, Clone)]
pub(super) struct LabelledPicture {
    pub(super) pixels: ImageTensors,
    pub(super) targets: Vec<(Tower, LabelKind, PatchTargets)>,
}

impl LabelledPicture {
    /// Decodes a picture, and paints its labels on the grids of encoders.
    pub(super) fn load(
        images: &SplitImages,
        place: u64,
        classes: &LabelClasses,
        towers: &[Tower],
        config: &CalicoConfig,
    ) -> Result<Self, Refusal> {
        let (record, path) = images.picture(place)?;
        // The picture first: only then is its size no invention.
        let frame = open_picture(record, &path)?;
        let regions: Vec<Region<'_>> = images.regions(place).collect();
        let size = Size::new(record.height, record.width);
        let kinds: Vec<LabelKind> = classes.kinds().collect();
        let painted = PictureLabels::paint(size, &regions, classes, &kinds)?;
        let pixels = ImageTensors::new(&frame, config.input_sizes(), &Device::Cpu)?;
        let targets = towers.iter().flat_map(|&tower| {
            let of = move |(&kind, labels)| (tower, kind, PatchTargets::new(tower, config, labels));
            kinds.iter().zip(&painted).map(of)
        });
        Ok(Self { pixels, targets: targets.collect() })
    }

    /// What the picture teaches an encoder.
    pub(super) fn targets(
        &self,
        tower: Tower,
        kind: LabelKind,
    ) -> candle_core::Result<&PatchTargets> {
        match self.targets.iter().find(|(t, k, _)| (*t, *k) == (tower, kind)) {
            Some((_, _, targets)) => Ok(targets),
            None => candle_core::bail!("no targets were made for {}", tower.name()),
        }
    }
}
