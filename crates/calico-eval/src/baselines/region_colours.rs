use std::collections::{BTreeMap, HashMap};

use calico_data::{Dataset, Split};
use calico_image::{Frame, Rle};

use crate::{EvalError, ShownPicture, Truths};

/// Red, green and blue, 0 to 255.
pub(super) type Colour = [f64; 3];

/// The mean colours of all targets, by the indices of their sample, image and target.
///
/// Targets with empty masks have none.
pub(super) struct RegionColours(HashMap<[usize; 3], Colour>);

impl RegionColours {
    /// Opens every picture once.
    pub(super) fn read(
        dataset: &Dataset,
        split: Split,
        truths: &Truths,
    ) -> Result<Self, EvalError> {
        let mut shown: BTreeMap<&str, Vec<[usize; 2]>> = BTreeMap::new();
        for (sample, truth) in truths.samples().iter().enumerate() {
            for (image, shows) in truth.images.iter().enumerate() {
                shown.entry(&shows.image_id).or_default().push([sample, image]);
            }
        }
        let mut colours = HashMap::new();
        for record in dataset.images(split)? {
            let record = record?;
            let Some(places) = shown.get(record.image_id.as_str()) else { continue };
            let picture = ShownPicture::open(dataset, &record)?;
            for &[sample, image] in places {
                let targets = &truths.samples()[sample].images[image].targets;
                for (target, region) in targets.iter().enumerate() {
                    if let Some(colour) = mean_colour(&picture.frame, &region.mask) {
                        colours.insert([sample, image, target], colour);
                    }
                }
            }
        }
        Ok(Self(colours))
    }

    pub(super) fn of(&self, sample: usize, image: usize, target: usize) -> Option<Colour> {
        self.0.get(&[sample, image, target]).copied()
    }
}

/// The mean of the pixels in a mask of the size of the picture; `None` of no pixel.
fn mean_colour(frame: &Frame, mask: &Rle) -> Option<Colour> {
    let (width, height) = (u64::from(frame.size().width), u64::from(frame.size().height));
    let mut sums = [0_u64; 3];
    let mut count = 0_u64;
    let mut at = 0_u64;
    // Runs go down the columns, pixels along the rows.
    for (number, &length) in mask.counts().iter().enumerate() {
        let end = at + u64::from(length);
        if number % 2 == 1 {
            for place in at..end {
                let pixel = ((place % height) * width + place / height) as usize * 3;
                if let Some(pixel) = frame.pixels().get(pixel..pixel + 3) {
                    sums.iter_mut().zip(pixel).for_each(|(sum, &value)| *sum += u64::from(value));
                    count += 1;
                }
            }
        }
        at = end;
    }
    (count > 0).then(|| sums.map(|sum| sum as f64 / count as f64))
}

#[cfg(test)]
mod tests {
    use calico_image::Size;

    use super::*;

    #[test]
    fn the_mean_is_that_of_the_pixels_under_the_mask() {
        // Two rows of three pixels; the mask takes the upper right and the lower left one.
        let red = [10, 20, 30, 40, 50, 60].map(|value| [value, 0, value / 10]);
        let size = Size::new(2, 3);
        let frame = Frame::new(size, red.concat()).unwrap();
        let mask = Rle::from_counts(size, vec![1, 1, 2, 1, 1]).unwrap();
        let found = mean_colour(&frame, &mask).unwrap();
        assert_eq!(found.map(|value| (value * 2.0) as u32), [70, 0, 7]);
        assert_eq!(mean_colour(&frame, &Rle::empty(size)), None);
    }
}
