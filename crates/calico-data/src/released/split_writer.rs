use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Seek as _, Write as _};

use calico_result::{EncodedMask, OutputFolder, ResultError};
use sha2::{Digest as _, Sha256};

use super::ImportCounts;
use super::answer::SampleMask;
use super::sample_reader::Understood;
use super::store::{Label, Store};
use crate::{DataError, ImageRecord, RegionRecord, SampleRecord, Split, Tables, tables};

/// Collects the rows of a split, samples in a file, and writes its tables in the end.
pub(super) struct SplitWriter {
    folder: OutputFolder,
    split: Split,
    first_region: u32,
    regions: Vec<RegionRecord>,
    /// By image, label and hash of the mask.
    region_ids: HashMap<(u32, u32, [u8; 32]), u32>,
    samples: BufWriter<File>,
    sample_count: u64,
    pub(super) counts: ImportCounts,
}

impl SplitWriter {
    /// A split whose regions are numbered from `first_region` on.
    pub(super) fn new(
        folder: &OutputFolder,
        split: Split,
        first_region: u32,
    ) -> Result<Self, DataError> {
        let samples = tempfile::tempfile_in(folder.path()).map_err(|e| failed(folder, e))?;
        Ok(Self {
            folder: folder.clone(),
            split,
            first_region,
            regions: Vec::new(),
            region_ids: HashMap::new(),
            samples: BufWriter::new(samples),
            sample_count: 0,
            counts: ImportCounts::default(),
        })
    }

    /// Takes a sample, with its images and regions.
    pub(super) fn add(
        &mut self,
        sample: Understood,
        store: &mut Store<'_>,
    ) -> Result<(), DataError> {
        let Understood { sample_id, task, images, classes, masks, texts, .. } = sample;
        let region_ids: Vec<u32> =
            masks.iter().map(|mask| self.region(mask, &images, store)).collect();
        for image in &images {
            store.images[*image as usize].split = Some(self.split);
        }
        let named = images.iter().map(|image| &store.images[*image as usize]);
        let source = named.clone().map(|image| image.source.clone()).next().unwrap_or_default();
        let cells = self.counts.samples.entry(source.clone()).or_default();
        *cells.entry(task).or_default() += 1;
        let templates = &texts.templates;
        let made = [templates.question.as_str(), templates.answer.as_str()];
        self.counts.converted += u64::from(made.contains(&"converted"));
        let is_released = |id: &&str| matches!(*id, "released" | "converted");
        self.counts.rendered += u64::from(!made.iter().all(is_released));
        let mut classes = classes.into_iter();
        let record = SampleRecord {
            sample_id,
            source,
            subtask: task,
            class_a: classes.next().unwrap_or_default(),
            class_b: classes.next().unwrap_or_default(),
            image_ids: named.map(|image| image.id.clone()).collect(),
            question: texts.question,
            answer: texts.answer,
            region_ids: texts.order.iter().map(|mask| region_ids[*mask]).collect(),
            image_index: texts.order.iter().map(|mask| masks[*mask].image).collect(),
            template_ids: texts.templates,
            // The release does not say.
            ambiguous: false,
        };
        self.sample_count += 1;
        serde_json::to_writer(&mut self.samples, &record)
            .map_err(io::Error::from)
            .and_then(|()| self.samples.write_all(b"\n"))
            .map_err(|error| failed(&self.folder, error))
    }

    /// The id of the region of a mask, which may be new.
    fn region(&mut self, mask: &SampleMask, images: &[u32], store: &Store<'_>) -> u32 {
        let image = images[usize::from(mask.image) - 1];
        let counts = mask.mask.compressed();
        let key = (image, mask.label, Sha256::digest(&counts).into());
        let next = self.first_region + self.regions.len() as u32;
        if let Some(&known) = self.region_ids.get(&key) {
            return known;
        }
        self.region_ids.insert(key, next);
        let Label { object, part } = store.labels[mask.label as usize].clone();
        let size = mask.mask.size();
        let found = mask.mask.bounding_box();
        self.regions.push(RegionRecord {
            region_id: next,
            image_id: store.images[image as usize].id.clone(),
            object_label: object,
            part_label: part,
            raw_ids: mask.raw_ids.clone(),
            area: mask.mask.area() as u32,
            bbox: found.map_or([0; 4], |found| [found.x, found.y, found.width, found.height]),
            rle: EncodedMask { size: [size.height, size.width], counts },
        });
        next
    }

    /// Writes the tables if there are samples, and returns the number after the last region.
    pub(super) fn finish(&mut self, store: &Store<'_>, tables: &Tables) -> Result<u32, DataError> {
        let next = self.first_region + self.regions.len() as u32;
        if self.sample_count == 0 {
            return Ok(next);
        }
        let (folder, images) = (&self.folder, self.images(store));
        self.counts.images = images.len() as u64;
        self.counts.regions = self.regions.len() as u64;
        tables::write_images(folder, self.split, &images, tables)?;
        let regions = std::mem::take(&mut self.regions).into_iter();
        tables::write_regions(folder, self.split, regions, tables)?;
        self.samples.flush().map_err(|error| failed(folder, error))?;
        let file = self.samples.get_mut();
        file.rewind().map_err(|error| failed(folder, error))?;
        // A line that cannot be read back ends the rows, which the writer reports by their number.
        let rows = BufReader::new(file).lines().map_while(Result::ok);
        let rows = rows.map_while(|line| serde_json::from_str::<SampleRecord>(&line).ok());
        tables::write_samples(folder, self.split, self.sample_count, rows, tables)?;
        Ok(next)
    }

    /// The images that samples of the split show, sorted.
    fn images(&self, store: &Store<'_>) -> Vec<ImageRecord> {
        let shown = store.images.iter().filter(|image| image.split == Some(self.split));
        let mut rows: Vec<ImageRecord> = shown
            .map(|image| {
                let labels = image.seen.iter().map(|label| &store.labels[*label as usize]);
                let mut seen: Vec<String> = labels
                    .flat_map(|Label { object, part }| {
                        let part = part.as_ref().map(|part| format!("{object}/{part}"));
                        [Some(object.clone()), part].into_iter().flatten()
                    })
                    .collect();
                seen.sort();
                seen.dedup();
                ImageRecord {
                    image_id: image.id.clone(),
                    source: image.source.clone(),
                    file_name: image.file_name.clone(),
                    width: image.size.width,
                    height: image.size.height,
                    sha256: None,
                    split: self.split,
                    seen,
                }
            })
            .collect();
        rows.sort_by(|a, b| a.image_id.cmp(&b.image_id));
        rows
    }
}

fn failed(folder: &OutputFolder, source: io::Error) -> DataError {
    ResultError::Write { path: folder.path().to_owned(), source }.into()
}
