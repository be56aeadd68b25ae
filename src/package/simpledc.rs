//! The description of TT 05/2025/TT-BNV: an element a field below `simpledc`, in a file of the dossier and one of each
//! document, and the schemas of both.
//!
//! The regulation calls these files EAD; what implementations of it write below that name is neither EAD 2002 nor EAD3.
//! Every field has its element, also without a value. Days are `DD/MM/YYYY`.

use super::describe::Values;
use super::fields::{DOCUMENT, DOSSIER, Field, Form};
use super::xml::{Result, Xml, element, empty, text, xml};

/// The file of the dossier.
pub(super) fn dossier(values: &Values) -> String {
    write(&DOSSIER, values)
}

/// The file of a document.
pub(super) fn document(values: &Values) -> String {
    write(&DOCUMENT, values)
}

/// The schemas of the two files, with their names.
pub(super) fn schemas() -> [(&'static str, String); 2] {
    [("ead.xsd", schema(&DOSSIER)), ("ead_doc.xsd", schema(&DOCUMENT))]
}

fn write(fields: &[Field], values: &Values) -> String {
    xml(|xml| {
        element(xml, "simpledc", &[], |xml| {
            fields.iter().try_for_each(|field| {
                let value = values.get(field.name).map_or("", String::as_str);
                match field.form {
                    Form::Date => text(xml, field.name, &day(value)),
                    _ => text(xml, field.name, value),
                }
            })
        })
    })
}

/// `2025-01-02` as `02/01/2025`.
fn day(value: &str) -> String {
    value.rsplit('-').collect::<Vec<_>>().join("/")
}

/// A schema that takes the fields in any order, as implementations write them in several.
fn schema(fields: &[Field]) -> String {
    let root = [("xmlns:xs", "http://www.w3.org/2001/XMLSchema"), ("elementFormDefault", "qualified")];
    xml(|xml| {
        element(xml, "xs:schema", &root, |xml| {
            element(xml, "xs:element", &[("name", "simpledc")], |xml| {
                element(xml, "xs:complexType", &[], |xml| {
                    element(xml, "xs:all", &[], |xml| fields.iter().try_for_each(|field| declaration(xml, field)))
                })
            })
        })
    })
}

fn declaration(xml: &mut Xml, field: &Field) -> Result {
    let pattern = match field.form {
        Form::Text => None,
        Form::Date => Some(r"(\d{2}/\d{2}/\d{4})?"),
        Form::Number => Some(r"\d*"),
        Form::Code(_) => Some(r"(\d{2})?"),
        Form::Codes(_) => Some(r"(\d{2}(,\d{2})*)?"),
        Form::Switch => Some("[01]?"),
    };
    element(xml, "xs:element", &[("name", field.name)], |xml| {
        element(xml, "xs:simpleType", &[], |xml| {
            element(xml, "xs:restriction", &[("base", "xs:string")], |xml| {
                empty(xml, "xs:maxLength", &[("value", &field.length.to_string())])?;
                pattern.map_or(Ok(()), |pattern| empty(xml, "xs:pattern", &[("value", pattern)]))
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_its_element_in_order() {
        let values = Values::from([("fileCode", "H21".to_owned()), ("startDate", "2025-01-02".to_owned())]);
        let text = dossier(&values);
        assert!(text.contains("<simpledc>\n <fileCode>H21</fileCode>\n <title/>\n <maintenance/>"), "{text}");
        assert!(text.contains("<startDate>02/01/2025</startDate>\n <endDate/>"), "{text}");
        assert_eq!(text.lines().count(), 1 + 2 + DOSSIER.len());
    }
}
