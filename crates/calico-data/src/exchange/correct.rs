use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use calico_annotation::{AnnotatedImage, Document, Kind, Region};
use calico_result::EncodedMask;
use serde::Serialize;

use crate::build::Destination;
use crate::{
    DataError, Dataset, RegionRecord, SampleRecord, Split, SplitTables, Tables, answer_text, tables,
};

/// The most statements of what was not understood.
const MOST_STATEMENTS: usize = 1000;

/// What a corrected document changed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Corrections {
    /// Regions with another mask than before.
    pub changed: u64,
    /// Regions that were removed, or whose label was changed, which comes to the same: no answer
    /// may name them any more.
    pub removed: u64,
    /// Samples that are left out because they name a removed region, or because one more part is
    /// seen than they say.
    pub samples_left_out: u64,
    /// Regions that the data set did not have. No answer names them; build own data of the
    /// document to use them.
    pub added: u64,
    /// What could not be used, one statement each; at most a thousand.
    pub statements: Vec<String>,
}

impl Corrections {
    /// Whether the data set is as it was.
    fn is_nothing(&self) -> bool {
        self.changed + self.removed + self.samples_left_out + self.added == 0
    }

    fn tell(&mut self, statement: String) {
        if self.statements.len() < MOST_STATEMENTS {
            self.statements.push(statement);
        }
    }
}

/// What `build.json` is called in a corrected data set, whose counts and limits it does not tell
/// any more.
const BUILT_FROM: &str = "built_from.json";

/// Writes a data set whose masks in one split are those of a corrected document. Images that the
/// document lacks keep their masks; everything else is as it was.
///
/// # Errors
///
/// [`DataError::NothingCorrected`] if the document has no image of the split, and what reading
/// and writing come to. The destination is written whole or not at all.
pub fn correct(
    dataset: &Dataset,
    split: Split,
    document: &Document,
    destination: &Destination,
) -> Result<Corrections, DataError> {
    let SplitTables { images, regions } = dataset.split(split)?;
    let known: HashMap<&str, &str> = images
        .iter()
        .flat_map(|image| {
            // Tools that know files only give their names back.
            [
                (image.image_id.as_str(), image.image_id.as_str()),
                (&image.file_name, &image.image_id),
            ]
        })
        .collect();
    let mut corrections = Corrections::default();
    let mut drawn: BTreeMap<&str, Drawn<'_>> = BTreeMap::new();
    for image in &document.images {
        let ids = [image.id.as_str(), image.file_name.as_str()];
        match ids.into_iter().find_map(|id| known.get(id)) {
            Some(&image_id) => drop(drawn.insert(image_id, Drawn::new(image))),
            None => corrections.tell(format!(
                "the image {:?} ({:?}) is not in the split {split}: left out",
                image.id, image.file_name
            )),
        }
    }
    if drawn.is_empty() {
        return Err(DataError::NothingCorrected { split });
    }
    let mut kept = Vec::with_capacity(regions.len());
    let mut gone = HashSet::new();
    for region in regions.iter() {
        match drawn.get_mut(region.image_id) {
            None => kept.push(region.to_record()),
            Some(image) => match image.correct(region.to_record(), &mut corrections) {
                Some(record) => kept.push(record),
                None => drop(gone.insert(region.region_id)),
            },
        }
    }
    let added = drawn.into_iter().map(|(image_id, image)| (image_id, image.new_labels()));
    let added: HashMap<&str, BTreeSet<&str>> = added.collect();
    corrections.added = added.values().map(|labels| labels.len() as u64).sum();
    let is_right = |sample: &SampleRecord| {
        sample.region_ids.iter().all(|id| !gone.contains(id))
            && sample.image_ids.iter().all(|image| {
                let labels = added.get(image.as_str());
                labels.is_none_or(|labels| !labels.iter().any(|label| contradicts(sample, label)))
            })
    };
    write(dataset, split, destination, kept, is_right, &mut corrections)?;
    Ok(corrections)
}

/// Whether an answer may be wrong now that something with this label was drawn: it says that the
/// label is unique, or that there is nothing to name.
fn contradicts(sample: &SampleRecord, label: &str) -> bool {
    let parsed = answer_text::parse(&sample.answer, sample.image_ids.len());
    let names_nothing = parsed.as_ref().is_ok_and(Vec::is_empty);
    let groups = parsed.unwrap_or_default();
    let is_named = |phrase: &str| {
        phrase == label || phrase.split_once(' ').is_some_and(|(_, words)| words == label)
    };
    let is_unique = sample.subtask == calico_result::Task::UniqueParts
        && groups.iter().any(|group| is_named(group.phrase));
    names_nothing || is_unique
}

/// A corrected image.
struct Drawn<'a> {
    image: &'a AnnotatedImage,
    /// By id; those that are taken out belong to a region of the tables.
    regions: HashMap<u32, &'a Region>,
}

impl<'a> Drawn<'a> {
    fn new(image: &'a AnnotatedImage) -> Self {
        let regions = image.regions.iter().map(|region| (region.id, region)).collect();
        Self { image, regions }
    }

    /// The region of the tables as it was corrected; none if it is gone.
    fn correct(
        &mut self,
        mut record: RegionRecord,
        corrections: &mut Corrections,
    ) -> Option<RegionRecord> {
        let id = record.region_id;
        let label = record.part_label.as_ref().unwrap_or(&record.object_label).clone();
        let place = format!("region {id} ({label:?} in {:?})", self.image.id);
        let Some(region) = self.regions.get(&id).filter(|region| region.label == label) else {
            corrections.removed += 1;
            corrections.tell(format!("{place} is gone, or has another label: left out"));
            return None;
        };
        let mask = region.mask.clone();
        self.regions.remove(&id);
        let [height, width] = record.rle.size;
        if (mask.size().height, mask.size().width) != (height, width) {
            corrections.tell(format!("{place} has the size {}: kept as it was", mask.size()));
            return Some(record);
        }
        let Some(found) = mask.bounding_box() else {
            corrections.removed += 1;
            corrections.tell(format!("{place} has no pixel left: left out"));
            return None;
        };
        let counts = mask.compressed();
        if counts != record.rle.counts {
            corrections.changed += 1;
            record.area = mask.area() as u32;
            record.bbox = [found.x, found.y, found.width, found.height];
            record.rle = EncodedMask { size: [height, width], counts };
        }
        Some(record)
    }

    /// The labels of regions that the tables do not have.
    fn new_labels(self) -> BTreeSet<&'a str> {
        let new = self.regions.into_values().filter(|region| region.kind != Kind::Other);
        new.map(|region| region.label.as_str()).collect()
    }
}

/// Writes all splits: the corrected one with its new rows, the others as they are.
fn write(
    dataset: &Dataset,
    corrected: Split,
    destination: &Destination,
    regions: Vec<RegionRecord>,
    is_right: impl Fn(&SampleRecord) -> bool,
    corrections: &mut Corrections,
) -> Result<(), DataError> {
    let (scratch, folder) = destination.scratch()?;
    let format = dataset.format();
    let written = dataset.build().map(|build| build.config.tables.clone()).unwrap_or_default();
    let options = Tables { format, ..written };
    let mut regions = Some(regions);
    for split in dataset.splits() {
        let images = dataset.images(split)?.collect::<Result<Vec<_>, _>>()?;
        tables::write_images(&folder, split, &images, &options)?;
        let rows = match regions.take_if(|_| split == corrected) {
            Some(rows) => rows,
            None => dataset.regions(split)?.collect::<Result<Vec<_>, _>>()?,
        };
        tables::write_regions(&folder, split, rows.into_iter(), &options)?;
        let keeps = |sample: &SampleRecord| split != corrected || is_right(sample);
        let mut total = 0;
        for sample in dataset.samples(split)? {
            if keeps(&sample?) {
                total += 1;
            } else {
                corrections.samples_left_out += 1;
            }
        }
        // The first pass found no error; one that comes now ends the rows, and their number is
        // then not the one that was announced.
        let samples = dataset.samples(split)?.map_while(Result::ok).filter(keeps);
        tables::write_samples(&folder, split, total, samples, &options)?;
    }
    for name in
        ["build.json", BUILT_FROM, "problems.jsonl", "leak_report.json", "README.md", "roots.toml"]
    {
        let is_outdated = name == "build.json" && !corrections.is_nothing();
        let new_name = if is_outdated { BUILT_FROM } else { name };
        match std::fs::read(dataset.folder().join(name)) {
            Ok(bytes) => drop(folder.write(new_name, &bytes)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(DataError::read(&dataset.folder().join(name), error)),
        }
    }
    let mut report =
        serde_json::to_vec_pretty(corrections).map_err(|error| DataError::Write(error.into()))?;
    report.push(b'\n');
    folder.write("corrections.json", &report)?;
    destination.put(&scratch)
}
