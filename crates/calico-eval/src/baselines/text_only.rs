use std::collections::{BTreeMap, BTreeSet};

use calico_image::{Rle, Size};
use calico_result::Task;

use super::Basis;
use crate::{
    EvalError, PairPrediction, PairTruth, PartObjects, Prediction, Truths, normalized_label,
    word_overlap,
};

/// What the guesser always answers.
///
/// S-IoU asks per target for the best predicted label, so that an answer with every label there
/// is would score 100. The guesser therefore gives as many labels per image as a true answer has
/// on average, rounded, and at least one.
#[derive(Debug, Clone, PartialEq)]
pub struct FixedAnswers {
    tasks: BTreeMap<Task, Vec<Guess>>,
    basis: String,
}

/// A label and where it is said to be.
#[derive(Debug, Clone, PartialEq)]
struct Guess {
    label: String,
    /// Left, top, right and bottom of the mean box, as shares of the image.
    place: [f64; 4],
}

impl FixedAnswers {
    /// Finds the answers that score best on a basis, per sub-task.
    ///
    /// Labels are added one by one, each the one that raises the mean S-IoU most, of equal ones
    /// the first in the alphabet; where none raises it the answer ends. Its mask is the mean box
    /// of the regions of that label in that sub-task.
    pub fn fit(basis: &Basis<'_>, objects: PartObjects) -> Self {
        let mut tasks: BTreeMap<Task, Vec<&PairTruth>> = BTreeMap::new();
        for sample in basis.truths.samples() {
            tasks.entry(sample.subtask).or_default().push(sample);
        }
        let fit = |(task, samples): (Task, Vec<&PairTruth>)| (task, fit(&samples, objects));
        Self { tasks: tasks.into_iter().map(fit).collect(), basis: basis.reading() }
    }

    /// The labels, per sub-task.
    pub fn labels(&self) -> BTreeMap<Task, Vec<String>> {
        let labels = |guesses: &Vec<Guess>| guesses.iter().map(|it| it.label.clone()).collect();
        self.tasks.iter().map(|(task, guesses)| (*task, labels(guesses))).collect()
    }

    /// What the guesser is, in words.
    pub fn reading(&self) -> String {
        format!(
            "per sub-task one answer for all samples: the labels that score the highest S-IoU on \
             {}, as many per image as true answers have on average, each in the mean box of its \
             regions",
            self.basis
        )
    }

    fn answer(&self, truth: &PairTruth) -> Result<PairPrediction, EvalError> {
        let mut answer = PairPrediction::empty(&truth.sample_id, truth.images.len());
        let guesses = self.tasks.get(&truth.subtask).map_or(&[][..], Vec::as_slice);
        for (number, image) in truth.images.iter().enumerate() {
            for guess in guesses {
                let mask = filled_box(image.size, guess.place).map_err(|source| {
                    let sample_id = truth.sample_id.clone();
                    EvalError::Masks { sample_id, image: number + 1, source }
                })?;
                let label = guess.label.clone();
                answer.images[number].push(Prediction { label, mask, score: None });
            }
        }
        Ok(answer)
    }
}

/// The same answer to every sample of a sub-task.
pub fn text_only(
    answers: &FixedAnswers,
    truths: &Truths,
) -> Result<Vec<PairPrediction>, EvalError> {
    truths.samples().iter().map(|truth| answers.answer(truth)).collect()
}

/// The targets of one image, as numbers of labels.
type Image = Vec<usize>;

/// The best answer to the samples of one sub-task.
fn fit(samples: &[&PairTruth], objects: PartObjects) -> Vec<Guess> {
    let mut boxes: BTreeMap<String, MeanBox> = BTreeMap::new();
    let mut named: Vec<Vec<String>> = Vec::new();
    for sample in samples {
        for image in &sample.images {
            let mut labels = Vec::new();
            for target in image.targets.iter().filter(|it| sample.counts(it, objects)) {
                let label = normalized_label(&target.label);
                boxes.entry(label.clone()).or_default().add(&target.mask);
                labels.push(label);
            }
            named.push(labels);
        }
    }
    // An image without targets asks for nothing, and S-IoU leaves it out.
    named.retain(|labels| !labels.is_empty());
    let known: Vec<&String> = boxes.keys().collect();
    let number = |label: &String| known.binary_search(&label).ok();
    let images: Vec<Image> =
        named.iter().map(|labels| labels.iter().filter_map(number).collect()).collect();
    let distinct = |image: &Image| image.iter().collect::<BTreeSet<_>>().len();
    let sum: usize = images.iter().map(distinct).sum();
    let most = (sum as f64 / images.len().max(1) as f64).round().max(1.0) as usize;
    let likeness: Vec<Vec<f64>> =
        known.iter().map(|a| known.iter().map(|b| word_overlap(a, b)).collect()).collect();
    let chosen = grow(&images, &likeness, most);
    let guess = |at: usize| {
        let (label, place) = boxes.iter().nth(at)?;
        Some(Guess { label: label.clone(), place: place.mean()? })
    };
    chosen.into_iter().filter_map(guess).collect()
}

/// The numbers of at most `most` labels, chosen greedily for the mean over images of the mean
/// over targets of the best likeness. `likeness` has the shape `[labels, labels]`.
fn grow(images: &[Image], likeness: &[Vec<f64>], most: usize) -> Vec<usize> {
    let mut best: Vec<Vec<f64>> = images.iter().map(|image| vec![0.0; image.len()]).collect();
    let mut chosen = Vec::new();
    while chosen.len() < most {
        let gain = |label: usize| -> f64 {
            let of_image = |(image, best): (&Image, &Vec<f64>)| {
                let gains = image.iter().zip(best);
                let sum: f64 = gains.map(|(&it, best)| (likeness[it][label] - best).max(0.0)).sum();
                sum / image.len() as f64
            };
            images.iter().zip(&best).map(of_image).sum()
        };
        let mut winner: Option<(usize, f64)> = None;
        for label in 0..likeness.len() {
            let gain = gain(label);
            if gain > winner.map_or(0.0, |(_, most)| most) {
                winner = Some((label, gain));
            }
        }
        let Some((label, _)) = winner else { break };
        chosen.push(label);
        for (image, best) in images.iter().zip(&mut best) {
            for (&target, best) in image.iter().zip(best) {
                *best = best.max(likeness[target][label]);
            }
        }
    }
    chosen
}

/// The mean of boxes, as shares of their images.
#[derive(Debug, Clone, Copy, Default)]
struct MeanBox {
    sum: [f64; 4],
    count: usize,
}

impl MeanBox {
    /// Adds the box of a mask; an empty one has none.
    fn add(&mut self, mask: &Rle) {
        let Some(found) = mask.bounding_box() else { return };
        let Size { height, width } = mask.size();
        let (x, y) = (f64::from(found.x), f64::from(found.y));
        let (right, bottom) = (x + f64::from(found.width), y + f64::from(found.height));
        let (width, height) = (f64::from(width), f64::from(height));
        let edges = [x / width, y / height, right / width, bottom / height];
        self.sum.iter_mut().zip(edges).for_each(|(sum, edge)| *sum += edge);
        self.count += 1;
    }

    fn mean(&self) -> Option<[f64; 4]> {
        (self.count > 0).then(|| self.sum.map(|sum| sum / self.count as f64))
    }
}

/// A box in an image, its edges rounded to pixels.
fn filled_box(size: Size, place: [f64; 4]) -> Result<Rle, calico_image::ImageError> {
    let [width, height] = [f64::from(size.width), f64::from(size.height)];
    let [left, top] = [(place[0] * width).round(), (place[1] * height).round()];
    let [right, bottom] = [(place[2] * width).round(), (place[3] * height).round()];
    Rle::from_box(size, [left, top, right - left, bottom - top])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Likeness of labels that share nothing.
    fn strangers(count: usize) -> Vec<Vec<f64>> {
        let row = |a| (0..count).map(|b| f64::from(u8::from(a == b))).collect();
        (0..count).map(row).collect()
    }

    #[test]
    fn the_answer_grows_by_what_helps_most() {
        // Label 0 in one image, 1 in three, 2 in two.
        let images = [vec![0, 1], vec![1], vec![1, 2], vec![2]];
        // Gains: 0.5, 0.5 + 1 + 0.5 and 0.5 + 1.
        assert_eq!(grow(&images, &strangers(3), 1), [1]);
        assert_eq!(grow(&images, &strangers(3), 2), [1, 2]);
        assert_eq!(grow(&images, &strangers(3), 9), [1, 2, 0]);
    }

    #[test]
    fn equals_go_by_the_alphabet_and_nothing_is_added_in_vain() {
        assert_eq!(grow(&[vec![1], vec![0]], &strangers(3), 1), [0]);
        assert_eq!(grow(&[vec![1]], &strangers(3), 3), [1]);
        assert!(grow(&[], &strangers(2), 3).is_empty());
    }

    #[test]
    fn a_box_is_filled_to_the_pixel() {
        let found = filled_box(Size::new(10, 20), [0.1, 0.2, 0.5, 0.6]).unwrap();
        let place = found.bounding_box().unwrap();
        assert_eq!([place.x, place.y, place.width, place.height], [2, 2, 8, 4]);
        assert_eq!(found.area(), 32);
    }
}
