//! Preservation metadata, PREMIS 3.0: the files with hash, size and format, what was done to them by the manifest and
//! the log, and the programs that did it. It names no person: who signed stands in the signatures, here the hash of the
//! certificate.

use std::collections::BTreeSet;

use super::xml::{Result, XSI, Xml, element, text, xml};
use super::{Document, PACKAGE, Sip};
use crate::log::{Entry, Event};
use crate::manifest::{Component, Signature};
use crate::model::Role;

const ROOT: [(&str, &str); 4] = [
    ("xmlns", "http://www.loc.gov/premis/v3"),
    XSI,
    ("xsi:schemaLocation", "http://www.loc.gov/premis/v3 https://www.loc.gov/standards/premis/v3/premis-v3-0.xsd"),
    ("version", "3.0"),
];

/// Keys of PDF/A levels in the registry PRONOM.
const PRONOM: [(&str, &str); 8] = [
    ("1a", "fmt/95"),
    ("1b", "fmt/354"),
    ("2a", "fmt/476"),
    ("2b", "fmt/477"),
    ("2u", "fmt/478"),
    ("3a", "fmt/479"),
    ("3b", "fmt/480"),
    ("3u", "fmt/481"),
];

/// The program that makes the package.
const PROGRAM: &str = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));

/// Something that was done.
struct Done<'a> {
    /// What the identifier is made with.
    label: String,
    /// By the Library of Congress' list of event types, as far as it has it.
    kind: &'static str,
    time: &'a str,
    detail: String,
    /// Name and version of the program.
    program: &'a str,
    /// Identifiers of the objects concerned.
    objects: Vec<String>,
}

/// The file of the package.
pub(super) fn write(sip: &Sip<'_>) -> String {
    let mut done: Vec<Done<'_>> = sip.documents.iter().flat_map(|document| history(sip, document)).collect();
    done.extend(packaging(sip));
    let programs: BTreeSet<&str> = done.iter().map(|done| done.program).collect();
    xml(|xml| {
        element(xml, "premis", &ROOT, |xml| {
            sip.documents.iter().try_for_each(|document| {
                let object = object_id(sip, document);
                let concerning = done.iter().filter(|done| done.objects.contains(&object));
                file(xml, sip, document, &concerning.collect::<Vec<_>>())
            })?;
            representation(xml, sip)?;
            done.iter().try_for_each(|done| event(xml, sip, done))?;
            programs.iter().try_for_each(|program| agent(xml, sip, program))
        })
    })
}

fn object_id(sip: &Sip<'_>, document: &Document<'_>) -> String {
    sip.ids.file(&document.path())
}

fn representation_id(sip: &Sip<'_>) -> String {
    sip.ids.id("rep1")
}

fn event_id(sip: &Sip<'_>, done: &Done<'_>) -> String {
    sip.ids.id(&done.label)
}

/// An identifier, of the kind that the element's name says.
fn identifier(xml: &mut Xml, of: &str, kind: &str, value: &str) -> Result {
    element(xml, &format!("{of}Identifier"), &[], |xml| {
        text(xml, &format!("{of}IdentifierType"), kind)?;
        text(xml, &format!("{of}IdentifierValue"), value)
    })
}

fn file(xml: &mut Xml, sip: &Sip<'_>, document: &Document<'_>, done: &[&Done<'_>]) -> Result {
    element(xml, "object", &[("xsi:type", "file")], |xml| {
        identifier(xml, "object", "UUID", &object_id(sip, document))?;
        identifier(xml, "object", "local", &document.path())?;
        element(xml, "objectCharacteristics", &[], |xml| {
            text(xml, "compositionLevel", "0")?;
            element(xml, "fixity", &[], |xml| {
                text(xml, "messageDigestAlgorithm", "SHA-256")?;
                text(xml, "messageDigest", &document.file.sha256.to_uppercase())
            })?;
            text(xml, "size", &document.file.bytes.to_string())?;
            format(xml, document)
        })?;
        text(xml, "originalName", &document.file.path)?;
        element(xml, "relationship", &[], |xml| {
            text(xml, "relationshipType", "structural")?;
            text(xml, "relationshipSubType", "is Part Of")?;
            identifier(xml, "relatedObject", "UUID", &representation_id(sip))
        })?;
        done.iter().try_for_each(|done| identifier(xml, "linkingEvent", "UUID", &event_id(sip, done)))
    })
}

fn format(xml: &mut Xml, document: &Document<'_>) -> Result {
    let (name, version) = document.probe.format();
    element(xml, "format", &[], |xml| {
        element(xml, "formatDesignation", &[], |xml| {
            text(xml, "formatName", name)?;
            version.map_or(Ok(()), |version| text(xml, "formatVersion", version))
        })?;
        let level = document.probe.claim.as_deref();
        let key = PRONOM.iter().find(|(known, _)| Some(*known) == level).map(|(_, key)| *key);
        key.map_or(Ok(()), |key| {
            element(xml, "formatRegistry", &[], |xml| {
                text(xml, "formatRegistryName", "PRONOM")?;
                text(xml, "formatRegistryKey", key)?;
                text(xml, "formatRegistryRole", "specification")
            })
        })?;
        text(xml, "formatNote", "as the file itself says")
    })
}

/// The documents together.
fn representation(xml: &mut Xml, sip: &Sip<'_>) -> Result {
    element(xml, "object", &[("xsi:type", "representation")], |xml| {
        identifier(xml, "object", "UUID", &representation_id(sip))?;
        identifier(xml, "object", "local", super::archive::REPRESENTATION)
    })
}

/// What was done to a document's file: by the log, or where there is none by the manifest.
fn history<'a>(sip: &Sip<'a>, document: &Document<'a>) -> Vec<Done<'a>> {
    let component = document.component;
    let of_component = |entry: &&Entry| {
        entry.component.as_deref() == Some(component.name.as_str()) && entry.version == Some(component.version)
    };
    let entries: Vec<&Entry> = sip.log.iter().filter(of_component).collect();
    let is_made = |entry: &&Entry| matches!(entry.event, Event::Publish | Event::Replace | Event::Keep);
    let mut done = Vec::new();
    let mut add = |kind, time, detail: String, program| {
        let label = format!("event/{}/{}", document.path(), done.len());
        done.push(Done { label, kind, time, detail, program, objects: vec![object_id(sip, document)] });
    };
    if !entries.iter().any(is_made) {
        // The log began after it was made, and says nothing of that.
        let program = PROGRAM;
        made(component, &component.created, program, &mut add);
        for signature in signatures(component) {
            add(SIGNED, &signature.time, signing(signature), program);
        }
        return done;
    }
    for entry in entries {
        let Entry { time, program, .. } = entry;
        match entry.event {
            Event::Publish | Event::Replace | Event::Keep => made(component, time, program, &mut add),
            Event::Sign | Event::Countersign => {
                let certificate = entry.certificate_sha256.as_deref();
                let by = |one: &&Signature| Some(one.certificate_sha256.as_str()) == certificate;
                let detail = signatures(component).find(by).map(signing).unwrap_or_default();
                add(SIGNED, time, detail, program);
            }
            Event::Accept => add("policy assignment", time, "a person accepted doubted pages".to_owned(), program),
            Event::Upgrade => {
                add("modification", time, "timestamps or revocation data added to the signatures".to_owned(), program);
            }
            Event::Begin | Event::Found | Event::Transcript => {}
        }
    }
    done
}

/// The event type of a signature.
const SIGNED: &str = "digital signature generation";

fn signatures(component: &Component) -> impl Iterator<Item = &Signature> {
    [&component.signature, &component.countersignature].into_iter().flatten()
}

/// How the file came to be.
fn made<'a>(
    component: &Component,
    time: &'a str,
    program: &'a str,
    add: &mut impl FnMut(&'static str, &'a str, String, &'a str),
) {
    if let Some(kept) = &component.kept {
        let intact = kept.signatures.iter().filter(|signature| signature.intact == Some(true)).count();
        let all = kept.signatures.len();
        let detail = format!("came with {all} signatures, {intact} found intact, and was kept byte for byte");
        add("capture", time, detail, program);
        return;
    }
    let dpi = || component.pages.iter().map(|page| page.image.dpi);
    let (least, most) = (dpi().fold(f64::INFINITY, f64::min), dpi().fold(0.0, f64::max));
    let engines: BTreeSet<&str> =
        component.pages.iter().filter_map(|page| page.ocr.as_ref()).map(|ocr| ocr.engine.as_str()).collect();
    let resolution = match (least.round(), most.round()) {
        (least, most) if least < most => format!("{least} to {most}"),
        (_, most) => most.to_string(),
    };
    let mut detail = format!("pages: {}; resolution: {resolution} dpi", component.pages.len());
    if !engines.is_empty() {
        detail += &format!("; text by {}", engines.into_iter().collect::<Vec<_>>().join(", "));
    }
    add("digitization", time, detail, program);
    let unsigned = component.unsigned_sha256.as_deref().unwrap_or_default().to_uppercase();
    add("creation", time, format!("pages assembled; SHA-256 before the signature {unsigned}"), program);
}

fn signing(signature: &Signature) -> String {
    let role = match signature.role {
        Role::Clerk => "the person who made the copy",
        Role::Agency => "the agency",
    };
    let certificate = signature.certificate_sha256.to_uppercase();
    let level = &signature.level;
    let worth = if signature.development { "; development identity, no legal value" } else { "" };
    format!("of {role}, PAdES {level}, certificate SHA-256 {certificate}{worth}")
}

/// What making the package does.
fn packaging<'a>(sip: &'a Sip<'_>) -> [Done<'a>; 2] {
    let objects: Vec<String> = sip.documents.iter().map(|document| object_id(sip, document)).collect();
    let mut whole = objects.clone();
    whole.push(representation_id(sip));
    let done = |kind, detail, objects| Done {
        label: format!("event/{kind}"),
        kind,
        time: &sip.time,
        detail,
        program: PROGRAM,
        objects,
    };
    let hash = sip.manifest_sha256.to_uppercase();
    [
        done("fixity check", format!("against the sealed manifest, SHA-256 {hash}"), objects),
        done("information package creation", format!("SIP {}", sip.ids.id(PACKAGE)), whole),
    ]
}

fn event(xml: &mut Xml, sip: &Sip<'_>, done: &Done<'_>) -> Result {
    element(xml, "event", &[], |xml| {
        identifier(xml, "event", "UUID", &event_id(sip, done))?;
        text(xml, "eventType", done.kind)?;
        text(xml, "eventDateTime", done.time)?;
        element(xml, "eventDetailInformation", &[], |xml| text(xml, "eventDetail", &done.detail))?;
        element(xml, "eventOutcomeInformation", &[], |xml| text(xml, "eventOutcome", "success"))?;
        identifier(xml, "linkingAgent", "local", done.program)?;
        done.objects.iter().try_for_each(|object| identifier(xml, "linkingObject", "UUID", object))
    })
}

fn agent(xml: &mut Xml, sip: &Sip<'_>, program: &str) -> Result {
    let (name, version) = program.rsplit_once(' ').unwrap_or((program, ""));
    element(xml, "agent", &[], |xml| {
        identifier(xml, "agent", "local", program)?;
        text(xml, "agentName", name)?;
        text(xml, "agentType", "software")?;
        text(xml, "agentVersion", version)?;
        let tool = &sip.manifest.tool;
        let models = tool.models.iter().filter(|_| (name, version) == (tool.name.as_str(), tool.version.as_str()));
        models.into_iter().try_for_each(|model| {
            text(xml, "agentNote", &format!("model {}, SHA-256 {}", model.file, model.sha256.to_uppercase()))
        })
    })
}
