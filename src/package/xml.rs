//! What the XML files of a package have in common.

use std::io;

use quick_xml::events::BytesText;

pub(super) use crate::transcript::{Xml, xml};

pub(super) type Result = io::Result<()>;

/// Namespace of the attributes that say where a schema is.
pub(super) const XSI: (&str, &str) = ("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance");

/// An element with text in it.
pub(super) fn text(xml: &mut Xml, tag: &str, content: &str) -> Result {
    text_with(xml, tag, &[], content)
}

/// An element with attributes and text in it.
pub(super) fn text_with(xml: &mut Xml, tag: &str, attributes: &[(&str, &str)], content: &str) -> Result {
    let element = xml.create_element(tag).with_attributes(attributes.iter().copied());
    match content {
        "" => element.write_empty()?,
        content => element.write_text_content(BytesText::new(content))?,
    };
    Ok(())
}

/// An element with attributes and others in it.
pub(super) fn element(
    xml: &mut Xml,
    tag: &str,
    attributes: &[(&str, &str)],
    content: impl FnOnce(&mut Xml) -> Result,
) -> Result {
    xml.create_element(tag).with_attributes(attributes.iter().copied()).write_inner_content(content)?;
    Ok(())
}

/// An element with attributes alone.
pub(super) fn empty(xml: &mut Xml, tag: &str, attributes: &[(&str, &str)]) -> Result {
    xml.create_element(tag).with_attributes(attributes.iter().copied()).write_empty()?;
    Ok(())
}
