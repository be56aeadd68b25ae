//! Archive packages: a dossier's output directory as a submission package (SIP, *gói tin SIP*) after E-ARK CSIP, with
//! the layout and the fields that implementations of TT 05/2025/TT-BNV have.
//!
//! A package is one zip file, `uuid-….zip`, that holds one folder of this name. What is in it follows from the
//! directory, the settings, what people say of the dossier, and the time: the same make the same bytes.
//! `docs/packages.md` says what is certain of the layout and what is not.

mod archive;
mod describe;
mod ead3;
mod error;
mod fields;
mod ids;
mod metadata;
mod mets;
mod naming;
mod premis;
mod probe;
mod simpledc;
mod xml;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub use describe::Missing;
pub use error::PackageError;
pub use metadata::{Metadata, MetadataError};
pub use naming::{NotAPattern, Pattern};

use crate::config::{Description, PackageConfig};
use crate::ledger::{Ledger, rfc3339};
use crate::log::{self, Entry};
use crate::manifest::{self, Component, Manifest, State};
use crate::profile::FileName;
use crate::publish::OutputDir;
use archive::Item;
use describe::Values;
use ids::Ids;
use probe::Probe;

/// What is wanted of a package.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The settings.
    pub config: &'a PackageConfig,
    /// Names of the files in it.
    pub pattern: &'a Pattern,
    /// What people say of the dossier.
    pub metadata: &'a Metadata,
    /// Whether components that are not signed or not complete are left out; otherwise they are an error.
    pub leave_out: bool,
    /// Whether fields that must be filled in may be empty.
    pub allow_missing: bool,
    /// The time.
    pub now: OffsetDateTime,
}

/// A package that stands in its folder.
#[derive(Debug)]
pub struct Packaged {
    /// The zip file.
    pub path: PathBuf,
    /// Its identifier.
    pub id: String,
    /// Code of the dossier in the manifest.
    pub dossier: Option<String>,
    /// Size, bytes.
    pub bytes: u64,
    /// Documents in it.
    pub documents: usize,
    /// Names of all components of the directory.
    pub components: Vec<String>,
    /// Components that are not in it, and their state.
    pub left_out: Vec<(String, State)>,
    /// Fields that should be filled in and are empty: [`Wanted::allow_missing`].
    pub missing: Vec<Missing>,
    /// Documents that a development identity signed, without legal value.
    pub development: usize,
    /// Whether it was there already.
    pub unchanged: bool,
}

/// What becomes a package.
struct Sip<'a> {
    manifest: &'a Manifest,
    log: &'a [Entry],
    config: &'a PackageConfig,
    /// Hash of the manifest's bytes.
    manifest_sha256: String,
    /// Values of the dossier's fields.
    values: Values,
    documents: Vec<Document<'a>>,
    ids: Ids,
    /// When it is made, as it stands in the package.
    time: String,
}

/// One document of the package.
struct Document<'a> {
    component: &'a Component,
    file: &'a manifest::File,
    probe: Probe,
    /// Name of its file, without extension.
    name: String,
    values: Values,
}

impl Document<'_> {
    /// Where the file lies in the package.
    fn path(&self) -> String {
        format!("{}/{}.pdf", archive::DATA, self.name)
    }

    /// When its file became what it is.
    fn time<'a>(&'a self, log: &'a [Entry]) -> &'a str {
        let after = Some(self.file.sha256.as_str());
        let made = log.iter().rfind(|entry| {
            entry.file.as_deref() == Some(self.file.path.as_str()) && entry.after_sha256.as_deref() == after
        });
        made.map_or(&self.component.created, |entry| &entry.time)
    }
}

fn pages(component: &Component) -> usize {
    component.kept.as_ref().map_or(component.pages.len(), |kept| kept.pages)
}

/// Makes the package of a directory in the folder `out`. Nothing is written unless all of the directory is what its
/// sealed manifest and its log say.
///
/// # Errors
/// When the directory is altered, not ready or not described, or the package cannot be written: nothing is in its place
/// then.
pub fn package(directory: &Path, out: &Path, wanted: &Wanted<'_>) -> Result<Packaged, PackageError> {
    let path = directory.join(manifest::FILE_NAME);
    if !path.is_file() {
        return Err(PackageError::NoManifest);
    }
    let input = OutputDir::open(directory)?;
    let manifest = Ledger::read(&input)?.ok_or(PackageError::NoManifest)?;
    let read =
        |name: &str| fs::read(directory.join(name)).map_err(|source| PackageError::io(directory.join(name), source));
    let entries = match manifest.log {
        Some(_) => log::check(Some(&read(log::FILE_NAME)?), &manifest).0,
        None => Vec::new(),
    };
    let components = newest(&manifest);
    let (ready, left_out): (Vec<_>, Vec<_>) = components.iter().partition(|(_, component)| is_ready(component));
    let left_out: Vec<(String, State)> =
        left_out.into_iter().map(|(_, component)| (component.name.clone(), component.state)).collect();
    if !left_out.is_empty() && !wanted.leave_out {
        return Err(PackageError::NotReady(left_out));
    }
    if ready.is_empty() {
        return Err(PackageError::Nothing);
    }

    let mut missing = Vec::new();
    let values = describe::dossier(&manifest, &ready, wanted.metadata, &mut missing);
    if !values.contains_key(fields::FILE_CODE) {
        // Names and codes are made with it: nothing can do without.
        missing.retain(|missing| missing.field == fields::FILE_CODE);
        return Err(PackageError::Missing(missing));
    }
    let mut documents = Vec::new();
    for &(number, component) in &ready {
        let Some(file) = component.file.as_ref() else { continue };
        let name = file_name(number, component, &values, &manifest, wanted)?;
        let values = describe::document((number, component), &name, &values, &manifest, wanted.metadata, &mut missing);
        let probe = probe::read(&directory.join(&file.path), file)?;
        documents.push(Document { component, file, probe, name, values });
    }
    if !missing.is_empty() && !wanted.allow_missing {
        return Err(PackageError::Missing(missing));
    }
    let mut names = BTreeSet::new();
    if let Some(twice) = documents.iter().find(|document| !names.insert(document.name.to_lowercase())) {
        return Err(PackageError::SameName(twice.name.clone()));
    }

    let schemas = archive::schemas(wanted.config)?;
    let manifest_sha256 = manifest::sha256_hex(&read(manifest::FILE_NAME)?);
    let ids = identity(&manifest_sha256, &values, &documents, wanted.config, &schemas);
    let mut sip = Sip {
        manifest: &manifest,
        log: &entries,
        config: wanted.config,
        manifest_sha256,
        values,
        documents,
        ids,
        time: rfc3339(wanted.now),
    };
    let (path, unchanged) = publish(&mut sip, &schemas, directory, out)?;
    let bytes = fs::metadata(&path).map_err(|source| PackageError::io(path.clone(), source))?.len();
    let is_development = |document: &&Document<'_>| {
        let signatures = [&document.component.signature, &document.component.countersignature];
        signatures.into_iter().flatten().any(|signature| signature.development)
    };
    Ok(Packaged {
        path,
        bytes,
        id: sip.ids.id(PACKAGE),
        documents: sip.documents.len(),
        development: sip.documents.iter().filter(is_development).count(),
        components: components.iter().map(|(_, component)| component.name.clone()).collect(),
        dossier: manifest.dossier.clone(),
        left_out,
        missing,
        unchanged,
    })
}

/// What the identifier of the package itself is made with.
const PACKAGE: &str = "package";

/// The newest version of each component with the number that it has in the dossier: that in the name of its file where
/// the profile numbers files, otherwise its place. What is left out keeps its number.
fn newest(manifest: &Manifest) -> Vec<(usize, &Component)> {
    let mut newest: Vec<&Component> = Vec::new();
    for component in &manifest.components {
        match newest.iter_mut().find(|known| known.name == component.name) {
            Some(known) if known.version < component.version => *known = component,
            Some(_) => {}
            None => newest.push(component),
        }
    }
    let numbers: Option<BTreeSet<usize>> =
        newest.iter().map(|component| FileName::number(&component.file.as_ref()?.path)).collect();
    let are_numbered = numbers.is_some_and(|numbers| numbers.len() == newest.len());
    let number = |(place, component): (usize, &'_ Component)| {
        let in_name = component.file.as_ref().and_then(|file| FileName::number(&file.path));
        in_name.filter(|_| are_numbered).unwrap_or(place + 1)
    };
    let mut numbered: Vec<_> =
        newest.into_iter().enumerate().map(|(place, component)| (number((place, component)), component)).collect();
    numbered.sort_by_key(|(number, _)| *number);
    numbered
}

fn is_ready(component: &Component) -> bool {
    matches!(component.state, State::Signed | State::Kept) && component.file.is_some()
}

fn file_name(
    number: usize,
    component: &Component,
    dossier: &Values,
    manifest: &Manifest,
    wanted: &Wanted<'_>,
) -> Result<String, PackageError> {
    let value = |field: &str| match field {
        "dossier" => dossier.get(fields::FILE_CODE).cloned(),
        "number" => Some(number.to_string()),
        "version" => Some(component.version.to_string()),
        "component" => Some(component.name.clone()),
        "date" => component.created.get(..10).map(|day| day.replace('-', "")),
        "agency_code" => wanted.config.agency.code.clone(),
        field => wanted.metadata.of_document(manifest.dossier.as_deref(), &component.name, field).map(str::to_owned),
    };
    let name = wanted
        .pattern
        .name(value)
        .map_err(|field| PackageError::NoName { component: component.name.clone(), field: field.to_owned() })?;
    if name.is_empty() { Err(PackageError::SameName(name)) } else { Ok(name) }
}

/// Identifiers by all that the package holds but the time: the same dossier, however often it is packaged, is the same
/// package.
fn identity(
    manifest_sha256: &str,
    values: &Values,
    documents: &[Document<'_>],
    config: &PackageConfig,
    schemas: &[Item],
) -> Ids {
    let settings = PackageConfig { schemas: None, ..config.clone() };
    let mut parts = vec![manifest_sha256.to_owned(), format!("{settings:?}")];
    let mut add = |values: &Values| {
        parts.extend(values.iter().flat_map(|(field, value)| [(*field).to_owned(), value.clone()]));
    };
    add(values);
    for document in documents {
        add(&document.values);
    }
    for document in documents {
        parts.extend([document.path(), document.file.sha256.clone()]);
    }
    parts.extend(schemas.iter().flat_map(|schema| [schema.path.clone(), schema.sha256.clone()]));
    Ids::new(parts.iter().map(String::as_str))
}

/// Writes the package beside its place and puts it there. One that is there already is looked at: made at the time that
/// it names, it must be the same.
fn publish(sip: &mut Sip<'_>, schemas: &[Item], directory: &Path, out: &Path) -> Result<(PathBuf, bool), PackageError> {
    let same =
        |one: &Path, other: &Path| matches!((one.canonicalize(), other.canonicalize()), (Ok(a), Ok(b)) if a == b);
    if same(directory, out) {
        return Err(PackageError::OwnFolder);
    }
    let output = OutputDir::open(out)?;
    output.clear_leftovers()?;
    let folder = sip.ids.id(PACKAGE);
    let name = format!("{folder}.zip");
    let path = out.join(&name);
    let is_there = fs::symlink_metadata(&path).is_ok();
    if is_there {
        let in_the_way = || PackageError::InTheWay(path.clone());
        sip.time = archive::time(&path, &folder).ok_or_else(in_the_way)?;
    }
    let time = OffsetDateTime::parse(&sip.time, &Rfc3339).map_err(|_| PackageError::InTheWay(path.clone()))?;
    let items = items(sip, schemas);
    output.stage_by(&name, |file| archive::write(file, &folder, &items, &sip.documents, directory, time))?;
    if !is_there {
        output.adopt(&name)?;
        return Ok((path, false));
    }
    let alike = output.is_staged_alike(&name);
    output.discard(&name);
    if alike? { Ok((path, true)) } else { Err(PackageError::InTheWay(path)) }
}

/// Everything in the package but the documents' files.
fn items(sip: &Sip<'_>, schemas: &[Item]) -> Vec<Item> {
    let mut descriptions = Vec::new();
    let description = match sip.config.description {
        Description::Tt05 => {
            descriptions.extend(sip.documents.iter().map(|document| {
                let path = format!("{}/EAD_doc_{}.xml", archive::DOCUMENT_DESCRIPTIONS, document.name);
                Item::xml(path, simpledc::document(&document.values))
            }));
            Item::xml(archive::DESCRIPTION.to_owned(), simpledc::dossier(&sip.values))
        }
        Description::Ead3 => Item::xml(archive::DESCRIPTION.to_owned(), ead3::write(sip)),
    };
    let preservation = sip.config.preservation.then(|| Item::xml(archive::PRESERVATION.to_owned(), premis::write(sip)));
    let representation = mets::representation(sip, &descriptions, schemas);
    let representation = Item::xml(archive::REPRESENTATION_METS.to_owned(), representation);
    let root = mets::root(sip, &description, preservation.as_ref(), &representation, schemas);
    let mut items = vec![Item::xml(archive::METS.to_owned(), root), description];
    items.extend(preservation);
    items.push(representation);
    items.extend(descriptions);
    items.extend(schemas.iter().cloned());
    items
}
