use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use calico_image::{Rle, Size};

use super::annotation_mask::annotation_mask;
use super::joined_objects::JoinedObjects;
use super::listing::{CocoAnnotation, CocoImage, CocoListing};
use super::notes::Notes;
use super::screen::{Screened, screen};
use super::skip::Skip;
use super::source_rules::{ListedImage, Place, SourceRules};
use super::split_file::SplitFile;
use super::{Reading, Watch, image_path, read};
use crate::vocabulary::{Categories, FileCategories, PacoCategory, PacoNames};
use crate::{ClassId, Code, DataError, ImageCheck, ImageLimits, Split, Vocabulary};

/// PACO-LVIS on disk.
///
/// Parts belong to the object that `obj_ann_id` names; instances of a class are joined, and so
/// are their parts of a label.
/// A class in `not_exhaustive_category_ids` of an image is read, but not complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacoLvis {
    /// The folder with `annotations/paco_lvis_v1_{train,val,test}.json`, or with these files.
    pub root: PathBuf,
    /// The folder with `train2017/` and `val2017/` of COCO. All splits may use both.
    pub coco: PathBuf,
    /// Which pictures are accepted.
    pub images: ImageLimits,
}

impl PacoLvis {
    const SPLITS: [(Split, &'static str); 3] =
        [(Split::Train, "train"), (Split::Dev, "val"), (Split::Test, "test")];

    /// Reads all splits that are there.
    ///
    /// # Errors
    /// - [`DataError::NoSource`] if there is no split, or no folder of pictures
    /// - [`DataError::Read`] if the system refuses to read a file
    /// - [`DataError::Stopped`] if `watch` says so
    pub fn read(&self, watch: &Watch<'_>) -> Result<Reading, DataError> {
        let mut files = Vec::new();
        for split in Self::SPLITS {
            let name = format!("paco_lvis_v1_{}.json", split.1);
            let below = SplitFile::find(&self.root, split, format!("annotations/{name}"))?;
            files.extend(match below {
                Some(file) => Some(file),
                None => SplitFile::find(&self.root, split, name)?,
            });
        }
        if files.is_empty() {
            return Err(DataError::NoSource {
                what: "annotations of PACO-LVIS",
                path: self.root.clone(),
                expected: "annotations/paco_lvis_v1_train.json, _val.json or _test.json",
            });
        }
        if self.images.check != ImageCheck::None && !self.coco.is_dir() {
            return Err(DataError::NoSource {
                what: "pictures of COCO 2017",
                path: self.coco.clone(),
                expected: "train2017/ and val2017/",
            });
        }
        let PacoNames { vocabulary, categories } = PacoNames::load();
        let rules = Rules { source: self, vocabulary: Arc::new(vocabulary), categories };
        read::read(&rules, &files, watch)
    }
}

struct Rules<'a> {
    source: &'a PacoLvis,
    vocabulary: Arc<Vocabulary>,
    categories: Categories<PacoCategory>,
}

impl SourceRules for Rules<'_> {
    type Context = FileCategories<PacoCategory>;

    fn vocabulary(&self) -> &Arc<Vocabulary> {
        &self.vocabulary
    }

    fn limits(&self) -> &ImageLimits {
        &self.source.images
    }

    fn picture_root(&self) -> &Path {
        &self.source.coco
    }

    fn context(&self, _: &SplitFile, listing: &CocoListing) -> Self::Context {
        let listed = listing.categories.iter();
        self.categories.in_file(listed.map(|category| (category.id, &*category.name)))
    }

    /// Names of LVIS that carry no folder, if any, are replaced by the end of the URL.
    fn name(&self, image: &CocoImage) -> Option<String> {
        let has_folder = |name: &&String| name.contains('/') || image.coco_url.is_none();
        if let Some(name) = image.file_name.as_ref().filter(has_folder) {
            return Some(name.clone());
        }
        let mut parts = image.coco_url.as_ref()?.rsplitn(3, '/');
        let (file, folder) = (parts.next()?, parts.next()?);
        Some(format!("{folder}/{file}"))
    }

    fn place(&self, _: &SplitFile, name: &str) -> Result<Place, Skip> {
        Ok(Place { stem: coco_stem(image_path::stem(name)), file_name: name.to_owned() })
    }

    fn objects(
        &self,
        categories: &Self::Context,
        image: &ListedImage<'_>,
        annotations: Vec<CocoAnnotation>,
        notes: &mut Notes,
    ) -> Result<JoinedObjects, Skip> {
        let joined = JoinedObjects::default();
        let owners = HashMap::new();
        let mut reader = Reader { categories, size: image.size, joined, owners, notes };
        for (position, annotation) in annotations.iter().enumerate() {
            reader.notes.turn_to(position);
            if is_own_object(annotation) {
                reader.object(annotation);
            }
        }
        for (position, annotation) in annotations.iter().enumerate() {
            reader.notes.turn_to(position);
            if !is_own_object(annotation) {
                reader.part(annotation);
            }
        }
        for &id in &image.record.not_exhaustive_category_ids {
            if let Ok(PacoCategory::Object(class)) = categories.get(id) {
                reader.joined.gap(class);
            }
        }
        Ok(reader.joined)
    }
}

/// Twelve digits where the name ends in a number, so that a picture has one id in all releases.
fn coco_stem(stem: &str) -> String {
    let digits = stem.len() - stem.bytes().rev().take_while(u8::is_ascii_digit).count();
    match stem[digits..].parse::<u64>() {
        Ok(number) => format!("{number:012}"),
        Err(_) => stem.to_owned(),
    }
}

/// Whether an annotation says that it is an object.
fn is_own_object(annotation: &CocoAnnotation) -> bool {
    annotation.obj_ann_id.is_none_or(|object| object == annotation.id)
}

/// Reads the annotations of one image: all objects, then all parts.
struct Reader<'a> {
    categories: &'a FileCategories<PacoCategory>,
    size: Size,
    joined: JoinedObjects,
    /// The objects, by annotation id.
    owners: HashMap<i64, Owner>,
    notes: &'a mut Notes,
}

#[derive(Clone, Copy)]
struct Owner {
    /// The class, if it is known.
    class: Option<ClassId>,
    /// Whether its mask is there; else its parts go along with it.
    is_kept: bool,
}

impl Reader<'_> {
    fn object(&mut self, annotation: &CocoAnnotation) {
        let id = annotation.id;
        let owner = match screen(annotation, self.categories, self.notes) {
            Screened::Sound(PacoCategory::Object(class)) => {
                let mask = annotation_mask(annotation, self.size, self.notes);
                let is_kept = mask.is_some();
                self.joined.instance(class, Some(id), mask);
                Owner { class: Some(class), is_kept }
            }
            Screened::Dropped(Some(PacoCategory::Object(class))) => {
                self.joined.gap(class);
                Owner { class: Some(class), is_kept: false }
            }
            Screened::Dropped(None) => Owner { class: None, is_kept: false },
            Screened::Sound(PacoCategory::Part(class, part)) => {
                let detail = "found a part with itself or nothing as its object";
                self.notes.dropped(Code::LinkBroken, id, detail);
                return self.joined.unreadable_part(class, part);
            }
            Screened::Dropped(Some(PacoCategory::Part(class, part))) => {
                return self.joined.unreadable_part(class, part);
            }
        };
        self.owners.entry(id).or_insert(owner);
    }

    fn part(&mut self, annotation: &CocoAnnotation) {
        let id = annotation.id;
        let (class, part, mask) = match screen(annotation, self.categories, self.notes) {
            Screened::Sound(PacoCategory::Part(class, part)) => {
                (class, part, self.part_mask(annotation, class))
            }
            Screened::Dropped(Some(PacoCategory::Part(class, part))) => (class, part, None),
            Screened::Sound(PacoCategory::Object(_)) => {
                let detail = "found the category of a whole object, expected that of a part";
                return self.notes.dropped(Code::CatOwner, id, detail);
            }
            Screened::Dropped(_) => return,
        };
        match mask {
            Some(mask) => self.joined.part(class, part, Some(id), mask),
            // Whatever is wrong with it, the image is not known to lack this part.
            None => self.joined.unreadable_part(class, part),
        }
    }

    fn part_mask(&mut self, annotation: &CocoAnnotation, class: ClassId) -> Option<Rle> {
        let (id, owner) = (annotation.id, annotation.obj_ann_id?);
        match self.owners.get(&owner) {
            None => {
                let detail = format!("found no object {owner} in the image of this part");
                self.notes.dropped(Code::LinkBroken, id, detail);
                None
            }
            Some(Owner { class: Some(other), .. }) if *other != class => {
                let detail = format!("found a part of another class than its object, {owner}");
                self.notes.dropped(Code::CatOwner, id, detail);
                None
            }
            Some(Owner { is_kept: false, .. }) => {
                // It goes along with its object, about which there is a note.
                self.notes.dropped += 1;
                None
            }
            Some(_) => annotation_mask(annotation, self.size, self.notes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_one_id_in_all_releases() {
        assert_eq!(coco_stem("000000391895"), "000000391895");
        assert_eq!(coco_stem("COCO_val2014_000000391895"), "000000391895");
        assert_eq!(coco_stem("391895"), "000000391895");
        assert_eq!(coco_stem("picture"), "picture");
        assert_eq!(coco_stem("99999999999999999999999"), "99999999999999999999999");
    }
}
