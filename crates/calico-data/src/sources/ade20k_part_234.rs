use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use calico_image::{ImageError, Rle, Size};

use super::annotation_mask::annotation_mask;
use super::joined_objects::JoinedObjects;
use super::label_picture::open_labels;
use super::listing::{CocoAnnotation, CocoListing};
use super::notes::Notes;
use super::screen::{Screened, screen};
use super::skip::Skip;
use super::source_rules::{ListedImage, Place, SourceRules};
use super::split_file::SplitFile;
use super::{Reading, Watch, image_path, read};
use crate::vocabulary::{Ade20kPart234Names, FileCategories};
use crate::{ClassId, Code, DataError, ImageLimits, PartId, Split, Vocabulary};

/// ADE20K-Part-234 of OV-PARTS on disk.
///
/// A part of a class is where the part picture has its number and an instance of the class is:
/// numbers of other classes within the mask are something in front of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ade20kPart234 {
    /// The folder `ADE20KPart234` or `ADE20K-Part-234`, or the one that holds it.
    pub root: PathBuf,
    /// Which pictures are accepted.
    pub images: ImageLimits,
}

impl Ade20kPart234 {
    const SPLITS: [(Split, &'static str, &'static str); 2] =
        [(Split::Train, "training", "train"), (Split::Test, "validation", "val")];

    /// Reads all splits that are there: training as such, validation as the test split.
    ///
    /// # Errors
    /// - [`DataError::NoSource`] if there is no split
    /// - [`DataError::Read`] if the system refuses to read a file
    /// - [`DataError::Stopped`] if `watch` says so
    pub fn read(&self, watch: &Watch<'_>) -> Result<Reading, DataError> {
        for folder in ["", "ADE20KPart234", "ADE20K-Part-234"] {
            let root = self.root.join(folder);
            let mut files = Vec::new();
            for (split, name, short) in Self::SPLITS {
                let shown = format!("ade20k_instance_{short}.json");
                files.extend(SplitFile::find(&root, (split, name), shown)?);
            }
            if !files.is_empty() {
                let names = Ade20kPart234Names::load();
                let vocabulary = Arc::new(names.vocabulary.clone());
                let rules = Rules { root, limits: &self.images, vocabulary, names };
                return read::read(&rules, &files, watch);
            }
        }
        Err(DataError::NoSource {
            what: "ADE20K-Part-234",
            path: self.root.clone(),
            expected: "ade20k_instance_train.json or ade20k_instance_val.json",
        })
    }
}

/// The value of pixels without a part; 0 is a part.
const NO_PART: u16 = u16::MAX;

struct Rules<'a> {
    root: PathBuf,
    limits: &'a ImageLimits,
    vocabulary: Arc<Vocabulary>,
    names: Ade20kPart234Names,
}

impl SourceRules for Rules<'_> {
    type Context = FileCategories<ClassId>;

    fn vocabulary(&self) -> &Arc<Vocabulary> {
        &self.vocabulary
    }

    fn limits(&self) -> &ImageLimits {
        self.limits
    }

    fn picture_root(&self) -> &Path {
        &self.root
    }

    fn context(&self, _: &SplitFile, listing: &CocoListing) -> Self::Context {
        let listed = listing.categories.iter();
        self.names.categories.in_file(listed.map(|category| (category.id, &*category.name)))
    }

    fn place(&self, file: &SplitFile, name: &str) -> Result<Place, Skip> {
        let file_name = format!("images/{}/{name}", file.split_name);
        Ok(Place { stem: image_path::stem(name).to_owned(), file_name })
    }

    fn objects(
        &self,
        categories: &Self::Context,
        image: &ListedImage<'_>,
        annotations: Vec<CocoAnnotation>,
        notes: &mut Notes,
    ) -> Result<JoinedObjects, Skip> {
        let parts = self.parts(image, notes)?;
        let mut joined = JoinedObjects::default();
        for (position, annotation) in annotations.into_iter().enumerate() {
            notes.turn_to(position);
            let class = match screen(&annotation, categories, notes) {
                Screened::Sound(class) => class,
                Screened::Dropped(Some(class)) => {
                    joined.gap(class);
                    continue;
                }
                Screened::Dropped(None) => continue,
            };
            let mask = annotation_mask(&annotation, image.size, notes);
            if let Some(mask) = &mask {
                self.check_listed_parts(&annotation, (class, mask), &parts, notes);
            }
            joined.instance(class, Some(annotation.id), mask);
        }
        cut_parts(&mut joined, &parts, image.size)
            .map_err(|error| Skip::new(Code::ImgLimit, format!("its parts: {error}")))?;
        Ok(joined)
    }
}

/// The pixels of each part in an image, whatever they belong to.
type PartMasks = BTreeMap<(ClassId, PartId), Rle>;

impl Rules<'_> {
    /// Reads the part picture.
    fn parts(&self, image: &ListedImage<'_>, notes: &mut Notes) -> Result<PartMasks, Skip> {
        let (folder, stem) = (image.file.split_name, &image.place.stem);
        let shown = format!("annotations_detectron2_part/{folder}/{stem}.png");
        let labels = open_labels(&self.root.join(&shown), &shown, image.size)?;
        if labels.bit_depth() != 16 {
            let found = labels.bit_depth();
            let detail = format!("found {found} bits per pixel in `{shown}`, expected 16");
            return Err(Skip::new(Code::PngDepth, detail));
        }
        let mut parts = PartMasks::new();
        for (number, mask) in labels.masks() {
            if let Some(part) = self.names.part(number.into()) {
                parts.insert(part, mask);
            } else if number != NO_PART {
                let (pixels, last) = (mask.area(), self.names.part_count() - 1);
                let detail = format!(
                    "found the value {number} in {pixels} pixels of `{shown}`, expected 0 to \
                     {last} or {NO_PART}: not used"
                );
                notes.image(Code::PngValue, detail);
            }
        }
        Ok(parts)
    }

    /// Compares the parts that an annotation lists with the pixels; only the pixels count.
    fn check_listed_parts(
        &self,
        annotation: &CocoAnnotation,
        (class, mask): (ClassId, &Rle),
        parts: &PartMasks,
        notes: &mut Notes,
    ) {
        for &number in annotation.part_category_id.iter().flatten() {
            let part = self.names.part(number);
            let pixels = part.and_then(|part| mask.intersection_area(parts.get(&part)?).ok());
            let (code, what) = match part {
                None => (Code::CatUnknown, "which is no part"),
                Some((owner, _)) if owner != class => (Code::CatOwner, "a part of another class"),
                Some(_) if pixels.unwrap_or(0) == 0 => (Code::PartAbsent, "which has no pixel"),
                Some(_) => continue,
            };
            let detail = format!("found {number} in `part_category_id`, {what}: not used");
            notes.annotation(code, annotation.id, detail);
        }
    }
}

/// Gives each class its parts: where its instances are.
fn cut_parts(joined: &mut JoinedObjects, parts: &PartMasks, size: Size) -> Result<(), ImageError> {
    for class in joined.classes() {
        let whole = joined.union(class, size)?;
        let first = (class, PartId(0));
        for (&(_, part), pixels) in parts.range(first..=(class, PartId(u16::MAX))) {
            let mask = whole.intersection(pixels)?;
            if !mask.is_empty() {
                joined.part(class, part, None, mask);
            }
        }
    }
    Ok(())
}
