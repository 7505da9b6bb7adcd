use std::io::Write;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::categories::Categories;
use crate::{
    AnnotatedImage, AnnotationError, Document, Kind, Origin, Region, Segmentation, json_file,
};

/// Writes a document as a COCO file on one line.
pub fn write(document: &Document, out: impl Write) -> Result<(), AnnotationError> {
    document.check()?;
    json_file::write(&File { document, categories: Categories::new(document) }, out)
}

/// The whole file, made while it is written: only one mask is encoded at a time.
struct File<'a> {
    document: &'a Document,
    categories: Categories<'a>,
}

impl Serialize for File<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let document = self.document;
        let mut file = serializer.serialize_map(Some(4))?;
        let info = Info { description: &document.name, notes: some(&document.notes) };
        file.serialize_entry("info", &info)?;
        file.serialize_entry("images", &Images(&document.images))?;
        file.serialize_entry("annotations", &Annotations(self))?;
        file.serialize_entry("categories", &self.categories)?;
        file.end()
    }
}

#[derive(Serialize)]
struct Info<'a> {
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    notes: Option<&'a [String]>,
}

/// Notes, if there are any.
fn some(notes: &[String]) -> Option<&[String]> {
    Some(notes).filter(|notes| !notes.is_empty())
}

struct Images<'a>(&'a [AnnotatedImage]);

#[derive(Serialize)]
struct Image<'a> {
    id: u64,
    file_name: &'a str,
    width: u32,
    height: u32,
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    notes: Option<&'a [String]>,
}

impl Serialize for Images<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().zip(1..).map(|(image, id)| Image {
            id,
            file_name: &image.file_name,
            width: image.size.width,
            height: image.size.height,
            key: &image.id,
            notes: some(&image.notes),
        }))
    }
}

struct Annotations<'a>(&'a File<'a>);

/// COCO's fields, then ours.
#[derive(Serialize)]
struct Annotation {
    id: u32,
    image_id: u64,
    category_id: u32,
    segmentation: Segmentation,
    bbox: [u32; 4],
    area: u64,
    iscrowd: u8,
    parent_id: Option<u32>,
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    origin: Origin,
}

impl Serialize for Annotations<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let File { document, categories } = self.0;
        serializer.collect_seq(document.images.iter().zip(1..).flat_map(|(image, image_id)| {
            let ids = categories.of(&image.regions);
            image.regions.iter().zip(ids).map(move |(region, id)| annotation(region, image_id, id))
        }))
    }
}

fn annotation(region: &Region, image_id: u64, category_id: u32) -> Annotation {
    let corners = region.mask.bounding_box();
    Annotation {
        id: region.id,
        image_id,
        category_id,
        segmentation: Segmentation::from(&region.mask),
        bbox: corners.map_or([0; 4], |found| [found.x, found.y, found.width, found.height]),
        area: region.mask.area(),
        iscrowd: 0,
        parent_id: region.parent,
        kind: region.kind,
        group: region.group,
        score: region.score,
        origin: region.origin,
    }
}
