//! The part of XML that CVAT's files need.

use std::collections::HashMap;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::AnnotationError;

/// The attributes of an element.
pub(super) type Attributes = HashMap<String, String>;

/// What comes next within an element.
pub(super) enum Next<'a> {
    /// An element, which is now open.
    Element(BytesStart<'a>),
    Text(String),
    /// The end of the element around.
    End,
}

/// A file that is read from front to back; nothing is kept, and no entity is expanded but the
/// five that XML defines.
pub(super) struct Xml<'a> {
    reader: Reader<&'a [u8]>,
}

impl<'a> Xml<'a> {
    pub(super) fn new(xml: &'a [u8]) -> Result<Self, AnnotationError> {
        let text = std::str::from_utf8(xml).map_err(|error| AnnotationError::Xml {
            at: error.valid_up_to() as u64,
            reason: "a byte that is no UTF-8".to_owned(),
        })?;
        let mut reader = Reader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        Ok(Self { reader })
    }

    /// Enters the outermost element.
    pub(super) fn root(&mut self) -> Result<BytesStart<'a>, AnnotationError> {
        loop {
            match self.next()? {
                Next::Element(root) => return Ok(root),
                Next::Text(text) if text.trim_start_matches('\u{feff}').trim().is_empty() => {}
                Next::Text(_) | Next::End => return Err(self.fault(&"no element")),
            }
        }
    }

    pub(super) fn next(&mut self) -> Result<Next<'a>, AnnotationError> {
        loop {
            return Ok(match self.reader.read_event().map_err(|error| self.fault(&error))? {
                Event::Start(element) | Event::Empty(element) => Next::Element(element),
                Event::End(_) => Next::End,
                Event::Text(text) => {
                    let text = text.xml10_content().map_err(|error| self.fault(&error))?;
                    Next::Text(text.into_owned())
                }
                Event::CData(text) => {
                    let text = text.xml10_content().map_err(|error| self.fault(&error))?;
                    Next::Text(text.into_owned())
                }
                Event::GeneralRef(entity) => {
                    let name = entity.decode().map_err(|error| self.fault(&error))?;
                    let text = quick_xml::escape::unescape(&format!("&{name};"))
                        .map_err(|error| self.fault(&error))?
                        .into_owned();
                    Next::Text(text)
                }
                Event::Eof => return Err(self.fault(&"the file ends early")),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => continue,
            });
        }
    }

    /// The text of the element that was just opened, to its end.
    pub(super) fn text(&mut self) -> Result<String, AnnotationError> {
        let mut text = String::new();
        loop {
            match self.next()? {
                Next::Text(more) => text += &more,
                Next::Element(element) => self.skip(&element)?,
                Next::End => return Ok(text),
            }
        }
    }

    /// Reads over an element that was just opened.
    pub(super) fn skip(&mut self, element: &BytesStart<'a>) -> Result<(), AnnotationError> {
        self.reader.read_to_end(element.name()).map_err(|error| self.fault(&error))?;
        Ok(())
    }

    pub(super) fn attributes(
        &self,
        element: &BytesStart<'a>,
    ) -> Result<Attributes, AnnotationError> {
        let mut attributes = element.attributes();
        // The check for equal names would compare each with each.
        attributes.with_checks(false);
        let mut found = Attributes::new();
        for attribute in attributes {
            let attribute = attribute.map_err(|error| self.fault(&error))?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            let value = value.map_err(|error| self.fault(&error))?.into_owned();
            found.insert(String::from_utf8_lossy(attribute.key.as_ref()).into_owned(), value);
        }
        Ok(found)
    }

    fn fault(&self, reason: &dyn std::fmt::Display) -> AnnotationError {
        AnnotationError::Xml { at: self.reader.error_position(), reason: reason.to_string() }
    }
}
