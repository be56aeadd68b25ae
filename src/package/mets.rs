//! The METS files of a package, after E-ARK CSIP 2.1: that of the package and that of its one representation.
//!
//! Where CSIP, the text of TT 05/2025/TT-BNV as it is quoted, and packages that are in use agree, this is written;
//! where they do not, `docs/packages.md` says which is followed and why.

use super::archive::{self, Item};
use super::xml::{Result, XSI, Xml, element, empty, text, text_with, xml};
use super::{Document, PACKAGE, Sip};
use crate::config::{Description, Party};

const NAMESPACES: [(&str, &str); 5] = [
    ("xmlns", "http://www.loc.gov/METS/"),
    ("xmlns:xlink", "http://www.w3.org/1999/xlink"),
    XSI,
    ("xmlns:csip", "https://DILCIS.eu/XML/METS/CSIPExtensionMETS"),
    ("xmlns:sip", "https://DILCIS.eu/XML/METS/SIPExtensionMETS"),
];

/// Schemas by namespace: their name where a package brings them, and where they are otherwise.
const SCHEMAS: [(&str, &str, &str); 4] = [
    (NAMESPACES[0].1, "mets1_12.xsd", "http://www.loc.gov/standards/mets/mets.xsd"),
    (NAMESPACES[1].1, "xlink.xsd", "http://www.loc.gov/standards/xlink/xlink.xsd"),
    (NAMESPACES[3].1, "DILCISExtensionMETS.xsd", "https://earkcsip.dilcis.eu/schema/DILCISExtensionMETS.xsd"),
    (NAMESPACES[4].1, "DILCISExtensionSIPMETS.xsd", "https://earksip.dilcis.eu/schema/DILCISExtensionSIPMETS.xsd"),
];

/// What CSIP calls content of several kinds.
const MIXED: (&str, &str) = ("csip:CONTENTINFORMATIONTYPE", "MIXED");
/// The name of the representation.
const NAME: &str = "rep1";
const XML: &str = "application/xml";

/// The METS file of the package.
pub(super) fn root(
    sip: &Sip<'_>,
    description: &Item,
    preservation: Option<&Item>,
    representation: &Item,
    schemas: &[Item],
) -> String {
    let id = sip.ids.id(PACKAGE);
    let title = sip.values.get(super::fields::TITLE).map_or(id.as_str(), String::as_str);
    let part = |label: &str| sip.ids.id(&format!("root/{label}"));
    let group = format!("Representations/{NAME}");
    document(sip, &id, Some(title), "", schemas, |xml| {
        header(xml, sip, true)?;
        let of_dossier = (part("dmdSec"), described_as(sip), description);
        described(xml, sip, &of_dossier.0, of_dossier.1, description, &description.path)?;
        administrative(xml, sip, &part("amdSec"), &part("digiprovMD"), preservation)?;
        element(xml, "fileSec", &[("ID", &part("fileSec"))], |xml| {
            element(xml, "fileGrp", &[("ID", &part("Schemas")), ("USE", "Schemas")], |xml| {
                schemas.iter().try_for_each(|schema| made(xml, sip, schema))
            })?;
            element(xml, "fileGrp", &[("ID", &part(&group)), ("USE", &group), MIXED], |xml| {
                made(xml, sip, representation)
            })
        })?;
        structure(xml, &part("structMap"), &part("div"), &id, |xml| {
            let mut metadata = vec![("DMDID", of_dossier.0.as_str())];
            let digiprov = part("digiprovMD");
            metadata.extend(preservation.map(|_| ("ADMID", digiprov.as_str())));
            division(xml, &part("div/Metadata"), "Metadata", &metadata, |_| Ok(()))?;
            division(xml, &part("div/Schemas"), "Schemas", &[], |xml| {
                empty(xml, "fptr", &[("FILEID", &part("Schemas"))])
            })?;
            division(xml, &part("div/rep1"), &group, &[], |xml| {
                let target = [
                    ("LOCTYPE", "URL"),
                    ("xlink:type", "simple"),
                    ("xlink:href", archive::REPRESENTATION_METS),
                    ("xlink:title", &part(&group)),
                ];
                empty(xml, "mptr", &target)
            })
        })
    })
}

/// The METS file of the representation. `descriptions` are those of the documents, in their order, or none.
pub(super) fn representation(sip: &Sip<'_>, descriptions: &[Item], schemas: &[Item]) -> String {
    let part = |label: &str| sip.ids.id(&format!("{NAME}/{label}"));
    let of_document = |document: &Document<'_>| part(&format!("dmdSec/{}", document.name));
    document(sip, NAME, None, "../../", schemas, |xml| {
        header(xml, sip, false)?;
        let described_documents = || sip.documents.iter().zip(descriptions);
        for (document, description) in described_documents() {
            described(xml, sip, &of_document(document), described_as(sip), description, below(&description.path))?;
        }
        administrative(xml, sip, &part("amdSec"), &part("digiprovMD"), None)?;
        element(xml, "fileSec", &[("ID", &part("fileSec"))], |xml| {
            element(xml, "fileGrp", &[("ID", &part("Data")), ("USE", "Data"), MIXED], |xml| {
                sip.documents.iter().try_for_each(|document| {
                    let path = document.path();
                    let (id, time) = (sip.ids.file(&path), document.time(sip.log));
                    let format = format(document);
                    let of_format = format.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>();
                    let listed = (document.file.bytes, document.file.sha256.as_str());
                    file(xml, &id, "application/pdf", time, listed, &of_format, below(&path))
                })
            })
        })?;
        structure(xml, &part("structMap"), &part("div"), NAME, |xml| {
            let all: Vec<String> = described_documents().map(|(document, _)| of_document(document)).collect();
            let all = all.join(" ");
            let metadata = if all.is_empty() { Vec::new() } else { vec![("DMDID", all.as_str())] };
            division(xml, &part("div/Metadata"), "Metadata", &metadata, |_| Ok(()))?;
            division(xml, &part("div/Data"), "Data", &[], |xml| empty(xml, "fptr", &[("FILEID", &part("Data"))]))?;
            if descriptions.is_empty() {
                return Ok(());
            }
            division(xml, &part("div/MetadataLink"), "MetadataLink", &[], |xml| {
                described_documents().try_for_each(|(document, _)| {
                    let id = part(&format!("div/MetadataLink/{}", document.name));
                    let description = of_document(document);
                    division(xml, &id, "MetadataLink/File", &[("DMDID", &description)], |xml| {
                        empty(xml, "fptr", &[("FILEID", &sip.ids.file(&document.path()))])
                    })
                })
            })
        })
    })
}

/// A path of the package from the folder of the representation.
fn below(path: &str) -> &str {
    path.strip_prefix(archive::REPRESENTATION).map_or(path, |rest| rest.trim_start_matches('/'))
}

fn document(
    sip: &Sip<'_>,
    id: &str,
    label: Option<&str>,
    up: &str,
    schemas: &[Item],
    content: impl FnOnce(&mut Xml) -> Result,
) -> String {
    let locations: Vec<String> = SCHEMAS
        .iter()
        .map(|(namespace, name, address)| {
            let path = format!("{}/{name}", archive::SCHEMAS);
            match schemas.iter().any(|schema| schema.path == path) {
                true => format!("{namespace} {up}{path}"),
                false => format!("{namespace} {address}"),
            }
        })
        .collect();
    let locations = locations.join(" ");
    let mut attributes = NAMESPACES.to_vec();
    attributes.push(("OBJID", id));
    attributes.extend(label.map(|label| ("LABEL", label)));
    let profile = sip.config.profile.as_str();
    attributes.extend([("TYPE", "Mixed"), MIXED, ("PROFILE", profile), ("xsi:schemaLocation", &locations)]);
    xml(|xml| element(xml, "mets", &attributes, content))
}

fn header(xml: &mut Xml, sip: &Sip<'_>, is_root: bool) -> Result {
    let attributes = [
        ("CREATEDATE", sip.time.as_str()),
        ("LASTMODDATE", &sip.time),
        ("RECORDSTATUS", "NEW"),
        ("csip:OAISPACKAGETYPE", "SIP"),
    ];
    element(xml, "metsHdr", &attributes, |xml| {
        let software = [("ROLE", "CREATOR"), ("TYPE", "OTHER"), ("OTHERTYPE", "SOFTWARE")];
        element(xml, "agent", &software, |xml| {
            text(xml, "name", env!("CARGO_PKG_NAME"))?;
            text_with(xml, "note", &[("csip:NOTETYPE", "SOFTWARE VERSION")], env!("CARGO_PKG_VERSION"))
        })?;
        party(xml, "CREATOR", &sip.config.agency)?;
        party(xml, "ARCHIVIST", &sip.config.archive)?;
        if !is_root {
            return Ok(());
        }
        if let Some(agreement) = &sip.config.agreement {
            text_with(xml, "altRecordID", &[("TYPE", "SUBMISSIONAGREEMENT")], agreement)?;
        }
        let code = sip.values.get(super::fields::FILE_CODE).map_or("", String::as_str);
        text_with(xml, "altRecordID", &[("TYPE", "REFERENCECODE")], code)
    })
}

/// An organisation, where its name is known.
fn party(xml: &mut Xml, role: &str, party: &Party) -> Result {
    let Some(name) = &party.name else { return Ok(()) };
    element(xml, "agent", &[("ROLE", role), ("TYPE", "ORGANIZATION")], |xml| {
        text(xml, "name", name)?;
        let code = party.code.as_deref();
        code.map_or(Ok(()), |code| text_with(xml, "note", &[("csip:NOTETYPE", "IDENTIFICATIONCODE")], code))
    })
}

/// Kind and version of the description, as METS calls them.
fn described_as(sip: &Sip<'_>) -> [(&'static str, &'static str); 2] {
    match sip.config.description {
        Description::Tt05 => [("MDTYPE", "DC"), ("MDTYPEVERSION", "1.0.0")],
        Description::Ead3 => [("MDTYPE", "EAD"), ("MDTYPEVERSION", "EAD3 1.1.1")],
    }
}

fn described(xml: &mut Xml, sip: &Sip<'_>, id: &str, kind: [(&str, &str); 2], item: &Item, path: &str) -> Result {
    let attributes = [("ID", id), ("CREATED", sip.time.as_str()), ("STATUS", "CURRENT")];
    element(xml, "dmdSec", &attributes, |xml| reference(xml, sip, kind, item, path))
}

/// The section of preservation metadata, empty where there are none, as packages in use have it.
fn administrative(xml: &mut Xml, sip: &Sip<'_>, id: &str, inner: &str, item: Option<&Item>) -> Result {
    let Some(item) = item else { return empty(xml, "amdSec", &[("ID", id)]) };
    element(xml, "amdSec", &[("ID", id)], |xml| {
        let attributes = [("ID", inner), ("CREATED", sip.time.as_str()), ("STATUS", "CURRENT")];
        element(xml, "digiprovMD", &attributes, |xml| {
            reference(xml, sip, [("MDTYPE", "PREMIS"), ("MDTYPEVERSION", "3.0")], item, &item.path)
        })
    })
}

/// A reference to a file of metadata.
fn reference(xml: &mut Xml, sip: &Sip<'_>, kind: [(&str, &str); 2], item: &Item, path: &str) -> Result {
    let (bytes, sha256) = (item.bytes.len().to_string(), item.sha256.to_uppercase());
    let mut attributes = vec![("LOCTYPE", "URL"), ("xlink:type", "simple"), ("xlink:href", path)];
    attributes.extend(kind);
    attributes.extend([("MIMETYPE", XML), ("SIZE", &bytes), ("CREATED", &sip.time)]);
    attributes.extend([("CHECKSUM", sha256.as_str()), ("CHECKSUMTYPE", "SHA-256")]);
    empty(xml, "mdRef", &attributes)
}

/// A file of the package that is XML.
fn made(xml: &mut Xml, sip: &Sip<'_>, item: &Item) -> Result {
    let listed = (item.bytes.len() as u64, item.sha256.as_str());
    file(xml, &sip.ids.file(&item.path), XML, &sip.time, listed, &[], &item.path)
}

fn file(
    xml: &mut Xml,
    id: &str,
    kind: &str,
    time: &str,
    (bytes, sha256): (u64, &str),
    more: &[(&str, &str)],
    path: &str,
) -> Result {
    let (bytes, sha256) = (bytes.to_string(), sha256.to_uppercase());
    let mut attributes = vec![("ID", id), ("MIMETYPE", kind), ("SIZE", &bytes), ("CREATED", time)];
    attributes.extend([("CHECKSUM", sha256.as_str()), ("CHECKSUMTYPE", "SHA-256")]);
    attributes.extend(more);
    element(xml, "file", &attributes, |xml| {
        empty(xml, "FLocat", &[("LOCTYPE", "URL"), ("xlink:type", "simple"), ("xlink:href", path)])
    })
}

/// What the file says that it is, as the extension for SIPs has it.
fn format(document: &Document<'_>) -> Vec<(&'static str, String)> {
    let (name, version) = document.probe.format();
    let version = version.map(|version| ("sip:FILEFORMATVERSION", version.to_owned()));
    [("sip:FILEFORMATNAME", name.to_owned())].into_iter().chain(version).collect()
}

fn structure(xml: &mut Xml, id: &str, inner: &str, label: &str, content: impl FnOnce(&mut Xml) -> Result) -> Result {
    let attributes = [("ID", id), ("TYPE", "PHYSICAL"), ("LABEL", "CSIP")];
    element(xml, "structMap", &attributes, |xml| division(xml, inner, label, &[], content))
}

fn division(
    xml: &mut Xml,
    id: &str,
    label: &str,
    more: &[(&str, &str)],
    content: impl FnOnce(&mut Xml) -> Result,
) -> Result {
    let mut attributes = vec![("ID", id), ("LABEL", label)];
    attributes.extend(more);
    element(xml, "div", &attributes, content)
}
