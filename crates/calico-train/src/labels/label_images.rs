use std::collections::HashMap;

use calico_data::loader::{BadReason, open_picture};
use calico_data::{Dataset, ImageRecord, Region, Split, SplitTables};
use calico_image::Size;
use calico_model::CalicoConfig;
use calico_model::preprocess::{ImageTensors, PreprocessError};
use candle_core::Device;

use super::LabelClasses;
use super::patch_targets::PatchTargets;
use super::picture_labels::PictureLabels;
use crate::TrainError;
use crate::features::Tower;

/// The images of a split that have regions.
#[derive(Debug, Clone)]
pub(super) struct LabelImages {
    dataset: Dataset,
    tables: SplitTables,
    images: Vec<LabelImage>,
}

/// An image with its regions, by their ids.
#[derive(Debug, Clone)]
struct LabelImage {
    image_id: String,
    regions: Vec<u32>,
}

/// A picture as the encoders read it, and what it teaches each of them.
#[derive(Debug, Clone)]
pub(super) struct LabelledPicture {
    pub(super) pixels: ImageTensors,
    pub(super) targets: Vec<(Tower, PatchTargets)>,
}

/// Why there is no labelled picture.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The picture, or a region of it, is at fault.
    Bad(BadReason),
    /// The arithmetic is.
    Failed(TrainError),
}

impl LabelImages {
    /// The images of some sources; of all if none is named.
    ///
    /// # Errors
    /// If there is none, or the split is missing or damaged.
    pub(super) fn open(
        dataset: &Dataset,
        split: Split,
        sources: &[String],
    ) -> Result<Self, TrainError> {
        let tables = dataset.split(split)?;
        let mut regions: HashMap<&str, Vec<u32>> = HashMap::new();
        for region in tables.regions.iter() {
            regions.entry(region.image_id).or_default().push(region.region_id);
        }
        let is_selected =
            |image: &&ImageRecord| sources.is_empty() || sources.contains(&image.source);
        let image = |image: &ImageRecord| {
            let image_id = image.image_id.clone();
            regions.remove(image_id.as_str()).map(|regions| LabelImage { image_id, regions })
        };
        let images: Vec<LabelImage> =
            tables.images.iter().filter(is_selected).filter_map(image).collect();
        if images.is_empty() {
            let problems =
                vec![format!("data: the split {split} has no image with regions that is selected")];
            return Err(TrainError::Mismatch { problems });
        }
        Ok(Self { dataset: dataset.clone(), tables, images })
    }

    /// Number of images.
    pub(super) fn len(&self) -> u64 {
        self.images.len() as u64
    }

    /// The classes of their regions.
    ///
    /// # Errors
    /// If they are too many for the memory of a picture.
    pub(super) fn classes(&self) -> Result<LabelClasses, TrainError> {
        let regions = self.images.iter().flat_map(|image| self.regions(image));
        let classes = LabelClasses::of(regions);
        let (found, most) = (classes.len(), LabelClasses::MOST);
        if found > most {
            let problems = vec![format!(
                "data: found {found} labels, expected at most {most} for the objective `labels`"
            )];
            return Err(TrainError::Mismatch { problems });
        }
        Ok(classes)
    }

    /// The id of an image.
    pub(super) fn image_id(&self, place: u64) -> &str {
        self.images.get(place as usize).map_or("", |image| &image.image_id)
    }

    /// Decodes a picture, and paints its labels on the grids of encoders.
    pub(super) fn load(
        &self,
        place: u64,
        classes: &LabelClasses,
        towers: &[Tower],
        config: &CalicoConfig,
    ) -> Result<LabelledPicture, Refusal> {
        let image = self.images.get(place as usize);
        let found = image.and_then(|image| Some((image, self.tables.images.get(&image.image_id)?)));
        let Some((image, record)) = found else {
            let image_id = self.image_id(place).to_owned();
            return Err(Refusal::Bad(BadReason::NoImage { image_id }));
        };
        let path = self.dataset.picture_path(record);
        let path = path.map_err(|error| Refusal::Bad(BadReason::Place(Box::new(error))))?;
        // The picture first: only then is its size no invention.
        let frame = open_picture(record, &path).map_err(Refusal::Bad)?;
        let regions: Vec<Region<'_>> = self.regions(image).collect();
        let size = Size::new(record.height, record.width);
        let labels = PictureLabels::new(size, &regions, classes).map_err(Refusal::Bad)?;
        let pixels = ImageTensors::new(&frame, config.input_sizes(), &Device::Cpu);
        let pixels = pixels.map_err(|error| match error {
            PreprocessError::Image(error) => Refusal::Bad(error.into()),
            PreprocessError::Tensor(error) => Refusal::Failed(error.into()),
        })?;
        let targets = |&tower: &Tower| (tower, PatchTargets::new(tower, config, &labels));
        Ok(LabelledPicture { pixels, targets: towers.iter().map(targets).collect() })
    }

    fn regions<'a>(&'a self, image: &'a LabelImage) -> impl Iterator<Item = Region<'a>> {
        image.regions.iter().filter_map(|id| self.tables.regions.get(*id))
    }
}

impl LabelledPicture {
    /// What the picture teaches an encoder.
    pub(super) fn targets(&self, tower: Tower) -> candle_core::Result<&PatchTargets> {
        match self.targets.iter().find(|(of, _)| *of == tower) {
            Some((_, targets)) => Ok(targets),
            None => candle_core::bail!("no targets were made for {}", tower.name()),
        }
    }
}
