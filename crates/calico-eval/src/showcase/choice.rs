use std::collections::BTreeMap;

use calico_data::{Dataset, SampleRecord, Split, SplitTables, Stream};
use calico_result::Task;

use super::{Chosen, ChosenSample};
use crate::EvalError;
use crate::context::case_of;
use crate::truths::truth;

/// The stage that names the random numbers of a draw.
const STAGE: &str = "gallery";

/// The split that is drawn from: the one that no model has learned from.
const SPLIT: Split = Split::Test;

/// How many samples are drawn, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// Samples per sub-task, and cases of one image with two partners.
    pub pairs: usize,
    /// Seed of the draw.
    pub seed: u64,
}

impl Choice {
    /// Draws samples of each sub-task from the test split of a data set, and cases from that of
    /// its suite `context`. Each is equally likely; where there are fewer than asked for, all are
    /// taken.
    ///
    /// The draw depends on the seed and on the ids of the samples, and on nothing else.
    ///
    /// # Errors
    ///
    /// - what reading the tables comes to, and a sample that contradicts them
    /// - [`EvalError::NoSamples`] if the data set has none
    pub fn draw<'a>(
        &self,
        data: &'a Dataset,
        context: Option<&'a Dataset>,
    ) -> Result<Chosen<'a>, EvalError> {
        let mut tasks: BTreeMap<Task, Draw<SampleRecord>> = BTreeMap::new();
        for sample in data.samples(SPLIT)? {
            let sample = sample?;
            let draw = tasks.entry(sample.subtask).or_default();
            draw.offer(self, &sample.sample_id.clone(), sample);
        }
        let drawn = tasks.into_values().flat_map(Draw::into_values);
        let pairs = sampled(data, drawn.collect())?;
        if pairs.is_empty() {
            return Err(EvalError::NoSamples);
        }
        let cases = match context {
            Some(context) => self.cases(context)?,
            None => Vec::new(),
        };
        Ok(Chosen { choice: *self, pairs, cases })
    }

    fn cases<'a>(&self, context: &'a Dataset) -> Result<Vec<[ChosenSample<'a>; 2]>, EvalError> {
        let mut cases: BTreeMap<String, [Option<SampleRecord>; 2]> = BTreeMap::new();
        for sample in context.samples(SPLIT)? {
            let sample = sample?;
            let case = case_of(&sample.sample_id).map(|(case, half)| (case.to_owned(), half));
            if let Some((case, half)) = case {
                cases.entry(case).or_default()[half] = Some(sample);
            }
        }
        let mut draw = Draw::default();
        for (id, case) in cases {
            if let [Some(a), Some(b)] = case {
                draw.offer(self, &id, [a, b]);
            }
        }
        let mut halves = sampled(context, draw.into_values().flatten().collect())?.into_iter();
        let mut pairs = Vec::new();
        while let (Some(a), Some(b)) = (halves.next(), halves.next()) {
            pairs.push([a, b]);
        }
        Ok(pairs)
    }
}

/// What has the smallest random numbers so far.
#[derive(Debug)]
struct Draw<T>(BTreeMap<(u64, String), T>);

impl<T> Default for Draw<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Draw<T> {
    fn offer(&mut self, choice: &Choice, id: &str, value: T) {
        let number = Stream::new(choice.seed, STAGE, id).bits();
        self.0.insert((number, id.to_owned()), value);
        if self.0.len() > choice.pairs {
            self.0.pop_last();
        }
    }

    fn into_values(self) -> impl Iterator<Item = T> {
        self.0.into_values()
    }
}

/// Samples with their images and true masks.
fn sampled(
    dataset: &Dataset,
    samples: Vec<SampleRecord>,
) -> Result<Vec<ChosenSample<'_>>, EvalError> {
    let tables: SplitTables = dataset.split(SPLIT)?;
    let chosen = samples.into_iter().map(|sample| {
        let truth = truth(&sample, &tables)?;
        // Its truth was found, and so were its images.
        let images = sample.image_ids.iter().filter_map(|id| tables.images.get(id).cloned());
        let images = images.collect();
        Ok(ChosenSample { dataset, sample, images, truth })
    });
    chosen.collect()
}
