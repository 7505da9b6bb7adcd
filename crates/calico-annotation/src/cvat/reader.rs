use calico_image::{BoundingBox, Rle, Size};
use quick_xml::events::BytesStart;

use super::xml::{Attributes, Next, Xml};
use super::{ID, KIND, PARENT, SCORE, shapes};
use crate::draft::{self, DraftImage, DraftRegion};
use crate::findings::quoted;
use crate::{AnnotationError, Findings, Imported, Kind, Origin};

/// Reads CVAT for images 1.1.
///
/// Masks, polygons and boxes, turned ones too, become masks; every other shape, such as a
/// polyline, is left out and listed.
/// A region without the attribute `kind` is a part if it has a `parent`, else an object.
pub fn read(xml: &[u8]) -> Result<Imported, AnnotationError> {
    let mut file = File {
        xml: Xml::new(xml)?,
        name: String::new(),
        images: Vec::new(),
        findings: Findings::default(),
    };
    file.root()?;
    draft::finish(&file.name, Vec::new(), file.images, file.findings)
}

struct File<'a> {
    xml: Xml<'a>,
    name: String,
    images: Vec<DraftImage>,
    findings: Findings,
}

impl<'a> File<'a> {
    fn root(&mut self) -> Result<(), AnnotationError> {
        let root = self.xml.root()?;
        if root.name().as_ref() != b"annotations" {
            let found = format!("the element {}", name(&root));
            return Err(AnnotationError::Format { found, expected: EXPECTED });
        }
        loop {
            match self.xml.next()? {
                Next::Element(element) => match element.name().as_ref() {
                    b"image" => self.image(&element)?,
                    b"meta" => self.meta()?,
                    b"track" => {
                        let found = "a track of CVAT for video".to_owned();
                        return Err(AnnotationError::Format { found, expected: EXPECTED });
                    }
                    b"version" => self.xml.skip(&element)?,
                    _ => {
                        self.findings.add(format!("element {}: left out", name(&element)));
                        self.xml.skip(&element)?;
                    }
                },
                Next::Text(_) => {}
                Next::End => return Ok(()),
            }
        }
    }

    /// The name of the task; the labels are those of the shapes.
    fn meta(&mut self) -> Result<(), AnnotationError> {
        let mut depth = 0;
        loop {
            match self.xml.next()? {
                Next::Element(element) => {
                    let tag = element.name();
                    if depth == 0 && matches!(tag.as_ref(), b"task" | b"project" | b"job") {
                        depth = 1;
                    } else if depth == 1 && tag.as_ref() == b"name" {
                        self.name = self.xml.text()?;
                    } else {
                        self.xml.skip(&element)?;
                    }
                }
                Next::End if depth == 0 => return Ok(()),
                Next::End => depth = 0,
                Next::Text(_) => {}
            }
        }
    }

    fn image(&mut self, element: &BytesStart<'a>) -> Result<(), AnnotationError> {
        let mut attributes = self.xml.attributes(element)?;
        let file_name = attributes.remove("name").unwrap_or_default();
        let place = format!("image {}", quoted(&file_name));
        let side = |name: &str| attributes.get(name).and_then(|side| side.parse().ok());
        let size = side("height").zip(side("width"));
        let Some((height, width)) = size else {
            self.findings.add(format!("{place} has no width and height: left out"));
            return self.xml.skip(element);
        };
        let mut image = DraftImage {
            id: attributes.remove("key").unwrap_or_default(),
            file_name,
            size: Size::new(height, width),
            notes: Vec::new(),
            regions: Vec::new(),
        };
        let mut number = 0;
        loop {
            match self.xml.next()? {
                Next::Element(element) => {
                    number += 1;
                    let place = format!("{place}: shape {number}, {}", name(&element));
                    match self.shape(&element, image.size, &place)? {
                        Ok(region) => image.regions.push(region),
                        Err(fault) => self.findings.add(format!("{place}: {fault}: left out")),
                    }
                }
                Next::Text(_) => {}
                Next::End => break,
            }
        }
        self.images.push(image);
        Ok(())
    }

    /// Reads a shape to its end; the inner result says why it is no region.
    fn shape(
        &mut self,
        element: &BytesStart<'a>,
        size: Size,
        place: &str,
    ) -> Result<Result<DraftRegion, String>, AnnotationError> {
        let tag = element.name();
        if !matches!(tag.as_ref(), b"mask" | b"polygon" | b"box") {
            self.xml.skip(element)?;
            return Ok(Err("only masks, polygons and boxes become masks".to_owned()));
        }
        let shape = self.xml.attributes(element)?;
        let mut links = Attributes::new();
        loop {
            match self.xml.next()? {
                Next::Element(element) if element.name().as_ref() == b"attribute" => {
                    let name = self.xml.attributes(&element)?.remove("name").unwrap_or_default();
                    let value = self.xml.text()?;
                    links.insert(name, value);
                }
                Next::Element(element) => self.xml.skip(&element)?,
                Next::Text(_) => {}
                Next::End => break,
            }
        }
        let mask = mask(tag.as_ref(), &shape, size);
        Ok(mask.map(|mask| self.region(mask, &shape, &links, place)))
    }

    fn region(
        &mut self,
        mask: Rle,
        shape: &Attributes,
        links: &Attributes,
        place: &str,
    ) -> DraftRegion {
        let link =
            |name: &str| links.get(name).map(|value| value.trim()).filter(|it| !it.is_empty());
        for name in links.keys().filter(|name| ![ID, PARENT, KIND, SCORE].contains(&&***name)) {
            self.findings.add(format!("{place}: the attribute {} is left out", quoted(name)));
        }
        let score = link(SCORE).and_then(|score| score.parse().ok());
        if score.is_none() && link(SCORE).is_some() {
            self.findings.add(format!("{place}: its score is no number: score left out"));
        }
        let parent = link(PARENT).map(str::to_owned);
        let kind = match link(KIND) {
            Some(name) => draft::kind(name, place, &mut self.findings),
            None if parent.is_some() => Kind::Part,
            None => Kind::Object,
        };
        let group = shape.get("group_id").and_then(|group| group.parse().ok());
        DraftRegion {
            key: link(ID).unwrap_or_default().to_owned(),
            number: link(ID).and_then(|id| id.parse().ok()),
            label: shape.get("label").cloned().unwrap_or_default(),
            kind,
            parent,
            group: group.filter(|&group| group != 0),
            mask,
            score,
            origin: match shape.get("source").map(String::as_str) {
                Some("auto") => Origin::Prediction,
                _ => Origin::Human,
            },
        }
    }
}

const EXPECTED: &str = "CVAT for images 1.1, whose root is `annotations`";

/// The mask of a shape from its attributes.
fn mask(tag: &[u8], shape: &Attributes, size: Size) -> Result<Rle, String> {
    let text = |name: &str| {
        let found = shape.get(name).map(|value| value.trim());
        found.ok_or_else(|| format!("it has no {}", quoted(name)))
    };
    let whole = |name: &str| {
        let number = text(name)?.parse::<u32>();
        number.map_err(|_error| format!("its {} is no whole number", quoted(name)))
    };
    let real = |name: &str| {
        let number = text(name)?.parse::<f64>();
        number.map_err(|_error| format!("its {} is no number", quoted(name)))
    };
    match tag {
        b"mask" => {
            let (x, y) = (whole("left")?, whole("top")?);
            let corners = BoundingBox { x, y, width: whole("width")?, height: whole("height")? };
            shapes::mask(text("rle")?, corners, size)
        }
        b"polygon" => shapes::polygon(text("points")?, size),
        _ => {
            let sides = [real("xtl")?, real("ytl")?, real("xbr")?, real("ybr")?];
            let degrees = if shape.contains_key("rotation") { real("rotation")? } else { 0.0 };
            shapes::rectangle(sides, degrees, size)
        }
    }
}

/// The name of an element, for messages.
fn name(element: &BytesStart<'_>) -> String {
    quoted(&String::from_utf8_lossy(element.name().as_ref()))
}
