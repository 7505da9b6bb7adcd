use std::path::Path;
use std::sync::Arc;

use calico_image::{Rle, Size};

use super::layout::Layout;
use crate::sources::annotation_mask::annotation_mask;
use crate::sources::image_path;
use crate::sources::joined_objects::JoinedObjects;
use crate::sources::label_picture::open_labels;
use crate::sources::listing::{CocoAnnotation, CocoListing};
use crate::sources::notes::Notes;
use crate::sources::screen::{Screened, screen};
use crate::sources::skip::Skip;
use crate::sources::source_rules::{ListedImage, Place, SourceRules};
use crate::sources::split_file::SplitFile;
use crate::vocabulary::{FileCategories, PartImageNetNames, Synset};
use crate::{
    Code, ImageCheck, ImageLimits, PartId, PartImageNetMasks, PartImageNetObjects,
    PartImageNetParts, Vocabulary,
};

/// The value of pixels without a part.
const NO_PART: u16 = 40;

/// The value of pixels without an object; all below it are objects of a class that nobody knows.
const NO_OBJECT: u16 = 158;

/// How `PartImageNet` is read.
pub(super) struct Rules {
    pub(super) layout: Layout,
    limits: ImageLimits,
    masks: PartImageNetMasks,
    vocabulary: Arc<Vocabulary>,
    names: PartImageNetNames,
}

impl Rules {
    pub(super) fn new(layout: Layout, limits: ImageLimits, masks: &PartImageNetMasks) -> Self {
        let names = PartImageNetNames::load();
        let vocabulary = Arc::new(names.vocabulary.clone());
        Self { layout, limits, masks: masks.clone(), vocabulary, names }
    }
}

impl SourceRules for Rules {
    /// A super-category and a part.
    type Context = FileCategories<(usize, PartId)>;

    fn vocabulary(&self) -> &Arc<Vocabulary> {
        &self.vocabulary
    }

    fn limits(&self) -> &ImageLimits {
        &self.limits
    }

    fn picture_root(&self) -> &Path {
        &self.layout.root
    }

    fn context(&self, _: &SplitFile, listing: &CocoListing) -> Self::Context {
        let listed = listing.categories.iter();
        self.names.categories.in_file(listed.map(|category| (category.id, &*category.name)))
    }

    fn place(&self, file: &SplitFile, name: &str) -> Result<Place, Skip> {
        let stem = image_path::stem(name);
        if self.names.synset_of(stem).is_none() {
            let detail = "expected a name that begins with a synset of PartImageNet and `_`";
            return Err(Skip::new(Code::NameSynset, detail));
        }
        let file_name = self.layout.picture(file.split_name, name);
        Ok(Place { stem: stem.to_owned(), file_name })
    }

    fn objects(
        &self,
        categories: &Self::Context,
        image: &ListedImage<'_>,
        annotations: Vec<CocoAnnotation>,
        notes: &mut Notes,
    ) -> Result<JoinedObjects, Skip> {
        // The place was found by it.
        let Some(synset) = self.names.synset_of(&image.place.stem) else {
            return Ok(JoinedObjects::default());
        };
        let pictures = LabelPictures::new(self, image);
        let from_picture = pictures.parts(synset, notes);
        let parts = match (self.masks.parts, from_picture) {
            (PartImageNetParts::Png, Some(parts)) => parts,
            _ => polygons(&annotations, categories, synset, image.size, notes),
        };
        notes.turn_to_image();
        let whole = pictures.object(notes);
        parts.join(synset, whole, image.size)
    }
}

/// The parts of the one object in an image.
#[derive(Default)]
struct Parts {
    masks: Vec<(PartId, Option<i64>, Rle)>,
    unreadable: Vec<PartId>,
}

impl Parts {
    /// Makes the object: of its own mask, or else of the parts.
    fn join(self, synset: Synset, whole: Option<Rle>, size: Size) -> Result<JoinedObjects, Skip> {
        let mut joined = JoinedObjects::default();
        let class = synset.class;
        let is_union = whole.is_none();
        let whole = match whole {
            Some(whole) => whole,
            None => Rle::union(size, self.masks.iter().map(|(_, _, mask)| mask))
                .map_err(|error| Skip::new(Code::ImgLimit, format!("its parts: {error}")))?,
        };
        if whole.is_empty() {
            // An image without annotations.
            return Ok(joined);
        }
        joined.instance(class, None, Some(whole));
        for (part, id, mask) in self.masks {
            joined.part(class, part, id, mask);
        }
        for part in self.unreadable {
            joined.unreadable_part(class, part);
            if is_union {
                joined.gap(class);
            }
        }
        Ok(joined)
    }
}

/// The parts by the polygons of the annotations.
fn polygons(
    annotations: &[CocoAnnotation],
    categories: &FileCategories<(usize, PartId)>,
    synset: Synset,
    size: Size,
    notes: &mut Notes,
) -> Parts {
    let mut parts = Parts::default();
    for (position, annotation) in annotations.iter().enumerate() {
        notes.turn_to(position);
        let (part, mask) = match screen(annotation, categories, notes) {
            Screened::Sound((owner, part)) if owner == synset.super_category => {
                (part, annotation_mask(annotation, size, notes))
            }
            Screened::Sound(_) => {
                let detail = "found a part of another super-category than that of the synset";
                notes.dropped(Code::CatOwner, annotation.id, detail);
                continue;
            }
            Screened::Dropped(Some((owner, part))) if owner == synset.super_category => {
                (part, None)
            }
            Screened::Dropped(_) => continue,
        };
        match mask {
            Some(mask) => parts.masks.push((part, Some(annotation.id), mask)),
            None => parts.unreadable.push(part),
        }
    }
    parts
}

/// The two label pictures of an image, which the first release lacks.
struct LabelPictures<'a> {
    rules: &'a Rules,
    size: Size,
    /// Paths below the root, and whether there is a file.
    part: (String, bool),
    whole: (String, bool),
}

impl<'a> LabelPictures<'a> {
    fn new(rules: &'a Rules, image: &ListedImage<'_>) -> Self {
        let (split, stem) = (image.file.split_name, &image.place.stem);
        let picture = |folder: String| {
            let shown = format!("annotations/{folder}/{stem}.png");
            let is_there = rules.layout.root.join(&shown).is_file();
            (shown, is_there)
        };
        let (part, whole) = (picture(split.to_owned()), picture(format!("{split}_whole")));
        Self { rules, size: image.size, part, whole }
    }

    /// The parts by their label picture, if it is wanted, or else there and to be checked.
    fn parts(&self, synset: Synset, notes: &mut Notes) -> Option<Parts> {
        let is_wanted = self.rules.masks.parts == PartImageNetParts::Png;
        let is_checked = self.rules.limits.check == ImageCheck::Decode;
        // An image without any label picture is one of a release that has none.
        let is_expected = self.part.1 || self.whole.1;
        let is_read = is_wanted || (is_checked && is_expected);
        if !is_read {
            return None;
        }
        let labels = self.open(&self.part.0, notes)?;
        let mut parts = Parts::default();
        for (number, mask) in labels {
            match self.rules.names.categories.by_id(number.into()) {
                Some((owner, part)) if owner == synset.super_category => {
                    parts.masks.push((part, None, mask));
                }
                Some(_) => {
                    let (shown, pixels) = (&self.part.0, mask.area());
                    let detail = format!(
                        "found {pixels} pixels of another super-category in `{shown}`: not used"
                    );
                    notes.image(Code::CatOwner, detail);
                }
                None if number == NO_PART => {}
                None => strange_value(&self.part.0, number, &mask, NO_PART, notes),
            }
        }
        Some(parts)
    }

    /// The object by its label picture, if it is wanted and there.
    fn object(&self, notes: &mut Notes) -> Option<Rle> {
        let is_wanted = self.rules.masks.objects == PartImageNetObjects::WholePng;
        if !is_wanted || !(self.whole.1 || self.part.1) {
            return None;
        }
        let labels = self.open(&self.whole.0, notes)?;
        for (&number, mask) in labels.range(NO_OBJECT + 1..) {
            strange_value(&self.whole.0, number, mask, NO_OBJECT, notes);
        }
        let objects = labels.range(..NO_OBJECT).map(|(_, mask)| mask);
        let whole = Rle::union(self.size, objects).ok().filter(|whole| !whole.is_empty());
        if whole.is_none() {
            let detail = format!("found no object in `{}`: the parts are used", self.whole.0);
            notes.image(Code::MaskEmpty, detail);
        }
        whole
    }

    /// The mask of each value in a picture; without it, there are other masks.
    fn open(&self, shown: &str, notes: &mut Notes) -> Option<std::collections::BTreeMap<u16, Rle>> {
        match open_labels(&self.rules.layout.root.join(shown), shown, self.size) {
            Ok(labels) => Some(labels.masks()),
            Err(Skip { code, detail }) => {
                notes.image(code, detail + ": not used");
                None
            }
        }
    }
}

fn strange_value(shown: &str, number: u16, mask: &Rle, last: u16, notes: &mut Notes) {
    let pixels = mask.area();
    let detail = format!(
        "found the value {number} in {pixels} pixels of `{shown}`, expected 0 to {last}: not used"
    );
    notes.image(Code::PngValue, detail);
}
