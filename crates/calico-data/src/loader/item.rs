use std::path::{Path, PathBuf};
use std::sync::Arc;

use calico_image::{DecodeOptions, Frame, Orientation, Rle, Size, inspect, open};

use super::sample_store::Store;
use super::{BadReason, BadSample, Check};
use crate::{ImageRecord, Region, SampleRecord};

/// A sample with its images and regions. Masks and pictures are decoded when they are asked for.
#[derive(Clone)]
pub struct Item {
    store: Arc<Store>,
    sample: SampleRecord,
}

impl Item {
    /// Looks at a sample before it is given.
    pub(super) fn checked(
        store: &Arc<Store>,
        sample: SampleRecord,
        check: Check,
    ) -> Result<Self, BadSample> {
        let item = Self { store: Arc::clone(store), sample };
        match item.look(check) {
            Ok(()) => Ok(item),
            Err(reason) => Err(BadSample { sample_id: item.sample.sample_id, reason }),
        }
    }

    /// The row.
    pub fn sample(&self) -> &SampleRecord {
        &self.sample
    }

    /// Its images, in the order of `(IMAGE1)`, `(IMAGE2)`, ….
    pub fn images(&self) -> impl Iterator<Item = &ImageRecord> {
        // None is missing, since the references were looked at.
        self.sample.image_ids.iter().filter_map(|id| self.store.tables.images.get(id))
    }

    /// Its regions, one per `[SEG]`, in the order of the text.
    pub fn regions(&self) -> impl Iterator<Item = Region<'_>> {
        self.sample.region_ids.iter().filter_map(|id| self.store.tables.regions.get(*id))
    }

    /// Its masks, one per `[SEG]`, in the order of the text.
    pub fn masks(&self) -> Result<Vec<Rle>, BadReason> {
        let decode = |region: Region<'_>| {
            let region_id = region.region_id;
            region.runs().map_err(|source| BadReason::Mask { region_id, source })
        };
        self.regions().map(decode).collect()
    }

    /// Where its pictures are, in the order of the images.
    pub fn picture_paths(&self) -> Result<Vec<PathBuf>, BadReason> {
        self.images().map(|image| self.picture_path(image)).collect()
    }

    /// Decodes its pictures; see [`open_picture`].
    pub fn open_pictures(&self) -> Result<Vec<Frame>, BadReason> {
        self.images().map(|image| open_picture(image, &self.picture_path(image)?)).collect()
    }

    fn picture_path(&self, image: &ImageRecord) -> Result<PathBuf, BadReason> {
        let path = self.store.dataset.picture_path(image);
        path.map_err(|error| BadReason::Place(Box::new(error)))
    }

    fn look(&self, check: Check) -> Result<(), BadReason> {
        self.look_at_references()?;
        if check >= Check::Masks {
            for (region, mask) in self.regions().zip(self.masks()?) {
                let image = self.store.tables.images.get(region.image_id);
                let expected = image.map_or(region.size, size);
                check_size(|| format!("region {}", region.region_id), mask.size(), expected)?;
            }
        }
        if check >= Check::Pictures {
            for image in self.images() {
                let found = inspect(&self.picture_path(image)?, &as_stored())?;
                check_size(|| format!("picture {}", image.image_id), found.size, size(image))?;
            }
        }
        Ok(())
    }

    fn look_at_references(&self) -> Result<(), BadReason> {
        let tables = &self.store.tables;
        let SampleRecord { image_ids, region_ids, image_index, .. } = &self.sample;
        if let Some(image_id) = image_ids.iter().find(|id| tables.images.get(id).is_none()) {
            return Err(BadReason::NoImage { image_id: image_id.clone() });
        }
        if region_ids.len() != image_index.len() {
            let (regions, indices) = (region_ids.len(), image_index.len());
            return Err(BadReason::Lengths { regions, indices });
        }
        for (&region_id, &index) in region_ids.iter().zip(image_index) {
            let region = tables.regions.get(region_id).ok_or(BadReason::NoRegion { region_id })?;
            let image = usize::from(index).checked_sub(1).and_then(|at| image_ids.get(at));
            let no_image = BadReason::ImageIndex { found: index, images: image_ids.len() };
            let expected = image.ok_or(no_image)?;
            if region.image_id != expected {
                let (found, expected) = (region.image_id.to_owned(), expected.clone());
                return Err(BadReason::OtherImage { region_id, found, expected });
            }
        }
        Ok(())
    }
}

/// Decodes the picture of an image, as it is stored: masks follow stored pixels, so EXIF
/// orientation is not applied.
///
/// # Errors
///
/// Also if it has another size than the table says.
pub fn open_picture(image: &ImageRecord, path: &Path) -> Result<Frame, BadReason> {
    let frame = open(path, &as_stored())?;
    check_size(|| format!("picture {}", image.image_id), frame.size(), size(image))?;
    Ok(frame)
}

/// Pixels as they are in the file, which is what the masks were drawn on.
fn as_stored() -> DecodeOptions {
    DecodeOptions { orientation: Orientation::Ignore, ..DecodeOptions::default() }
}

fn size(image: &ImageRecord) -> Size {
    Size::new(image.height, image.width)
}

fn check_size(what: impl Fn() -> String, found: Size, expected: Size) -> Result<(), BadReason> {
    if found == expected { Ok(()) } else { Err(BadReason::Size { what: what(), found, expected }) }
}
