use std::collections::{BTreeMap, BTreeSet};
use std::io;

use quick_xml::Writer;
use quick_xml::writer::ElementWriter;

use super::{IMAGE, POLYGON};
use crate::{AnnotationError, Document, Kind, color};

/// The labeling interface of a document, in XML: paste it into the project's settings before the
/// tasks are imported.
///
/// It has a brush and a polygon tool for each kind of region in the document, with the labels of
/// these regions, and shows the notes if there are any.
pub fn labeling_config(document: &Document) -> Result<String, AnnotationError> {
    document.check()?;
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer
        .create_element("View")
        .write_inner_content(|writer| view(writer, document))
        .map_err(|source| AnnotationError::Write { source })?;
    let mut text = String::from_utf8_lossy(&writer.into_inner()).into_owned();
    text.push('\n');
    Ok(text)
}

type Xml = Writer<Vec<u8>>;

fn view(writer: &mut Xml, document: &Document) -> io::Result<()> {
    let image = [("name", IMAGE), ("value", "$image"), ("zoom", "true"), ("zoomControl", "true")];
    writer.create_element("Image").with_attributes(image).write_empty()?;
    let all: BTreeSet<_> = document.regions().map(|region| &*region.label).collect();
    let colors = all.into_iter().enumerate();
    let colors = colors.map(|(position, label)| (label, color::of_label(position))).collect();
    for kind in Kind::ALL {
        let regions = document.regions().filter(|region| region.kind == kind);
        let labels: BTreeSet<_> = regions.map(|region| &*region.label).collect();
        if !labels.is_empty() {
            tools(writer, kind, &labels, &colors)?;
        }
    }
    if document.images.iter().any(|image| !image.notes.is_empty()) {
        let text = [("name", "notes"), ("value", "$notes_text")];
        writer.create_element("Text").with_attributes(text).write_empty()?;
    }
    Ok(())
}

fn tools(
    writer: &mut Xml,
    kind: Kind,
    labels: &BTreeSet<&str>,
    colors: &BTreeMap<&str, String>,
) -> io::Result<()> {
    let title = kind.name().replace('_', " ");
    for (tool, addition) in [("BrushLabels", ""), ("PolygonLabels", POLYGON)] {
        let shape = tool.trim_end_matches("Labels").to_lowercase();
        let header = format!("{title}, {shape}");
        let name = format!("{kind}{addition}");
        element(writer, "Header", &[("value", &header)]).write_empty()?;
        element(writer, tool, &[("name", &name), ("toName", IMAGE)]).write_inner_content(
            |writer| {
                for label in labels {
                    let attributes = [("value", *label), ("background", &*colors[label])];
                    element(writer, "Label", &attributes).write_empty()?;
                }
                Ok(())
            },
        )?;
    }
    Ok(())
}

fn element<'a>(
    writer: &'a mut Xml,
    name: &'static str,
    attributes: &[(&str, &str)],
) -> ElementWriter<'a, Vec<u8>> {
    writer.create_element(name).with_attributes(attributes.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn every_kind_of_the_document_has_its_tools_and_labels() {
        let mut document = sample::document();
        document.images[0].regions[0].label = "<a> & \"b\"".to_owned();
        let config = labeling_config(&document).unwrap();
        for kind in Kind::ALL {
            assert!(config.contains(&format!(r#"<BrushLabels name="{kind}" toName="image">"#)));
            let polygons = format!(r#"<PolygonLabels name="{kind}_polygon" toName="image">"#);
            assert!(config.contains(&polygons));
        }
        assert!(config.contains(r#"value="&lt;a&gt; &amp; &quot;b&quot;""#), "{config}");
        assert!(!config.contains("notes_text"));
        document.images[1].notes.push("a note".to_owned());
        assert!(labeling_config(&document).unwrap().contains(r#"value="$notes_text""#));
    }
}
