use calico_data::Region;
use calico_data::loader::BadReason;
use calico_image::Size;

use super::{LabelClasses, LabelKind};

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
    /// One picture for each kind of `kinds`.
    ///
    /// # Errors
    /// If a mask cannot be decoded, or has another size than the picture.
    pub(super) fn paint(
        size: Size,
        regions: &[Region<'_>],
        classes: &LabelClasses,
        kinds: &[LabelKind],
    ) -> Result<Vec<Self>, BadReason> {
        let mut order: Vec<&Region<'_>> = regions.iter().collect();
        // The number settles what is of one size.
        let key = |region: &&Region<'_>| (region.part_label.is_some(), u32::MAX - region.area);
        order.sort_by_key(|region| (key(region), region.region_id));
        let empty = || vec![LabelClasses::NOTHING; size.pixels() as usize];
        let mut painted: Vec<Self> =
            kinds.iter().map(|_| Self { size, classes: empty() }).collect();
        for region in order {
            let region_id = region.region_id;
            if region.size != size {
                let what = format!("region {region_id}");
                return Err(BadReason::Size { what, found: region.size, expected: size });
            }
            let mask = region.runs().map_err(|source| BadReason::Mask { region_id, source })?;
            for (kind, labels) in kinds.iter().zip(&mut painted) {
                let class = classes.class(*kind, region).unwrap_or(Self::UNKNOWN);
                labels.fill(mask.counts(), class);
            }
        }
        Ok(painted)
    }

    /// Gives the pixels inside of a mask a class.
    fn fill(&mut self, counts: &[u32], class: u16) {
        let mut end = 0;
        for (number, &count) in counts.iter().enumerate() {
            let start = end;
            end += count as usize;
            if number % 2 == 1
                && let Some(pixels) = self.classes.get_mut(start..end)
            {
                pixels.fill(class);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use calico_image::{Mask, Rle};

    use super::*;

    const SIZE: Size = Size::new(2, 6);

    /// The code of columns `from` to before `to`.
    fn columns(from: usize, to: usize) -> Rle {
        let bits = [0, 1].iter().flat_map(|_| (0..6).map(|x| (from..to).contains(&x)));
        Rle::from_mask(&Mask::new(SIZE, bits.collect()).unwrap())
    }

    fn region<'a>(region_id: u32, labels: [&'a str; 2], mask: &Rle, counts: &'a str) -> Region<'a> {
        Region {
            region_id,
            image_id: "a",
            object_label: labels[0],
            part_label: (!labels[1].is_empty()).then_some(labels[1]),
            raw_ids: &[],
            area: mask.area() as u32,
            bbox: [0; 4],
            size: mask.size(),
            counts,
        }
    }

    #[test]
    fn parts_lie_over_objects_and_small_regions_over_large_ones() {
        let drawn = [
            (["dog", "ear"], columns(4, 5)),
            (["dog", "head"], columns(3, 6)),
            (["cat", ""], columns(0, 2)),
            (["dog", ""], columns(0, 6)),
            (["cat", "tail"], columns(1, 2)),
        ];
        let counts: Vec<String> = drawn.iter().map(|(_, mask)| mask.compressed()).collect();
        let all = drawn.iter().zip(&counts).zip(0..);
        let regions: Vec<_> =
            all.map(|(((labels, mask), counts), id)| region(id, *labels, mask, counts)).collect();
        // Nobody taught what a tail is.
        let classes = LabelClasses::of(regions[..4].iter().copied());
        let paint = |regions: &[Region<'_>]| {
            PictureLabels::paint(SIZE, regions, &classes, &LabelKind::ALL).unwrap()
        };
        let labels = paint(&regions);
        let ([cat, dog], [ear, head], unknown) = ([1, 2], [1, 2], PictureLabels::UNKNOWN);
        for (found, expected) in
            labels.iter().zip([[cat, cat, dog, dog, dog, dog], [0, unknown, 0, head, ear, head]])
        {
            assert_eq!(found.classes, expected.map(|class| [class; 2]).concat());
        }
        let mut reversed = regions.clone();
        reversed.reverse();
        assert_eq!(paint(&reversed), labels);
    }

    #[test]
    fn a_mask_of_another_size_or_a_broken_one_is_refused() {
        let mask = columns(0, 2);
        let counts = mask.compressed();
        let sound = region(7, ["dog", ""], &mask, &counts);
        let classes = LabelClasses::of([sound].into_iter());
        let paint = |size, region| PictureLabels::paint(size, &[region], &classes, &LabelKind::ALL);
        let other = paint(Size::new(6, 2), sound);
        assert!(matches!(other, Err(BadReason::Size { .. })));
        let broken = Region { counts: "?", ..sound };
        let broken = paint(SIZE, broken);
        assert!(matches!(broken, Err(BadReason::Mask { region_id: 7, .. })));
    }
}
