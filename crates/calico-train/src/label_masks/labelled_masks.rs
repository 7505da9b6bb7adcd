use std::collections::BTreeMap;

use calico_data::Region;
use calico_data::loader::BadReason;
use calico_image::{Rle, Size};

use super::LabelPrompts;
use crate::features::{FeatureStore, PreparedPicture};
use crate::pictures::{Refusal, SplitImages};

/// A picture with the mask of each label that it shows.
#[derive(Debug)]
pub(super) struct LabelledMasks {
    pub(super) picture: PreparedPicture,
    /// By number of the label: everything in the picture that has it, since the prompt of a label
    /// cannot tell one from another.
    pub(super) masks: Vec<(u32, Rle)>,
}

impl LabelledMasks {
    /// Prepares a picture; `choose` draws from the labels that it shows and that have a prompt, by
    /// their numbers. What is wrong with its kept features goes to `warnings`, one line each.
    pub(super) fn load(
        images: &SplitImages,
        place: u64,
        prompts: &LabelPrompts,
        features: &FeatureStore,
        warnings: &mut Vec<String>,
        choose: impl FnOnce(Vec<u32>) -> Vec<u32>,
    ) -> Result<Self, Refusal> {
        let (record, path) = images.picture(place)?;
        let mut by_label: BTreeMap<u32, Vec<Region<'_>>> = BTreeMap::new();
        for region in images.regions(place) {
            if let Some(number) = prompts.number(&region) {
                by_label.entry(number).or_default().push(region);
            }
        }
        let size = Size::new(record.height, record.width);
        let chosen = choose(by_label.keys().copied().collect());
        // The picture first: only then is its size no invention.
        let picture = features.prepare(record, &path, warnings)?;
        let mask = |number: u32| {
            let regions = by_label.get(&number).map_or(&[][..], Vec::as_slice);
            Ok((number, union(size, regions)?))
        };
        let masks = chosen.into_iter().map(mask).collect::<Result<_, BadReason>>()?;
        Ok(Self { picture, masks })
    }
}

/// The pixels of regions.
fn union(size: Size, regions: &[Region<'_>]) -> Result<Rle, BadReason> {
    let runs = |region: &Region<'_>| {
        let region_id = region.region_id;
        let mask = region.runs().map_err(|source| BadReason::Mask { region_id, source })?;
        if mask.size() != size {
            let what = format!("region {region_id}");
            return Err(BadReason::Size { what, found: mask.size(), expected: size });
        }
        Ok(mask)
    };
    let masks = regions.iter().map(runs).collect::<Result<Vec<_>, _>>()?;
    Ok(Rle::union(size, &masks)?)
}
