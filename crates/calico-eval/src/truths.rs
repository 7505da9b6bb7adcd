use std::fmt::Write as _;

use calico_data::{Dataset, SampleRecord, Split, SplitTables};
use sha2::{Digest as _, Sha256};

use crate::{EvalError, ImageTruth, PairTruth, Target};

/// The samples of a split, in the order of their ids, which is the order in which AP50 meets
/// predictions with equal scores.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Truths(Vec<PairTruth>);

impl Truths {
    /// Sorts the samples; two with the same id are refused.
    pub fn new(mut samples: Vec<PairTruth>) -> Result<Self, EvalError> {
        samples.sort_by(|a, b| a.sample_id.cmp(&b.sample_id));
        let repeated = samples.windows(2).find(|pair| pair[0].sample_id == pair[1].sample_id);
        match repeated {
            Some(pair) => Err(EvalError::RepeatedSample { sample_id: pair[0].sample_id.clone() }),
            None => Ok(Self(samples)),
        }
    }

    /// Reads a split of a data set into memory, masks included.
    pub fn read(dataset: &Dataset, split: Split) -> Result<Self, EvalError> {
        let tables = dataset.split(split)?;
        let mut samples = Vec::new();
        for sample in dataset.samples(split)? {
            samples.push(truth(&sample?, &tables)?);
        }
        Self::new(samples)
    }

    /// Reads at most `most` samples of a split, evenly spread over it.
    pub(crate) fn read_spread(
        dataset: &Dataset,
        split: Split,
        most: usize,
    ) -> Result<Self, EvalError> {
        let tables = dataset.split(split)?;
        let step = dataset.sample_count(split)?.div_ceil(most as u64).max(1) as usize;
        let mut samples = Vec::new();
        for sample in dataset.samples(split)?.step_by(step) {
            samples.push(truth(&sample?, &tables)?);
        }
        Self::new(samples)
    }

    /// The samples.
    pub fn samples(&self) -> &[PairTruth] {
        &self.0
    }

    /// A sample and its index.
    pub fn find(&self, sample_id: &str) -> Option<(usize, &PairTruth)> {
        let index =
            self.0.binary_search_by(|sample| sample.sample_id.as_str().cmp(sample_id)).ok()?;
        Some((index, self.0.get(index)?))
    }

    /// SHA-256, in hexadecimal digits, of everything that is scored: equal for equal truths,
    /// however their tables are stored.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        let mut text = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        };
        for sample in &self.0 {
            text(&sample.sample_id);
            text(&sample.source);
            text(sample.subtask.name());
            sample.classes.iter().for_each(|class| text(class));
            for image in &sample.images {
                text(&image.image_id);
                text(&image.size.to_string());
                text(&image.targets.len().to_string());
                for target in &image.targets {
                    text(&target.label);
                    text(if target.is_object { "object" } else { "part" });
                    text(&target.mask.compressed());
                }
            }
        }
        let mut digits = String::new();
        for byte in hash.finalize() {
            // Writing to a string cannot fail.
            let _ = write!(digits, "{byte:02x}");
        }
        digits
    }
}

/// The regions of a sample, image by image, in the order of its answer.
pub(crate) fn truth(sample: &SampleRecord, tables: &SplitTables) -> Result<PairTruth, EvalError> {
    let wrong = |reason: String| EvalError::Sample { sample_id: sample.sample_id.clone(), reason };
    let mut images = Vec::new();
    for image_id in &sample.image_ids {
        let record = tables.images.get(image_id);
        let record =
            record.ok_or_else(|| wrong(format!("image {image_id:?} is not in the split")))?;
        images.push(ImageTruth {
            image_id: image_id.clone(),
            file_name: record.file_name.clone(),
            size: calico_image::Size::new(record.height, record.width),
            targets: Vec::new(),
        });
    }
    if sample.region_ids.len() != sample.image_index.len() {
        let (regions, numbers) = (sample.region_ids.len(), sample.image_index.len());
        return Err(wrong(format!("it has {regions} regions and {numbers} numbers of images")));
    }
    for (&region_id, &number) in sample.region_ids.iter().zip(&sample.image_index) {
        let region = tables.regions.get(region_id);
        let region =
            region.ok_or_else(|| wrong(format!("region {region_id} is not in the split")))?;
        let image = usize::from(number).checked_sub(1).and_then(|at| images.get_mut(at));
        let image = image.ok_or_else(|| wrong(format!("it has no image {number}")))?;
        if region.image_id != image.image_id || region.size != image.size {
            let (found, expected) = (region.image_id, &image.image_id);
            return Err(wrong(format!(
                "region {region_id} lies in {found:?} at {}, expected {expected:?} at {}",
                region.size, image.size
            )));
        }
        let mask = region.runs().map_err(|error| wrong(format!("region {region_id}: {error}")))?;
        image.targets.push(Target {
            label: region.label().to_owned(),
            mask,
            is_object: region.part_label.is_none(),
        });
    }
    Ok(PairTruth {
        sample_id: sample.sample_id.clone(),
        source: sample.source.clone(),
        subtask: sample.subtask,
        classes: [sample.class_a.clone(), sample.class_b.clone()],
        images,
    })
}
