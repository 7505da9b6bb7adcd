//! Own data as COCO files.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use calico_image::{Rle, Size};

use super::OwnData;
use super::labels_file::LabelsFile;
use super::names::{self, PartsOf};
use crate::sources::annotation_mask::annotation_mask;
use crate::sources::joined_objects::JoinedObjects;
use crate::sources::listing::{CocoAnnotation, CocoCategory, CocoListing};
use crate::sources::notes::Notes;
use crate::sources::skip::Skip;
use crate::sources::source_rules::{ListedImage, Place, SourceRules};
use crate::sources::split_file::SplitFile;
use crate::sources::{Reading, Watch, image_path, read};
use crate::{ClassId, Code, DataError, ImageLimits, PartId, Vocabulary};

pub(super) fn read(
    own: &OwnData,
    labels: &LabelsFile,
    files: &[SplitFile],
    watch: &Watch<'_>,
) -> Result<Reading, DataError> {
    // The names are in the files, so each is read twice: first for them alone.
    let mut names = PartsOf::new();
    for file in files {
        let source = File::open(&file.path).map_err(|error| DataError::read(&file.path, error))?;
        match CocoListing::read(source, &file.path, &mut |_| !watch.is_stopped()) {
            Ok(listing) => collect_names(&listing, &mut names),
            // The second pass reports it.
            Err(DataError::Json { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let vocabulary = Arc::new(names::vocabulary(&own.name, &names, labels)?);
    read::read(&Rules { own, vocabulary }, files, watch)
}

/// The labels of the categories of a file.
fn labels_of<'a>(listing: &'a CocoListing) -> BTreeMap<i64, &'a str> {
    let label =
        |category: &'a CocoCategory| category.label.as_ref().unwrap_or(&category.name).trim();
    let labels = listing.categories.iter().map(|category| (category.id, label(category)));
    labels.filter(|(_, label)| !label.is_empty()).collect()
}

/// Adds the objects of a file, and the parts that they have.
fn collect_names(listing: &CocoListing, names: &mut PartsOf) {
    let labels = labels_of(listing);
    let mut objects: HashMap<i64, &str> = HashMap::new();
    for annotation in listing.annotations.iter().filter(|it| it.parent_id.is_none()) {
        if let Some(&label) = labels.get(&annotation.category_id) {
            objects.entry(annotation.id).or_insert(label);
            names.entry(label.to_owned()).or_default();
        }
    }
    for annotation in &listing.annotations {
        let parent = annotation.parent_id.and_then(|parent| objects.get(&parent));
        let label = labels.get(&annotation.category_id);
        if let (Some(&object), Some(&label)) = (parent, label)
            && let Some(parts) = names.get_mut(object)
        {
            parts.insert(part_label(label, object).to_owned());
        }
    }
}

/// A part's label without the object before it: the `handle` of `hammer:handle`.
fn part_label<'a>(label: &'a str, object: &str) -> &'a str {
    let rest = label.strip_prefix(object).and_then(|rest| rest.strip_prefix([':', '/']));
    rest.map_or(label, str::trim)
}

struct Rules<'a> {
    own: &'a OwnData,
    vocabulary: Arc<Vocabulary>,
}

impl SourceRules for Rules<'_> {
    /// The labels of the categories.
    type Context = HashMap<i64, String>;

    fn vocabulary(&self) -> &Arc<Vocabulary> {
        &self.vocabulary
    }

    fn limits(&self) -> &ImageLimits {
        &self.own.images
    }

    fn picture_root(&self) -> &Path {
        &self.own.root
    }

    fn context(&self, _: &SplitFile, listing: &CocoListing) -> Self::Context {
        labels_of(listing).into_iter().map(|(id, label)| (id, label.to_owned())).collect()
    }

    /// Folders are kept in the id: pictures of equal names in two folders are two pictures.
    fn place(&self, _: &SplitFile, name: &str) -> Result<Place, Skip> {
        let name = name.strip_prefix("images/").unwrap_or(name);
        let folder = name.len() - image_path::file_name(name).len();
        let stem = format!("{}{}", &name[..folder], image_path::stem(name));
        Ok(Place { stem, file_name: format!("images/{name}") })
    }

    fn objects(
        &self,
        labels: &Self::Context,
        image: &ListedImage<'_>,
        annotations: Vec<CocoAnnotation>,
        notes: &mut Notes,
    ) -> Result<JoinedObjects, Skip> {
        let mut reader = Reader {
            vocabulary: &self.vocabulary,
            labels,
            size: image.size,
            owners: HashMap::new(),
            joined: JoinedObjects::default(),
        };
        let (parts, objects): (Vec<_>, Vec<_>) =
            annotations.iter().enumerate().partition(|(_, it)| it.parent_id.is_some());
        for (position, annotation) in objects {
            notes.turn_to(position);
            reader.object(annotation, notes);
        }
        for (position, annotation) in parts {
            notes.turn_to(position);
            reader.part(annotation, notes);
        }
        Ok(reader.joined)
    }
}

/// Reads the annotations of one image: all objects, then all parts.
struct Reader<'a> {
    vocabulary: &'a Vocabulary,
    labels: &'a HashMap<i64, String>,
    size: Size,
    /// The class of each object whose mask is there, by annotation id.
    owners: HashMap<i64, Owner>,
    joined: JoinedObjects,
}

#[derive(Clone, Copy)]
struct Owner {
    class: ClassId,
    has_mask: bool,
}

impl Reader<'_> {
    fn object(&mut self, annotation: &CocoAnnotation, notes: &mut Notes) {
        let id = annotation.id;
        let Some(label) = self.label(annotation, notes) else { return };
        let Some(class) = self.vocabulary.class_named(label) else {
            return notes.dropped(Code::CatUnknown, id, format!("found no object {label:?}"));
        };
        if annotation.is_repeat || annotation.is_crowd {
            self.joined.gap(class);
        }
        let mask = self.mask(annotation, notes);
        if !annotation.is_repeat {
            self.owners.insert(id, Owner { class, has_mask: mask.is_some() });
            if !annotation.is_crowd {
                self.joined.instance(class, Some(id), mask);
            }
        }
    }

    fn part(&mut self, annotation: &CocoAnnotation, notes: &mut Notes) {
        let id = annotation.id;
        let Some(label) = self.label(annotation, notes) else { return };
        let parent = annotation.parent_id.unwrap_or_default();
        let Some(&Owner { class, has_mask }) = self.owners.get(&parent) else {
            let detail = format!(
                "found the parent_id {parent}, expected an object of the same image: correct it, \
                 or leave it out for an object"
            );
            return notes.dropped(Code::LinkBroken, id, detail);
        };
        let object = self.vocabulary.class_label(class);
        let Some(part) = self.vocabulary.part_labelled(part_label(label, object)) else {
            return notes.dropped(Code::CatUnknown, id, format!("found no part {label:?}"));
        };
        if has_mask {
            self.add_part(annotation, (class, part), notes);
        } else {
            // It goes along with its object, which was noted.
            notes.dropped += 1;
            self.joined.unreadable_part(class, part);
        }
    }

    fn add_part(
        &mut self,
        annotation: &CocoAnnotation,
        (class, part): (ClassId, PartId),
        notes: &mut Notes,
    ) {
        match self.mask(annotation, notes) {
            Some(mask) => self.joined.part(class, part, Some(annotation.id), mask),
            // Whatever is wrong with it, the image is not known to lack this part.
            None => self.joined.unreadable_part(class, part),
        }
    }

    fn label(&self, annotation: &CocoAnnotation, notes: &mut Notes) -> Option<&str> {
        let category = annotation.category_id;
        let label = self.labels.get(&category).map(String::as_str);
        if label.is_none() {
            let detail = format!("found the category {category}, expected one with a name");
            notes.dropped(Code::CatUnknown, annotation.id, detail);
        }
        label
    }

    fn mask(&self, annotation: &CocoAnnotation, notes: &mut Notes) -> Option<Rle> {
        let id = annotation.id;
        if annotation.is_repeat {
            notes.dropped(Code::AnnDup, id, "found the id once more: the first is kept");
            None
        } else if annotation.is_crowd {
            notes.dropped(Code::Crowd, id, "found a crowd");
            None
        } else {
            annotation_mask(annotation, self.size, notes)
        }
    }
}
