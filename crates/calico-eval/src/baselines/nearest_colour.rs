use std::collections::{BTreeMap, BTreeSet};

use calico_data::{Dataset, Split};
use calico_result::Task;

use super::Basis;
use super::region_colours::{Colour, RegionColours};
use crate::{EvalError, PairPrediction, Prediction, Truths, normalized_label};

/// Labels the true masks by their mean colours; returns the predictions, and what they are in
/// words.
///
/// A label's colour is the mean over the regions that bear it in true answers to the same
/// sub-task, and each region gets the label whose colour is nearest (Euclidean distance of red,
/// green and blue; of equals the first in the alphabet).
/// Where the basis are the samples that are scored, their images are dealt into two halves, by
/// turns in the order of their ids, and the regions of one half get the colours of the other.
/// A region without pixels, and one for whose sub-task no colour is known, is not predicted.
pub fn nearest_colour(
    dataset: &Dataset,
    split: Split,
    truths: &Truths,
    basis: &Basis<'_>,
) -> Result<(Vec<PairPrediction>, String), EvalError> {
    let scored = RegionColours::read(dataset, split, truths)?;
    let palettes = if basis.is_scored {
        let halves = Halves::new(truths);
        let of = |half| LabelColours::new(truths, &scored, &|image| halves.of(image) != half);
        let of = [of(0), of(1)];
        Palettes { halves: Some(halves), of }
    } else {
        let seen = RegionColours::read(dataset, basis.split, &basis.truths)?;
        let of = LabelColours::new(&basis.truths, &seen, &|_| true);
        Palettes { halves: None, of: [of, LabelColours::default()] }
    };
    let predict = |sample: usize| {
        let truth = &truths.samples()[sample];
        let mut answer = PairPrediction::empty(&truth.sample_id, truth.images.len());
        for (image, shown) in truth.images.iter().enumerate() {
            let colours = palettes.for_image(&shown.image_id);
            for (target, region) in shown.targets.iter().enumerate() {
                let nearest = scored.of(sample, image, target);
                let nearest = nearest.and_then(|colour| colours.nearest(truth.subtask, colour));
                answer.images[image].extend(nearest.map(|label| Prediction {
                    label: label.to_owned(),
                    mask: region.mask.clone(),
                    score: None,
                }));
            }
        }
        answer
    };
    let half =
        if basis.is_scored { ", for either half of the images those of the other" } else { "" };
    let reading = format!(
        "given the true masks; each gets the label whose mean colour is nearest, colours from {}{half}",
        basis.reading()
    );
    Ok(((0..truths.samples().len()).map(predict).collect(), reading))
}

/// The colours to compare an image's regions with.
struct Palettes<'t> {
    /// `None` where all images are compared with the first.
    halves: Option<Halves<'t>>,
    of: [LabelColours; 2],
}

impl Palettes<'_> {
    fn for_image(&self, image_id: &str) -> &LabelColours {
        &self.of[self.halves.as_ref().map_or(0, |halves| halves.of(image_id))]
    }
}

/// The images of samples, dealt into two halves by turns in the order of their ids.
struct Halves<'t>(BTreeMap<&'t str, usize>);

impl<'t> Halves<'t> {
    fn new(truths: &'t Truths) -> Self {
        let images = truths.samples().iter().flat_map(|truth| &truth.images);
        let ids: BTreeSet<&str> = images.map(|image| image.image_id.as_str()).collect();
        Self(ids.into_iter().enumerate().map(|(number, id)| (id, number % 2)).collect())
    }

    fn of(&self, image_id: &str) -> usize {
        self.0.get(image_id).copied().unwrap_or(0)
    }
}

/// The mean colour of every label of every sub-task.
#[derive(Debug, Default)]
struct LabelColours(BTreeMap<Task, BTreeMap<String, Colour>>);

impl LabelColours {
    fn new(truths: &Truths, colours: &RegionColours, takes: &dyn Fn(&str) -> bool) -> Self {
        let mut sums: BTreeMap<Task, BTreeMap<String, (Colour, usize)>> = BTreeMap::new();
        for (sample, truth) in truths.samples().iter().enumerate() {
            let labels = sums.entry(truth.subtask).or_default();
            for (image, shown) in truth.images.iter().enumerate() {
                if !takes(&shown.image_id) {
                    continue;
                }
                for (target, region) in shown.targets.iter().enumerate() {
                    let Some(colour) = colours.of(sample, image, target) else { continue };
                    let entry = labels.entry(normalized_label(&region.label)).or_default();
                    entry.0.iter_mut().zip(colour).for_each(|(sum, value)| *sum += value);
                    entry.1 += 1;
                }
            }
        }
        let mean = |(label, (sum, count)): (String, (Colour, usize))| {
            (label, sum.map(|sum| sum / count as f64))
        };
        let means =
            |(task, labels): (Task, BTreeMap<_, _>)| (task, labels.into_iter().map(mean).collect());
        Self(sums.into_iter().map(means).collect())
    }

    fn nearest(&self, task: Task, colour: Colour) -> Option<&str> {
        let distance = |other: &Colour| -> f64 {
            colour.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum()
        };
        let labels = self.0.get(&task)?.iter();
        let nearest = labels.min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)))?;
        Some(nearest.0)
    }
}
