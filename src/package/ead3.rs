//! The description as Encoded Archival Description, version 3: one file, the dossier as `archdesc`, its documents as
//! items.

use super::describe::Values;
use super::fields::{CONFIDENCE, DOCUMENT, DOSSIER, FILE_CODE, Field, TITLE};
use super::xml::{Result, XSI, Xml, element, empty, text, text_with, xml};
use super::{Document, PACKAGE, Sip};

const ROOT: [(&str, &str); 3] = [
    ("xmlns", "http://ead3.archivists.org/schema/"),
    XSI,
    ("xsi:schemaLocation", "http://ead3.archivists.org/schema/ https://www.loc.gov/ead/ead3.xsd"),
];

/// Languages by their codes, as ISO 639-2 has them; the rest are mixtures that it does not.
const LANGUAGES: [(&str, &str); 5] = [("01", "vie"), ("02", "eng"), ("03", "fre"), ("04", "rus"), ("05", "chi")];

/// Fields that have no element of their own: notes, each begun by the field's name.
const NOTES: [&str; 14] = [
    "maintenance",
    "mode",
    "keyword",
    "numberOfPaper",
    "format",
    "inforSign",
    CONFIDENCE,
    "paperFileCode",
    "typeName",
    "codeNumber",
    "codeNotation",
    "autograph",
    "riskRecovery",
    "riskRecoveryStatus",
];

/// The file of the package.
pub(super) fn write(sip: &Sip<'_>) -> String {
    let title = value(&sip.values, TITLE);
    xml(|xml| {
        element(xml, "ead", &ROOT, |xml| {
            element(xml, "control", &[], |xml| control(xml, sip, title))?;
            element(xml, "archdesc", &[("level", "file")], |xml| {
                described(
                    xml,
                    (&DOSSIER, &sip.values),
                    FILE_CODE,
                    (title, "startDate", "endDate"),
                    sip.config.agency.name.as_deref(),
                )?;
                element(xml, "dsc", &[], |xml| sip.documents.iter().try_for_each(|document| item(xml, document)))
            })
        })
    })
}

fn control(xml: &mut Xml, sip: &Sip<'_>, title: &str) -> Result {
    text(xml, "recordid", &sip.ids.id(PACKAGE))?;
    element(xml, "filedesc", &[], |xml| element(xml, "titlestmt", &[], |xml| text(xml, "titleproper", title)))?;
    empty(xml, "maintenancestatus", &[("value", "new")])?;
    let agency = sip.config.agency.name.as_deref().unwrap_or(env!("CARGO_PKG_NAME"));
    element(xml, "maintenanceagency", &[], |xml| text(xml, "agencyname", agency))?;
    element(xml, "maintenancehistory", &[], |xml| {
        element(xml, "maintenanceevent", &[], |xml| {
            empty(xml, "eventtype", &[("value", "created")])?;
            text_with(xml, "eventdatetime", &[("standarddatetime", &sip.time)], &sip.time)?;
            empty(xml, "agenttype", &[("value", "machine")])?;
            text(xml, "agent", concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")))
        })
    })
}

fn item(xml: &mut Xml, document: &Document<'_>) -> Result {
    let values = &document.values;
    element(xml, "c", &[("level", "item")], |xml| {
        let subject = values.get("subject").map_or(document.name.as_str(), String::as_str);
        let agency = values.get("organName").map(String::as_str);
        described(xml, (&DOCUMENT, values), "docCode", (subject, "issuedDate", "issuedDate"), agency)
    })
}

/// The identification of a dossier or document, and its notes. `dates` are the fields of the first and the last day.
fn described(
    xml: &mut Xml,
    (fields, values): (&[Field], &Values),
    code: &str,
    (title, first, last): (&str, &str, &str),
    agency: Option<&str>,
) -> Result {
    element(xml, "did", &[], |xml| {
        text(xml, "unittitle", title)?;
        text(xml, "unitid", value(values, code))?;
        dates(xml, values.get(first), values.get(last))?;
        if let Some(agency) = agency {
            element(xml, "origination", &[], |xml| element(xml, "corpname", &[], |xml| text(xml, "part", agency)))?;
        }
        let whole = [("coverage", "whole"), ("physdescstructuredtype", "spaceoccupied")];
        element(xml, "physdescstructured", &whole, |xml| {
            text(xml, "quantity", value(values, "numberOfPage"))?;
            text(xml, "unittype", "pages")
        })?;
        languages(xml, value(values, "language"))
    })?;
    let notes = fields.iter().filter(|field| NOTES.contains(&field.name));
    for (field, value) in notes.filter_map(|field| Some((field, values.get(field.name)?))) {
        element(xml, "odd", &[], |xml| text(xml, "p", &format!("{}: {value}", field.vietnamese)))?;
    }
    let description = values.get("description");
    description.map_or(Ok(()), |value| element(xml, "scopecontent", &[], |xml| text(xml, "p", value)))
}

fn dates(xml: &mut Xml, first: Option<&String>, last: Option<&String>) -> Result {
    match (first, last) {
        (Some(first), Some(last)) if first != last => {
            let normal = format!("{first}/{last}");
            text_with(xml, "unitdate", &[("normal", &normal)], &format!("{first} – {last}"))
        }
        (Some(day), _) | (None, Some(day)) => text_with(xml, "unitdate", &[("normal", day)], day),
        (None, None) => Ok(()),
    }
}

fn languages(xml: &mut Xml, codes: &str) -> Result {
    let known = codes.split(',').filter_map(|code| LANGUAGES.iter().find(|(known, _)| *known == code));
    let known: Vec<&str> = known.map(|(_, language)| *language).collect();
    if known.is_empty() {
        return Ok(());
    }
    element(xml, "langmaterial", &[], |xml| {
        known.iter().try_for_each(|language| text_with(xml, "language", &[("langcode", language)], language))
    })
}

fn value<'a>(values: &'a Values, field: &str) -> &'a str {
    values.get(field).map_or("", String::as_str)
}
