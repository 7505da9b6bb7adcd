use calico_data::Region;
use calico_data::loader::BadReason;
use calico_image::Size;

use super::LabelClasses;

/// The class of every pixel of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PictureLabels {
    pub(super) size: Size,
    /// Column by column, as masks are stored.
    pub(super) classes: Vec<u16>,
}

impl PictureLabels {
    /// Of a pixel whose label is not in the list: it teaches nothing.
    pub(super) const UNKNOWN: u16 = u16::MAX;

    /// Paints the regions of a picture: a part over every object, and the smaller over the larger.
    ///
    /// # Errors
    /// If a mask cannot be decoded, or has another size than the picture.
    pub(super) fn new(
        size: Size,
        regions: &[Region<'_>],
        classes: &LabelClasses,
    ) -> Result<Self, BadReason> {
        let mut order: Vec<&Region<'_>> = regions.iter().collect();
        // The number settles what is of one size.
        let key = |region: &&Region<'_>| (region.part_label.is_some(), u32::MAX - region.area);
        order.sort_by_key(|region| (key(region), region.region_id));
        let mut labels = vec![LabelClasses::BACKGROUND; size.pixels() as usize];
        for region in order {
            let region_id = region.region_id;
            if region.size != size {
                let what = format!("region {region_id}");
                return Err(BadReason::Size { what, found: region.size, expected: size });
            }
            let mask = region.runs().map_err(|source| BadReason::Mask { region_id, source })?;
            let class = classes.class(region).unwrap_or(Self::UNKNOWN);
            let mut end = 0;
            for (number, &count) in mask.counts().iter().enumerate() {
                let start = end;
                end += count as usize;
                if number % 2 == 1
                    && let Some(pixels) = labels.get_mut(start..end)
                {
                    pixels.fill(class);
                }
            }
        }
        Ok(Self { size, classes: labels })
    }
}
