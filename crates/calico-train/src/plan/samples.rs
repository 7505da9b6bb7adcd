use std::collections::{BTreeMap, BTreeSet};

use calico_data::{Dataset, SampleRecord, Split, SplitTables};
use calico_language::Tokenizer;
use calico_model::CalicoConfig;
use calico_model::prompt::{PromptId, prompt_ids, user_message};
use serde::{Deserialize, Serialize};

use super::SampleShape;
use crate::TrainError;
use crate::recipe::DataConfig;

/// How large the samples of a training are: arithmetic follows the mean, memory the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Samples {
    /// The mean, rounded up.
    pub mean: SampleShape,
    /// The 99th percentile of each number.
    pub high: SampleShape,
    /// Samples of the train split that are selected, if a data set was looked at.
    pub samples: Option<u64>,
    /// Pictures of the train split, if a data set was looked at.
    pub pictures: Option<u64>,
    /// Background and objects, which the objective `labels` tells apart.
    pub objects: u64,
    /// No part and parts, which it tells apart, too.
    pub parts: u64,
    /// Labels of objects and parts of objects, for the objective `label_masks`.
    pub labels: u64,
    /// The most of them that a picture shows, but for one picture in a hundred.
    pub labels_of_picture: u64,
}

/// Objects, parts and labels where no data set was looked at.
const CLASSES: [u64; 3] = [150, 350, 1000];
/// Labels of a picture there.
const OF_PICTURE: u64 = 8;

impl From<SampleShape> for Samples {
    /// All samples alike.
    fn from(shape: SampleShape) -> Self {
        let [objects, parts, labels] = CLASSES;
        let (samples, pictures) = (None, None);
        let (mean, high, labels_of_picture) = (shape, shape, OF_PICTURE);
        Self { mean, high, samples, pictures, objects, parts, labels, labels_of_picture }
    }
}

impl Default for Samples {
    fn default() -> Self {
        SampleShape::default().into()
    }
}

impl Samples {
    /// Looks at up to `most` samples of the train split, spread evenly over it.
    ///
    /// # Errors
    /// If the data set cannot be read, or no sample that is selected can be asked.
    pub fn of_dataset(
        dataset: &Dataset,
        data: &DataConfig,
        config: &CalicoConfig,
        tokenizer: &Tokenizer,
        most: u64,
    ) -> Result<Self, TrainError> {
        let tables = dataset.split(Split::Train)?;
        let step = dataset.sample_count(Split::Train)?.div_ceil(most.max(1)).max(1);
        let takes = |sample: &SampleRecord| {
            (data.subtasks.is_empty() || data.subtasks.contains(&sample.subtask))
                && (data.sources.is_empty() || data.sources.contains(&sample.source))
        };
        let (mut selected, mut shapes) = (0, Vec::new());
        for sample in dataset.samples(Split::Train)? {
            let sample = sample?;
            if !takes(&sample) {
                continue;
            }
            if selected % step == 0 {
                let sides = sample.image_ids.iter().filter_map(|id| tables.images.get(id));
                let sides: Vec<[usize; 2]> =
                    sides.map(|image| [image.height as usize, image.width as usize]).collect();
                shapes.extend(shape(&sample, &sides, config, tokenizer));
            }
            selected += 1;
        }
        if shapes.is_empty() {
            let problems = vec![
                "data: the train split has no sample that is selected and can be asked".into(),
            ];
            return Err(TrainError::Mismatch { problems });
        }
        let [objects, parts, labels] = classes(&tables);
        Ok(Self {
            mean: each(&shapes, mean),
            high: each(&shapes, high),
            samples: Some(selected),
            pictures: Some(tables.images.len() as u64),
            objects,
            parts,
            labels,
            labels_of_picture: labels_of_picture(&tables),
        })
    }
}

/// Objects with background, parts with none, and labels of objects and parts.
fn classes(tables: &SplitTables) -> [u64; 3] {
    let regions = || tables.regions.iter();
    let objects: BTreeSet<&str> = regions().map(|region| region.object_label).collect();
    let parts: BTreeSet<&str> = regions().filter_map(|region| region.part_label).collect();
    let labels: BTreeSet<_> = regions().map(|r| (r.object_label, r.part_label)).collect();
    [1 + objects.len(), 1 + parts.len(), labels.len()].map(|count| count as u64)
}

/// How many labels a picture shows.
fn labels_of_picture(tables: &SplitTables) -> u64 {
    let mut shown: BTreeMap<&str, BTreeSet<_>> = BTreeMap::new();
    for region in tables.regions.iter() {
        let labels = shown.entry(region.image_id).or_default();
        labels.insert((region.object_label, region.part_label));
    }
    high(&mut shown.values().map(BTreeSet::len).collect::<Vec<_>>()) as u64
}

/// How large one sample is, if it can be asked; its photographs count as the largest of them.
fn shape(
    sample: &SampleRecord,
    sides: &[[usize; 2]],
    config: &CalicoConfig,
    tokenizer: &Tokenizer,
) -> Option<SampleShape> {
    let images = sample.image_ids.len();
    let message = user_message(&sample.question, images).ok()?;
    let ids = prompt_ids(&message, &config.prompt, tokenizer).ok()?;
    let answer = tokenizer.encode(sample.answer.trim()).ok()?;
    let text_tokens = ids.iter().filter(|id| **id != PromptId::Image).count();
    let room =
        config.llm.max_positions.saturating_sub(text_tokens + images * config.tokens_per_image());
    let [height, width] =
        sides.iter().copied().max_by_key(|[height, width]| height * width).unwrap_or([1, 1]);
    Some(SampleShape {
        images,
        text_tokens,
        answer_tokens: answer.len().min(room),
        masks: sample.region_ids.len(),
        height,
        width,
    })
}

/// Number by number.
fn each(shapes: &[SampleShape], of: fn(&mut [usize]) -> usize) -> SampleShape {
    let all =
        |number: fn(&SampleShape) -> usize| of(&mut shapes.iter().map(number).collect::<Vec<_>>());
    SampleShape {
        images: all(|shape| shape.images),
        text_tokens: all(|shape| shape.text_tokens),
        answer_tokens: all(|shape| shape.answer_tokens),
        masks: all(|shape| shape.masks),
        height: all(|shape| shape.height),
        width: all(|shape| shape.width),
    }
}

fn mean(numbers: &mut [usize]) -> usize {
    numbers.iter().sum::<usize>().div_ceil(numbers.len().max(1))
}

fn high(numbers: &mut [usize]) -> usize {
    numbers.sort_unstable();
    let at = (numbers.len() * 99).div_ceil(100).saturating_sub(1);
    numbers.get(at).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use calico_language::byte_level_json;
    use calico_model::Preset;
    use calico_result::Task;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn one_sample_in_a_hundred_may_be_larger_than_the_high_number() {
        let mut numbers: Vec<usize> = (1..=200).rev().collect();
        assert_eq!((mean(&mut numbers), high(&mut numbers)), (101, 198));
        assert_eq!((mean(&mut [7]), high(&mut [7])), (7, 7));
    }

    /// A data set of `pairs` pairs of two pictures each, whose answers grow.
    fn dataset(folder: &Path, pairs: usize) -> Dataset {
        let write = |name: &str, rows: Vec<Value>| {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
            std::fs::write(path, lines.join("\n") + "\n").unwrap();
        };
        let image = |number: usize| {
            json!({
                "image_id": format!("own/{number}"), "source": "own",
                "file_name": format!("{number}.png"), "width": 10 + number, "height": 20,
                "sha256": null, "split": "train", "seen": ["dog"],
            })
        };
        let region = |number: usize| {
            json!({
                "region_id": number, "image_id": format!("own/{number}"), "object_label": "dog",
                "part_label": if number == 0 { json!("leg") } else { json!(null) },
                "raw_ids": [], "area": 1, "bbox": [0, 0, 1, 1],
                "rle": { "size": [20, 10 + number], "counts": "01" },
            })
        };
        let sample = |number: usize| {
            json!({
                "sample_id": format!("s{number}"), "source": "own",
                "subtask": if number == 0 { "common_objects" } else { "common_parts" },
                "class_a": "dog", "class_b": "dog",
                "image_ids": [format!("own/{}", 2 * number), format!("own/{}", 2 * number + 1)],
                "question": "See <image> (IMAGE1) and <image> (IMAGE2). What is it?",
                "answer": format!("{}<p> a dog </p> [SEG] (IMAGE1)", "x ".repeat(number)),
                "region_ids": [2 * number], "image_index": [1],
                "template_ids": { "prefix": "P1", "question": "Q1", "answer": "A1" },
                "ambiguous": false,
            })
        };
        write("images/train.jsonl", (0..2 * pairs).map(image).collect());
        write("regions/train.jsonl", (0..2 * pairs).map(region).collect());
        write("samples/train-00000-of-00001.jsonl", (0..pairs).map(sample).collect());
        Dataset::open(folder).unwrap()
    }

    #[test]
    fn a_data_set_is_measured_as_the_model_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let dataset = dataset(folder.path(), 3);
        let config = Preset::Tiny.config().unwrap();
        let json = byte_level_json(259).to_string();
        let tokenizer = Tokenizer::parse(json.as_bytes(), Path::new("tokenizer.json")).unwrap();
        let of = |data: &DataConfig, most| {
            Samples::of_dataset(&dataset, data, &config, &tokenizer, most)
        };
        let all = of(&DataConfig::default(), 1000).unwrap();
        assert_eq!((all.samples, all.pictures), (Some(3), Some(6)));
        assert_eq!([all.objects, all.parts, all.labels, all.labels_of_picture], [2, 2, 2, 1]);
        let SampleShape { images, text_tokens, answer_tokens, masks, height, width } = all.high;
        assert_eq!((images, masks, height, width), (2, 1, 20, 15));
        // One token per byte of the template; the pictures are no text.
        assert!((200..400).contains(&text_tokens), "{text_tokens}");
        // None, one and three bytes stand before the phrase: no blank before an added token.
        assert_eq!(all.mean.answer_tokens + 1, answer_tokens);
        assert_eq!((all.mean.width, all.mean.images), (13, 2));
        // The first sample alone, by number and by sub-task.
        let objects = DataConfig { subtasks: vec![Task::CommonObjects], ..DataConfig::default() };
        let first = of(&objects, 1000).unwrap();
        assert_eq!((first.samples, first.high), (Some(1), of(&objects, 1).unwrap().high));
        assert_eq!(first.high, of(&DataConfig::default(), 1).unwrap().high);
        let none = DataConfig { sources: vec!["paco_lvis".to_owned()], ..DataConfig::default() };
        assert!(matches!(of(&none, 10), Err(TrainError::Mismatch { .. })));
    }
}
