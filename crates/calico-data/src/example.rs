//! A small sound data set for tests: pairs of chairs, one with a leg, one with an arm.

use std::path::Path;

use calico_image::{Mask, Rle, Size};
use calico_result::{EncodedMask, Task, create_output_folder};

use crate::tables::{write_images, write_regions, write_samples};
use crate::{ImageRecord, RegionRecord, SampleRecord, Split, TableFormat, Tables, Templates};

const SIZE: Size = Size::new(80, 100);

/// All rows of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Example {
    pub(crate) images: Vec<ImageRecord>,
    /// With the split of their image.
    pub(crate) regions: Vec<(Split, RegionRecord)>,
    pub(crate) samples: Vec<(Split, SampleRecord)>,
}

impl Example {
    /// `pairs` pairs of images, and three samples of each, in each split.
    pub(crate) fn new(pairs: u32) -> Self {
        let mut example = Self { images: Vec::new(), regions: Vec::new(), samples: Vec::new() };
        for split in Split::ALL {
            for _ in 0..pairs {
                example.add_pair(split);
            }
        }
        example
    }

    /// Writes the tables into a folder that may be new.
    pub(crate) fn write(&self, folder: &Path, tables: &Tables) {
        let folder = create_output_folder(folder).unwrap();
        for split in Split::ALL {
            let images: Vec<_> =
                self.images.iter().filter(|image| image.split == split).cloned().collect();
            write_images(&folder, split, &images, tables).unwrap();
            write_regions(&folder, split, in_split(&self.regions, split), tables).unwrap();
            let total = in_split(&self.samples, split).count() as u64;
            write_samples(&folder, split, total, in_split(&self.samples, split), tables).unwrap();
        }
    }

    /// Adds three chairs to a split, and a sample of each sub-task that shows them all: the first has
    /// a leg, the others an arm.
    pub(crate) fn add_three(&mut self, split: Split) {
        let (first, a) = self.add_image(split, "leg");
        let (second, b) = self.add_image(split, "arm");
        let (third, c) = self.add_image(split, "arm");
        let images = [first.as_str(), second.as_str(), third.as_str()];
        let all = "[SEG] (IMAGE1) [SEG] (IMAGE2) [SEG] (IMAGE3)";
        let answer = format!("All images show <p> a chair </p> {all}.");
        self.add_sample(split, Task::CommonObjects, &images, &answer, &[(a, 1), (b, 2), (c, 3)]);
        let answer = format!("All of them have <p> a back </p> {all}.");
        let regions = [(a + 1, 1), (b + 1, 2), (c + 1, 3)];
        self.add_sample(split, Task::CommonParts, &images, &answer, &regions);
        let answer = "The only unique part is <p> a leg </p> [SEG] (IMAGE1).";
        self.add_sample(split, Task::UniqueParts, &images, answer, &[(a + 3, 1)]);
    }

    /// Makes the samples of a pair, whose first is at `at`, say that there is nothing to name, and
    /// what is seen in its images agree.
    pub(crate) fn say_nothing(&mut self, at: usize) {
        let answers = ["There is no common object.", "There are no common parts.", "None."];
        for (place, answer) in (at..).zip(answers) {
            let sample = &mut self.samples[place].1;
            sample.answer = answer.to_owned();
            sample.region_ids.clear();
            sample.image_index.clear();
        }
        let ids = self.samples[at].1.image_ids.clone();
        let seen = [["chair", "chair/leg"], ["bench", "bench/back"]];
        for (id, seen) in ids.iter().zip(seen) {
            for image in self.images.iter_mut().filter(|image| image.image_id == *id) {
                image.seen = seen.map(str::to_owned).into();
            }
        }
        for (_, sample) in &mut self.samples[at..at + 2] {
            sample.class_b = "bench".to_owned();
        }
        self.regions.retain(|(_, region)| !ids.contains(&region.image_id));
        // Two chairs without a part have none of their own either: the third sample shows others.
        let bare: Vec<String> = ids.iter().map(|id| format!("{id}9")).collect();
        for (number, id) in (0..).zip(&bare) {
            let known = self.images.iter().find(|image| ids.contains(&image.image_id));
            let mut image = known.cloned().unwrap();
            let hash = 9_000_000 + at * 10 + number;
            image.image_id.clone_from(id);
            image.file_name = format!("train2017/9{hash:011}.jpg");
            image.sha256 = Some(format!("{hash:064x}"));
            image.seen = vec!["chair".to_owned()];
            self.images.push(image);
        }
        self.samples[at + 2].1.image_ids = bare;
    }

    fn add_pair(&mut self, split: Split) {
        let (first, a) = self.add_image(split, "leg");
        let (second, b) = self.add_image(split, "arm");
        let images = [first.as_str(), second.as_str()];
        let object = "<p> the chair </p> [SEG] (IMAGE1) [SEG] (IMAGE2)";
        let back = "<p> the back </p> [SEG] (IMAGE1) [SEG] (IMAGE2)";
        let seat = "<p> the seat </p> [SEG] (IMAGE1) [SEG] (IMAGE2)";
        let (leg, arm) = ("<p> a leg </p> [SEG] (IMAGE1)", "<p> an arm </p> [SEG] (IMAGE2)");
        let answer = format!("The object in both images is {object}.");
        self.add_sample(split, Task::CommonObjects, &images, &answer, &[(a, 1), (b, 2)]);
        let answer = format!("The parts found on both objects are {back} and {seat}.");
        let regions = [(a + 1, 1), (b + 1, 2), (a + 2, 1), (b + 2, 2)];
        self.add_sample(split, Task::CommonParts, &images, &answer, &regions);
        let answer = format!("The unique parts are {leg} and {arm}.");
        self.add_sample(split, Task::UniqueParts, &images, &answer, &[(a + 3, 1), (b + 3, 2)]);
    }

    /// Adds a picture of a chair with a back, a seat and one other part; returns its id and that
    /// of its first region.
    fn add_image(&mut self, split: Split, other: &str) -> (String, u32) {
        let number = self.images.len() as u32 + 1;
        let image_id = format!("paco_lvis/{number:012}");
        let labels = [None, Some("back"), Some("seat"), Some(other)];
        let mut seen: Vec<String> = labels
            .iter()
            .map(|part| part.map_or("chair".to_owned(), |part| format!("chair/{part}")))
            .collect();
        seen.sort();
        let first = self.regions.len() as u32;
        for (place, part) in (0..).zip(labels) {
            let bbox = match part {
                None => [10 + number % 7, 5, 60, 70],
                Some(_) => [12 + number % 7, 8 + 20 * (place - 1), 30, 15],
            };
            let region = RegionRecord {
                region_id: first + place,
                image_id: image_id.clone(),
                object_label: "chair".to_owned(),
                part_label: part.map(str::to_owned),
                raw_ids: vec![i64::from(first + place) + 1000],
                area: bbox[2] * bbox[3],
                bbox,
                rle: rectangle(bbox),
            };
            self.regions.push((split, region));
        }
        self.images.push(ImageRecord {
            image_id: image_id.clone(),
            source: "paco_lvis".to_owned(),
            file_name: format!("train2017/{number:012}.jpg"),
            width: SIZE.width,
            height: SIZE.height,
            sha256: Some(format!("{number:064x}")),
            split,
            seen,
        });
        (image_id, first)
    }

    fn add_sample(
        &mut self,
        split: Split,
        subtask: Task,
        images: &[&str],
        answer: &str,
        regions: &[(u32, u8)],
    ) {
        let template = |name: &str| name.to_owned();
        let sample = SampleRecord {
            sample_id: format!("{split}-{:06}", self.samples.len()),
            source: "paco_lvis".to_owned(),
            subtask,
            class_a: "chair".to_owned(),
            class_b: "chair".to_owned(),
            image_ids: images.iter().map(|id| (*id).to_owned()).collect(),
            question: match images.len() {
                2 => "Compare <image> (IMAGE1) with <image> (IMAGE2).\n\nMark what I asked for.",
                _ => "Look at <image> (IMAGE1), <image> (IMAGE2) and <image> (IMAGE3).\nMark it.",
            }
            .to_owned(),
            answer: answer.to_owned(),
            region_ids: regions.iter().map(|&(region, _)| region).collect(),
            image_index: regions.iter().map(|&(_, image)| image).collect(),
            template_ids: Templates {
                prefix: template("P5"),
                question: template("CP2"),
                answer: template("CP5"),
            },
            ambiguous: false,
        };
        self.samples.push((split, sample));
    }
}

/// Tables in a format, in files and row groups so small that a few rows fill them.
pub(crate) fn tables(format: TableFormat) -> Tables {
    Tables { format, row_group: 4, rows_per_file: 10, ..Tables::default() }
}

/// The mask of a rectangle.
pub(crate) fn rectangle([left, top, width, height]: [u32; 4]) -> EncodedMask {
    let bits = (0..SIZE.height).flat_map(|y| {
        let inside = (top..top + height).contains(&y);
        (0..SIZE.width).map(move |x| inside && (left..left + width).contains(&x))
    });
    let rle = Rle::from_mask(&Mask::new(SIZE, bits.collect()).unwrap());
    EncodedMask { size: [SIZE.height, SIZE.width], counts: rle.compressed() }
}

fn in_split<T: Clone>(rows: &[(Split, T)], split: Split) -> impl Iterator<Item = T> {
    rows.iter().filter(move |(found, _)| *found == split).map(|(_, row)| row.clone())
}
