use std::collections::HashMap;
use std::path::PathBuf;

use calico_data::loader::BadReason;
use calico_data::{Dataset, ImageRecord, Permutation, Region, Split, SplitTables, Stream};

use super::Refusal;
use crate::TrainError;

/// The images of a split that have regions.
#[derive(Debug, Clone)]
pub(crate) struct SplitImages {
    dataset: Dataset,
    tables: SplitTables,
    images: Vec<SplitImage>,
}

/// An image with its regions, by their ids.
#[derive(Debug, Clone)]
struct SplitImage {
    image_id: String,
    regions: Vec<u32>,
}

impl SplitImages {
    /// The images of some sources, of all if none is named, with the regions that `takes` names.
    ///
    /// # Errors
    /// If there is none, or the split is missing or damaged.
    pub(crate) fn open(
        dataset: &Dataset,
        split: Split,
        sources: &[String],
        takes: impl Fn(&Region<'_>) -> bool,
    ) -> Result<Self, TrainError> {
        let tables = dataset.split(split)?;
        let mut regions: HashMap<&str, Vec<u32>> = HashMap::new();
        for region in tables.regions.iter().filter(takes) {
            regions.entry(region.image_id).or_default().push(region.region_id);
        }
        let is_selected =
            |image: &&ImageRecord| sources.is_empty() || sources.contains(&image.source);
        let image = |image: &ImageRecord| {
            let image_id = image.image_id.clone();
            regions.remove(image_id.as_str()).map(|regions| SplitImage { image_id, regions })
        };
        let images: Vec<SplitImage> =
            tables.images.iter().filter(is_selected).filter_map(image).collect();
        if images.is_empty() {
            let problems =
                vec![format!("data: the split {split} has no image with regions that is selected")];
            return Err(TrainError::Mismatch { problems });
        }
        Ok(Self { dataset: dataset.clone(), tables, images })
    }

    /// Number of images.
    pub(crate) fn len(&self) -> u64 {
        self.images.len() as u64
    }

    /// The id of an image.
    pub(crate) fn image_id(&self, place: u64) -> &str {
        self.images.get(place as usize).map_or("", |image| &image.image_id)
    }

    /// An image and the path of its picture.
    pub(crate) fn picture(&self, place: u64) -> Result<(&ImageRecord, PathBuf), Refusal> {
        let record = self.tables.images.get(self.image_id(place));
        let missing = || BadReason::NoImage { image_id: self.image_id(place).to_owned() };
        let record = record.ok_or_else(missing)?;
        let path = self.dataset.picture_path(record);
        Ok((record, path.map_err(|error| BadReason::Place(Box::new(error)))?))
    }

    /// The regions of an image.
    pub(crate) fn regions(&self, place: u64) -> impl Iterator<Item = Region<'_>> {
        let ids = self.images.get(place as usize).map_or(&[][..], |image| &image.regions);
        ids.iter().filter_map(|id| self.tables.regions.get(*id))
    }

    /// The regions of all images.
    pub(crate) fn all_regions(&self) -> impl Iterator<Item = Region<'_>> {
        (0..self.len()).flat_map(|place| self.regions(place))
    }

    /// Up to `most` places, drawn by a stream.
    pub(crate) fn drawn(&self, most: usize, stream: Stream) -> Vec<u64> {
        let order = Permutation::new(self.len(), stream);
        (0..self.len().min(most as u64)).filter_map(|at| order.at(at)).collect()
    }
}
