//! The XMP packet: what the document is and which part of PDF/A it claims.
//!
//! Every value that the document information dictionary repeats is taken from the same string, because ISO 19005-1
//! (6.7.3) wants the two to agree.

use std::fmt::Write as _;

/// What goes into the packet. Strings are clean text (no control characters).
#[derive(Debug)]
pub(super) struct Metadata<'a> {
    pub(super) part: u8,
    pub(super) conformance: char,
    pub(super) title: &'a str,
    pub(super) language: &'a str,
    pub(super) subject: Option<&'a str>,
    pub(super) keywords: Option<&'a str>,
    pub(super) producer: &'a str,
    /// Creation and modification, ISO 8601 with offset.
    pub(super) date: &'a str,
}

/// The packet, without padding: our files are changed by incremental updates, never in place.
pub(super) fn packet(metadata: &Metadata) -> String {
    let mut xml = String::with_capacity(1600);
    xml.push_str("<?xpacket begin=\"\u{FEFF}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n");
    xml.push_str("<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n");
    xml.push_str("<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n");
    xml.push_str("<rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\"");
    xml.push_str(" xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" xmlns:pdf=\"http://ns.adobe.com/pdf/1.3/\"");
    xml.push_str(" xmlns:pdfaid=\"http://www.aiim.org/pdfa/ns/id/\">\n");
    element(&mut xml, "pdfaid:part", &metadata.part.to_string());
    element(&mut xml, "pdfaid:conformance", &metadata.conformance.to_string());
    element(&mut xml, "dc:format", "application/pdf");
    alternative(&mut xml, "dc:title", metadata.title);
    _ = writeln!(xml, "<dc:language><rdf:Bag><rdf:li>{}</rdf:li></rdf:Bag></dc:language>", escaped(metadata.language));
    if let Some(subject) = metadata.subject {
        alternative(&mut xml, "dc:description", subject);
    }
    if let Some(keywords) = metadata.keywords {
        element(&mut xml, "pdf:Keywords", keywords);
    }
    element(&mut xml, "pdf:Producer", metadata.producer);
    for property in ["xmp:CreateDate", "xmp:ModifyDate", "xmp:MetadataDate"] {
        element(&mut xml, property, metadata.date);
    }
    xml.push_str("</rdf:Description>\n</rdf:RDF>\n</x:xmpmeta>\n<?xpacket end=\"r\"?>");
    xml
}

fn element(xml: &mut String, name: &str, value: &str) {
    _ = writeln!(xml, "<{name}>{}</{name}>", escaped(value));
}

fn alternative(xml: &mut String, name: &str, value: &str) {
    _ = writeln!(xml, "<{name}><rdf:Alt><rdf:li xml:lang=\"x-default\">{}</rdf:li></rdf:Alt></{name}>", escaped(value));
}

fn escaped(value: &str) -> String {
    value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_values_is_escaped() {
        let metadata = Metadata {
            part: 2,
            conformance: 'U',
            title: "Đơn <A & B>",
            language: "vi-VN",
            subject: None,
            keywords: None,
            producer: "sohoa",
            date: "2026-11-21T08:00:00+07:00",
        };
        let xml = packet(&metadata);
        assert!(xml.contains("Đơn &lt;A &amp; B&gt;"));
        assert!(xml.contains("<pdfaid:part>2</pdfaid:part>"));
        assert!(!xml.contains("pdf:Keywords"));
    }
}
