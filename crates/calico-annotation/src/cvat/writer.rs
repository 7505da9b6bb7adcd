use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::labels::{Label, labels};
use super::{ID, KIND, PARENT, SCORE, shapes};
use crate::{AnnotatedImage, AnnotationError, Document, Origin, Region};

/// Writes a document as CVAT for images 1.1.
pub fn write(document: &Document, out: impl Write) -> Result<(), AnnotationError> {
    document.check()?;
    let mut writer = Writer::new_with_indent(io::BufWriter::new(out), b' ', 2);
    file(&mut writer, document).map_err(|source| AnnotationError::Write { source })
}

fn file(writer: &mut Writer<impl Write>, document: &Document) -> io::Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)))?;
    writer.create_element("annotations").write_inner_content(|writer| {
        text(writer, "version", "1.1")?;
        writer.create_element("meta").write_inner_content(|writer| task(writer, document))?;
        for (number, annotated) in document.images.iter().enumerate() {
            image(writer, number, annotated)?;
        }
        Ok(())
    })?;
    writer.get_mut().write_all(b"\n")?;
    writer.get_mut().flush()
}

fn task(writer: &mut Writer<impl Write>, document: &Document) -> io::Result<()> {
    writer.create_element("task").write_inner_content(|writer| {
        text(writer, "name", &document.name)?;
        text(writer, "size", &document.images.len().to_string())?;
        text(writer, "mode", "annotation")?;
        let labels = labels(document);
        writer
            .create_element("labels")
            .write_inner_content(|writer| labels.iter().try_for_each(|each| label(writer, each)))?;
        Ok(())
    })?;
    Ok(())
}

fn label(writer: &mut Writer<impl Write>, label: &Label<'_>) -> io::Result<()> {
    writer.create_element("label").write_inner_content(|writer| {
        text(writer, "name", label.name)?;
        text(writer, "color", &label.color)?;
        text(writer, "type", "any")?;
        writer.create_element("attributes").write_inner_content(|writer| {
            for attribute in &label.attributes {
                writer.create_element("attribute").write_inner_content(|writer| {
                    text(writer, "name", attribute.name)?;
                    text(writer, "mutable", if attribute.mutable { "True" } else { "False" })?;
                    text(writer, "input_type", attribute.input_type)?;
                    text(writer, "default_value", attribute.default_value)?;
                    text(writer, "values", &attribute.values.join("\n"))
                })?;
            }
            Ok(())
        })?;
        Ok(())
    })?;
    Ok(())
}

fn image(writer: &mut Writer<impl Write>, number: usize, image: &AnnotatedImage) -> io::Result<()> {
    // CVAT ignores what it does not know, such as `key`.
    let attributes = [
        ("id", number.to_string()),
        ("name", image.file_name.clone()),
        ("width", image.size.width.to_string()),
        ("height", image.size.height.to_string()),
        ("key", image.id.clone()),
    ];
    let attributes = attributes.iter().map(|(name, value)| (*name, &**value));
    writer
        .create_element("image")
        .with_attributes(attributes)
        .write_inner_content(|writer| image.regions.iter().try_for_each(|it| mask(writer, it)))?;
    Ok(())
}

fn mask(writer: &mut Writer<impl Write>, region: &Region) -> io::Result<()> {
    let (corners, runs) = shapes::encode(&region.mask);
    let source = match region.origin {
        Origin::Human => "manual",
        Origin::Prediction => "auto",
    };
    // Parts lie on their objects.
    let z_order = u8::from(region.kind.is_part());
    let mut attributes = vec![
        ("label", region.label.clone()),
        ("source", source.to_owned()),
        ("occluded", "0".to_owned()),
        ("rle", runs),
        ("left", corners.x.to_string()),
        ("top", corners.y.to_string()),
        ("width", corners.width.to_string()),
        ("height", corners.height.to_string()),
        ("z_order", z_order.to_string()),
    ];
    attributes.extend(region.group.map(|group| ("group_id", group.to_string())));
    let attributes = attributes.iter().map(|(name, value)| (*name, &**value));
    writer.create_element("mask").with_attributes(attributes).write_inner_content(|writer| {
        attribute(writer, KIND, region.kind.name())?;
        attribute(writer, ID, &region.id.to_string())?;
        if let Some(parent) = region.parent {
            attribute(writer, PARENT, &parent.to_string())?;
        }
        if let Some(score) = region.score {
            attribute(writer, SCORE, &score.to_string())?;
        }
        Ok(())
    })?;
    Ok(())
}

fn text(writer: &mut Writer<impl Write>, name: &str, value: &str) -> io::Result<()> {
    writer.create_element(name).write_text_content(BytesText::new(value))?;
    Ok(())
}

fn attribute(writer: &mut Writer<impl Write>, name: &str, value: &str) -> io::Result<()> {
    let element = writer.create_element("attribute").with_attribute(("name", name));
    element.write_text_content(BytesText::new(value))?;
    Ok(())
}
